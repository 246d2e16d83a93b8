#![doc = include_str!("../README.md")]

pub mod text;
pub mod unpack;

mod errors;
mod merge;
mod open;
mod orgs;
mod sorted;
mod stdin;
mod workers;

pub use errors::{InputError, SkipReason, Skipped};
pub use merge::{Batch, read};
pub use open::{Input, expand};
pub use orgs::{NamedOrgs, UNNAMED_ORG};
pub use salesforce::Context;
