//! Salesforce itself, all the ways it delivers.

pub(crate) mod catalog;
pub(crate) mod common;
pub(crate) mod context;
pub(crate) mod leads;
pub(crate) mod logfiles;
pub(crate) mod org;
pub(crate) mod plan;
pub(crate) mod reorder;
pub(crate) mod settings;
pub(crate) mod stored;
pub(crate) mod streams;
pub(crate) mod watch;

pub use settings::{ConnectedOrg, Files, SalesforceSettings, Start, Stored};
