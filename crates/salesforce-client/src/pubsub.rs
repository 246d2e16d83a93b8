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

mod avro;
pub(crate) mod connection;
mod credit;
pub(crate) mod schemas;
mod subscription;

pub use subscription::Subscription;

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
    /// The name of its schema, which is that of the event, such as `ListViewEventStream`: a custom channel carries
    /// several. Empty if the schema cannot be read.
    pub event: String,
    pub replay_id: Vec<u8>,
    /// Its fields in the order of its schema, or why they cannot be read.
    pub fields: Result<Vec<(String, Scalar<'static>)>, String>,
}
