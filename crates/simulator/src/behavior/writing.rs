//! What accounts write through the APIs on ordinary days, in orgs that write.

use std::sync::Arc;

use crate::account::{Account, Class, Persona, changes_query};
use crate::calendar::{HOUR, MINUTE, Today};
use crate::dice::{Dice, Stream};
use crate::event::{Event, WriteOperation};
use crate::script::{BULK, REST, SOAP, Script};
use crate::workday::Workday;
use crate::world::World;

/// What an account writes as a habit. It depends on the account alone.
pub(crate) struct Habit {
    /// Records that an integration upserts every night.
    pub(crate) nightly: Option<f64>,
    /// Records that an administrator imports every Monday.
    weekly: Option<f64>,
    /// Records that a person edits through an API on a day.
    edits: Option<f64>,
    /// The day of the account's one large import, and its records.
    import: Option<(u32, f64)>,
}

impl Habit {
    /// Returns the habit of an account. The shares and sizes are choices of the right order of magnitude.
    pub(crate) fn of(world: &World, account: &Account) -> Self {
        let mut dice = Dice::new(world.key, Stream::Writes, account.index, 0);
        let mut of_class = |classes: &[Class], share: f64, records: f64, spread: f64| {
            let (is_so, records) = (dice.chance(share), dice.log_normal(records, spread));
            (is_so && classes.contains(&account.class)).then_some(records)
        };
        let nightly = of_class(&[Class::Integration], 0.7, 30_000.0, 0.8);
        let weekly = of_class(&[Class::Admin], 0.7, 2_500.0, 0.6);
        let edits = of_class(&[Class::Normal, Class::Power], 0.3, 3.0, 0.5);
        let import = of_class(&[Class::Admin, Class::Integration], 0.3, 100_000.0, 0.7);
        let day = dice.whole(0, world.plan.days.saturating_sub(1));
        Self { nightly, weekly, edits, import: import.map(|records| (day, records)) }
    }
}

/// Returns the object that the account writes.
pub(crate) fn object(persona: &Persona) -> &'static str {
    persona.team.objects().first().copied().unwrap_or("Account")
}

/// Appends what an account writes on a day. `from` is the index of its first event of the day: a person without any is
/// away.
pub(super) fn day(world: &World, account: &Account, today: Today, from: usize, out: &mut Vec<Event>) {
    if !world.writes() || world.is_scripted(account.index) || out.len() == from {
        return;
    }
    let Some(persona) = account.persona(today.index) else { return };
    let habit = Habit::of(world, account);
    let workday = Workday::new(world, account, today);
    let dice = Dice::new(world.key, Stream::Writes, account.index, today.index + 1);
    let mut script = Script { dice, identity: persona.identity.clone(), out };
    let object = object(persona);
    if let Some(records) = habit.nightly {
        let at = today.midnight + HOUR + i64::from(script.dice.whole(0, 20)) * MINUTE;
        let records = script.dice.log_normal(records, 0.15);
        let session = workday.session(at).clone();
        // It first reads what has changed.
        let query = Arc::new(changes_query(object));
        let rows = script.dice.log_normal(600.0, 0.3);
        let done = script.query(at - 12 * MINUTE, &session, &query, &BULK, rows);
        script.bulk_result(done + 20_000, &session, &query, rows);
        script.write(at, &session, (WriteOperation::Upsert, object), &BULK, records);
        if today.weekday == 6 {
            script.write(at + HOUR, &session, (WriteOperation::Delete, object), &BULK, records * 0.05);
        }
    }
    let at = workday.moment(&mut script.dice);
    let session = workday.session(at).clone();
    if let Some(records) = habit.weekly.filter(|_| today.weekday == 0) {
        let records = script.dice.log_normal(records, 0.3);
        script.write(at, &session, (WriteOperation::Insert, object), &SOAP, records);
        // Duplicates are found now and then.
        if script.dice.chance(0.3) {
            script.write(at + 20 * MINUTE, &session, (WriteOperation::Delete, object), &SOAP, records * 0.02);
        }
    }
    for _ in 0..habit.edits.map_or(0, |edits| script.dice.count(edits)) {
        let at = workday.moment(&mut script.dice);
        let session = workday.session(at).clone();
        script.write(at, &session, (WriteOperation::Update, object), &REST, 1.0);
    }
    if let Some((_, records)) = habit.import.filter(|(day, _)| *day == today.index) {
        script.write(at + HOUR, &session, (WriteOperation::Insert, object), &BULK, records);
    }
}
