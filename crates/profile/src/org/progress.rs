//! The day factor: how much more than usual the whole org does today.

use crate::calendar::LocalHour;
use crate::estimate::Moments;
use model::Surface;
use serde::{Deserialize, Serialize};

/// Follows, hour by hour, how far today's rows of all active users are from a whole usual day of theirs.
///
/// The factor of a source is the median of that distance over users, less what the median usually is at this
/// hour; it is known while the day still runs, and is what keeps a quarter end from raising everybody.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// ln(1 + rows so far) less the location of the day, of every user and source active today.
    today: Vec<Distance>,
    usual: [HourlyGap; Surface::ALL.len()],
    factors: [f64; Surface::ALL.len()],
    #[serde(skip)]
    scratch: Vec<f32>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Distance {
    source: Surface,
    value: f32,
}

/// The usual median distance by hour, for working days and weekends.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct HourlyGap([[Moments; 24]; 2]);

impl Progress {
    /// Fewer users than this say nothing of the org's day.
    const LEAST_USERS: usize = 20;
    /// Days of one kind after which the usual gap of an hour is believed.
    const LEAST_DAYS: f64 = 3.0;
    const MEMORY: f64 = 40.0;
    const MOST: f64 = 2.5;

    /// The factor of `source` now, a natural logarithm from 0.
    pub(crate) fn factor(&self, source: Surface) -> f64 {
        self.factors.get(source as usize).copied().unwrap_or(0.0)
    }

    /// Notes a user's distance. `place` is where it was noted earlier today. Returns where it is.
    pub(crate) fn note(&mut self, place: Option<u32>, source: Surface, value: f64) -> u32 {
        let distance = Distance { source, value: value as f32 };
        if let Some(place) = place
            && let Some(slot) = self.today.get_mut(place as usize)
        {
            *slot = distance;
            return place;
        }
        self.today.push(distance);
        (self.today.len() - 1) as u32
    }

    /// Works the factors out at the end of an hour, and learns what is usual at this hour.
    pub(crate) fn close_hour(&mut self, hour: &LocalHour) {
        for source in Surface::ALL {
            let Some(median) = self.median(*source) else { continue };
            let gap = self.usual.get_mut(*source as usize).and_then(|gap| gap.at(hour));
            let (Some(gap), Some(factor)) = (gap, self.factors.get_mut(*source as usize)) else { continue };
            let usual = if gap.weight >= Self::LEAST_DAYS { gap.mean.min(0.0) } else { 0.0 };
            *factor = (median - usual).clamp(0.0, Self::MOST);
            let clipped = if gap.weight >= Self::LEAST_DAYS { median.min(usual + 0.3) } else { median };
            gap.add(clipped, Self::MEMORY);
        }
    }

    pub(crate) fn close_day(&mut self) {
        self.today.clear();
        self.factors = Default::default();
    }

    fn median(&mut self, source: Surface) -> Option<f64> {
        self.scratch.clear();
        let of_source = self.today.iter().filter(|distance| distance.source == source).map(|distance| distance.value);
        self.scratch.extend(of_source);
        if self.scratch.len() < Self::LEAST_USERS {
            return None;
        }
        let middle = self.scratch.len() / 2;
        Some(f64::from(*self.scratch.select_nth_unstable_by(middle, f32::total_cmp).1))
    }
}

impl HourlyGap {
    fn at(&mut self, hour: &LocalHour) -> Option<&mut Moments> {
        self.0.get_mut(usize::from(hour.is_weekend())).and_then(|hours| hours.get_mut(usize::from(hour.hour)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(progress: &mut Progress, excess: f64) -> f64 {
        for user in 0..40 {
            progress.note(None, Surface::Report, excess + f64::from(user) / 100.0 - 0.2);
        }
        progress.close_hour(&LocalHour { hour: 17, ..LocalHour::default() });
        let factor = progress.factor(Surface::Report);
        progress.close_day();
        factor
    }

    #[test]
    fn a_busy_day_of_everybody_has_a_factor() {
        let mut progress = Progress::default();
        for _ in 0..10 {
            assert!(day(&mut progress, 0.0) < 0.1);
        }
        assert!((day(&mut progress, 0.8) - 0.8).abs() < 0.1);
        assert!(day(&mut progress, 0.0) < 0.1);
    }

    #[test]
    fn a_morning_is_compared_with_mornings() {
        let mut progress = Progress::default();
        for _ in 0..10 {
            day(&mut progress, -1.0);
        }
        assert!((day(&mut progress, -0.2) - 0.8).abs() < 0.1);
    }

    #[test]
    fn few_users_have_no_factor() {
        let mut progress = Progress::default();
        progress.note(None, Surface::Api, 5.0);
        progress.close_hour(&LocalHour::default());
        assert_eq!(progress.factor(Surface::Api), 0.0);
    }
}
