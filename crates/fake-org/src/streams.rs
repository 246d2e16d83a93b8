//! Who listens to which topic, and what is to be sent next. Decides only; [`crate::pump`] sends.

use crate::settings::Order;
use crate::tape::Place;
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;
use tokio::time::Instant;

/// The most events that a client may have asked for and not got yet, and that one answer holds.
pub(crate) const MOST: usize = 100;

/// Open subscriptions. `O` is where a subscription's answers go.
#[derive(Debug)]
pub(crate) struct Streams<O> {
    pub(crate) open: BTreeMap<u64, Subscription<O>>,
    /// What was sent of each topic that was ever subscribed to, by topic.
    pub(crate) sent: BTreeMap<usize, Sent>,
    next_id: u64,
}

#[derive(Debug)]
pub(crate) struct Subscription<O> {
    pub(crate) topic: usize,
    /// The next event, by its number among those of the topic.
    pub(crate) next: usize,
    /// How many events the client still takes.
    pub(crate) credit: usize,
    /// When it was last sent anything.
    pub(crate) spoken: Instant,
    /// Whether it was told that it has everything.
    pub(crate) told: bool,
    /// Whether nothing is sent to it, as if the connection had died.
    pub(crate) silent: bool,
    /// Whether the client will ask for nothing more.
    pub(crate) ending: bool,
    pub(crate) outlet: O,
}

/// How far a topic was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    /// The number of the next event among those of the topic.
    pub(crate) next: usize,
    /// The place of the last one that was sent.
    pub(crate) last: Option<Place>,
}

/// What is known when it is decided what to send.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation<'a> {
    /// The places of each topic's events.
    pub(crate) places: &'a [Vec<Place>],
    /// The place after all events that have happened.
    pub(crate) released: Place,
    /// Whether events are sent at all.
    pub(crate) flowing: bool,
    pub(crate) order: Order,
    pub(crate) now: Instant,
    pub(crate) keepalive: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// To this subscription these events, by their numbers among those of its topic.
    Send { id: u64, events: Range<usize> },
    /// To this subscription that all is well.
    Comfort { id: u64 },
    /// Nothing until something changes, or until then.
    Wait { until: Option<Instant> },
}

impl<O> Default for Streams<O> {
    fn default() -> Self {
        Self { open: BTreeMap::new(), sent: BTreeMap::new(), next_id: 0 }
    }
}

impl<O> Streams<O> {
    /// Subscribes to a topic from its event number `next` on.
    pub(crate) fn add(&mut self, topic: usize, next: usize, credit: usize, now: Instant, outlet: O) -> u64 {
        self.next_id += 1;
        let credit = credit.min(MOST);
        let fresh =
            Subscription { topic, next, credit, spoken: now, told: false, silent: false, ending: false, outlet };
        self.open.insert(self.next_id, fresh);
        self.sent.entry(topic).or_insert(Sent { next, last: None });
        self.next_id
    }

    /// The client takes that many more.
    pub(crate) fn ask(&mut self, id: u64, more: usize) {
        if let Some(subscription) = self.open.get_mut(&id) {
            subscription.credit = subscription.credit.saturating_add(more).min(MOST);
        }
    }

    /// What is to be done next.
    pub(crate) fn step(&self, situation: &Situation<'_>) -> Step {
        let audible = || self.open.iter().filter(|(_, subscription)| !subscription.silent);
        if situation.flowing
            && let Some(send) = self.next_events(situation)
        {
            return send;
        }
        let due = |subscription: &Subscription<O>| {
            if !subscription.told && subscription.pending(situation).is_none() {
                return situation.now;
            }
            subscription.spoken + situation.keepalive
        };
        match audible().min_by_key(|(_, subscription)| due(subscription)) {
            Some((id, subscription)) if due(subscription) <= situation.now => Step::Comfort { id: *id },
            first => Step::Wait { until: first.map(|(_, subscription)| due(subscription)) },
        }
    }

    /// The place of the first event that somebody is still to get; `None` where nobody is.
    pub(crate) fn frontier(&self, situation: &Situation<'_>) -> Option<Place> {
        self.open.values().filter_map(|subscription| subscription.pending(situation)).min()
    }

    /// Whether every event that has happened was sent on every topic that was ever subscribed to.
    pub(crate) fn is_done(&self, situation: &Situation<'_>) -> bool {
        let behind = |(topic, sent): (&usize, &Sent)| pending(situation, *topic, sent.next).is_some();
        situation.flowing && self.frontier(situation).is_none() && !self.sent.iter().any(behind)
    }

    fn next_events(&self, situation: &Situation<'_>) -> Option<Step> {
        let mut waiting: Vec<(Place, u64, &Subscription<O>)> = self
            .open
            .iter()
            .filter(|(_, subscription)| !subscription.silent)
            .filter_map(|(id, subscription)| Some((subscription.pending(situation)?, *id, subscription)))
            .collect();
        waiting.sort_by_key(|(place, id, _)| (*place, *id));
        let takers = match situation.order {
            Order::Script => waiting.get(..1)?,
            Order::Topic => &waiting,
        };
        let (_, id, chosen) = *takers.iter().find(|(_, _, subscription)| subscription.credit > 0)?;
        let others = waiting.iter().filter(|(_, _, other)| other.topic != chosen.topic).map(|(place, _, _)| *place);
        let limit = match situation.order {
            Order::Script => others.min().unwrap_or(situation.released),
            Order::Topic => situation.released,
        };
        let places = situation.places.get(chosen.topic)?;
        let before_limit = places.partition_point(|place| *place < limit.min(situation.released));
        let end = before_limit.min(chosen.next + chosen.credit.min(MOST));
        (end > chosen.next).then_some(Step::Send { id, events: chosen.next..end })
    }
}

impl<O> Subscription<O> {
    /// The place of its next event that has happened.
    pub(crate) fn pending(&self, situation: &Situation<'_>) -> Option<Place> {
        pending(situation, self.topic, self.next)
    }
}

fn pending(situation: &Situation<'_>, topic: usize, next: usize) -> Option<Place> {
    situation.places.get(topic)?.get(next).copied().filter(|place| *place < situation.released)
}

#[cfg(test)]
mod tests;
