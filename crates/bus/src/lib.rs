#![doc = include_str!("../README.md")]

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
