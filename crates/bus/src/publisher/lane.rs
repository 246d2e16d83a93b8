//! What waits to be sent on one subject.

use super::{BATCH_BYTES, BATCH_ITEMS};
use model::Text;
use model::batch::{ITEM_OVERHEAD, push_item};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;

#[derive(Debug)]
pub(super) struct Queued {
    pub(super) bytes: Vec<u8>,
    pub(super) traceparent: Text,
    pub(super) waiting: Arc<Waiting>,
}

/// Who waits for the items of one call, and the room that they take until then.
#[derive(Debug)]
pub(super) struct Waiting {
    left: AtomicUsize,
    done: Mutex<Option<(oneshot::Sender<()>, OwnedSemaphorePermit)>>,
}

/// Items in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Lane {
    queue: VecDeque<Queued>,
    bytes: usize,
    /// When the oldest item came.
    since: Option<Instant>,
    /// A batch is under way.
    pub(super) busy: bool,
}

/// What travels as one message.
#[derive(Debug)]
pub(super) struct Parcel {
    pub(super) bytes: Vec<u8>,
    pub(super) traceparent: Text,
    /// One for each item.
    pub(super) waiting: Vec<Arc<Waiting>>,
}

impl Waiting {
    pub(super) fn new(items: usize, done: oneshot::Sender<()>, room: OwnedSemaphorePermit) -> Arc<Self> {
        let waiting = Self { left: AtomicUsize::new(items), done: Mutex::new(Some((done, room))) };
        if items == 0 {
            waiting.finish();
        }
        Arc::new(waiting)
    }

    pub(super) fn one_less(&self) {
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.finish();
        }
    }

    fn finish(&self) {
        if let Some((done, _room)) = self.done.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // Whoever sent the items may not care.
            done.send(()).unwrap_or_default();
        }
    }
}

impl Lane {
    pub(super) fn push(&mut self, items: Vec<Queued>, now: Instant) {
        self.bytes += items.iter().map(size).sum::<usize>();
        self.queue.extend(items);
        if !self.queue.is_empty() {
            self.since.get_or_insert(now);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// There is enough for a whole batch.
    pub(super) fn is_full(&self, limit: usize) -> bool {
        self.queue.len() >= BATCH_ITEMS || self.bytes >= limit.min(BATCH_BYTES)
    }

    pub(super) fn since(&self) -> Option<Instant> {
        self.since
    }

    /// The next batch: as many items as fit, at least one. `limit` is what the server takes.
    pub(super) fn next(&mut self, limit: usize, now: Instant) -> Option<Parcel> {
        let first = self.queue.front()?;
        let traceparent = first.traceparent.clone();
        let limit = limit.min(BATCH_BYTES);
        let (mut items, mut bytes) = (0, 0);
        for item in self.queue.iter().take(BATCH_ITEMS) {
            if items > 0 && bytes + size(item) > limit {
                break;
            }
            items += 1;
            bytes += size(item);
        }
        // Room for all at once: to grow a batch step by step costs more than to encode it.
        let mut parcel = Parcel::with_capacity(traceparent, items, bytes);
        for item in self.queue.drain(..items) {
            push_item(&mut parcel.bytes, &item.bytes);
            parcel.waiting.push(item.waiting);
        }
        self.bytes -= bytes;
        self.since = (!self.queue.is_empty()).then_some(now);
        Some(parcel)
    }
}

impl Parcel {
    fn with_capacity(traceparent: Text, items: usize, bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), traceparent, waiting: Vec::with_capacity(items) }
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
        let waiting = Waiting::new(sizes.len(), done, room);
        let item = |(index, size): (usize, &usize)| Queued {
            bytes: vec![index as u8; *size],
            traceparent: Text::default(),
            waiting: Arc::clone(&waiting),
        };
        (sizes.iter().enumerate().map(item).collect(), ticket)
    }

    proptest! {
        #[test]
        fn parcels_are_within_limits_and_hold_all_items_in_order(
            calls in prop::collection::vec(prop::collection::vec(0_usize..3000, 0..400), 0..5),
            limit in 1000_usize..20_000,
        ) {
            let now = Instant::now();
            let mut lane = Lane::default();
            let (mut expected, mut tickets) = (Vec::new(), Vec::new());
            for sizes in &calls {
                let (items, ticket) = queued(sizes);
                items.iter().for_each(|item| push_item(&mut expected, &item.bytes));
                tickets.push(ticket);
                lane.push(items, now);
            }
            let mut sent = Vec::new();
            while let Some(parcel) = lane.next(limit, now) {
                prop_assert!(parcel.waiting.len() == 1 || parcel.bytes.len() <= limit);
                prop_assert!((1..=BATCH_ITEMS).contains(&parcel.waiting.len()));
                sent.extend_from_slice(&parcel.bytes);
                parcel.waiting.iter().for_each(|waiting| waiting.one_less());
            }
            prop_assert_eq!(sent, expected);
            prop_assert_eq!(lane.bytes, 0);
            prop_assert!(lane.since().is_none());
            prop_assert!(tickets.iter_mut().all(|ticket| ticket.try_recv().is_ok()));
        }
    }

    #[test]
    fn a_ticket_waits_for_the_last_of_its_items() {
        let (items, mut ticket) = queued(&[900, 900]);
        let mut lane = Lane::default();
        lane.push(items, Instant::now());
        let first = lane.next(1000, Instant::now()).unwrap();
        first.waiting.iter().for_each(|waiting| waiting.one_less());
        assert!(ticket.try_recv().is_err());
        let second = lane.next(1000, Instant::now()).unwrap();
        second.waiting.iter().for_each(|waiting| waiting.one_less());
        assert!(ticket.try_recv().is_ok());
    }
}
