//! The org's clock.

use crate::settings::Speed;
use model::Timestamp;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// A clock that runs at the org's speed and never goes back.
#[derive(Debug)]
pub(crate) struct Clock {
    speed: Speed,
    anchor: Mutex<Anchor>,
}

#[derive(Debug)]
struct Anchor {
    /// The org's time at the real time `set`, from which the present time is computed.
    time: Timestamp,
    set: Instant,
}

impl Clock {
    pub(crate) fn new(speed: Speed, start: Timestamp) -> Self {
        Self { speed, anchor: Mutex::new(Anchor { time: start, set: Instant::now() }) }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.read(&self.anchor.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sets the clock forward to `time`. A later clock stays unchanged.
    pub(crate) fn advance_to(&self, time: Timestamp) {
        let mut anchor = self.anchor.lock().unwrap_or_else(PoisonError::into_inner);
        if self.read(&anchor) < time {
            *anchor = Anchor { time, set: Instant::now() };
        }
    }

    /// Returns the real time until the clock reaches `time`; `None` if the clock does not run by itself.
    pub(crate) fn until(&self, time: Timestamp) -> Option<Duration> {
        let Speed::Factor(factor) = self.speed else { return None };
        let milliseconds = time.since(self.now()).max(0) as f64 / factor;
        // One millisecond more, since the present time was rounded down.
        Some(Duration::from_secs_f64((milliseconds + 1.0).clamp(1.0, 1e9) / 1e3))
    }

    fn read(&self, anchor: &Anchor) -> Timestamp {
        match self.speed {
            Speed::Factor(factor) => anchor.time.plus((anchor.set.elapsed().as_secs_f64() * 1e3 * factor) as i64),
            Speed::Instant | Speed::Manual => anchor.time,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_clock_runs_at_its_factor_and_can_be_set_forward() {
        let clock = Clock::new(Speed::Factor(60.0), Timestamp(1_000));
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(clock.now(), Timestamp(121_000));
        assert_eq!(clock.until(Timestamp(181_000)), Some(Duration::from_millis(1_001)));
        clock.advance_to(Timestamp(500_000));
        clock.advance_to(Timestamp(400_000));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(clock.now(), Timestamp(560_000));
    }

    #[tokio::test(start_paused = true)]
    async fn a_manual_clock_stands_still() {
        let clock = Clock::new(Speed::Manual, Timestamp(1_000));
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!((clock.now(), clock.until(Timestamp(2_000))), (Timestamp(1_000), None));
    }
}
