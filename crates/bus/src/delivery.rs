//! What a handler gets, and what it answers.

use async_nats::jetstream::Message;
use model::{Batch, Item, WireError};

/// One message of a stream, decoded.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery<T> {
    pub items: Vec<Item<T>>,
    /// Place in the stream.
    pub sequence: u64,
    pub subject: String,
    /// When the server stored it, in milliseconds since 1970.
    pub published_ms: i64,
    /// How often it has been delivered, this time included.
    pub deliveries: i64,
    /// How many messages were still to come for this consumer.
    pub pending: u64,
}

/// What works on messages, inside one of the two loops.
pub trait Handler: Send {
    type Item: Batch;

    /// Works on messages in the order of the stream; one without items is at the place of a dead one. Ok means that the effects are durable ([`crate::shared()`]) or
    /// applied ([`crate::cursor()`]). A failure means that nothing of the vector was applied, or that applying it again
    /// changes nothing.
    fn handle(&mut self, deliveries: Vec<Delivery<Self::Item>>) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Called every 100 ms, also when nothing arrives, and never while `handle` works.
    fn tick(&mut self) -> impl Future<Output = Result<(), Failure>> + Send {
        async { Ok(()) }
    }

    /// Everything up to this stream sequence is durable and may be acknowledged. For [`crate::cursor()`] only.
    fn durable(&self) -> Option<u64> {
        None
    }

    /// Called once before the loop ends by shutdown: drain and make durable.
    fn finish(&mut self) -> impl Future<Output = Result<(), Failure>> + Send {
        async { Ok(()) }
    }
}

/// Why a handler could not use what it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It may work later: in [`crate::shared()`] each message comes again, alone and after a growing delay, and is moved
    /// to the dead stream when it has failed often enough. A cursor ends, to be restored from its checkpoint.
    Retry(String),
    /// Something that the handler needs is away, which is no fault of the messages: like [`Failure::Retry`], but they
    /// never become dead letters by it.
    Unavailable(String),
    /// This message goes to the dead stream; the others are tried again without it.
    Poison { sequence: u64, reason: String },
    /// End the loop.
    Stop(String),
}

/// A message as it came, with what the server says of it.
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
    /// `None` if the message is none of a stream.
    pub(crate) fn new(message: Message) -> Option<Self> {
        let info = match message.info() {
            Ok(info) => info,
            Err(error) => {
                tracing::error!(subject = %message.subject, %error, "nats: ignored what is not a message of a stream");
                return None;
            }
        };
        let published_ms = i64::try_from(info.published.unix_timestamp_nanos() / 1_000_000).unwrap_or_default();
        let (sequence, consumer_sequence) = (info.stream_sequence, info.consumer_sequence);
        let (deliveries, pending) = (info.delivered, info.pending);
        Some(Self { sequence, consumer_sequence, deliveries, published_ms, pending, message })
    }

    /// The place of a message of which nothing can be used.
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
