#![doc = include_str!("../README.md")]

mod describe;
pub mod event;
mod facts;
mod leading;
mod names;
pub mod tenant;

pub use describe::{Description, FieldDescription, FieldType, Property};
pub use event::ApiAnomalyEvent;
pub use facts::{Facts, SecurityEventData, Subject};
pub use names::{EventName, MetricsType};
pub use tenant::TenantSecurityApiAnomaly;
