#![doc = include_str!("../README.md")]

mod blind;
pub mod detectors;
mod judgement;
pub mod registry;
pub mod score;
mod settings;
mod supposed;
pub mod text;
mod verdict;

pub use blind::missing_of;
pub use judgement::Judgement;
pub use registry::{DETECTORS, Detector, next_step, tests};
pub use settings::{Settings, SettingsError, Tuning};
pub use supposed::{QuietDay, supposed};
pub use verdict::{Unscoreable, Verdict};
