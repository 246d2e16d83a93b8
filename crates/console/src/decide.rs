//! What people decide: its effects in words, and what it would have done to recent incidents. Reading and recording are
//! the caller's.

mod asked;
mod described;
mod effects;
mod plan;
mod preview;
#[cfg(test)]
mod testing;

pub use effects::{Chosen, Effects, disposition, suppression};
pub use preview::{Preview, REACH, Recent};

pub(crate) use asked::AskedDecision;
pub(crate) use described::{list_of, roles, words};
pub(crate) use plan::{plan, preview};
