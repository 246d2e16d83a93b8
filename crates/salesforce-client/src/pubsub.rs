//! The Pub/Sub API: topics, schemas, subscriptions.

#[expect(
    clippy::all,
    missing_docs,
    unused_qualifications,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    reason = "generated"
)]
#[rustfmt::skip]
pub mod wire {
    include!("pubsub/eventbus.v1.rs");
}

use salesforce::Scalar;

/// What may be done with a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    pub name: String,
    pub can_subscribe: bool,
    pub schema_id: String,
}

/// Where a subscription begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replay {
    Latest,
    Earliest,
    /// After this replay id.
    After(Vec<u8>),
}

/// One answer of a subscription; without events it says that all is well and nothing new is there.
#[derive(Debug)]
pub struct Response {
    pub events: Vec<Streamed>,
    /// How far the topic is.
    pub latest_replay_id: Vec<u8>,
}

/// One event.
#[derive(Debug)]
pub struct Streamed {
    pub replay_id: Vec<u8>,
    /// Its fields in the order of its schema, or why they cannot be read.
    pub fields: Result<Vec<(String, Scalar<'static>)>, String>,
}

/// A topic's events from a position on. Asks for more by itself, at most 100 at a time.
#[derive(Debug)]
pub struct Subscription {}

impl Subscription {
    /// The next answer.
    ///
    /// # Errors
    /// If the stream has ended for whatever reason, or nothing came for [`crate::Settings::silence_seconds`]. The
    /// subscription is then over.
    pub async fn next(&mut self) -> crate::Result<Response> {
        std::future::pending().await
    }
}
