//! Behavioral profiles: [`estimate`] holds the estimators, [`Profile`] what is known of one account, [`Org`] all
//! profiles of an org with their populations. [`Org::observe`] reads what the profile says of an activity and then
//! learns it; what leans towards the unusual comes out as [`model::Observation`]s for the detectors.
//! [`Org::take_changes`] and [`Org::restore`] are for those who keep an org beyond their own life, and [`erase`] for
//! those who have to forget one of its accounts.
//!
//! Pure: event time is an argument, nothing depends on a clock.

mod calendar;
pub mod estimate;
mod org;
mod settings;
mod state;
pub mod tail;
mod user;

pub use org::{ActivityOutcome, Org};
pub use settings::{Settings, SettingsError};
pub use state::{Record, StateError, erase};
pub use user::Profile;
