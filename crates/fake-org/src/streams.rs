//! Open subscriptions, and the decision what to send next. [`crate::pump`] does the sending.

use crate::settings::StreamOrder;
use crate::timeline::Offset;
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;
use tokio::time::Instant;

/// The most events that a client may have requested and not received, and that one answer holds: the limit of the
/// Pub/Sub API.
pub(crate) const MOST: usize = 100;

/// Open subscriptions. `O` is the channel of a subscription's answers.
#[derive(Debug)]
pub(crate) struct Streams<O> {
    pub(crate) open: BTreeMap<u64, Subscription<O>>,
    /// How far each topic was sent that was ever subscribed to, by topic.
    pub(crate) sent: BTreeMap<usize, Sent>,
    next_id: u64,
}

/// An open subscription.
#[derive(Debug)]
pub(crate) struct Subscription<O> {
    pub(crate) topic: usize,
    /// The number of the next event to send, among the topic's events.
    pub(crate) next: usize,
    /// How many events the client has requested and not received.
    pub(crate) credit: usize,
    /// When the last answer was sent.
    pub(crate) last_answer: Instant,
    /// Whether a keepalive was sent since the last event.
    pub(crate) keepalive_sent: bool,
    /// Whether nothing is sent to it, as on a connection that died unnoticed.
    pub(crate) silent: bool,
    /// Whether the client will request nothing more; it is closed once its credit is used up.
    pub(crate) ending: bool,
    pub(crate) sender: O,
}

/// How far a topic was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    /// The number of the next event, among the topic's events.
    pub(crate) next: usize,
    /// The offset of the last event that was sent.
    pub(crate) last: Option<Offset>,
}

/// The inputs of [`Streams::step`] besides the subscriptions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation<'a> {
    /// The offsets of each topic's events.
    pub(crate) offsets: &'a [Vec<Offset>],
    /// The offset after all events that have happened.
    pub(crate) released: Offset,
    /// Whether enough topics are subscribed to for events to be sent.
    pub(crate) flowing: bool,
    pub(crate) order: StreamOrder,
    pub(crate) now: Instant,
    pub(crate) keepalive: Duration,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Send these events to this subscription; they are numbers among the topic's events.
    Send { id: u64, events: Range<usize> },
    /// Send a keepalive to this subscription.
    Keepalive { id: u64 },
    /// Do nothing until something changes, or until then.
    Wait { until: Option<Instant> },
}

impl<O> Default for Streams<O> {
    fn default() -> Self {
        Self { open: BTreeMap::new(), sent: BTreeMap::new(), next_id: 0 }
    }
}

impl<O> Streams<O> {
    /// Adds a subscription to a topic from its event number `next` on, and returns its id.
    pub(crate) fn add(&mut self, topic: usize, next: usize, credit: usize, now: Instant, sender: O) -> u64 {
        self.next_id += 1;
        let credit = credit.min(MOST);
        let fresh = Subscription {
            topic,
            next,
            credit,
            last_answer: now,
            keepalive_sent: false,
            silent: false,
            ending: false,
            sender,
        };
        self.open.insert(self.next_id, fresh);
        self.sent.entry(topic).or_insert(Sent { next, last: None });
        self.next_id
    }

    /// Records that the client requested so many more events.
    pub(crate) fn add_credit(&mut self, id: u64, more: usize) {
        if let Some(subscription) = self.open.get_mut(&id) {
            subscription.credit = subscription.credit.saturating_add(more).min(MOST);
        }
    }

    /// Decides what to do next.
    pub(crate) fn step(&self, situation: &Situation<'_>) -> Step {
        let audible = || self.open.iter().filter(|(_, subscription)| !subscription.silent);
        if situation.flowing
            && let Some(send) = self.next_events(situation)
        {
            return send;
        }
        let due = |subscription: &Subscription<O>| {
            if !subscription.keepalive_sent && subscription.pending(situation).is_none() {
                return situation.now;
            }
            subscription.last_answer + situation.keepalive
        };
        match audible().min_by_key(|(_, subscription)| due(subscription)) {
            Some((id, subscription)) if due(subscription) <= situation.now => Step::Keepalive { id: *id },
            first => Step::Wait { until: first.map(|(_, subscription)| due(subscription)) },
        }
    }

    /// Returns the offset of the first event that a subscription has not received; `None` if there is none.
    pub(crate) fn frontier(&self, situation: &Situation<'_>) -> Option<Offset> {
        self.open.values().filter_map(|subscription| subscription.pending(situation)).min()
    }

    /// Whether every event that has happened was sent on every topic that was ever subscribed to.
    pub(crate) fn is_done(&self, situation: &Situation<'_>) -> bool {
        let behind = |(topic, sent): (&usize, &Sent)| pending(situation, *topic, sent.next).is_some();
        situation.flowing && self.frontier(situation).is_none() && !self.sent.iter().any(behind)
    }

    fn next_events(&self, situation: &Situation<'_>) -> Option<Step> {
        let mut waiting: Vec<(Offset, u64, &Subscription<O>)> = self
            .open
            .iter()
            .filter(|(_, subscription)| !subscription.silent)
            .filter_map(|(id, subscription)| Some((subscription.pending(situation)?, *id, subscription)))
            .collect();
        waiting.sort_by_key(|(offset, id, _)| (*offset, *id));
        let takers = match situation.order {
            StreamOrder::Script => waiting.get(..1)?,
            StreamOrder::Topic => &waiting,
        };
        let (_, id, chosen) = *takers.iter().find(|(_, _, subscription)| subscription.credit > 0)?;
        let others = waiting.iter().filter(|(_, _, other)| other.topic != chosen.topic).map(|(offset, _, _)| *offset);
        let limit = match situation.order {
            StreamOrder::Script => others.min().unwrap_or(situation.released),
            StreamOrder::Topic => situation.released,
        };
        let offsets = situation.offsets.get(chosen.topic)?;
        let before_limit = offsets.partition_point(|offset| *offset < limit.min(situation.released));
        let end = before_limit.min(chosen.next + chosen.credit.min(MOST));
        (end > chosen.next).then_some(Step::Send { id, events: chosen.next..end })
    }
}

impl<O> Subscription<O> {
    /// Returns the offset of its next event, if that has happened.
    pub(crate) fn pending(&self, situation: &Situation<'_>) -> Option<Offset> {
        pending(situation, self.topic, self.next)
    }
}

fn pending(situation: &Situation<'_>, topic: usize, next: usize) -> Option<Offset> {
    situation.offsets.get(topic)?.get(next).copied().filter(|offset| *offset < situation.released)
}

#[cfg(test)]
mod tests;
