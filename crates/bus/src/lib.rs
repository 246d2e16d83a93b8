//! JetStream as orgwatch uses it: [`Bus`] is a connection, [`Topology`] the streams and consumers, [`Publisher`] sends
//! batches, [`cursor()`] and [`shared()`] are the two loops in which a [`Handler`] works, [`dead`] keeps what no handler
//! could use, [`Bucket`] distributes settings, [`permissions`] says what each service may do.
//!
//! The only crate that knows async-nats.
//!
//! | instrument | labels | what |
//! |---|---|---|
//! | `messaging.client.sent.messages` | `messaging.destination.name` | messages that the server has acknowledged |
//! | `messaging.client.operation.duration` | the same | seconds until it had |
//! | `messaging.client.consumed.messages` | `messaging.destination.name`, `messaging.consumer.group.name`, `error.type` if it failed | messages that a handler has worked on |
//! | `messaging.process.duration` | the same | seconds that it took for those that it was handed at once |
//! | `orgwatch.consumer.pending` | `messaging.consumer.group.name` | messages still to come, when the last one came |
//! | `orgwatch.cursor.gap` | the same | starts of a partition after messages were lost to it |
//! | `orgwatch.dead.messages` | `stage` | messages set aside |
//! | `orgwatch.nats.denied` | | publishes and subscriptions refused by permissions |

mod auth;
mod backlog;
mod bucket;
mod connect;
mod cursor;
pub mod dead;
mod delivery;
mod error;
mod meter;
pub mod permissions;
mod publisher;
mod pull;
mod settings;
mod shared;
pub mod subject;
mod topology;
pub mod trace;

pub use backlog::Backlog;
pub use bucket::Bucket;
pub use connect::Bus;
pub use cursor::cursor;
pub use delivery::{Delivery, Failure, Handler};
pub use error::{BusError, LoopError, PublishError};
pub use publisher::{Publisher, PublisherSettings, Ticket};
pub use settings::{Auth, MaxBytes, Retention, Settings, SettingsError, Tls};
pub use shared::{SharedSettings, shared};
pub use topology::{Ack, Consumer, ConsumerSpec, DetectorGroup, Difference, Stream, StreamSpec, Topology};
