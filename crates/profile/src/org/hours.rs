//! Activity at unusual hours of the week.

use super::Shared;
use crate::calendar::LocalHour;
use crate::user::{Day, OddHour, Profile};
use model::{Feature, HourOfWeek};

/// Probability of an hour at least as unusual above which no feature is made: five times the default threshold of
/// `off_hours`. A choice.
const LARGEST_SHARE: f64 = 0.05;

/// Judges a clock hour when its first activity comes. An unusual one becomes a feature.
pub(super) fn learn(profile: &Profile, day: &mut Day, shared: &Shared, hour: &LocalHour, features: &mut Vec<Feature>) {
    /// Active days before an account's hours are judged. A choice: the population's hours count for ten more.
    const LEAST_DAYS: f64 = 3.0;
    if profile.days < LEAST_DAYS {
        return;
    }
    let population = shared.populations.rhythm(profile.class);
    let share = profile.rhythm.share(hour.is_weekend(), hour.hour, population);
    if share < LARGEST_SHARE {
        let odd = OddHour { share, of_week: hour.of_week(), rows: 0.0, requests: 1 };
        day.odd_hour = Some(odd);
        features.push(feature(&odd, profile));
    }
}

/// Describes an unusual hour as a feature.
pub(super) fn feature(odd: &OddHour, profile: &Profile) -> Feature {
    Feature::Hour(HourOfWeek {
        hour: odd.of_week,
        share: odd.share,
        days: profile.rhythm.days(),
        rows: odd.rows,
        requests: odd.requests,
    })
}
