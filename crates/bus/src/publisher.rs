//! Publishes items in batches, in order within a subject.

mod actor;
mod queue;

use crate::{Bus, PublishError};
use actor::Actor;
pub(crate) use actor::store;
use model::{Batch, Item, Text};
use queue::{Call, Queued};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// Publishes items of one type. Clones share one task, which ends when all clones are dropped and everything is sent.
///
/// A subject has one batch in flight at a time, so a batch that is sent again is never overtaken. Items that arrive
/// meanwhile make the next batch.
#[derive(Debug)]
pub struct Publisher<T> {
    requests: mpsc::UnboundedSender<Request>,
    room: Arc<Semaphore>,
    bus: Bus,
    settings: PublisherSettings,
    of: PhantomData<fn(T)>,
}

/// How a [`Publisher`] batches, and how much it may hold.
#[derive(Clone, Copy, Debug)]
pub struct PublisherSettings {
    /// How long an item waits for others, to share a batch with them.
    pub linger: Duration,
    /// Bytes that may wait for an acknowledgment.
    pub in_flight: u32,
}

/// Resolves when the server has acknowledged every item of one [`Publisher::send`].
///
/// # Errors
/// [`PublishError::Stopped`] if the publisher was stopped before.
#[derive(Debug)]
#[must_use = "only a resolved ticket says that the items are stored"]
pub struct Ticket(oneshot::Receiver<()>);

/// An encoded item and its `traceparent`.
type Encoded = (Vec<u8>, Text);

/// The items of one call.
#[derive(Debug)]
struct Request {
    subject: String,
    items: Vec<Queued>,
}

/// The largest number of items in a batch, from the contract of the wire.
const BATCH_ITEMS: usize = 256;
/// The largest size of a batch in bytes, from the contract of the wire. A larger item is a batch of its own.
const BATCH_BYTES: usize = 512 * 1024;
/// Bytes below the server's limit of a message that are reserved for headers.
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
    /// Returns the connection.
    pub fn bus(&self) -> &Bus {
        &self.bus
    }
}

impl<T: Batch> Publisher<T> {
    /// Starts the task. Failed publishes are retried until `abandon` is cancelled, after which open tickets fail:
    /// cancel it last.
    pub fn start(bus: &Bus, settings: PublisherSettings, abandon: CancellationToken) -> Self {
        let (requests, receiver) = mpsc::unbounded_channel();
        tokio::spawn(Actor::new(bus.clone(), settings.linger, abandon).run(receiver));
        // A semaphore counts to at least 2^29, which is more than any sensible setting.
        let room = Arc::new(Semaphore::new(settings.in_flight.max(1) as usize));
        Self { requests, room, bus: bus.clone(), settings, of: PhantomData }
    }

    /// Queues items, and waits while [`PublisherSettings::in_flight`] is used up. Consecutive calls keep their order
    /// within a subject.
    ///
    /// # Errors
    /// [`PublishError::TooLarge`], with no item sent; [`PublishError::Stopped`].
    pub async fn send(&self, subject: String, items: Vec<Item<T>>) -> Result<Ticket, PublishError> {
        let encoded = self.encode(&items).all_or_error(&subject)?;
        self.send_encoded(subject, encoded).await
    }

    /// Works as [`Publisher::send`], but stores items that are too large as dead letters of `stage` and sends the rest.
    /// For services, which could not make an item smaller by a retry.
    ///
    /// # Errors
    /// [`PublishError::Stopped`].
    pub async fn send_or_set_aside(
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

    /// Works as [`Publisher::send`], but does not wait.
    ///
    /// # Errors
    /// As [`Publisher::send`], and [`PublishError::Busy`] where that would wait.
    pub fn try_send(&self, subject: String, items: Vec<Item<T>>) -> Result<Ticket, PublishError> {
        let encoded = self.encode(&items).all_or_error(&subject)?;
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
        // A call that is larger than all the room takes all of it.
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
        let call = Call::new(encoded.len(), done, room);
        let queued = |(bytes, traceparent)| Queued { bytes, traceparent, call: Arc::clone(&call) };
        let items = encoded.into_iter().map(queued).collect();
        self.requests.send(Request { subject, items }).map_err(|_| PublishError::Stopped)?;
        Ok(Ticket(ticket))
    }
}

/// The encoded items of one call.
struct Encoding {
    items: Vec<Encoded>,
    /// Items that are too large for a message.
    large: Vec<Encoded>,
    /// The largest size of an item in bytes.
    limit: usize,
    /// Bytes of [`PublisherSettings::in_flight`] that the items take.
    room: u32,
}

impl Encoding {
    /// # Errors
    /// [`PublishError::TooLarge`] if an item is too large.
    fn all_or_error(self, subject: &str) -> Result<Self, PublishError> {
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
