//! The hours of the week at which an account works.

use serde::{Deserialize, Serialize};

/// Days on which each hour was worked, for working days and weekends apart, halved slowly.
///
/// A weekly grid of 168 private cells is too thin to learn; the hour of the day by kind of day is not.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Rhythm {
    hours: [[f32; 24]; 2],
    days: [f32; 2],
}

impl Default for Rhythm {
    fn default() -> Self {
        Self { hours: [[0.0; 24]; 2], days: [0.0; 2] }
    }
}

impl Rhythm {
    /// Weight of the population, in days.
    const STRENGTH: f64 = 10.0;
    /// Days of each kind that an account remembers.
    pub(crate) const MEMORY: f32 = 120.0;

    /// Learns one calendar day; `hours` has a bit for each hour with activity, `memory` is in days.
    pub(crate) fn learn(&mut self, is_weekend: bool, hours: u32, memory: f32) {
        let kind = usize::from(is_weekend);
        let (Some(cells), Some(days)) = (self.hours.get_mut(kind), self.days.get_mut(kind)) else { return };
        let keep = if *days >= memory { (memory - 1.0) / memory } else { 1.0 };
        *days = *days * keep + 1.0;
        for (hour, cell) in cells.iter_mut().enumerate() {
            *cell = *cell * keep + f32::from(u8::from(hours & (1 << hour) != 0));
        }
    }

    /// The hour around which the account works (circular mean over all days); `None` before anything is learned.
    ///
    /// People of one org live in many time zones: a population's hours are counted from each member's own center.
    pub(crate) fn center(&self) -> Option<u8> {
        let (mut x, mut y, mut all) = (0.0, 0.0, 0.0);
        for cells in &self.hours {
            for (hour, days) in cells.iter().enumerate() {
                let angle = hour as f64 * std::f64::consts::TAU / 24.0;
                x += f64::from(*days) * angle.cos();
                y += f64::from(*days) * angle.sin();
                all += f64::from(*days);
            }
        }
        let hour = y.atan2(x) * 24.0 / std::f64::consts::TAU;
        (all > 0.0).then(|| hour.round().rem_euclid(24.0) as u8)
    }

    /// Days learned.
    pub(crate) fn days(&self) -> f64 {
        self.days.iter().map(|days| f64::from(*days)).sum()
    }

    /// Hours worked on an average active-or-not day of the given kind.
    pub(crate) fn hours_a_day(&self, is_weekend: bool) -> f64 {
        let kind = usize::from(is_weekend);
        let worked: f32 = self.hours.get(kind).map_or(0.0, |cells| cells.iter().sum());
        f64::from(worked) / f64::from(self.days.get(kind).copied().unwrap_or(0.0).max(1.0))
    }

    /// Probability that the account is active in an hour at most as usual as `hour` on a day of this kind: each
    /// hour's share of days is shrunk to that of the population and smoothed over its neighbors. The population's
    /// hours are counted from its members' centers, see [`Rhythm::center`].
    pub(crate) fn share(&self, is_weekend: bool, hour: u8, population: &Self) -> f64 {
        let center = usize::from(self.center().unwrap_or(0));
        let shares: Vec<f64> = (0..24).map(|h| self.shrunk(is_weekend, h, center, population)).collect();
        let at = shares.get(usize::from(hour)).copied().unwrap_or(1.0);
        // Active in any of several hours: they come together, so the largest counts in full and the rest for half.
        let unusual: Vec<f64> = shares.into_iter().filter(|share| *share <= at).collect();
        let rest: f64 = unusual.iter().sum::<f64>() - at;
        (at + rest / 2.0).min(1.0)
    }

    fn shrunk(&self, is_weekend: bool, hour: usize, center: usize, population: &Self) -> f64 {
        let (own, days) = self.around(is_weekend, hour);
        let (others, their_days) = population.around(is_weekend, hour + 24 - center);
        let prior = (others + 0.5) / (their_days + 6.0);
        (own + Self::STRENGTH * prior) / (days + Self::STRENGTH)
    }

    /// Days worked at the hour or, for less, next to it; and days in all.
    fn around(&self, is_weekend: bool, hour: usize) -> (f64, f64) {
        let kind = usize::from(is_weekend);
        let cell =
            |h: usize| f64::from(self.hours.get(kind).and_then(|cells| cells.get(h % 24)).copied().unwrap_or(0.0));
        let worked = cell(hour).max((cell(hour + 23) + cell(hour + 1)) / 4.0);
        (worked, f64::from(self.days.get(kind).copied().unwrap_or(0.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OFFICE: u32 = 0b11_1111_1111 << 8;

    fn worked(days: usize, hours: u32) -> Rhythm {
        let mut rhythm = Rhythm::default();
        (0..days).for_each(|_| rhythm.learn(false, hours, 1e6));
        rhythm
    }

    #[test]
    fn the_night_is_unusual_for_an_office() {
        let population = worked(5_000, 0b11_1110_0000_0000_0000_0001_1111);
        let own = worked(60, OFFICE);
        assert!(own.share(false, 10, &population) > 0.9);
        assert!(own.share(false, 3, &population) < 1e-3, "{}", own.share(false, 3, &population));
    }

    #[test]
    fn the_center_is_where_the_day_is() {
        assert_eq!(Rhythm::default().center(), None);
        assert!(matches!(worked(5, OFFICE).center(), Some(12 | 13)));
        // Around midnight the mean goes round, too.
        assert_eq!(worked(5, 1 << 23 | 1 | 1 << 1).center(), Some(0));
    }

    #[test]
    fn a_thin_rhythm_is_not_sure() {
        assert!(worked(2, OFFICE).share(false, 3, &Rhythm::default()) > 0.1);
    }

    proptest! {
        #[test]
        fn shares_are_probabilities(days in prop::collection::vec(0u32..(1 << 24), 0..200), hour in 0u8..24) {
            let mut rhythm = Rhythm::default();
            days.iter().for_each(|hours| rhythm.learn(false, *hours, Rhythm::MEMORY));
            let share = rhythm.share(false, hour, &rhythm);
            prop_assert!(share > 0.0 && share <= 1.0);
            prop_assert!(rhythm.days() <= 120.0 + 1e-3);
        }
    }
}
