//! Estimators of usual values.
//!
//! Each is a few numbers of bounded size that forget slowly. Time is an argument. Callers clip values beyond three
//! deviations before an estimator learns them, so that one unusual day cannot move a baseline far.

mod dropped;
mod known_values;
mod moments;
mod pool;
mod root;
mod surprises;

pub use dropped::Dropped;
pub use known_values::{KnownValue, KnownValues, Sighting};
pub use moments::Moments;
pub use pool::{Pool, Prior, rate, usual};
pub use root::{Root, cube_root};
pub use surprises::{Curve, Surprises};
