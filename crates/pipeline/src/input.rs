//! Files, folders and standard input as streams of activities.

mod merge;
mod open;
mod sorted;
mod workers;

pub use merge::{Batch, read};
pub use open::{Input, InputError, Skipped, expand};
