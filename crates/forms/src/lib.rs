#![doc = include_str!("../README.md")]

pub mod cef;
mod copied;
mod describe;
pub mod ecs;
pub mod event;
mod facts;
mod leading;
mod names;
pub mod ocsf;
mod prune;
pub mod query;
pub mod tenant;

pub use copied::OfFinding;
pub use describe::{Description, FieldDescription, FieldType, Property};
pub use event::ApiAnomalyEvent;
pub use facts::{Facts, SecurityEventData, Subject, leading_finding};
pub use names::{EventName, MetricsType};
pub use query::{Query, QueryError};
pub use tenant::TenantSecurityApiAnomaly;

/// What the forms call the product and its maker.
const PRODUCT: &str = "orgwatch";
/// The product's version.
const PRODUCT_VERSION: &str = env!("CARGO_PKG_VERSION");

#[cfg(test)]
mod page;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
