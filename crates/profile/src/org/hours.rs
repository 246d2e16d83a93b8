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
    let share = profile.rhythm.share(shared.holidays.is_weekend(hour.day), hour.hour, population);
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

#[cfg(test)]
mod tests {
    use crate::Settings;
    use crate::org::testing::Fed;
    use model::time::{DAY, HOUR};
    use model::{Channel, Feature, Kind};

    /// Lets an account work office hours for 20 weeks, and returns whether the hours of the Wednesday after are unusual, and
    /// on how many hours a weekend it works.
    fn worked(holidays: &[&str]) -> (bool, f64) {
        let mut fed = Fed::new();
        let holidays = holidays.iter().map(|date| (*date).to_owned()).collect();
        fed.org.set_settings(&Settings { holidays, ..Settings::default() }).unwrap();
        let mut is_odd = false;
        for day in (0..143).filter(|day| day % 7 < 5) {
            for hour in 9..17 {
                let mut activity = fed.activity(day * DAY + hour * HOUR, "ann", Channel::Stream, Kind::ListView);
                activity.rows = Some(10);
                let features = fed.features(&activity);
                is_odd |= day == 142 && features.iter().any(|feature| matches!(feature, Feature::Hour(_)));
            }
        }
        fed.org.finish(&mut Vec::new());
        let (_, profile) = fed.org.profiles().next().unwrap();
        (is_odd, profile.rhythm.hours_a_day(true))
    }

    #[test]
    fn office_hours_of_a_holiday_are_those_of_a_weekend() {
        assert_eq!(worked(&[]), (false, 0.0));
        let (is_odd, of_weekends) = worked(&["2026-05-27"]);
        assert!(is_odd && of_weekends > 0.1, "{is_odd} {of_weekends}");
        // Known to be a habit, it is none.
        let wednesdays =
            ["2026-03-18", "2026-03-25", "2026-04-01", "2026-04-08", "2026-04-15", "2026-04-22", "2026-05-27"];
        assert!(!worked(&wednesdays).0);
    }

    #[test]
    fn a_holiday_without_work_is_a_weekend_without_work() {
        let mut fed = Fed::new();
        let holidays = ["2026-01-06".to_owned()].into();
        fed.org.set_settings(&Settings { holidays, ..Settings::default() }).unwrap();
        for day in [0, 2, 3] {
            let activity = fed.activity(day * DAY + 9 * HOUR, "ann", Channel::Stream, Kind::ListView);
            fed.observe(&activity);
        }
        fed.org.finish(&mut Vec::new());
        let (_, profile) = fed.org.profiles().next().unwrap();
        assert_eq!((profile.rhythm.hours_a_day(false), profile.rhythm.days()), (1.0, 4.0));
    }
}
