//! Limits how many messages a destination gets. Time is an argument, counted from any fixed moment.

use std::time::Duration;

/// Length of a window: rates are per minute.
pub const WINDOW: Duration = Duration::from_secs(60);

/// Lets a number of items through per window. The others are gathered until the window ends, when they are sent together,
/// or wait for a later window.
///
/// The gathered items count as the first message of the next window, unless it is full of items that have waited: then they
/// are one message beyond the rate. A window begins with the first message after the last window.
#[derive(Debug)]
pub struct Limiter<T> {
    per_window: u32,
    since: Option<Duration>,
    sent: u32,
    /// Messages of this window that are kept for items that have waited.
    held: u32,
    /// Items that were asked to wait for a later window than this.
    waiting: u32,
    gathered: Vec<T>,
}

/// How an item may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Alone or gathered.
    Gather,
    /// Only alone.
    Alone,
    /// Only alone, and it has waited before: it goes before all others.
    Waited,
}

/// The decision about an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offered<T> {
    /// Send it now.
    Send(T),
    /// [`Limiter::close`] returns it later.
    Gathered,
    /// Offer it again as [`Turn::Waited`] after this time.
    Wait(T, Duration),
}

impl<T> Limiter<T> {
    /// Creates a limiter; `per_window` below 1 counts as 1.
    pub fn new(per_window: u32) -> Self {
        Self { per_window: per_window.max(1), since: None, sent: 0, held: 0, waiting: 0, gathered: Vec::new() }
    }

    /// Decides about an item.
    pub fn offer(&mut self, item: T, turn: Turn, now: Duration) -> Offered<T> {
        if self.gathered.is_empty() && self.has_ended(now) {
            self.begin(now);
        }
        let free = self.per_window.saturating_sub(self.sent);
        let has_waited = turn == Turn::Waited;
        if free > if has_waited { 0 } else { self.held } {
            self.sent += 1;
            self.held -= u32::from(has_waited).min(self.held);
            return Offered::Send(item);
        }
        if turn == Turn::Gather {
            self.gathered.push(item);
            return Offered::Gathered;
        }
        let windows = self.waiting / self.per_window;
        self.waiting = self.waiting.saturating_add(1);
        let end = self.since.map_or(Duration::ZERO, |since| (since + WINDOW).saturating_sub(now));
        Offered::Wait(item, end + WINDOW.saturating_mul(windows))
    }

    /// Returns the gathered items once the window has ended; nothing before.
    pub fn close(&mut self, now: Duration) -> Vec<T> {
        if self.gathered.is_empty() || !self.has_ended(now) {
            return Vec::new();
        }
        self.begin(now);
        self.sent = u32::from(self.held < self.per_window);
        std::mem::take(&mut self.gathered)
    }

    /// Lets nothing through until the end of this window, because the receiver has asked for a pause.
    pub fn pause(&mut self, now: Duration) {
        if self.gathered.is_empty() && self.has_ended(now) {
            self.begin(now);
        }
        self.sent = self.per_window;
    }

    /// Returns the gathered items at once, for a process that stops.
    pub fn drain(&mut self) -> Vec<T> {
        std::mem::take(&mut self.gathered)
    }

    /// Begins a window. Items that waited for one that has passed meanwhile were sent by another process.
    fn begin(&mut self, now: Duration) {
        let passed = self.since.map_or(0, |since| now.saturating_sub(since).as_secs() / WINDOW.as_secs());
        let missed = u32::try_from(passed.saturating_sub(1)).unwrap_or(u32::MAX);
        self.waiting = self.waiting.saturating_sub(self.per_window.saturating_mul(missed));
        self.held = self.waiting.min(self.per_window);
        self.waiting -= self.held;
        self.since = Some(now);
        self.sent = 0;
    }

    fn has_ended(&self, now: Duration) -> bool {
        self.since.is_none_or(|since| now.saturating_sub(since) >= WINDOW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn gather<T>(limiter: &mut Limiter<T>, item: T, seconds: u64) -> Offered<T> {
        limiter.offer(item, Turn::Gather, at(seconds))
    }

    #[test]
    fn items_beyond_the_rate_are_sent_at_the_end_of_the_window() {
        let mut limiter = Limiter::new(2);
        assert_eq!(gather(&mut limiter, "a", 100), Offered::Send("a"));
        assert_eq!(gather(&mut limiter, "b", 110), Offered::Send("b"));
        assert_eq!(gather(&mut limiter, "c", 120), Offered::Gathered);
        assert_eq!(gather(&mut limiter, "d", 159), Offered::Gathered);
        assert_eq!(limiter.close(at(159)), [""; 0]);
        // The window has ended, and the gathered items go first.
        assert_eq!(gather(&mut limiter, "e", 160), Offered::Gathered);
        assert_eq!(limiter.close(at(160)), ["c", "d", "e"]);
        assert_eq!(gather(&mut limiter, "f", 161), Offered::Send("f"));
        assert_eq!(gather(&mut limiter, "g", 162), Offered::Gathered);
        assert_eq!(limiter.close(at(220)), ["g"]);
        assert_eq!(limiter.close(at(400)), [""; 0]);
        assert_eq!(gather(&mut limiter, "h", 400), Offered::Send("h"));
    }

    #[test]
    fn a_pause_lasts_until_the_end_of_the_window() {
        let mut limiter = Limiter::new(5);
        limiter.pause(at(0));
        assert_eq!(gather(&mut limiter, "a", 1), Offered::Gathered);
        assert_eq!(limiter.offer("x", Turn::Alone, at(1)), Offered::Wait("x", at(59)));
        assert_eq!(limiter.close(at(59)), [""; 0]);
        assert_eq!(limiter.close(at(60)), ["a"]);
        assert_eq!(limiter.offer("x", Turn::Waited, at(60)), Offered::Send("x"));
        assert_eq!(gather(&mut limiter, "b", 61), Offered::Send("b"));
        limiter.pause(at(62));
        assert_eq!(gather(&mut limiter, "c", 63), Offered::Gathered);
        assert_eq!(limiter.drain(), ["c"]);
    }

    #[test]
    fn what_must_go_alone_waits_and_then_goes_first() {
        let mut limiter = Limiter::new(1);
        assert_eq!(gather(&mut limiter, 0, 0), Offered::Send(0));
        assert_eq!(limiter.offer(1, Turn::Alone, at(10)), Offered::Wait(1, at(50)));
        assert_eq!(limiter.offer(2, Turn::Alone, at(20)), Offered::Wait(2, at(100)));
        assert_eq!(gather(&mut limiter, 3, 30), Offered::Gathered);
        assert_eq!(limiter.close(at(60)), [3]);
        // The window is kept for what has waited.
        assert_eq!(gather(&mut limiter, 4, 61), Offered::Gathered);
        assert_eq!(limiter.offer(5, Turn::Alone, at(61)), Offered::Wait(5, at(119)));
        assert_eq!(limiter.offer(1, Turn::Waited, at(62)), Offered::Send(1));
        assert_eq!(limiter.close(at(120)), [4]);
        assert_eq!(limiter.offer(2, Turn::Waited, at(121)), Offered::Send(2));
        // Another process has sent 5 meanwhile: nothing is kept for it.
        assert_eq!(gather(&mut limiter, 6, 600), Offered::Send(6));
    }

    proptest! {
        /// Steps are (milliseconds since the step before, whether an item is offered, and whether it must go alone). Each
        /// step offers what has waited, then closes windows.
        #[test]
        fn no_item_is_lost_none_that_goes_alone_is_gathered_and_the_rate_is_kept(
            rate in 1_u32..5,
            steps in prop::collection::vec((0_u64..20_000, any::<bool>(), any::<bool>()), 1..200),
        ) {
            let mut limiter = Limiter::new(rate);
            let mut now = Duration::ZERO;
            let (mut offered, mut alone, mut gathered) = (0, Vec::new(), Vec::new());
            let (mut sent, mut messages) = (Vec::new(), Vec::new());
            let mut due: BTreeMap<(Duration, usize), usize> = BTreeMap::new();
            // At the end, time goes on until all have gone.
            for (gap, offers, goes_alone) in steps.into_iter().chain(std::iter::repeat_n((10_000, false, false), 2_000)) {
                now += Duration::from_millis(gap);
                let later = due.split_off(&(now, usize::MAX));
                let mut turns: Vec<(usize, Turn)> = due.into_values().map(|item| (item, Turn::Waited)).collect();
                due = later;
                if offers {
                    turns.push((offered, if goes_alone { Turn::Alone } else { Turn::Gather }));
                    alone.extend(goes_alone.then_some(offered));
                    offered += 1;
                }
                let together = limiter.close(now);
                if !together.is_empty() {
                    messages.push(now);
                    gathered.extend(together.iter().copied());
                    sent.extend(together);
                }
                for (item, turn) in turns {
                    match limiter.offer(item, turn, now) {
                        Offered::Send(item) => {
                            messages.push(now);
                            sent.push(item);
                        }
                        Offered::Gathered => prop_assert_eq!(turn, Turn::Gather),
                        Offered::Wait(item, after) => {
                            prop_assert!(turn != Turn::Gather);
                            due.insert((now + after, item), item);
                        }
                    }
                }
            }
            sent.sort_unstable();
            prop_assert_eq!(sent, (0..offered).collect::<Vec<_>>());
            prop_assert!(alone.iter().all(|item| !gathered.contains(item)));
            // A minute overlaps at most two windows.
            for (index, first) in messages.iter().enumerate() {
                let within = messages[index..].iter().take_while(|later| **later - *first < WINDOW).count();
                prop_assert!(within <= 2 * (rate as usize + 1));
            }
        }
    }
}
