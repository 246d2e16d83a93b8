//! Delivery: adds odd values, duplicates and slight disorder to records.

use crate::account::Account;
use crate::calendar::Today;
use crate::dice::{Dice, Stream};
use crate::event::{Body, Event};
use crate::world::World;

/// How late a record may be delivered, in milliseconds. A choice.
pub const DISORDER: i64 = 2_000;

/// Delivers one account's ordinary events of one day, which are `events[from..]`. The shares of oddities are choices.
pub(crate) fn deliver(world: &World, account: &Account, today: Today, from: usize, events: &mut Vec<Event>) {
    let mut dice = Dice::new(world.key, Stream::Delivery, account.index, today.index);
    let mut twice = Vec::new();
    for event in events.iter_mut().skip(from) {
        let chance = dice.unit();
        match chance {
            0.0..0.010 => event.arrival += i64::from(dice.whole(1, DISORDER as u32)),
            0.010..0.0105 => twice.push(event.clone()),
            0.0105..0.0130 => event.internal = true,
            0.0130..0.0170 => odd_value(&mut dice, &mut event.body),
            _ => {}
        }
    }
    for mut event in twice {
        event.arrival += i64::from(dice.whole(1, DISORDER as u32));
        events.push(event);
    }
}

/// Makes the rows unknown, 0 or -1, or writes the scope in lower case. Chunks keep their common total.
fn odd_value(dice: &mut Dice, body: &mut Body) {
    match body {
        Body::ListView { rows, lower_scope, .. } if rows.is_some_and(|rows| rows <= 250.0) => {
            if dice.chance(0.5) {
                *lower_scope = true;
            } else {
                *rows = dice.weighted(None, &[(Some(0.0), 0.4), (Some(-1.0), 0.2)], 0.4);
            }
        }
        Body::Report { rows, .. } if rows.is_some_and(|rows| rows <= 500.0) => {
            *rows = dice.weighted(None, &[(Some(0.0), 0.5)], 0.5);
        }
        Body::Api { rows, .. } if rows.is_some_and(|rows| rows <= 2_000.0) => {
            *rows = dice.weighted(None, &[(Some(-1.0), 0.6)], 0.4);
        }
        _ => {}
    }
}
