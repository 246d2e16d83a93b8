//! Delays between attempts.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// An endless iterator of delays. Each is drawn evenly from zero to a ceiling that doubles from `base` up to `cap`, so
/// that many clients that failed together do not return together ("full jitter", AWS Architecture Blog, "Exponential
/// Backoff And Jitter"). `take` limits the attempts.
#[derive(Clone, Debug)]
pub struct Backoff<R> {
    base: Duration,
    cap: Duration,
    ceiling: Duration,
    random: R,
}

/// Delays without jitter, from [`Backoff::steady`].
pub type SteadyBackoff = Backoff<fn() -> f64>;

impl SteadyBackoff {
    /// Returns delays without jitter: `base`, doubled each time up to `cap`.
    pub fn steady(base: Duration, cap: Duration) -> Self {
        Self::new(base, cap, || 1.0)
    }
}

impl<R: FnMut() -> f64> Backoff<R> {
    /// `random` returns numbers from 0 to 1, such as [`random`]; others are clamped. A `cap` below `base` is raised to
    /// it.
    pub fn new(base: Duration, cap: Duration, random: R) -> Self {
        Self { base, cap: cap.max(base), ceiling: base, random }
    }

    /// Starts again at the base. Call it after a success.
    pub fn reset(&mut self) {
        self.ceiling = self.base;
    }

    /// Returns the next delay.
    pub fn delay(&mut self) -> Duration {
        let drawn = (self.random)();
        // NaN counts as the longest wait.
        let part = if drawn.is_nan() { 1.0 } else { drawn.clamp(0.0, 1.0) };
        let delay = Duration::try_from_secs_f64(self.ceiling.as_secs_f64() * part).unwrap_or(self.cap);
        let delay = delay.min(self.ceiling);
        self.ceiling = self.ceiling.saturating_mul(2).min(self.cap);
        delay
    }
}

impl<R: FnMut() -> f64> Iterator for Backoff<R> {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(self.delay())
    }
}

/// Delays between attempts that are counted elsewhere, such as in a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempts {
    /// The highest delay after the first attempt.
    pub base: Duration,
    /// The highest delay after any attempt.
    pub cap: Duration,
    /// The most attempts.
    pub most: u32,
}

impl Attempts {
    /// Returns the delay after `attempt` (from 1) has failed; `None` if it was the last one.
    ///
    /// The delay is that of [`Backoff`], drawn by `random` from 0 to 1, but at least `asked`, the delay that the other side
    /// asks for, up to the cap.
    pub fn delay(&self, attempt: u32, asked: Option<Duration>, random: f64) -> Option<Duration> {
        /// Doublings that take a nanosecond to 584 years, beyond any cap.
        const DOUBLINGS: usize = 64;
        if attempt >= self.most {
            return None;
        }
        let doublings = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX).min(DOUBLINGS);
        let drawn = Backoff::new(self.base, self.cap, || random).nth(doublings)?;
        Some(drawn.max(asked.unwrap_or_default()).min(self.cap))
    }
}

/// Returns a number from 0 to 1 (exclusive). It is good enough to spread clients in time, not for statistics or
/// secrets.
pub fn random() -> f64 {
    // Every `RandomState` has different keys, seeded by the system once per thread.
    let bits = RandomState::new().hash_one(0_u8);
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seconds(random: f64) -> Vec<u64> {
        let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(10), || random);
        backoff.take(6).map(|delay| delay.as_secs()).collect()
    }

    #[test]
    fn the_ceiling_doubles_up_to_the_cap() {
        assert_eq!(seconds(1.0), [1, 2, 4, 8, 10, 10]);
        assert_eq!(seconds(0.5), [0, 1, 2, 4, 5, 5]);
        assert_eq!(seconds(f64::NAN), seconds(1.0));
    }

    #[test]
    fn steady_delays_have_no_jitter() {
        let backoff = Backoff::steady(Duration::from_millis(50), Duration::from_secs(5));
        let milliseconds: Vec<u128> = backoff.take(9).map(|delay| delay.as_millis()).collect();
        assert_eq!(milliseconds, [50, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
    }

    #[test]
    fn a_reset_starts_at_the_base() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(10), || 1.0);
        assert_eq!(backoff.by_ref().take(3).last(), Some(Duration::from_secs(4)));
        backoff.reset();
        assert_eq!(backoff.next(), Some(Duration::from_secs(1)));
    }

    const DELIVERY: Attempts = Attempts { base: Duration::from_secs(30), cap: Duration::from_secs(3_600), most: 8 };

    #[test]
    fn counted_attempts_have_growing_delays_and_an_end() {
        let seconds = |attempt| DELIVERY.delay(attempt, None, 1.0).map(|delay| delay.as_secs());
        let all: Vec<_> = (1..=8).map(seconds).collect();
        let expect = [Some(30), Some(60), Some(120), Some(240), Some(480), Some(960), Some(1_920), None];
        assert_eq!(all, expect);
        assert_eq!(Attempts { most: 1, ..DELIVERY }.delay(1, None, 1.0), None);
    }

    #[test]
    fn the_other_side_may_ask_for_more_up_to_the_cap() {
        let asked = |seconds| DELIVERY.delay(1, Some(Duration::from_secs(seconds)), 0.5).map(|delay| delay.as_secs());
        assert_eq!(asked(5), Some(15));
        assert_eq!(asked(100), Some(100));
        assert_eq!(asked(u64::MAX), Some(3_600));
    }

    #[test]
    fn random_numbers_differ_and_fill_the_range() {
        let drawn: Vec<f64> = (0..1_000).map(|_| random()).collect();
        assert!(drawn.iter().all(|number| (0.0..1.0).contains(number)));
        assert!(drawn.iter().any(|number| *number < 0.1) && drawn.iter().any(|number| *number > 0.9));
    }

    proptest! {
        #[test]
        fn delays_of_counted_attempts_are_bounded(attempt: u32, most: u32, asked: Option<Duration>, random: f64) {
            let attempts = Attempts { most, ..DELIVERY };
            let delay = attempts.delay(attempt, asked, random);
            prop_assert_eq!(delay.is_none(), attempt >= most);
            prop_assert!(delay.is_none_or(|delay| delay <= attempts.cap));
        }

        #[test]
        fn delays_are_bounded(
            base in any::<Duration>(),
            cap in any::<Duration>(),
            draws in proptest::collection::vec(any::<f64>(), 1..100),
        ) {
            let mut ceiling = base;
            let mut numbers = draws.clone().into_iter();
            for delay in Backoff::new(base, cap, || numbers.next().unwrap_or(1.0)).take(draws.len()) {
                prop_assert!(delay <= ceiling && delay <= cap.max(base));
                ceiling = ceiling.saturating_mul(2);
            }
        }
    }
}
