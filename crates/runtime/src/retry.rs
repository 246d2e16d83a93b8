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

    #[test]
    fn random_numbers_differ_and_fill_the_range() {
        let drawn: Vec<f64> = (0..1_000).map(|_| random()).collect();
        assert!(drawn.iter().all(|number| (0.0..1.0).contains(number)));
        assert!(drawn.iter().any(|number| *number < 0.1) && drawn.iter().any(|number| *number > 0.9));
    }

    proptest! {
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
