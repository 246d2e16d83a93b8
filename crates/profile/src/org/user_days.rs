//! What is handed on of closed days, to be looked at by people: volumes, first times, surprises.

use super::close::{SETTLING_DAYS, STANDS_OUT};
use super::{Org, Shared, user_at};
use crate::user::{Counter, Day, Firsts, Profile};
use model::{Band, DayFacts, DayFirsts, DaySurprise, DayVolume, FirstOf, OrgId, Surface, Text, UserDay, UserId, Usual};
use std::collections::BTreeMap;

/// Notes a day that closes, for the first time or once more, before it is learned. With a combined profile the account's own
/// counts, as if no day had been released.
pub(super) fn note(org: &OrgId, (id, profile): (&UserId, &Profile), shared: &mut Shared, day: &Day, held: Holding) {
    if shared.is_only_read() {
        return;
    }
    let volume = |surface: &Surface| {
        let today = day.surfaces.get(*surface as usize)?.as_deref()?;
        let shift = shared.progress.factor_on(day.number, *surface);
        let usual = today.usual.and_then(|usual| usual.day).map(|usual| band(&Usual { shift, ..usual }));
        Some(DayVolume { surface: *surface, rows: whole(today.rows), requests: today.requests, usual })
    };
    let facts = DayFacts {
        last_at: day.last_at,
        volumes: Surface::ALL.iter().filter_map(volume).collect(),
        downloads: day.counts.get(Counter::Downloads),
        bytes: day.download_bytes,
        written: whole(day.writes.iter().map(|writes| writes.rows).sum()),
        firsts: if profile.days > SETTLING_DAYS { firsts(day) } else { Vec::new() },
        surprises: Vec::new(),
        held: held == Holding::Held,
        hours: Some(day.hours),
        unjudged: None,
    };
    shared.user_days.push(UserDay {
        org_id: org.clone(),
        user_id: id.clone(),
        day: day.start,
        username: profile.username.clone(),
        user_class: profile.class,
        facts,
    });
}

/// Whether a day that closes is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holding {
    /// It is held.
    Held,
    /// It is learned.
    Learned,
}

impl Org {
    /// Moves the days that have closed since the last call to `out`, with the surprises that were learned with them. Call it
    /// after the observations have been [calibrated](Org::calibrate), and before
    /// [`close_calibrations`](Org::close_calibrations).
    pub fn take_user_days(&mut self, out: &mut Vec<UserDay>) {
        for mut closed in std::mem::take(&mut self.shared.user_days) {
            let slot = self.slots.get(&closed.user_id).copied();
            let calibrations = &self.shared.signals.calibrations;
            let day = slot.and_then(|slot| user_at(&mut self.users, slot)?.profile.day_starting(closed.day));
            let day = day.map(|day| &*day);
            let mut largest: BTreeMap<&Text, f64> = BTreeMap::new();
            for (detector, surprise) in day.iter().flat_map(|day| calibrations.surprises(day, closed.user_class)) {
                let of_detector = largest.entry(detector).or_default();
                *of_detector = of_detector.max(surprise);
            }
            let kept = largest.into_iter().map(|(detector, surprise)| (detector, (surprise * 1e3).round() / 1e3));
            closed.facts.surprises = kept
                .filter(|(_, surprise)| *surprise >= DayFacts::LEAST_SURPRISE)
                .map(|(detector, surprise)| DaySurprise { detector: detector.clone(), surprise })
                .collect();
            closed.facts.unjudged = day.map(|day| day.unjudged.listed());
            out.push(closed);
        }
    }
}

/// Returns the rows that are usual.
pub(super) fn band(usual: &Usual) -> Band {
    let at = |scales: f64| whole((usual.location + usual.shift + scales * usual.scale).exp_m1());
    Band { expected: at(0.0), low: at(-STANDS_OUT), high: at(STANDS_OUT) }
}

/// Returns what was new to the account on the day, by what it is.
fn firsts(day: &Day) -> Vec<DayFirsts> {
    let listed = |what, counter, firsts: &Firsts| DayFirsts {
        what,
        count: day.counts.get(counter),
        names: firsts.names.iter().take(DayFirsts::NAMES).cloned().collect(),
    };
    let mut all = vec![
        listed(FirstOf::Object, Counter::FirstObjects, &day.objects),
        listed(FirstOf::Scope, Counter::WiderScopes, &day.scopes),
        listed(FirstOf::Report, Counter::FirstExports, &day.exports),
    ];
    all.extend(day.news.iter().map(|news| DayFirsts {
        what: news.what,
        count: news.count,
        names: news.names.iter().take(DayFirsts::NAMES).cloned().collect(),
    }));
    all.retain(|firsts| firsts.count > 0);
    all.sort_by_key(|firsts| firsts.what);
    all
}

/// Returns a number of rows as a whole one; what is not finite or below 0 is 0 or the largest.
fn whole(rows: f64) -> u64 {
    rows.round() as u64
}
