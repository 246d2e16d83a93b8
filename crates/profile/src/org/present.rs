//! Activities of the open day, in order or a little late.

use super::{Shared, composition, connection, hours, late, rows};
use crate::calendar::LocalHour;
use crate::user::{Day, Profile};
use model::{Activity, Feature};

/// What an activity has begun for its account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Begun {
    pub(super) day: bool,
    pub(super) hour: bool,
}

/// Learns an activity of the open day, or of a day that it opens. `open` is the org's open hour.
pub(super) fn learn(
    profile: &mut Profile,
    shared: &mut Shared,
    activity: &Activity,
    hour: &LocalHour,
    open: Option<LocalHour>,
    features: &mut Vec<Feature>,
) -> Begun {
    let mut begun = Begun { day: profile.day.is_none(), hour: false };
    if begun.day {
        rows::open_day(profile, shared);
    }
    let mut day = profile
        .day
        .take()
        .unwrap_or_else(|| Box::new(Day::new(hour.day, hour.day_start, shared.holidays.is_weekend(hour.day))));
    day.last_at = day.last_at.max(activity.event_time);
    if day.hour_start < hour.start {
        begun.hour = true;
        day.open_hour(hour.start, hour.hour);
        hours::learn(profile, &mut day, shared, hour, features);
    }
    day.late_hour = None;
    let present = (hour.start < day.hour_start).then(|| late::enter_hour(profile, &mut day, shared, hour, features));
    connection::learn(profile, &mut day, shared, activity, features);
    rows::learn(profile, &mut day, shared, activity, features);
    composition::observe(&mut day, features);
    if let Some(present) = present {
        let is_over = open.is_some_and(|open| open.start > hour.start);
        late::leave_hour(profile, &mut day, present, is_over, features);
    }
    profile.day = Some(day);
    begun
}
