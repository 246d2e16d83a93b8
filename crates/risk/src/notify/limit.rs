//! Limits how many messages a destination gets. Time is an argument, counted from any fixed moment.

use std::time::Duration;

/// Length of a window: rates are per minute.
pub const WINDOW: Duration = Duration::from_secs(60);

/// Lets a number of items through per window, and gathers the others until the window ends, when they are sent together.
///
/// The gathered items count as the first message of the next window. A window begins with the first message after the
/// last window.
#[derive(Debug)]
pub struct Limiter<T> {
    per_window: u32,
    since: Option<Duration>,
    sent: u32,
    gathered: Vec<T>,
}

impl<T> Limiter<T> {
    /// Creates a limiter; `per_window` below 1 counts as 1.
    pub fn new(per_window: u32) -> Self {
        Self { per_window: per_window.max(1), since: None, sent: 0, gathered: Vec::new() }
    }

    /// Returns the item if it is to be sent now; otherwise it is gathered.
    pub fn offer(&mut self, item: T, now: Duration) -> Option<T> {
        self.begin(now);
        if self.sent < self.per_window {
            self.sent += 1;
            return Some(item);
        }
        self.gathered.push(item);
        None
    }

    /// Returns the gathered items once the window has ended; nothing before.
    pub fn close(&mut self, now: Duration) -> Vec<T> {
        if self.gathered.is_empty() || !self.has_ended(now) {
            return Vec::new();
        }
        self.since = Some(now);
        self.sent = 1;
        std::mem::take(&mut self.gathered)
    }

    /// Gathers everything until the end of this window, because the receiver has asked for a pause.
    pub fn pause(&mut self, now: Duration) {
        self.begin(now);
        self.sent = self.per_window;
    }

    /// Returns the gathered items at once, for a process that stops.
    pub fn drain(&mut self) -> Vec<T> {
        std::mem::take(&mut self.gathered)
    }

    /// Begins a window if the last one has ended and nothing is gathered; gathered items go first.
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
    fn items_beyond_the_rate_are_sent_at_the_end_of_the_window() {
        let mut limiter = Limiter::new(2);
        assert_eq!(limiter.offer("a", at(100)), Some("a"));
        assert_eq!(limiter.offer("b", at(110)), Some("b"));
        assert_eq!(limiter.offer("c", at(120)), None);
        assert_eq!(limiter.offer("d", at(159)), None);
        assert_eq!(limiter.close(at(159)), [""; 0]);
        // The window has ended, and the gathered items go first.
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
        /// Steps are (milliseconds since the step before, whether an item is offered); each step closes windows.
        #[test]
        fn no_item_is_lost_or_overtaken_and_the_rate_is_kept(
            rate in 1_u32..5,
            steps in prop::collection::vec((0_u64..20_000, any::<bool>()), 1..200),
        ) {
            let mut limiter = Limiter::new(rate);
            let mut now = Duration::ZERO;
            let mut offered = 0;
            let mut sent = Vec::new();
            let mut messages: Vec<Duration> = Vec::new();
            let mut waiting: Option<(Duration, Duration)> = None;
            for (gap, offers) in steps {
                let before = now;
                now += Duration::from_millis(gap);
                let gathered = limiter.close(now);
                if !gathered.is_empty() {
                    messages.push(now);
                    sent.extend(gathered);
                    // The first step after the end of the window closes it.
                    let (since, _) = waiting.take().unwrap();
                    prop_assert!(before.saturating_sub(since) < WINDOW);
                }
                if offers {
                    match limiter.offer(offered, now) {
                        Some(item) => {
                            prop_assert!(waiting.is_none(), "gathered items are not overtaken");
                            messages.push(now);
                            sent.push(item);
                        }
                        None => waiting = waiting.or(Some((now, now))),
                    }
                    offered += 1;
                }
            }
            sent.extend(limiter.drain());
            prop_assert_eq!(sent, (0..offered).collect::<Vec<_>>());
            // A minute overlaps at most two windows.
            for (index, first) in messages.iter().enumerate() {
                let within = messages[index..].iter().take_while(|later| **later - *first < WINDOW).count();
                prop_assert!(within <= 2 * rate as usize);
            }
        }
    }
}
