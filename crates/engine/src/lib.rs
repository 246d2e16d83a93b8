#![doc = include_str!("../README.md")]

pub mod compare;
pub mod evaluate;
pub mod ranking;

mod analyst;
mod backtest;
mod engine;
mod first_times;
mod judge;
mod partition;
mod scores;
mod set_aside;

pub use analyst::Analyst;
pub use backtest::{Backtest, BacktestError, Outcome, Period};
pub use engine::{Classified, Counts, Engine, Finished};
pub use first_times::{FirstTimes, UserDays};
pub use judge::Rules;
pub use partition::{Change, Effect, Partition, PartitionError, Refused, Restore};
pub use profile::{ActivityOutcome, IdentityUse};
pub use scores::{DayScores, DayTest};
pub use set_aside::{Remark, SetAside};
