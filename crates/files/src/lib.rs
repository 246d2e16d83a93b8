#![doc = include_str!("../README.md")]

pub mod archive;
pub mod text;
pub mod unpack;

mod beginning;
mod errors;
mod find;
mod merge;
mod open;
mod orgs;
mod place;
mod sorted;
mod stdin;
mod workers;

pub use beginning::Beginning;
pub use errors::{InputError, SkipReason, Skipped};
pub use find::expand;
pub use merge::{Batch, read};
pub use open::Input;
pub use orgs::{NamedOrgs, UNNAMED_ORG};
pub use salesforce::Context;
