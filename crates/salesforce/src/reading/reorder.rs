//! Merges the events of several streams into the order in which they happened.

use model::Timestamp;
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::time::Duration;

/// Holds each arrival for a while, so that an earlier event that arrives later on another stream is released first.
///
/// Within a stream the order of arrival is kept whatever the times say, because positions move by it.
#[derive(Debug)]
pub struct Reorder<T> {
    hold: Duration,
    /// The most values that are held; with more the first one is released at once.
    capacity: usize,
    held: BinaryHeap<Reverse<Held<T>>>,
    /// Arrivals that are still held, by number, and when they arrived.
    waiting: BTreeSet<(u64, Duration)>,
    /// The latest event time of each stream.
    latest: Vec<Timestamp>,
    arrivals: u64,
}

#[derive(Debug)]
struct Held<T> {
    at: Timestamp,
    arrival: u64,
    received: Duration,
    value: T,
}

impl<T> Reorder<T> {
    /// Makes a merger of the streams 0 to `streams` − 1 that holds arrivals for `hold`. A single stream needs no
    /// merging, so nothing is held.
    pub fn new(streams: usize, hold: Duration, capacity: usize) -> Self {
        let hold = if streams > 1 { hold } else { Duration::ZERO };
        let latest = vec![Timestamp(i64::MIN); streams];
        Self { hold, capacity, held: BinaryHeap::new(), waiting: BTreeSet::new(), latest, arrivals: 0 }
    }

    /// Adds a value that arrives at `now` on a stream. `at` is its event time, the latest of its stream where absent.
    pub fn push(&mut self, stream: usize, at: Option<Timestamp>, now: Duration, value: T) {
        let Some(latest) = self.latest.get_mut(stream) else { return };
        *latest = at.map_or(*latest, |at| at.max(*latest));
        self.arrivals += 1;
        self.waiting.insert((self.arrivals, now));
        self.held.push(Reverse(Held { at: *latest, arrival: self.arrivals, received: now, value }));
    }

    /// Releases the values that have waited long enough at `now`, and with them all values of earlier event time.
    pub fn due(&mut self, now: Duration) -> Vec<T> {
        let mut due = Vec::new();
        while self.next_due().is_some_and(|at| at <= now) || self.held.len() > self.capacity {
            let Some(Reverse(held)) = self.held.pop() else { break };
            self.waiting.remove(&(held.arrival, held.received));
            due.push(held.value);
        }
        due
    }

    /// Returns when the next value is due; `None` if nothing is held.
    pub fn next_due(&self) -> Option<Duration> {
        self.waiting.first().map(|(_, received)| received.saturating_add(self.hold))
    }

    /// Returns how many values are held.
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Returns whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }
}

impl<T> Ord for Held<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.arrival).cmp(&(other.at, other.arrival))
    }
}

impl<T> PartialOrd for Held<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Held<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for Held<T> {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOLD: Duration = Duration::from_millis(100);

    #[test]
    fn earlier_events_of_another_stream_are_released_first() {
        let (mut reorder, start) = (Reorder::new(2, HOLD, 10), Duration::ZERO);
        reorder.push(0, Some(Timestamp(10)), start, "late");
        reorder.push(1, Some(Timestamp(5)), start + HOLD / 2, "early");
        reorder.push(1, Some(Timestamp(20)), start + HOLD / 2, "next");
        assert!(reorder.due(start + HOLD / 2).is_empty());
        assert_eq!(reorder.due(start + HOLD), ["early", "late"]);
        assert_eq!(reorder.next_due(), Some(start + HOLD / 2 + HOLD));
        assert_eq!(reorder.due(start + HOLD * 2), ["next"]);
        assert_eq!((reorder.len(), reorder.next_due()), (0, None));
    }

    #[test]
    fn values_beyond_the_capacity_are_released_at_once() {
        let (mut reorder, start) = (Reorder::new(2, HOLD, 1), Duration::ZERO);
        reorder.push(0, Some(Timestamp(2)), start, 2);
        reorder.push(1, Some(Timestamp(1)), start, 1);
        assert_eq!(reorder.due(start), [1]);
    }

    #[test]
    fn a_single_stream_is_not_held() {
        let (mut reorder, start) = (Reorder::new(1, HOLD, 10), Duration::ZERO);
        reorder.push(0, Some(Timestamp(2)), start, 2);
        assert_eq!(reorder.due(start), [2]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_streams_keep_their_order_and_timely_arrivals_are_sorted(
            arrivals in prop::collection::vec((0_usize..3, 0_i64..50, 0_u64..40), 0..200),
        ) {
            let mut reorder = Reorder::new(3, HOLD, usize::MAX);
            let start = Duration::ZERO;
            let mut now = start;
            let mut out = Vec::new();
            let mut latest = [i64::MIN; 3];
            for (number, (stream, at, wait)) in arrivals.iter().enumerate() {
                now += Duration::from_millis(*wait);
                out.extend(reorder.due(now));
                latest[*stream] = latest[*stream].max(*at);
                reorder.push(*stream, Some(Timestamp(*at)), now, (number, *stream, latest[*stream], now));
            }
            out.extend(reorder.due(now + HOLD));
            prop_assert_eq!(out.len(), arrivals.len());
            for (index, (number, stream, at, _)) in out.iter().enumerate() {
                for (later, of, then, arrived) in &out[index + 1..] {
                    prop_assert!(stream != of || number < later);
                    // A value may be released out of order if it arrived when a later event had waited long enough.
                    let was_due = |(_, _, other, received): &(usize, usize, i64, Duration)| {
                        other >= at && *arrived >= *received + HOLD
                    };
                    prop_assert!(at <= then || out.iter().any(was_due));
                }
            }
        }
    }
}
