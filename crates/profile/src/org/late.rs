//! Activities of days that are closed: they count against their day.

use super::{Shared, connection, hours, rows};
use crate::calendar::LocalHour;
use crate::user::{Amended, ClosedDay, Day, Profile};
use model::{Activity, Feature};

/// Learns an activity of a closed day, and marks the day to be closed once more. Returns whether the account had no
/// activity on that day before.
///
/// The usual is that before the day for surfaces that the account used on it, and the present one for others.
pub(super) fn learn(
    profile: &mut Profile,
    shared: &mut Shared,
    activity: &Activity,
    hour: &LocalHour,
    is_observed: bool,
    features: &mut Vec<Feature>,
) -> bool {
    let kept = profile.closed.reopen(hour.day);
    let is_new = kept.is_none();
    let mut closed = kept.unwrap_or_else(|| {
        let mut day = Day::new(hour.day, hour.day_start, hour.is_weekend());
        day.is_closed = true;
        ClosedDay::new(Box::new(day))
    });
    let day = &mut closed.day;
    day.last_at = day.last_at.max(activity.event_time);
    if is_new {
        day.open_hour(hour.start, hour.hour);
    }
    if day.odd_hour.is_some_and(|odd| odd.of_week != hour.of_week()) {
        day.odd_hour = None;
    }
    let is_new_hour = is_new || day.hours & 1 << hour.hour == 0;
    if is_new_hour {
        day.hours |= 1 << hour.hour;
        hours::learn(profile, day, shared, hour, features);
    }
    day.late_hour = (hour.start != day.hour_start).then_some(hour.start);
    connection::learn(profile, day, shared, activity, features);
    rows::learn(profile, day, shared, activity, features);
    closed.amended = closed.amended.max(if is_observed { Amended::ByActivity } else { Amended::ByBackfill });
    let oldest = hour.day.saturating_sub(shared.kept_days);
    profile.closed.keep(closed, oldest);
    is_new
}
