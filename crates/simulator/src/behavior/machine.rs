//! Ordinary days of integrations, the guest user and the automated process.

use std::sync::Arc;

use crate::account::{Account, changes_query};
use crate::calendar::{Closing, DAY, HOUR, MINUTE, Today};
use crate::dice::{Dice, Stream};
use crate::episode::EpisodeKind;
use crate::event::{Event, LoginKind};
use crate::location::{Browser, OFFICES, System, browser, home_ip, mobile_ip};
use crate::mechanism::{program, season};
use crate::script::{BULK, REST, Script};
use crate::workday::{self, Workday};
use crate::world::World;

/// Appends the day of an integration: queries on a schedule and bulk jobs at night, more at month end and in a resync.
pub(super) fn integration_day(world: &World, account: &Account, today: Today, out: &mut Vec<Event>) {
    let Some(persona) = account.persona(today.index) else { return };
    let dice = Dice::new(world.key, Stream::Behavior, account.index, today.index);
    let workday = Workday::new(world, account, today);
    let session = workday.session(today.midnight).clone();
    let mut script = Script { dice, identity: persona.identity.clone(), out };
    script.login(workday.start + 500, &session, "Success", LoginKind::Oauth);

    let resync = account.in_episode(EpisodeKind::Resync, today.index);
    let volume = script.dice.log_normal(1.0, account.sigma * 0.6) * season::factor(world, today, persona.team);
    let irregular = program::irregular(world, account, today);
    let version = program::version(world, account, today);
    let runs = persona.actions.max(1.0) as i64;
    for run in 0..runs {
        let at = today.midnight
            + DAY / runs * run
            + i64::from(account.index % 7) * 20_000
            + i64::from(script.dice.whole(800, 4_000));
        let hour = (at - today.midnight) / HOUR;
        let daytime = if (6..20).contains(&hour) && !today.is_weekend() { 1.4 } else { 0.5 };
        let Some((query, rows)) = persona.queries.get(run as usize % persona.queries.len().max(1)).cloned() else {
            return;
        };
        let mut factor = volume * daytime;
        if resync && (1..5).contains(&hour) {
            factor *= script.dice.between(8.0, 40.0);
        }
        let rows = (script.dice.log_normal(rows * factor, 0.5)).round();
        let query = program::query(version, query);
        let fails = irregular.fails > 0.0 && script.dice.chance(irregular.fails);
        let copies = if fails { script.dice.whole(2, 6) } else { irregular.copies };
        for copy in 0..i64::from(copies) {
            let at = at + irregular.late + copy * 20_000;
            script.query(at, &session, &query, &REST, (rows * irregular.rows).round());
        }
    }
    program::by_hand(world, account, today, &mut script);
    let batches = match today.closing {
        Closing::Ordinary if account.index.is_multiple_of(2) => 1,
        Closing::Ordinary => 0,
        Closing::Month | Closing::Quarter => script.dice.whole(3, 8),
    };
    for batch in 0..i64::from(batches) {
        if let Some((query, rows)) = script.dice.pick(&persona.queries).cloned() {
            let at = today.midnight + 2 * HOUR + batch * 6 * MINUTE + i64::from(script.dice.whole(0, 200_000));
            let rows = script.dice.log_normal(rows * 40.0 * volume * irregular.rows, 0.4);
            script.query(at, &session, &query, &BULK, rows.min(40_000.0));
            script.bulk_result(at + 3 * MINUTE, &session, &query, rows);
        }
    }
}

/// Appends the day of a site's guest user: visitors from everywhere, each of whom reads a few record pages.
pub(super) fn guest_day(world: &World, account: &Account, today: Today, out: &mut Vec<Event>) {
    const PUBLIC: [&str; 3] = ["Knowledge__kav", "Product2", "Store__c"];
    let Some(persona) = account.persona(today.index) else { return };
    let mut dice = Dice::new(world.key, Stream::Behavior, account.index, today.index);
    let visits = dice.count(persona.actions * if today.is_weekend() { 0.6 } else { 1.5 });
    let mut script = Script { dice, identity: persona.identity.clone(), out };
    for _ in 0..visits {
        let location = script.dice.pick(&OFFICES).unwrap_or(account.location);
        let (visitor, moment) = (script.dice.word(), script.dice.word());
        let ip = if visitor.is_multiple_of(3) { mobile_ip(visitor, moment) } else { home_ip(visitor) };
        let client = browser(Browser::Chrome, System::Windows, today.index, visitor as u32);
        let session = Arc::new(workday::session(&mut script.dice, ip, location, client));
        let mut at = today.midnight + i64::from(script.dice.whole(0, 85_000)) * 1_000;
        for _ in 0..script.dice.count(3.0) + 1 {
            let object = script.dice.habit(&PUBLIC).copied().unwrap_or("Knowledge__kav");
            let record = script.dice.word() % 4_000;
            script.read_record(at, &session, object, record);
            at += i64::from(script.dice.whole(8_000, 120_000));
        }
    }
}

/// Appends the day of the guest user or the automated process: a few small queries.
pub(super) fn system_day(world: &World, account: &Account, today: Today, out: &mut Vec<Event>) {
    let Some(persona) = account.persona(today.index) else { return };
    let dice = Dice::new(world.key, Stream::Behavior, account.index, today.index);
    let workday = Workday::new(world, account, today);
    let session = workday.session(today.midnight).clone();
    let object = if account.is_guest() { "Knowledge__kav" } else { "AsyncApexJob" };
    let query = Arc::new(changes_query(object));
    let mut script = Script { dice, identity: persona.identity.clone(), out };
    for _ in 0..script.dice.count(persona.actions) {
        let at = today.midnight + i64::from(script.dice.whole(0, 86_000)) * 1_000;
        let rows = script.dice.log_normal(4.0, 0.6).round();
        script.query(at, &session, &query, &REST, rows);
    }
}
