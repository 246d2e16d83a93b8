#![doc = include_str!("../README.md")]

mod anonymizers;
mod calendar;
pub mod estimate;
mod org;
mod settings;
mod state;
pub mod tail;
mod user;

pub use anonymizers::{Anonymizers, NetworkList};
pub use calendar::Dates;
pub use org::calibration::{TestCount, Tested};
pub use org::identities::IdentityUse;
pub use org::learned::{KnownKind, KnownOfKind, Learned, LearnedRhythm, NamedValue, UsualRows, WorkedHours};
pub use org::writes::LEAST_WRITTEN;
pub use org::{ActivityOutcome, Credit, Credited, DisposedDay, Disposing, HeldDay, Org, Refusal, Standing};
pub use settings::{Settings, SettingsError};
pub use state::{Record, Restore, StateError, StoredAccount, erase};
pub use user::{Basis, Belief, Profile};
