//! Detectors: pure functions from a [`model::Observation`] and [`Settings`] to [`Verdict`]s.
//!
//! Each detector is one file under `detectors/`, listed in [`registry::DETECTORS`]. Every detector works out a
//! one-sided predictive p-value *for this user, given its peers and the calendar*; −log10 p is the surprise, from
//! which [`score`] derives all scores.

mod blind;
pub mod detectors;
mod judgement;
pub mod registry;
pub mod score;
mod settings;
pub mod text;
mod verdict;

pub use registry::{DETECTORS, Detector, judge};
pub use settings::{Settings, SettingsError, Tuning};
pub use verdict::{Unscoreable, Verdict};
