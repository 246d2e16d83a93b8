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
    /// As it came: Avro by this schema. Both are empty where there is a replay id and no event.
    pub schema_id: String,
    pub payload: Vec<u8>,
    /// Its fields in the order of its schema, or why they cannot be read.
    pub fields: Result<Vec<(String, Scalar<'static>)>, String>,
}

/// The name and the fields of an event, by the JSON text of its schema: what subscriptions do with events.
///
/// # Errors
/// If the schema is none of a record, or the payload is not what it says.
pub fn read_event(schema: &str, payload: &[u8]) -> Result<(String, Vec<(String, Scalar<'static>)>), String> {
    let schema = avro::read_schema(schema)?;
    Ok((avro::name(&schema), avro::decode(&schema, payload)?))
}
