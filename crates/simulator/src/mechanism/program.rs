//! Programs: integrations that change, read far back, are late, repeat runs, and are used by hand.

use std::sync::Arc;

use super::Mechanism;
use crate::account::{Account, usual_rows};
use crate::calendar::{HOUR, MINUTE, Today};
use crate::catalog::{Breadth, Query};
use crate::event::LoginKind;
use crate::location::{Browser, System, browser};
use crate::script::Script;
use crate::workday;
use crate::world::World;

/// How an integration's day differs from a plain one.
pub(crate) struct Irregular {
    /// How late the runs of the day are, in milliseconds.
    pub(crate) late: i64,
    /// How often each run is made.
    pub(crate) copies: u32,
    /// Factor of the rows of each run.
    pub(crate) rows: f64,
    /// Share of runs that fail and are repeated two to six times.
    pub(crate) fails: f64,
}

/// Returns what is irregular about an integration's day.
pub(crate) fn irregular(world: &World, account: &Account, today: Today) -> Irregular {
    let mut plain = Irregular { late: 0, copies: 1, rows: 1.0, fails: 0.0 };
    let user = account.index;
    let share = world.strength(Mechanism::BackFills);
    // A back-fill that began on one of the last three days may still run.
    for age in 0..if share > 0.0 { 3.min(today.index + 1) } else { 0 } {
        let mut dice = world.dice(Mechanism::BackFills, user, today.index - age);
        if dice.chance(share) && dice.whole(0, 2) >= age {
            plain.rows = dice.between(6.0, 50.0);
        }
    }
    let share = world.strength(Mechanism::Retries);
    if share > 0.0 {
        let mut dice = world.dice(Mechanism::Retries, user, today.index);
        match dice.chance(share).then(|| dice.whole(0, 2)) {
            Some(0) => plain.late = i64::from(dice.whole(30, 480)) * MINUTE,
            Some(1) => plain.copies = 2,
            Some(_) => plain.fails = dice.between(0.05, 0.4),
            None => {}
        }
    }
    plain
}

/// Returns the version of an integration's program: 0 at first, one more about every 30 days. Not every integration changes.
pub(crate) fn version(world: &World, account: &Account, today: Today) -> u32 {
    if !world.affects(Mechanism::ProgramChanges, account.index) {
        return 0;
    }
    let mut dice = world.dice(Mechanism::ProgramChanges, account.index, 0);
    let (phase, pace) = (dice.whole(0, 25), dice.whole(24, 40));
    (today.index + phase) / pace
}

/// Returns the user agent of a version of a program. Every third version is another program.
pub(crate) fn agent(world: &World, account: &Account, today: Today, usual: &str) -> String {
    const OTHERS: [&str; 3] = ["Boomi/24.02", "okhttp/4.12.0", "Informatica-Cloud/R38"];
    match version(world, account, today) {
        0 => usual.to_owned(),
        version if (version + account.index).is_multiple_of(3) => {
            OTHERS.get(account.index as usize % 3).copied().unwrap_or(usual).to_owned()
        }
        version => format!("{usual}+{version}"),
    }
}

/// Returns the query of a version of a program: it reads another field, or all that changed in a longer time.
pub(crate) fn query(version: u32, query: Arc<Query>) -> Arc<Query> {
    let text = match version % 3 {
        0 => return query,
        1 => query.text.replacen("SELECT Id, ", &format!("SELECT Id, SystemModstamp, Field_{version}__c, "), 1),
        _ => query.text.replace("LAST_N_DAYS:1", "LAST_N_DAYS:2"),
    };
    Arc::new(Query { objects: query.objects, text })
}

/// Lets the owner of an integration look at records and views in a browser, as on some days.
pub(crate) fn by_hand(world: &World, account: &Account, today: Today, script: &mut Script<'_>) {
    let share = world.strength(Mechanism::ByHand);
    let mut dice = world.dice(Mechanism::ByHand, account.index, today.index);
    let Some(persona) = account.persona(today.index).filter(|_| !today.is_weekend() && dice.chance(share)) else {
        return;
    };
    let client = browser(Browser::Chrome, System::Windows, today.index, account.index);
    let ip = account.location.office_ip(u64::from(account.index));
    let session = Arc::new(workday::session(&mut dice, ip, account.location, client));
    let mut at = today.midnight + i64::from(dice.whole(8 * 60, 15 * 60)) * MINUTE;
    script.login(at, &session, "Success", LoginKind::Application);
    for _ in 0..dice.whole(3, 20) {
        at += (dice.unit() * 0.3 * HOUR as f64) as i64 + 5_000;
        let Some(object) = persona.objects().first().copied() else { continue };
        match world.catalog.view(object, Breadth::Filtered).filter(|_| dice.chance(0.4)) {
            Some(view) => {
                script.list_view(at, &session, view, usual_rows(view, 1.0));
            }
            None => script.open_record(at, &session, object),
        }
    }
}
