#![doc = include_str!("../README.md")]

pub mod unpack;

mod merge;
mod open;
mod orgs;
mod sorted;
mod stdin;
mod workers;

pub use merge::{Batch, read};
pub use open::{Input, InputError, Skipped, expand};
pub use orgs::{NamedOrgs, UNNAMED_ORG};
