//! When a message that was not taken is sent again.

use runtime::retry::Backoff;
use std::time::Duration;

/// With the default of eight attempts, the last is made half an hour after the first on average.
const BASE: Duration = Duration::from_secs(30);
const CAP: Duration = Duration::from_secs(3_600);

/// How long to wait after `attempt` (from 1) has failed; `None` gives up.
///
/// Evenly from zero to a ceiling that doubles with each attempt, by `random` from 0 to 1; at least what the receiver
/// asks for, up to an hour.
pub(crate) fn delay(attempt: u32, max_attempts: u32, asked: Option<Duration>, random: f64) -> Option<Duration> {
    if attempt >= max_attempts {
        return None;
    }
    let doublings = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX).min(LONG);
    let drawn = Backoff::new(BASE, CAP, || random).nth(doublings)?;
    Some(drawn.max(asked.unwrap_or_default()).min(CAP))
}

/// After so many doublings the cap is long reached.
const LONG: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn delays_grow_and_end() {
        let seconds = |attempt| delay(attempt, 8, None, 1.0).map(|delay| delay.as_secs());
        let all: Vec<_> = (1..=8).map(seconds).collect();
        let expect = [Some(30), Some(60), Some(120), Some(240), Some(480), Some(960), Some(1_920), None];
        assert_eq!(all, expect);
        assert_eq!(delay(1, 1, None, 1.0), None);
    }

    #[test]
    fn the_receiver_may_ask_for_more_but_not_for_ever() {
        let asked = |seconds| delay(1, 8, Some(Duration::from_secs(seconds)), 0.5).map(|delay| delay.as_secs());
        assert_eq!(asked(5), Some(15));
        assert_eq!(asked(100), Some(100));
        assert_eq!(asked(u64::MAX), Some(3_600));
    }

    proptest! {
        #[test]
        fn delays_are_bounded(attempt: u32, max_attempts: u32, asked: Option<Duration>, random: f64) {
            let delay = delay(attempt, max_attempts, asked, random);
            prop_assert_eq!(delay.is_none(), attempt >= max_attempts);
            prop_assert!(delay.is_none_or(|delay| delay <= CAP));
        }
    }
}
