//! The day factor: how much more than usual the org reads today.

use crate::estimate::Moments;
use model::Surface;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Follows, hour by hour, how far the rows of all active users are from a whole usual day of theirs.
///
/// The factor of a surface is the median of that distance over users, less the median that is usual at this hour. It is
/// known while the day still runs, and keeps a quarter end from raising findings for everybody: on simulated log-normal
/// accounts it lowered false alarms at a quarter end from 1.6 % to 0.12 % of days, at a nominal 0.135 %. The median
/// does not move when a few accounts read much more.
///
/// On ordinary days the factor is 1, and baselines learn whole days. A factor that followed every small excess would be
/// learned away from them, and the next days would exceed them by more.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// ln(1 + rows so far) less the location of the day, of every user and surface active today.
    today: Vec<Distance>,
    /// The factors of the present day by surface, natural logarithms.
    factors: Factors,
    /// The medians of the last four weeks by surface.
    medians: [HourlyMedians; Surface::ALL.len()],
    /// The factors of closed days by day, for late activities. They are stored behind the rest, because the first
    /// version of the record lacks them.
    #[serde(skip)]
    pub(crate) past: BTreeMap<i32, Factors>,
    #[serde(skip)]
    scratch: Vec<f32>,
}

/// Day factors by surface, natural logarithms.
pub(crate) type Factors = [f64; Surface::ALL.len()];

/// One user's distance from a usual day.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Distance {
    surface: Surface,
    value: f32,
}

/// The medians by hour, for working days and weekends.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct HourlyMedians([[Medians; 24]; 2]);

/// The medians at one hour on the last days of one kind, the oldest first. Days on which fewer than
/// [`Progress::LEAST_USERS`] accounts were active have none.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Medians(Vec<f32>);

/// The day factor as records before version 7 have it. The mean medians that they hold are of baselines that had
/// learned the factor away, and are dropped: what is usual is known again after three days.
#[derive(Deserialize)]
pub(crate) struct EarlierProgress {
    today: Vec<Distance>,
    _means: [[[Moments; 24]; 2]; Surface::ALL.len()],
    factors: Factors,
}

impl From<EarlierProgress> for Progress {
    fn from(EarlierProgress { today, factors, .. }: EarlierProgress) -> Self {
        Self { today, factors, ..Self::default() }
    }
}

impl Progress {
    /// Active users below which an org has no day factor: the median of fewer varies too much. A choice.
    const LEAST_USERS: usize = 20;
    /// Largest factor, a natural logarithm: twelvefold. A choice that bounds what an attack on all accounts can hide.
    pub(crate) const MOST: f64 = 2.5;

    /// Returns the present factor of `surface`, a natural logarithm from 0 to 2.5.
    pub(crate) fn factor(&self, surface: Surface) -> f64 {
        self.factors.get(surface as usize).copied().unwrap_or(0.0)
    }

    /// Returns the factor of a day: of a closed one as it was at its end, of any other the present one.
    pub(crate) fn factor_on(&self, day: i32, surface: Surface) -> f64 {
        match self.past.get(&day) {
            Some(factors) => factors.get(surface as usize).copied().unwrap_or(0.0),
            None => self.factor(surface),
        }
    }

    /// Raises each present factor to that of `other` if it is less.
    pub(crate) fn raise_to(&mut self, other: &Self) {
        for (factor, least) in self.factors.iter_mut().zip(other.factors) {
            *factor = factor.max(least);
        }
    }

    /// Sets a user's distance. `index` is what an earlier call of the day returned for this user and surface, if any.
    /// Returns the index.
    pub(crate) fn note(&mut self, index: Option<u32>, surface: Surface, value: f64) -> u32 {
        let distance = Distance { surface, value: value as f32 };
        if let Some(index) = index
            && let Some(slot) = self.today.get_mut(index as usize)
        {
            *slot = distance;
            return index;
        }
        self.today.push(distance);
        (self.today.len() - 1) as u32
    }

    /// Works the factors out at the end of an hour of day, and learns its medians.
    pub(crate) fn close_hour(&mut self, hour: u8, is_weekend: bool) {
        for surface in Surface::ALL {
            let Some((median, users)) = self.median(*surface) else { continue };
            let Some(medians) = self.medians.get_mut(*surface as usize).and_then(|hours| hours.at(hour, is_weekend))
            else {
                continue;
            };
            if let Some(factor) = self.factors.get_mut(*surface as usize) {
                *factor = medians.excess(f64::from(median), users, &mut self.scratch).min(Self::MOST);
            }
            medians.add(median, is_weekend);
        }
    }

    /// Keeps the day's factors for `kept` days, and begins a new day.
    pub(crate) fn close_day(&mut self, day: i32, kept: i32) {
        self.past.insert(day, self.factors);
        self.past.retain(|past, _| *past >= day.saturating_sub(kept));
        self.today.clear();
        self.factors = Default::default();
    }

    /// Returns the median distance over the users of a surface, and their number; `None` for too few.
    fn median(&mut self, surface: Surface) -> Option<(f32, usize)> {
        self.scratch.clear();
        let of_surface =
            self.today.iter().filter(|distance| distance.surface == surface).map(|distance| distance.value);
        self.scratch.extend(of_surface);
        let users = self.scratch.len();
        if users < Self::LEAST_USERS {
            return None;
        }
        Some((middle(&mut self.scratch), users))
    }
}

impl HourlyMedians {
    /// Returns the medians at an hour of day of its kind of day.
    fn at(&mut self, hour: u8, is_weekend: bool) -> Option<&mut Medians> {
        self.0.get_mut(usize::from(is_weekend)).and_then(|hours| hours.get_mut(usize::from(hour)))
    }
}

impl Medians {
    /// Working days, and days of weekends, in four weeks. A choice: a new level of the org is the usual one after two
    /// weeks, when most of the medians have it, and a month end is not.
    const KEPT: (usize, usize) = (20, 8);
    /// Days after which the median of the medians is what is usual; until then 0 is. A choice.
    const LEAST_DAYS: usize = 3;

    /// Returns by how much the median of so many users exceeds what is usual, 0 unless it does so by more than 1.5
    /// deviations of it. This is the nonnegative garrote d − λ²/d for d > λ (Breiman, Better subset regression using
    /// the nonnegative garrote, 1995; Gao, Wavelet shrinkage denoising using the non-negative garrote, 1998): it has no
    /// step, and keeps nearly all of a large excess.
    fn excess(&self, median: f64, users: usize, scratch: &mut Vec<f32>) -> f64 {
        /// λ in deviations. A choice: the factor is 1 on about 93 of 100 ordinary days, and more would take from the
        /// factors of orgs with few accounts.
        const THRESHOLD: f64 = 1.5;
        /// Deviation of normal values over the median of their distances from the median, 1/Φ⁻¹(3/4).
        const OF_NORMAL: f64 = 1.4826;
        /// Days that the expected deviation weighs. A choice: one working week.
        const STRENGTH: f64 = 5.0;
        let days = self.0.len();
        let (mut usual, mut deviation) = (0.0, 0.0);
        if days >= Self::LEAST_DAYS {
            scratch.clear();
            scratch.extend(&self.0);
            let center = middle(scratch);
            scratch.iter_mut().for_each(|value| *value = (*value - center).abs());
            (usual, deviation) = (f64::from(center), OF_NORMAL * f64::from(middle(scratch)));
        }
        // The variance of the median of n normal values is π/2n of theirs (Kenney and Keeping, Mathematics of
        // Statistics, part 2, section 7.12); that of the accounts' ln(1 + rows) is about 1, a choice.
        let expected = std::f64::consts::FRAC_PI_2 / users as f64;
        let days = if days >= Self::LEAST_DAYS { days as f64 } else { 0.0 };
        let variance = (days * deviation * deviation + STRENGTH * expected) / (days + STRENGTH);
        let (excess, least) = (median - usual, THRESHOLD * variance.sqrt());
        if excess > least { excess - least * least / excess } else { 0.0 }
    }

    /// Learns the median of a day in place of the oldest.
    fn add(&mut self, median: f32, is_weekend: bool) {
        let kept = if is_weekend { Self::KEPT.1 } else { Self::KEPT.0 };
        if self.0.len() >= kept {
            self.0.drain(..=self.0.len() - kept);
        }
        self.0.push(median);
    }
}

/// Returns the median of the values, the upper one of two; 0 for none. It changes their order.
fn middle(values: &mut [f32]) -> f32 {
    let middle = values.len() / 2;
    if values.is_empty() { 0.0 } else { *values.select_nth_unstable_by(middle, f32::total_cmp).1 }
}

#[cfg(test)]
mod tests;
