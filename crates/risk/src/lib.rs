//! Findings to incidents. [`Ledger`] merges the revisions of one user's findings, whatever their order;
//! [`incidents`] groups what counts into incidents and works out each one's risk score with its receipt.
//!
//! Pure: an incident is a function of the set of its user's findings, each at its latest revision.

mod ledger;
mod receipt;
mod settings;

pub use ledger::{Entry, Ledger, incidents};
pub use receipt::receipt;
pub use settings::{Settings, SettingsError, Weight};

#[cfg(test)]
mod testing;
