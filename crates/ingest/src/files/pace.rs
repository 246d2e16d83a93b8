//! Plays files at the speed of their events, or at a multiple of it.

use model::{Activity, Timestamp};
use std::time::{Duration, Instant};

/// Decides which activities are due.
#[derive(Debug)]
pub(super) struct Pace {
    /// Seconds of event time per second; everything is due at once if `None`.
    speed: Option<f64>,
    /// Earlier activities are due at once.
    from: Timestamp,
    /// When the first activity that is not due at once was reached, and its time.
    started: Option<(Instant, Timestamp)>,
}

/// How often to check for due activities.
pub(super) const STEP: Duration = Duration::from_millis(20);

impl Pace {
    pub(super) fn new(speed: Option<f64>, from: Option<Timestamp>) -> Self {
        Self { speed, from: from.unwrap_or(Timestamp(i64::MIN)), started: None }
    }

    /// Returns how many activities are due at `now`; they are sorted by time.
    pub(super) fn due(&mut self, activities: &[Activity], now: Instant) -> usize {
        let Some(speed) = self.speed else { return activities.len() };
        let at_once = activities.iter().take_while(|activity| activity.event_time < self.from).count();
        if at_once > 0 {
            return at_once;
        }
        let Some(first) = activities.first() else { return 0 };
        let (started, origin) = *self.started.get_or_insert((now, first.event_time));
        let played = now.saturating_duration_since(started).as_secs_f64() * speed * 1_000.0;
        let clock = origin.plus(played as i64);
        activities.iter().take_while(|activity| activity.event_time <= clock).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Channel, Kind, OrgId, UserId, Uuid};

    fn at(seconds: i64) -> Activity {
        let (org, user) = (OrgId::new("org"), UserId::new("user"));
        Activity::new(Uuid::nil(), org, user, Timestamp(seconds * 1_000), Channel::Stored, Kind::Login)
    }

    #[test]
    fn earlier_activities_are_due_at_once_and_later_ones_at_their_time() {
        let activities: Vec<Activity> = [0, 50, 100, 160, 400].map(at).into();
        let mut pace = Pace::new(Some(60.0), Some(Timestamp(100_000)));
        let start = Instant::now();
        assert_eq!(pace.due(&activities, start), 2);
        assert_eq!(pace.due(&activities[2..], start), 1);
        assert_eq!(pace.due(&activities[3..], start), 0);
        assert_eq!(pace.due(&activities[3..], start + Duration::from_secs(1)), 1);
        assert_eq!(pace.due(&activities[4..], start + Duration::from_secs(4)), 0);
        assert_eq!(pace.due(&activities[4..], start + Duration::from_secs(5)), 1);
    }

    #[test]
    fn without_a_speed_everything_is_due() {
        assert_eq!(Pace::new(None, None).due(&[0, 1_000_000].map(at), Instant::now()), 2);
    }
}
