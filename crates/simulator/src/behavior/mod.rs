//! Ordinary, harmless days of all accounts.

mod extras;
mod machine;
pub(crate) mod person;
pub(crate) mod writing;

use crate::account::{Account, Class};
use crate::calendar::{HOUR, Today};
use crate::dice::{Dice, Stream};
use crate::episode::EpisodeKind;
use crate::event::{Body, Event, Threat, ThreatKind};
use crate::leaver;
use crate::mechanism::change;
use crate::record::security_event_data;
use crate::script::Script;
use crate::world::World;

/// Appends an account's ordinary events of one day, unsorted.
pub(crate) fn day(world: &World, account: &Account, today: Today, out: &mut Vec<Event>) {
    let from = out.len();
    match account.class {
        _ if world.is_scripted(account.index) => leaver::ordinary_day(world, account, today, out),
        Class::System if world.has_mechanisms() && account.is_guest() => {
            machine::guest_day(world, account, today, out);
        }
        Class::System => machine::system_day(world, account, today, out),
        Class::Integration => machine::integration_day(world, account, today, out),
        Class::Normal | Class::Power | Class::Admin => person::day(world, account, today, out),
    }
    writing::day(world, account, today, from, out);
    change::rename(world, today, from, out);
    if account.in_episode(EpisodeKind::FalseThreat, today.index) {
        false_threat(world, account, today, from, out);
    }
}

/// Appends a false detection of the account's largest event, three hours later.
fn false_threat(world: &World, account: &Account, today: Today, from: usize, out: &mut Vec<Event>) {
    let rows = |event: &Event| match event.body {
        Body::Report { rows, .. } | Body::Api { rows, .. } => rows.unwrap_or(0.0),
        _ => 0.0,
    };
    let day = out.get(from..).unwrap_or_default();
    let Some(largest) = day.iter().max_by(|a, b| rows(a).total_cmp(&rows(b))).cloned() else { return };
    let rows = rows(&largest);
    let kind = match largest.body {
        Body::Api { .. } => ThreatKind::ApiAnomaly,
        _ => ThreatKind::ReportAnomaly,
    };
    let mut dice = Dice::numbered(world.key, Stream::Behavior, 50, account.index, today.index);
    let threat = Threat {
        kind,
        score: dice.between(0.2, 0.7),
        summary: format!("Report was generated with an unusually high number of rows ({rows:.0})"),
        data: security_event_data(&mut dice, rows, &largest.session),
        rows,
        objects: String::new(),
        previous: None,
    };
    let mut script = Script { dice, identity: largest.identity.clone(), out };
    script.threat(largest.at + 3 * HOUR, &largest.session, threat);
}
