//! Playing files at the speed at which things happened, or a multiple of it.

use model::{Activity, Timestamp};
use std::time::{Duration, Instant};

/// Which activities are due by now.
#[derive(Debug)]
pub(super) struct Pace {
    /// Event seconds a second; `None`: everything is due.
    speed: Option<f64>,
    /// What happened before it is due at once.
    from: Timestamp,
    /// When the first that is not due at once was met.
    started: Option<(Instant, Timestamp)>,
}

/// As often as it is looked for what is due.
pub(super) const STEP: Duration = Duration::from_millis(20);

impl Pace {
    pub(super) fn new(speed: Option<f64>, from: Option<Timestamp>) -> Self {
        Self { speed, from: from.unwrap_or(Timestamp(i64::MIN)), started: None }
    }

    /// How many of the first activities, which are in the order of their time, are due.
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
    fn history_is_due_at_once_and_the_rest_at_its_time() {
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
