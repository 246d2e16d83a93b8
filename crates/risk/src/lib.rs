#![doc = include_str!("../README.md")]

mod ledger;
mod life;
mod merge;
pub mod notify;
mod reach;
mod receipt;
mod rulebook;
mod settings;

pub use ledger::{Ledger, LedgerEntry, incidents};
pub use life::{KeptIncident, LatestIncident, OtherIncidents, Transition, UserRisk, end, user_risk};
pub use merge::{KeptFinding, Merged, merge};
pub use reach::Reach;
pub use receipt::{is_same_arithmetic, receipt};
pub use rulebook::Rulebook;
pub use settings::{Settings, SettingsError, Weight};

#[cfg(test)]
mod testing;
