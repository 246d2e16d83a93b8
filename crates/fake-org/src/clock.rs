//! The org's time.

use crate::settings::Speed;
use model::Timestamp;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Never goes back.
#[derive(Debug)]
pub(crate) struct Clock {
    speed: Speed,
    hands: Mutex<Hands>,
}

#[derive(Debug)]
struct Hands {
    /// The org's time at the real time `set`.
    time: Timestamp,
    set: Instant,
}

impl Clock {
    pub(crate) fn new(speed: Speed, start: Timestamp) -> Self {
        Self { speed, hands: Mutex::new(Hands { time: start, set: Instant::now() }) }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.read(&self.hands.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sets it forward to `time`; leaves it as it is when it is later already.
    pub(crate) fn advance_to(&self, time: Timestamp) {
        let mut hands = self.hands.lock().unwrap_or_else(PoisonError::into_inner);
        if self.read(&hands) < time {
            *hands = Hands { time, set: Instant::now() };
        }
    }

    /// How long it takes in real time until `time`; `None` where time does not pass by itself.
    pub(crate) fn until(&self, time: Timestamp) -> Option<Duration> {
        let Speed::Factor(factor) = self.speed else { return None };
        let milliseconds = time.since(self.now()).max(0) as f64 / factor;
        // A millisecond more, for the rest that milliseconds do not count.
        Some(Duration::from_secs_f64((milliseconds + 1.0).clamp(1.0, 1e9) / 1e3))
    }

    fn read(&self, hands: &Hands) -> Timestamp {
        match self.speed {
            Speed::Factor(factor) => hands.time.plus((hands.set.elapsed().as_secs_f64() * 1e3 * factor) as i64),
            Speed::Instant | Speed::Manual => hands.time,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn passes_at_its_factor_and_can_be_set_forward() {
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
    async fn stands_still_by_hand() {
        let clock = Clock::new(Speed::Manual, Timestamp(1_000));
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!((clock.now(), clock.until(Timestamp(2_000))), (Timestamp(1_000), None));
    }
}
