#![doc = include_str!("../README.md")]

mod decisions;
mod ledger;
mod life;
mod merge;
pub mod notify;
mod preview;
mod reach;
mod receipt;
mod rulebook;
mod settings;

pub use decisions::{Decisions, dispose};
pub use ledger::{Ledger, LedgerEntry, incidents};
pub use life::{KeptIncident, LatestIncident, OtherIncidents, Transition, UserRisk, Work, end, user_risk};
pub use merge::{KeptFinding, Merged, merge};
pub use preview::{Becomes, Effect, Standing, preview, preview_findings, preview_more, preview_settings};
pub use reach::Reach;
pub use receipt::{is_same_arithmetic, receipt};
pub use rulebook::Rulebook;
pub use settings::{Settings, SettingsError, Weight};

#[cfg(test)]
mod testing;
