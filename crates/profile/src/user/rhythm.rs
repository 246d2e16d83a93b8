//! The hours at which an account works, on working days and on weekends.

use serde::{Deserialize, Serialize};

/// Days on which each hour was worked, for working days and weekends apart, with the oldest days fading.
///
/// It has 48 cells, not the 168 hours of the week: each of 168 cells learns from one day a week and stays too thin. On
/// labeled hourly series, hour-of-week cells ranked anomalies far worse (0.31) than models with fewer parameters (0.83
/// to 0.94).
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
    /// Weight of the population, in days: two working weeks of the account's own outweigh it. A choice.
    const STRENGTH: f64 = 10.0;
    /// Pseudo-count of worked days in an hour of the population: half a day, Jeffreys' prior of a proportion.
    const WORKED: f64 = 0.5;
    /// Pseudo-count of days of the population. A choice: without a population, an hour is worked on one day in twelve.
    const DAYS: f64 = 6.0;
    /// Days of each kind that an account remembers. A choice: half a year of working days.
    pub(crate) const MEMORY: f32 = 120.0;

    /// Learns one calendar day; `hours` has a bit for each hour with activity, bit 0 for midnight. At most `memory`
    /// days of the kind are remembered, the rest fades.
    pub(crate) fn learn(&mut self, is_weekend: bool, hours: u32, memory: f32) {
        let kind = usize::from(is_weekend);
        let (Some(cells), Some(days)) = (self.hours.get_mut(kind), self.days.get_mut(kind)) else { return };
        let keep = if *days >= memory { (memory - 1.0) / memory } else { 1.0 };
        *days = *days * keep + 1.0;
        for (hour, cell) in cells.iter_mut().enumerate() {
            *cell = *cell * keep + f32::from(u8::from(hours & (1 << hour) != 0));
        }
    }

    /// Returns the hour around which the account works; `None` before anything is learned. It is the circular mean
    /// (Mardia and Jupp, Directional Statistics, section 2.2) of the hours of all days.
    ///
    /// People of one org live in many time zones, so a population's hours are counted from each member's center.
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

    /// Returns the days learned, of both kinds.
    pub(crate) fn days(&self) -> f64 {
        self.days.iter().map(|days| f64::from(*days)).sum()
    }

    /// Returns the days learned of the given kind, and the share of them on which each hour was worked.
    pub(crate) fn worked(&self, is_weekend: bool) -> (f64, [f64; 24]) {
        let kind = usize::from(is_weekend);
        let days = self.days.get(kind).map_or(0.0, |days| f64::from(*days));
        let share = |worked: f32| if days > 0.0 { (f64::from(worked) / days).min(1.0) } else { 0.0 };
        (days, self.hours.get(kind).copied().unwrap_or_default().map(share))
    }

    /// Returns the hours worked on an average day of the given kind, days without activity included.
    pub(crate) fn hours_a_day(&self, is_weekend: bool) -> f64 {
        let kind = usize::from(is_weekend);
        let worked: f32 = self.hours.get(kind).map_or(0.0, |cells| cells.iter().sum());
        f64::from(worked) / f64::from(self.days.get(kind).copied().unwrap_or(0.0).max(1.0))
    }

    /// Returns the probability that the account, on a day of this kind, is active in any hour at most as usual as
    /// `hour`.
    ///
    /// Each hour's share of days is shrunk to that of the population and smoothed over its neighbors. The population's
    /// hours are counted from its members' centers, see [`Rhythm::center`]. The formula is ours.
    pub(crate) fn share(&self, is_weekend: bool, hour: u8, population: &Self) -> f64 {
        let center = usize::from(self.center().unwrap_or(0));
        let shares: Vec<f64> = (0..24).map(|h| self.shrunk(is_weekend, h, center, population)).collect();
        let at = shares.get(usize::from(hour)).copied().unwrap_or(1.0);
        // Unusual hours come together, so their shares do not add up: the largest counts in full, the others half.
        let unusual: Vec<f64> = shares.into_iter().filter(|share| *share <= at).collect();
        let rest: f64 = unusual.iter().sum::<f64>() - at;
        (at + rest / 2.0).min(1.0)
    }

    /// Returns the share of days on which `hour` is worked, shrunk to the population's.
    fn shrunk(&self, is_weekend: bool, hour: usize, center: usize, population: &Self) -> f64 {
        let (own, days) = self.around(is_weekend, hour);
        let (others, their_days) = population.around(is_weekend, hour + 24 - center);
        let prior = (others + Self::WORKED) / (their_days + Self::DAYS);
        (own + Self::STRENGTH * prior) / (days + Self::STRENGTH)
    }

    /// Returns the days on which the hour was worked, or a quarter of those of the two hours next to it if that is
    /// more; and the days in all.
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
    fn the_center_is_the_middle_of_the_working_day() {
        assert_eq!(Rhythm::default().center(), None);
        assert!(matches!(worked(5, OFFICE).center(), Some(12 | 13)));
        // Around midnight the mean goes round, too.
        assert_eq!(worked(5, 1 << 23 | 1 | 1 << 1).center(), Some(0));
    }

    #[test]
    fn shares_of_hours_are_of_their_kind_of_days() {
        let mut rhythm = worked(3, OFFICE);
        rhythm.learn(false, 0, 1e6);
        let (days, shares) = rhythm.worked(false);
        assert_eq!((days, shares[7], shares[8], shares[17], shares[18]), (4.0, 0.0, 0.75, 0.75, 0.0));
        assert_eq!(rhythm.worked(true), (0.0, [0.0; 24]));
    }

    #[test]
    fn a_thin_rhythm_has_no_unusual_hours() {
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
