//! What people decide: its effects in words, what it would have done to recent incidents, and whether it holds. Reading and
//! recording are the caller's.

mod asked;
mod decided;
mod described;
mod effects;

mod plan;
mod preview;
mod standing;
#[cfg(test)]
mod testing;

pub use decided::{DecidedSettings, SettingsStanding, read};
pub use effects::{Chosen, Effects, disposition, suppression};
pub use preview::{Preview, REACH, Recent};
pub use standing::{Standing, replaced, standing};

pub(crate) use asked::AskedDecision;
pub(crate) use described::{list_of, roles, words};
pub(crate) use plan::{NewSettings, Plan, decided, plan, recent_of};
