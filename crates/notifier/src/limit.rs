//! How many messages a channel gets. Pure: time is an argument, counted from any fixed moment.

use std::time::Duration;

pub(crate) const WINDOW: Duration = Duration::from_secs(60);

/// Lets so many through in a window, and gathers the others until its end, when they are to be told at once. That
/// counts as the first message of the next window. A window begins with the first message after the last one.
#[derive(Debug)]
pub(crate) struct Limiter<T> {
    per_window: u32,
    since: Option<Duration>,
    sent: u32,
    gathered: Vec<T>,
}

impl<T> Limiter<T> {
    /// At least one a window.
    pub(crate) fn new(per_window: u32) -> Self {
        Self { per_window: per_window.max(1), since: None, sent: 0, gathered: Vec::new() }
    }

    /// Gives it back if it is to be sent now.
    pub(crate) fn offer(&mut self, item: T, now: Duration) -> Option<T> {
        self.begin(now);
        if self.sent < self.per_window {
            self.sent += 1;
            return Some(item);
        }
        self.gathered.push(item);
        None
    }

    /// What was gathered, once the window has ended; empty before.
    pub(crate) fn close(&mut self, now: Duration) -> Vec<T> {
        if self.gathered.is_empty() || !self.has_ended(now) {
            return Vec::new();
        }
        self.since = Some(now);
        self.sent = 1;
        std::mem::take(&mut self.gathered)
    }

    /// Nothing more in this window: the receiver has asked for a pause.
    pub(crate) fn pause(&mut self, now: Duration) {
        self.begin(now);
        self.sent = self.per_window;
    }

    /// What was gathered, whatever the time is.
    pub(crate) fn drain(&mut self) -> Vec<T> {
        std::mem::take(&mut self.gathered)
    }

    /// Begins a window if there is none, except that what was gathered must go first.
    fn begin(&mut self, now: Duration) {
        if self.gathered.is_empty() && self.has_ended(now) {
            self.since = Some(now);
            self.sent = 0;
        }
    }

    fn has_ended(&self, now: Duration) -> bool {
        self.since.is_none_or(|since| now.saturating_sub(since) >= WINDOW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn what_is_beyond_the_rate_is_told_at_the_end_of_the_window() {
        let mut limiter = Limiter::new(2);
        assert_eq!(limiter.offer("a", at(100)), Some("a"));
        assert_eq!(limiter.offer("b", at(110)), Some("b"));
        assert_eq!(limiter.offer("c", at(120)), None);
        assert_eq!(limiter.offer("d", at(159)), None);
        assert_eq!(limiter.close(at(159)), [""; 0]);
        // The window has ended, and its digest goes first.
        assert_eq!(limiter.offer("e", at(160)), None);
        assert_eq!(limiter.close(at(160)), ["c", "d", "e"]);
        assert_eq!(limiter.offer("f", at(161)), Some("f"));
        assert_eq!(limiter.offer("g", at(162)), None);
        assert_eq!(limiter.close(at(220)), ["g"]);
        assert_eq!(limiter.close(at(400)), [""; 0]);
        assert_eq!(limiter.offer("h", at(400)), Some("h"));
    }

    #[test]
    fn a_pause_gathers_until_the_end_of_the_window() {
        let mut limiter = Limiter::new(5);
        limiter.pause(at(0));
        assert_eq!(limiter.offer("a", at(1)), None);
        assert_eq!(limiter.close(at(59)), [""; 0]);
        assert_eq!(limiter.close(at(60)), ["a"]);
        assert_eq!(limiter.offer("b", at(61)), Some("b"));
        limiter.pause(at(62));
        assert_eq!(limiter.offer("c", at(63)), None);
        assert_eq!(limiter.drain(), ["c"]);
    }

    proptest! {
        /// Steps of (milliseconds since the step before, whether something is offered); windows are closed every step.
        #[test]
        fn nothing_is_lost_nor_waits_long_and_the_rate_is_kept(
            rate in 1_u32..5,
            steps in prop::collection::vec((0_u64..20_000, any::<bool>()), 1..200),
        ) {
            let mut limiter = Limiter::new(rate);
            let mut now = Duration::ZERO;
            let mut offered = 0;
            let mut told = Vec::new();
            let mut messages: Vec<Duration> = Vec::new();
            let mut waiting: Option<(Duration, Duration)> = None;
            for (gap, offers) in steps {
                let before = now;
                now += Duration::from_millis(gap);
                let gathered = limiter.close(now);
                if !gathered.is_empty() {
                    messages.push(now);
                    told.extend(gathered);
                    // Closed at the first opportunity after the window's end.
                    let (since, _) = waiting.take().unwrap();
                    prop_assert!(before.saturating_sub(since) < WINDOW);
                }
                if offers {
                    match limiter.offer(offered, now) {
                        Some(item) => {
                            prop_assert!(waiting.is_none(), "nothing overtakes what was gathered");
                            messages.push(now);
                            told.push(item);
                        }
                        None => waiting = waiting.or(Some((now, now))),
                    }
                    offered += 1;
                }
            }
            told.extend(limiter.drain());
            prop_assert_eq!(told, (0..offered).collect::<Vec<_>>());
            // No half-open minute can hold more than the end of one window and the beginning of the next.
            for (index, first) in messages.iter().enumerate() {
                let within = messages[index..].iter().take_while(|later| **later - *first < WINDOW).count();
                prop_assert!(within <= 2 * rate as usize);
            }
        }
    }
}
