//! Estimators of what is usual. Each is a few numbers that can be merged and forgotten slowly; time is an
//! argument, and a value beyond three deviations is learned as three, so that an alarm never teaches the baseline.

mod moments;
mod pool;
mod seen;

pub use moments::Moments;
pub use pool::{Pool, Prior, rate, usual};
pub use seen::{Seen, Sighting};
