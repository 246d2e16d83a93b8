//! Volumes: one-off exports and reads, mixtures of habits, views and reports that change their size.

use super::Mechanism;
use crate::account::Account;
use crate::behavior::person::Shift;
use crate::calendar::Today;
use crate::dice::mix;
use crate::script::SOAP;
use crate::world::World;

/// Tail index of one-off exports and reads: the mean exists, the variance does not. A choice.
const TAIL: f64 = 1.2;

/// Returns the factor of an account's day that comes from its kinds of days.
pub(crate) fn habit(world: &World, account: &Account, today: Today) -> f64 {
    if !world.affects(Mechanism::Habits, account.index) {
        return 1.0;
    }
    let mut dice = world.dice(Mechanism::Habits, account.index, u32::MAX - 1);
    let (quiet, loud) = (dice.between(0.15, 0.5), dice.between(2.0, 7.0));
    let (often_quiet, often_loud) = (dice.between(0.1, 0.5), dice.between(0.05, 0.3));
    let three = dice.chance(0.5);
    let kind = world.dice(Mechanism::Habits, account.index, today.index).unit();
    if kind < often_loud {
        loud
    } else if three && kind < often_loud + often_quiet {
        quiet
    } else {
        1.0
    }
}

/// Returns the size of a view or report on a day, relative to its first day.
///
/// It grows by a few percent a month, changes when its filter is edited (about every two months), and varies.
pub(crate) fn size(world: &World, id: &str, today: Today) -> f64 {
    let sigma = world.strength(Mechanism::Sizes);
    if sigma == 0.0 {
        return 1.0;
    }
    let item = id.bytes().fold(0, |hash, byte| mix(hash ^ u64::from(byte))) as u32;
    let mut dice = world.dice(Mechanism::Sizes, item, u32::MAX);
    let (growth, phase) = (dice.between(-0.03, 0.15), dice.whole(0, 59));
    let edition = (today.index + phase) / 60;
    let level = if edition == 0 || dice.chance(0.4) {
        1.0
    } else {
        world.dice(Mechanism::Sizes, item, u32::MAX - edition).log_normal(1.0, 1.0)
    };
    let varied = world.dice(Mechanism::Sizes, item, today.index).log_normal(1.0, sigma);
    (level * varied * (growth * f64::from(today.index) / 30.0).exp()).clamp(0.02, 50.0)
}

/// Exports or reads something that the person will not need again. One account in ten does so six times as often.
pub(crate) fn one_offs(shift: &mut Shift<'_>) {
    let rate = shift.world.strength(Mechanism::OneOffs);
    if rate == 0.0 {
        return;
    }
    let user = shift.account.index;
    let often = shift.world.dice(Mechanism::OneOffs, user, u32::MAX).chance(0.1);
    let mut dice = shift.world.dice(Mechanism::OneOffs, user, shift.today.index);
    for _ in 0..dice.count(if often { rate * 6.0 } else { rate * 0.5 }) {
        let rows = (300.0_f64 * (1.0 - dice.unit()).powf(-1.0 / TAIL)).min(250_000.0);
        let at = shift.workday.moment(&mut dice);
        let session = shift.workday.session(at).clone();
        if let Some((query, _)) = shift.persona.queries.first().filter(|_| dice.chance(0.4)) {
            shift.script.query(at, &session, query, &SOAP, rows);
        } else if let Some(report) = dice.pick(&shift.world.catalog.of_team(shift.persona.team).reports) {
            shift.script.report(at, &session, report, "ReportRunFromLightning", rows);
            shift.script.report(at + 25_000, &session, report, "ReportExported", rows);
        }
    }
}
