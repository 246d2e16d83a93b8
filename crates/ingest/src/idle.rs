//! Orgs that have fallen silent: their hours end all the same.

use model::time::HOUR;
use model::{OrgId, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;

/// Says when the watermark of an org that pushes nothing moves on: once it is silent for long enough, and then with
/// each new hour. Pure: `now` is always an argument.
#[derive(Debug, Default)]
pub(crate) struct Idle {
    orgs: BTreeMap<OrgId, Silence>,
}

#[derive(Debug)]
struct Silence {
    /// How long it may last, in milliseconds.
    most: i64,
    heard: Timestamp,
    /// The watermark that was told since then.
    told: Option<Timestamp>,
}

impl Idle {
    /// An org counts as heard when it is first known, so that its hours also end if it never pushes.
    pub(crate) fn watch(&mut self, org: OrgId, most: Duration, now: Timestamp) {
        let most = i64::try_from(most.as_millis()).unwrap_or(i64::MAX);
        self.orgs.insert(org, Silence { most, heard: now, told: None });
    }

    /// The org has pushed something. One that is not watched is ignored.
    pub(crate) fn heard(&mut self, org: &OrgId, now: Timestamp) {
        if let Some(silence) = self.orgs.get_mut(org) {
            silence.heard = silence.heard.max(now);
            silence.told = None;
        }
    }

    /// The watermarks that are due, each to be told once.
    pub(crate) fn due(&mut self, now: Timestamp) -> Vec<(OrgId, Timestamp)> {
        let due = |(org, silence): (&OrgId, &mut Silence)| {
            if now.since(silence.heard) < silence.most {
                return None;
            }
            let watermark = now.plus(silence.most.saturating_neg());
            if silence.told.is_some_and(|told| hour(told) >= hour(watermark)) {
                return None;
            }
            silence.told = Some(watermark);
            Some((org.clone(), watermark))
        };
        self.orgs.iter_mut().filter_map(due).collect()
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

    /// Minutes at which a watermark is told, with the minute it says, from `from` to `to`.
    fn told(idle: &mut Idle, from: i64, to: i64) -> Vec<(i64, i64)> {
        let at = |now| idle.due(Timestamp(now * MINUTE)).into_iter().map(move |(_, mark)| (now, mark.0 / MINUTE));
        (from..to).flat_map(at).collect()
    }

    #[test]
    fn silence_is_told_once_and_then_by_the_hour() {
        let mut idle = watched(10);
        assert_eq!(told(&mut idle, 10, 200), [(15, 10), (65, 60), (125, 120), (185, 180)]);
    }

    #[test]
    fn who_pushes_is_not_silent() {
        let mut idle = watched(0);
        for minute in 0..100 {
            idle.heard(&org(), Timestamp(minute * MINUTE));
            assert_eq!(told(&mut idle, minute, minute + 5), []);
        }
        assert_eq!(told(&mut idle, 104, 110), [(104, 99)]);
    }

    #[test]
    fn who_is_not_watched_is_ignored() {
        let mut idle = Idle::default();
        idle.heard(&org(), Timestamp(0));
        assert_eq!(idle.due(Timestamp(i64::MAX)), []);
    }

    proptest! {
        #[test]
        fn watermarks_grow_while_silent_and_never_pass_what_was_heard_lately(
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
                    last = mark.0;
                }
            }
        }
    }
}
