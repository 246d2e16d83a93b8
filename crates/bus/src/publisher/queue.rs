//! The items that wait to be sent on one subject.

use super::{BATCH_BYTES, BATCH_ITEMS};
use model::Text;
use model::batch::{ITEM_OVERHEAD, push_item};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;

/// An encoded item in a queue.
#[derive(Debug)]
pub(super) struct Queued {
    pub(super) bytes: Vec<u8>,
    pub(super) traceparent: Text,
    pub(super) call: Arc<Call>,
}

/// One call of [`super::Publisher::send`]: resolves its ticket and frees its room when all its items are acknowledged.
#[derive(Debug)]
pub(super) struct Call {
    /// Items that are not acknowledged.
    left: AtomicUsize,
    done: Mutex<Option<(oneshot::Sender<()>, OwnedSemaphorePermit)>>,
}

/// The queue of one subject, in order of arrival.
#[derive(Debug, Default)]
pub(super) struct SubjectQueue {
    items: VecDeque<Queued>,
    bytes: usize,
    /// When the oldest item arrived, or the last batch was taken.
    since: Option<Instant>,
    /// Whether a batch is in flight.
    pub(super) in_flight: bool,
}

/// A batch of items, encoded as the payload of one message.
#[derive(Debug)]
pub(super) struct Payload {
    pub(super) bytes: Vec<u8>,
    /// That of the first item.
    pub(super) traceparent: Text,
    /// The call of each item.
    pub(super) calls: Vec<Arc<Call>>,
}

impl Call {
    pub(super) fn new(items: usize, done: oneshot::Sender<()>, room: OwnedSemaphorePermit) -> Arc<Self> {
        let call = Self { left: AtomicUsize::new(items), done: Mutex::new(Some((done, room))) };
        if items == 0 {
            call.finish();
        }
        Arc::new(call)
    }

    pub(super) fn acknowledge_one(&self) {
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.finish();
        }
    }

    fn finish(&self) {
        if let Some((done, _room)) = self.done.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // The sender may have dropped the ticket.
            done.send(()).unwrap_or_default();
        }
    }
}

impl SubjectQueue {
    pub(super) fn push(&mut self, items: Vec<Queued>, now: Instant) {
        self.bytes += items.iter().map(size).sum::<usize>();
        self.items.extend(items);
        if !self.items.is_empty() {
            self.since.get_or_insert(now);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Returns whether the items fill a batch.
    pub(super) fn is_full(&self, limit: usize) -> bool {
        self.items.len() >= BATCH_ITEMS || self.bytes >= limit.min(BATCH_BYTES)
    }

    pub(super) fn since(&self) -> Option<Instant> {
        self.since
    }

    /// Takes the next batch: as many items as fit, at least one. `limit` is the server's, in bytes.
    pub(super) fn next(&mut self, limit: usize, now: Instant) -> Option<Payload> {
        let first = self.items.front()?;
        let traceparent = first.traceparent.clone();
        let limit = limit.min(BATCH_BYTES);
        let (mut count, mut bytes) = (0, 0);
        for item in self.items.iter().take(BATCH_ITEMS) {
            if count > 0 && bytes + size(item) > limit {
                break;
            }
            count += 1;
            bytes += size(item);
        }
        // Allocated at once, because growing a payload step by step costs more than encoding it.
        let mut payload = Payload::with_capacity(traceparent, count, bytes);
        for item in self.items.drain(..count) {
            push_item(&mut payload.bytes, &item.bytes);
            payload.calls.push(item.call);
        }
        self.bytes -= bytes;
        self.since = (!self.items.is_empty()).then_some(now);
        Some(payload)
    }
}

impl Payload {
    fn with_capacity(traceparent: Text, items: usize, bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), traceparent, calls: Vec::with_capacity(items) }
    }
}

fn size(item: &Queued) -> usize {
    item.bytes.len() + ITEM_OVERHEAD
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tokio::sync::Semaphore;

    fn queued(sizes: &[usize]) -> (Vec<Queued>, oneshot::Receiver<()>) {
        let (done, ticket) = oneshot::channel();
        let room = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let call = Call::new(sizes.len(), done, room);
        let item = |(index, size): (usize, &usize)| Queued {
            bytes: vec![index as u8; *size],
            traceparent: Text::default(),
            call: Arc::clone(&call),
        };
        (sizes.iter().enumerate().map(item).collect(), ticket)
    }

    proptest! {
        #[test]
        fn payloads_are_within_limits_and_hold_all_items_in_order(
            calls in prop::collection::vec(prop::collection::vec(0_usize..3000, 0..400), 0..5),
            limit in 1000_usize..20_000,
        ) {
            let now = Instant::now();
            let mut queue = SubjectQueue::default();
            let (mut expected, mut tickets) = (Vec::new(), Vec::new());
            for sizes in &calls {
                let (items, ticket) = queued(sizes);
                items.iter().for_each(|item| push_item(&mut expected, &item.bytes));
                tickets.push(ticket);
                queue.push(items, now);
            }
            let mut sent = Vec::new();
            while let Some(payload) = queue.next(limit, now) {
                prop_assert!(payload.calls.len() == 1 || payload.bytes.len() <= limit);
                prop_assert!((1..=BATCH_ITEMS).contains(&payload.calls.len()));
                sent.extend_from_slice(&payload.bytes);
                payload.calls.iter().for_each(|call| call.acknowledge_one());
            }
            prop_assert_eq!(sent, expected);
            prop_assert_eq!(queue.bytes, 0);
            prop_assert!(queue.since().is_none());
            prop_assert!(tickets.iter_mut().all(|ticket| ticket.try_recv().is_ok()));
        }
    }

    #[test]
    fn a_ticket_waits_for_the_last_of_its_items() {
        let (items, mut ticket) = queued(&[900, 900]);
        let mut queue = SubjectQueue::default();
        queue.push(items, Instant::now());
        let first = queue.next(1000, Instant::now()).unwrap();
        first.calls.iter().for_each(|call| call.acknowledge_one());
        assert!(ticket.try_recv().is_err());
        let second = queue.next(1000, Instant::now()).unwrap();
        second.calls.iter().for_each(|call| call.acknowledge_one());
        assert!(ticket.try_recv().is_ok());
    }
}
