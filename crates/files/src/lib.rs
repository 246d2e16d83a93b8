#![doc = include_str!("../README.md")]

pub mod unpack;

mod merge;
mod open;
mod sorted;
mod workers;

pub use merge::{Batch, read};
pub use open::{Input, InputError, Skipped, expand};
