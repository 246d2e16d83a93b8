//! What a handler receives and returns.

use async_nats::jetstream::Message;
use model::{Batch, Item, WireError};

/// One message of a stream, decoded.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery<T> {
    /// What the message carries; empty for a message of the dead stream, see [`Handler::handle`].
    pub items: Vec<Item<T>>,
    /// Sequence in the stream.
    pub sequence: u64,
    /// The subject that it was published to.
    pub subject: String,
    /// When the server stored it, in milliseconds since 1970.
    pub published_ms: i64,
    /// The number of deliveries, this one included.
    pub deliveries: i64,
    /// Messages of this consumer that were not delivered yet, at the time of this one.
    pub pending: u64,
}

/// Processes messages inside one of the two loops.
pub trait Handler: Send {
    /// What the messages carry.
    type Item: Batch;

    /// Processes messages in the order of the stream. A delivery without items stands for a message that went to the
    /// dead stream.
    ///
    /// `Ok` means that the effects are durable ([`crate::shared()`]) or applied to the state ([`crate::cursor()`]).
    ///
    /// # Errors
    /// A failure means that none of the messages was applied, or that applying them again changes nothing.
    fn handle(&mut self, deliveries: Vec<Delivery<Self::Item>>) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Called every 100 ms, also when no message arrives, and never during `handle`.
    ///
    /// # Errors
    /// A failure ends the loop.
    fn tick(&mut self) -> impl Future<Output = Result<(), Failure>> + Send {
        async { Ok(()) }
    }

    /// Returns the stream sequence up to which all effects are durable, and messages may be acknowledged. Only
    /// [`crate::cursor()`] asks for it.
    fn durable(&self) -> Option<u64> {
        None
    }

    /// Takes a stream sequence up to which the partition has no messages but those handled. [`crate::cursor()`] calls it
    /// about once a minute while no message arrives.
    fn reach(&mut self, _sequence: u64) {}

    /// Returns the sequence of [`Handler::reach`] that is durable, so that a partition without messages does not take
    /// the expiry of others for a loss.
    fn reached(&self) -> u64 {
        0
    }

    /// Called once before shutdown ends the loop, to make all effects durable.
    ///
    /// # Errors
    /// A failure is the error of the loop.
    fn finish(&mut self) -> impl Future<Output = Result<(), Failure>> + Send {
        async { Ok(()) }
    }
}

/// Why a handler could not process messages, and what is done with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// A retry may succeed. [`crate::shared()`] has each message redelivered alone and after a growing delay, and moves
    /// it to the dead stream after [`crate::SharedSettings::max_deliveries`] such failures. [`crate::cursor()`] ends, to be restored
    /// from its checkpoint.
    Retry(String),
    /// Something that the handler needs, such as Postgres, is unavailable. Works as [`Failure::Retry`], but it is not
    /// counted: the messages never go to the dead stream for it.
    Unavailable(String),
    /// One message cannot be processed: it goes to the dead stream, and the others are handled again without it.
    Poison {
        /// Of the message, in its stream.
        sequence: u64,
        /// Stored with the dead letter.
        reason: String,
    },
    /// The loop ends.
    Stop(String),
}

/// A message as received, with the server's metadata.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) message: Message,
    pub(crate) sequence: u64,
    pub(crate) consumer_sequence: u64,
    pub(crate) deliveries: i64,
    published_ms: i64,
    pending: u64,
}

impl Received {
    /// Returns `None`, and logs an error, if the message is not of a stream.
    pub(crate) fn new(message: Message) -> Option<Self> {
        let info = match message.info() {
            Ok(info) => info,
            Err(error) => {
                tracing::error!(subject = %message.subject, %error, "nats: ignored a message without stream metadata");
                return None;
            }
        };
        let published_ms = i64::try_from(info.published.unix_timestamp_nanos() / 1_000_000).unwrap_or_default();
        let (sequence, consumer_sequence) = (info.stream_sequence, info.consumer_sequence);
        let (deliveries, pending) = (info.delivered, info.pending);
        Some(Self { sequence, consumer_sequence, deliveries, published_ms, pending, message })
    }

    /// Returns the delivery of a message of the dead stream: its sequence without items.
    pub(crate) fn without_items<T>(&self) -> Delivery<T> {
        Delivery {
            items: Vec::new(),
            sequence: self.sequence,
            subject: self.message.subject.to_string(),
            published_ms: self.published_ms,
            deliveries: self.deliveries,
            pending: self.pending,
        }
    }

    /// # Errors
    /// If the payload is not a batch of this type.
    pub(crate) fn decode<T: Batch>(&self) -> Result<Delivery<T>, WireError> {
        Ok(Delivery {
            items: T::decode_batch(&self.message.payload)?,
            sequence: self.sequence,
            subject: self.message.subject.to_string(),
            published_ms: self.published_ms,
            deliveries: self.deliveries,
            pending: self.pending,
        })
    }
}
