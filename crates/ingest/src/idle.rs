//! Watermarks of orgs that push nothing, so that what is open is judged once more. They close nothing.

use model::time::HOUR;
use model::{OrgId, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;

/// Decides when the watermark of a silent org moves on: when it has been silent for its limit, and then in each new
/// hour, until what was open at the latest push has ended. Pure: `now` is always an argument.
#[derive(Debug, Default)]
pub(crate) struct Idle {
    orgs: BTreeMap<OrgId, Silence>,
}

#[derive(Debug)]
struct Silence {
    /// The limit in milliseconds.
    limit: i64,
    heard: Timestamp,
    /// The latest watermark since then, which is the last one if it is [`Silence::is_over`].
    watermark: Option<Timestamp>,
}

impl Idle {
    /// Begins to watch an org. It counts as heard at `now`, so that what was open before, as at a restart, is judged even
    /// if it never pushes again.
    pub(crate) fn watch(&mut self, org: OrgId, limit: Duration, now: Timestamp) {
        let limit = i64::try_from(limit.as_millis()).unwrap_or(i64::MAX);
        self.orgs.insert(org, Silence { limit, heard: now, watermark: None });
    }

    /// Records that an org has pushed. Orgs that are not watched are ignored.
    pub(crate) fn heard(&mut self, org: &OrgId, now: Timestamp) {
        if let Some(silence) = self.orgs.get_mut(org) {
            silence.heard = silence.heard.max(now);
            silence.watermark = None;
        }
    }

    /// Returns the watermarks that are due; each is returned once.
    pub(crate) fn due(&mut self, now: Timestamp) -> Vec<(OrgId, Timestamp)> {
        let due = |(org, silence): (&OrgId, &mut Silence)| {
            if now.since(silence.heard) < silence.limit || silence.is_over() {
                return None;
            }
            let watermark = now.plus(silence.limit.saturating_neg());
            if silence.watermark.is_some_and(|last| hour(last) >= hour(watermark)) {
                return None;
            }
            silence.watermark = Some(watermark);
            Some((org.clone(), watermark))
        };
        self.orgs.iter_mut().filter_map(due).collect()
    }
}

impl Silence {
    /// Returns whether a watermark lies more than an hour and the limit behind the latest push. The hour that this push
    /// has opened has then ended, and is judged once.
    fn is_over(&self) -> bool {
        self.watermark.is_some_and(|last| last.since(self.heard) > HOUR.saturating_add(self.limit))
    }
}

fn hour(time: Timestamp) -> i64 {
    time.0.div_euclid(HOUR)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::time::MINUTE;
    use proptest::prelude::*;

    const FIVE: Duration = Duration::from_secs(300);

    fn org() -> OrgId {
        OrgId::new("00D000000000001EAA")
    }

    fn watched(now: i64) -> Idle {
        let mut idle = Idle::default();
        idle.watch(org(), FIVE, Timestamp(now * MINUTE));
        idle
    }

    /// Minutes from `from` to `to` at which a watermark is due, each with the minute of the watermark.
    fn due(idle: &mut Idle, from: i64, to: i64) -> Vec<(i64, i64)> {
        let at = |now| idle.due(Timestamp(now * MINUTE)).into_iter().map(move |(_, mark)| (now, mark.0 / MINUTE));
        (from..to).flat_map(at).collect()
    }

    #[test]
    fn a_watermark_is_due_once_and_then_every_hour_until_the_open_hour_has_ended() {
        let mut idle = watched(10);
        assert_eq!(due(&mut idle, 10, 200), [(15, 10), (65, 60), (125, 120)]);
        assert_eq!(due(&mut idle, 200, 5_000), []);
        idle.heard(&org(), Timestamp(5_000 * MINUTE));
        assert_eq!(due(&mut idle, 5_000, 9_000), [(5_005, 5_000), (5_045, 5_040), (5_105, 5_100)]);
    }

    #[test]
    fn a_long_limit_is_waited_for_once() {
        let mut idle = Idle::default();
        idle.watch(org(), Duration::from_secs(6 * 3_600), Timestamp(30 * MINUTE));
        let marks = due(&mut idle, 0, 5_000);
        assert_eq!(marks.first(), Some(&(390, 30)));
        assert_eq!(marks.last(), Some(&(840, 480)));
    }

    #[test]
    fn an_org_that_pushes_is_not_silent() {
        let mut idle = watched(0);
        for minute in 0..100 {
            idle.heard(&org(), Timestamp(minute * MINUTE));
            assert_eq!(due(&mut idle, minute, minute + 5), []);
        }
        assert_eq!(due(&mut idle, 104, 110), [(104, 99)]);
    }

    #[test]
    fn an_org_that_is_not_watched_is_ignored() {
        let mut idle = Idle::default();
        idle.heard(&org(), Timestamp(0));
        assert_eq!(idle.due(Timestamp(i64::MAX)), []);
    }

    proptest! {
        #[test]
        fn watermarks_grow_in_silence_and_stay_behind_the_latest_push(
            steps in prop::collection::vec((0_i64..20, prop::bool::weighted(0.2)), 0..200),
        ) {
            let mut idle = watched(0);
            let (mut now, mut heard, mut last) = (0, 0, i64::MIN);
            for (minutes, pushes) in steps {
                now += minutes;
                if pushes {
                    idle.heard(&org(), Timestamp(now * MINUTE));
                    heard = now;
                }
                for (_, mark) in idle.due(Timestamp(now * MINUTE)) {
                    prop_assert!(now - heard >= 5);
                    prop_assert_eq!(mark.0, (now - 5) * MINUTE);
                    prop_assert!(mark.0 >= last);
                    prop_assert!(last <= (heard + 65) * MINUTE, "an earlier one was the last of this silence");
                    last = mark.0;
                }
                prop_assert!(now - heard < 130 || last >= (heard + 60) * MINUTE, "the open hour is judged");
            }
        }
    }
}
