//! The hour of the week at which an account is active.

use super::Shared;
use crate::calendar::LocalHour;
use crate::user::{Day, OddHour, Profile};
use model::{Feature, HourOfWeek};

/// An hour more usual than this is not looked at further.
const LEANING: f64 = 0.05;

/// Looks at the hour when its first activity comes.
pub(super) fn learn(profile: &Profile, day: &mut Day, shared: &Shared, hour: &LocalHour, features: &mut Vec<Feature>) {
    /// Active days before an account has a rhythm.
    const LEAST_DAYS: f64 = 3.0;
    if profile.days < LEAST_DAYS {
        return;
    }
    let population = shared.populations.rhythm(profile.class);
    let share = profile.rhythm.share(hour.is_weekend(), hour.hour, population);
    if share < LEANING {
        let odd = OddHour { share, of_week: hour.of_week(), rows: 0.0, requests: 1 };
        day.odd_hour = Some(odd);
        features.push(feature(&odd, profile));
    }
}

pub(super) fn feature(odd: &OddHour, profile: &Profile) -> Feature {
    Feature::Hour(HourOfWeek {
        hour: odd.of_week,
        share: odd.share,
        days: profile.rhythm.days(),
        rows: odd.rows,
        requests: odd.requests,
    })
}
