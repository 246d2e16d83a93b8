//! Sends items in batches, keeping the order within a subject.

mod actor;
mod lane;

use crate::{Bus, PublishError};
use actor::Actor;
pub(crate) use actor::store;
use lane::{Queued, Waiting};
use model::{Batch, Item, Text};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// Sends items of one type; clones share one task. When all clones are dropped, the task sends what it still has and
/// ends.
///
/// A subject has one batch under way at a time, so that a batch that must be sent again is never overtaken; what
/// arrives meanwhile is the next batch.
#[derive(Debug)]
pub struct Publisher<T> {
    requests: mpsc::UnboundedSender<Request>,
    room: Arc<Semaphore>,
    bus: Bus,
    settings: PublisherSettings,
    of: PhantomData<fn(T)>,
}

#[derive(Clone, Copy, Debug)]
pub struct PublisherSettings {
    /// How long an item may wait for others to share a batch with.
    pub linger: Duration,
    /// Bytes that may wait for an acknowledgement.
    pub in_flight: u32,
}

/// Resolves when the server has acknowledged every item of one [`Publisher::send`].
///
/// # Errors
/// [`PublishError::Stopped`] if the publisher was stopped before.
#[derive(Debug)]
#[must_use = "only a resolved ticket says that the items are stored"]
pub struct Ticket(oneshot::Receiver<()>);

/// An item as it travels, and its `traceparent`.
type Encoded = (Vec<u8>, Text);

/// The items of one call.
#[derive(Debug)]
struct Request {
    subject: String,
    items: Vec<Queued>,
}

/// Items in a batch, at most.
const BATCH_ITEMS: usize = 256;
/// Bytes of a batch, at most, except that a larger item travels alone.
const BATCH_BYTES: usize = 512 * 1024;
/// Bytes kept free below the server's limit for the headers of a batch.
const HEADER_BYTES: usize = 512;

impl Default for PublisherSettings {
    fn default() -> Self {
        Self { linger: Duration::from_millis(5), in_flight: 32 * 1024 * 1024 }
    }
}

impl<T> Clone for Publisher<T> {
    fn clone(&self) -> Self {
        let (requests, room, bus) = (self.requests.clone(), Arc::clone(&self.room), self.bus.clone());
        Self { requests, room, bus, settings: self.settings, of: PhantomData }
    }
}

impl<T> Publisher<T> {
    /// Where it publishes.
    pub fn bus(&self) -> &Bus {
        &self.bus
    }
}

impl<T: Batch> Publisher<T> {
    /// Starts the task. What cannot be sent is tried again until `abandon`, with which the tickets that are still open
    /// fail: cancel it last.
    pub fn start(bus: &Bus, settings: PublisherSettings, abandon: CancellationToken) -> Self {
        let (requests, receiver) = mpsc::unbounded_channel();
        tokio::spawn(Actor::new(bus.clone(), settings.linger, abandon).run(receiver));
        // A semaphore counts to at least 2^29, more than is ever sensible here.
        let room = Arc::new(Semaphore::new(settings.in_flight.max(1) as usize));
        Self { requests, room, bus: bus.clone(), settings, of: PhantomData }
    }

    /// Waits while too much is under way. Calls that follow each other keep their order within a subject.
    ///
    /// # Errors
    /// [`PublishError::TooLarge`]: nothing of the call is sent. [`PublishError::Stopped`].
    pub async fn send(&self, subject: String, items: Vec<Item<T>>) -> Result<Ticket, PublishError> {
        let encoded = self.encode(&items).whole(&subject)?;
        self.send_encoded(subject, encoded).await
    }

    /// As [`Publisher::send`], but an item that is too large goes to the dead stream of `stage`, and the rest is sent:
    /// for services, for which waiting would not make it smaller.
    ///
    /// # Errors
    /// [`PublishError::Stopped`].
    pub async fn send_or_bury(
        &self,
        stage: &str,
        subject: String,
        items: Vec<Item<T>>,
    ) -> Result<Ticket, PublishError> {
        let mut encoded = self.encode(&items);
        for (item, traceparent) in std::mem::take(&mut encoded.large) {
            let reason = too_large(&subject, item.len(), encoded.limit).to_string();
            let mut batch = Vec::new();
            model::batch::push_item(&mut batch, &item);
            crate::dead::put(&self.bus, stage, &subject, &traceparent, batch, &reason).await;
        }
        self.send_encoded(subject, encoded).await
    }

    async fn send_encoded(&self, subject: String, encoded: Encoding) -> Result<Ticket, PublishError> {
        let room = Arc::clone(&self.room).acquire_many_owned(encoded.room).await;
        self.hand_over(subject, encoded.items, room.map_err(|_| PublishError::Stopped)?)
    }

    /// Like [`Publisher::send`], but returns [`PublishError::Busy`] where that would wait.
    pub fn try_send(&self, subject: String, items: Vec<Item<T>>) -> Result<Ticket, PublishError> {
        let encoded = self.encode(&items).whole(&subject)?;
        let room = Arc::clone(&self.room).try_acquire_many_owned(encoded.room);
        self.hand_over(subject, encoded.items, room.map_err(|_| PublishError::Busy)?)
    }

    fn encode(&self, items: &[Item<T>]) -> Encoding {
        let limit = self.bus.client.max_payload().saturating_sub(HEADER_BYTES + model::batch::ITEM_OVERHEAD);
        let mut encoding = Encoding { items: Vec::with_capacity(items.len()), large: Vec::new(), limit, room: 0 };
        let mut bytes = 0_usize;
        for item in items {
            let of_item = T::encode_item(item);
            if of_item.len() > limit {
                encoding.large.push((of_item, item.traceparent.clone()));
                continue;
            }
            bytes = bytes.saturating_add(of_item.len() + size_of::<Queued>());
            encoding.items.push((of_item, item.traceparent.clone()));
        }
        // One call may be larger than all the room there is: it then goes alone.
        encoding.room = u32::try_from(bytes).unwrap_or(u32::MAX).min(self.settings.in_flight.max(1));
        encoding
    }

    fn hand_over(
        &self,
        subject: String,
        encoded: Vec<Encoded>,
        room: OwnedSemaphorePermit,
    ) -> Result<Ticket, PublishError> {
        let (done, ticket) = oneshot::channel();
        let waiting = Waiting::new(encoded.len(), done, room);
        let queued = |(bytes, traceparent)| Queued { bytes, traceparent, waiting: Arc::clone(&waiting) };
        let items = encoded.into_iter().map(queued).collect();
        self.requests.send(Request { subject, items }).map_err(|_| PublishError::Stopped)?;
        Ok(Ticket(ticket))
    }
}

/// Items as they travel, with their `traceparent`.
struct Encoding {
    items: Vec<Encoded>,
    /// Those that no message can carry.
    large: Vec<Encoded>,
    /// Bytes that an item may have.
    limit: usize,
    /// What the items take of the room that there is.
    room: u32,
}

impl Encoding {
    /// # Errors
    /// [`PublishError::TooLarge`] if not all of it can be sent.
    fn whole(self, subject: &str) -> Result<Self, PublishError> {
        match self.large.first() {
            Some((item, _)) => Err(too_large(subject, item.len(), self.limit)),
            None => Ok(self),
        }
    }
}

fn too_large(subject: &str, size: usize, limit: usize) -> PublishError {
    PublishError::TooLarge { subject: subject.to_owned(), size, limit }
}

impl Future for Ticket {
    type Output = Result<(), PublishError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(ready!(Pin::new(&mut self.0).poll(context)).map_err(|_| PublishError::Stopped))
    }
}
