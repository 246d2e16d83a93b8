//! Behavioral profiles: [`estimate`] holds the estimators, [`Profile`] what is known of one account, [`Org`] all
//! profiles of an org with their populations. [`Org::observe`] reads what the profile says of an activity and then
//! learns it; what leans towards the unusual comes out as [`model::Observation`]s for the detectors.
//!
//! Pure: event time is an argument, nothing depends on a clock.

mod calendar;
pub mod estimate;
mod org;
mod settings;
pub mod tail;
mod user;

pub use org::{Fate, Org};
pub use settings::{Settings, SettingsError};
pub use user::Profile;
