//! Events of several streams, put into the order in which they happened.

use model::Timestamp;
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::time::Duration;
use tokio::time::Instant;

/// Holds what arrives for a while, so that what happened earlier and arrives later on another lane goes first.
///
/// Within a lane the order of arrival is kept whatever the times say: positions move by it.
#[derive(Debug)]
pub(crate) struct Reorder<T> {
    hold: Duration,
    /// What it holds at most; beyond it the first goes at once.
    most: usize,
    held: BinaryHeap<Reverse<Held<T>>>,
    /// Arrivals that are still held, by number.
    waiting: BTreeSet<(u64, Instant)>,
    /// The latest time of each lane.
    lanes: Vec<Timestamp>,
    arrivals: u64,
}

#[derive(Debug)]
struct Held<T> {
    at: Timestamp,
    arrival: u64,
    received: Instant,
    value: T,
}

impl<T> Reorder<T> {
    /// For lanes 0 to `lanes` − 1. A single lane needs no order and holds nothing.
    pub(crate) fn new(lanes: usize, hold: Duration, most: usize) -> Self {
        let hold = if lanes > 1 { hold } else { Duration::ZERO };
        let lanes = vec![Timestamp(i64::MIN); lanes];
        Self { hold, most, held: BinaryHeap::new(), waiting: BTreeSet::new(), lanes, arrivals: 0 }
    }

    /// What arrives at `now` on a lane and happened `at`; at the lane's latest time where that is not known.
    pub(crate) fn push(&mut self, lane: usize, at: Option<Timestamp>, now: Instant, value: T) {
        let Some(latest) = self.lanes.get_mut(lane) else { return };
        *latest = at.map_or(*latest, |at| at.max(*latest));
        self.arrivals += 1;
        self.waiting.insert((self.arrivals, now));
        self.held.push(Reverse(Held { at: *latest, arrival: self.arrivals, received: now, value }));
    }

    /// All that has waited long enough at `now`, after all that happened before it.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<T> {
        let mut due = Vec::new();
        while self.next_due().is_some_and(|at| at <= now) || self.held.len() > self.most {
            let Some(Reverse(held)) = self.held.pop() else { break };
            self.waiting.remove(&(held.arrival, held.received));
            due.push(held.value);
        }
        due
    }

    /// When there is something due; `None` if nothing is held.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.waiting.first().map(|(_, received)| *received + self.hold)
    }

    pub(crate) fn len(&self) -> usize {
        self.held.len()
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
    fn earlier_events_of_another_lane_go_first() {
        let (mut reorder, start) = (Reorder::new(2, HOLD, 10), Instant::now());
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
    fn what_is_beyond_its_room_goes_at_once() {
        let (mut reorder, start) = (Reorder::new(2, HOLD, 1), Instant::now());
        reorder.push(0, Some(Timestamp(2)), start, 2);
        reorder.push(1, Some(Timestamp(1)), start, 1);
        assert_eq!(reorder.due(start), [1]);
    }

    #[test]
    fn one_lane_waits_for_nobody() {
        let (mut reorder, start) = (Reorder::new(1, HOLD, 10), Instant::now());
        reorder.push(0, Some(Timestamp(2)), start, 2);
        assert_eq!(reorder.due(start), [2]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_lanes_keep_their_order_and_what_came_in_time_is_sorted(
            arrivals in prop::collection::vec((0_usize..3, 0_i64..50, 0_u64..40), 0..200),
        ) {
            let mut reorder = Reorder::new(3, HOLD, usize::MAX);
            let start = Instant::now();
            let mut now = start;
            let mut out = Vec::new();
            let mut lanes = [i64::MIN; 3];
            for (number, (lane, at, wait)) in arrivals.iter().enumerate() {
                now += Duration::from_millis(*wait);
                out.extend(reorder.due(now));
                lanes[*lane] = lanes[*lane].max(*at);
                reorder.push(*lane, Some(Timestamp(*at)), now, (number, *lane, lanes[*lane], now));
            }
            out.extend(reorder.due(now + HOLD));
            prop_assert_eq!(out.len(), arrivals.len());
            for (place, (number, lane, at, _)) in out.iter().enumerate() {
                for (later, of, then, arrived) in &out[place + 1..] {
                    prop_assert!(lane != of || number < later);
                    // What goes out of order came when something as late as this had waited long enough.
                    let was_due = |(_, _, other, received): &(usize, usize, i64, Instant)| {
                        other >= at && *arrived >= *received + HOLD
                    };
                    prop_assert!(at <= then || out.iter().any(was_due));
                }
            }
        }
    }
}
