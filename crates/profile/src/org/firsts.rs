//! First-time accesses: what a request for something new usually reads, and what a day teaches of it.

use super::Shared;
use super::close::{CLIP, SETTLING_DAYS};
use super::population::RowQuantity;
use super::rows::expected;
use crate::estimate::{Moments, Prior, usual};
use crate::tail;
use crate::user::{Day, FirstKind, Firsts, Profile};
use model::{Rate, Surface, Usual};
use serde::{Deserialize, Serialize};

/// Days with first-time accesses from which on an account's own are a measure of their rows. A choice.
const LEAST_OWN: f64 = 3.0;

/// What first-time accesses read in the org as a whole, which is known weeks before five accounts have three days of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct OrgFirsts {
    /// ln(1 + rows a request) of each account's day that has any, clipped, by [`FirstKind`].
    rows: [Moments; FirstKind::COUNT],
}

/// Kinds of first-time accesses that a day stands out by.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct StandsOut([bool; FirstKind::COUNT]);

impl OrgFirsts {
    /// Days that the org remembers. A choice: some months of a hundred accounts.
    const MEMORY: f64 = 2_000.0;
    /// Days from which on they are the prior of an account. A choice: fewer give no deviation worth judging by.
    const LEAST_DAYS: f64 = 10.0;

    /// Returns the prior of the rows a request of an account. Accounts are taken to differ as much as the days of one
    /// account do, a choice, so that a new one has the variance of all days.
    fn prior(&self, kind: FirstKind) -> Option<Prior> {
        let days = self.rows.get(kind as usize).filter(|days| days.weight >= Self::LEAST_DAYS)?;
        Some(Prior { mean: days.mean, within: days.variance() / 2.0, strength: 1.0, members: days.weight })
    }
}

impl StandsOut {
    /// Returns the kinds of which the day brings more than usual, with more rows a request, each at p < 0.01, a choice.
    /// They are what a thief's day has, while a new project reads as many rows as other new things do.
    pub(super) fn of(profile: &Profile, shared: &Shared, day: &Day) -> Self {
        /// p-value below which a number, and a size, is unusual.
        const P: f64 = 0.01;
        let stands_out = |(kind, firsts): (FirstKind, &Firsts)| {
            let Some(rows) = firsts.rows_a_request() else { return false };
            let count = f64::from(day.counts.get(kind.counter()));
            let is_more = |usual: &Usual| tail::at_least(usual, rows) < P;
            request(profile, shared, kind, firsts.surface).as_ref().is_some_and(is_more)
                && tail::count_at_least(&rate(profile, shared, kind, firsts, day.number), count) < P
        };
        Self(of_day(day).map(stands_out))
    }

    /// Whether the day stands out by this kind.
    pub(super) fn by(&self, kind: FirstKind) -> bool {
        self.0.get(kind as usize).copied().unwrap_or(false)
    }
}

/// Returns the usual number of first-time accesses on the day.
pub(super) fn rate(profile: &Profile, shared: &Shared, kind: FirstKind, firsts: &Firsts, day: i32) -> Rate {
    /// That of an account in its first days in a new role: about three, and widely spread. A choice.
    const NEW_ROLE: Rate = Rate { shape: 1.0, rate: 0.3, evidence: 1.0, prior_weight: 1.0 };
    match firsts.usual {
        _ if profile.role.is_settling(day) => NEW_ROLE,
        Some(usual) => usual,
        None => expected(profile, shared, kind.counter()),
    }
}

/// Returns what a request for something new usually reads: by the account's own days with any, shrunk to its population's
/// or to those of the org. Until the org has some, all requests of the population are the measure.
pub(super) fn request(profile: &Profile, shared: &Shared, kind: FirstKind, surface: Option<Surface>) -> Option<Usual> {
    /// Least scale of ln(1 + rows): a factor of two, as for accounts without a population. A choice: what is new differs
    /// in size even where what is known does not.
    const LEAST_SCALE: f64 = 0.7;
    /// The same by all requests, a factor of 7. A choice: accounts look longest at what they know.
    const LEAST_SCALE_OF_ALL: f64 = 2.0;
    let own = profile.first_rows.get(kind as usize).copied().unwrap_or_default();
    let of_class = shared.populations.first_rows_prior(profile.class, kind);
    let prior = of_class.or_else(|| shared.signals.firsts.prior(kind));
    let at_least = |least: f64| move |usual: Usual| Usual { scale: usual.scale.max(least), ..usual };
    if prior.is_some() || own.weight >= LEAST_OWN {
        return usual(&own, &Moments::default(), prior.as_ref(), 0.0).map(at_least(LEAST_SCALE));
    }
    let surface = surface.unwrap_or(Surface::ListView);
    let prior = shared.populations.row_prior(profile.class, surface, RowQuantity::Request);
    match prior {
        Some(prior) => {
            usual(&Moments::default(), &Moments::default(), Some(&prior), 0.0).map(at_least(LEAST_SCALE_OF_ALL))
        }
        // An org of so few accounts has no other measure than the account's own requests.
        None => profile.rows_of(surface).and_then(|model| model.usual_request(None)).map(at_least(LEAST_SCALE)),
    }
}

/// Learns how many rows a request for something new reads, on days that have any and do not stand out by them. Accounts in
/// their first days are left out: everything is new to them.
pub(super) fn learn(profile: &mut Profile, shared: &mut Shared, day: &Day, stands_out: StandsOut) {
    /// Least deviation of ln(1 + rows a request) for clipping. A choice: a factor of 1.65.
    const LEAST_DEVIATION: f64 = 0.5;
    for (kind, firsts) in of_day(day) {
        let is_learned = profile.days > SETTLING_DAYS && !stands_out.by(kind);
        let Some(rows) = firsts.rows_a_request().filter(|_| is_learned) else { continue };
        let own = profile.first_rows.get(kind as usize).copied().unwrap_or_default();
        let most = if own.weight >= LEAST_OWN {
            own.mean + CLIP * own.deviation().max(LEAST_DEVIATION)
        } else {
            let usual = request(profile, shared, kind, firsts.surface);
            usual.map_or(f64::INFINITY, |usual| usual.location + CLIP * usual.scale)
        };
        let y = rows.ln_1p().min(most);
        let Some(moments) = profile.first_rows.get_mut(kind as usize) else { continue };
        moments.add(y, shared.memory_days);
        let after = *moments;
        shared.populations.learn_first_rows(profile.class, kind, &own, &after);
        let is_shared = !shared.is_only_read();
        if let Some(of_org) = shared.signals.firsts.rows.get_mut(kind as usize).filter(|_| is_shared) {
            of_org.add(y, OrgFirsts::MEMORY);
        }
    }
}

/// Returns the day's first-time accesses by kind.
fn of_day(day: &Day) -> [(FirstKind, &Firsts); FirstKind::COUNT] {
    [(FirstKind::Objects, &day.objects), (FirstKind::Scopes, &day.scopes), (FirstKind::Exports, &day.exports)]
}

#[cfg(test)]
mod tests;
