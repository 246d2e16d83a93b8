//! Late activities: of days that are closed, and of earlier hours of the open day. They count in their hour and day.

use super::{Shared, composition, connection, hours, rows};
use crate::calendar::LocalHour;
use crate::user::{Amended, ClosedDay, Day, OddHour, Profile};
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
    let kept = profile.reopen(hour.day);
    let is_new = kept.is_none();
    let mut closed = kept.unwrap_or_else(|| {
        let mut day = Day::new(hour.day, hour.day_start, shared.holidays.is_weekend(hour.day));
        day.is_closed = true;
        ClosedDay::new(Box::new(day))
    });
    let day = &mut closed.day;
    day.last_at = day.last_at.max(activity.event_time);
    if is_new {
        day.hour_start = hour.start;
    }
    let present = enter_hour(profile, day, shared, hour, features);
    connection::learn(profile, day, shared, activity, features);
    rows::learn(profile, day, shared, activity, features);
    composition::observe(day, features);
    leave_hour(profile, day, present, true, features);
    closed.amended = closed.amended.max(if is_observed { Amended::ByActivity } else { Amended::ByBackfill });
    let oldest = hour.day.saturating_sub(shared.kept_days);
    profile.keep(closed, oldest);
    is_new
}

/// Prepares a day for a late activity: judges its hour if the account had none in it, and has its work count in it. Returns
/// the present hour of the day if that is an unusual one, for [`leave_hour`].
pub(super) fn enter_hour(
    profile: &Profile,
    day: &mut Day,
    shared: &Shared,
    hour: &LocalHour,
    features: &mut Vec<Feature>,
) -> Option<OddHour> {
    let present = day.odd_hour.take();
    let is_of_hour = |odd: &OddHour| odd.of_week == hour.of_week();
    day.odd_hour = day.more.odd_hours.iter().position(is_of_hour).map(|index| day.more.odd_hours.remove(index));
    if day.hours & 1 << hour.hour == 0 {
        day.hours |= 1 << hour.hour;
        hours::learn(profile, day, shared, hour, features);
    }
    day.late_hour = (hour.start != day.hour_start).then_some(hour.start);
    present
}

/// Leaves the hour of a late activity for the present one. An unusual hour that is over is judged again, with all its work.
pub(super) fn leave_hour(
    profile: &Profile,
    day: &mut Day,
    present: Option<OddHour>,
    is_over: bool,
    features: &mut Vec<Feature>,
) {
    if let Some(odd) = day.odd_hour.take() {
        if is_over {
            features.retain(|feature| !matches!(feature, Feature::Hour(_)));
            features.push(hours::feature(&odd, profile));
        }
        day.more.odd_hours.push(odd);
    }
    day.odd_hour = present;
}
