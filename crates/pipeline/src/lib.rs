//! The pure stages composed over files: [`backtest`](fn@backtest), [`evaluate`], and the HTML [`report`].
//!
//! The in-process shell: it opens files and runs threads, and gives the same findings and incidents as the live
//! services do for the same activities.

mod backtest;
pub mod config;
mod engine;
pub mod evaluate;
pub mod input;
pub mod plain;
pub mod report;

pub use backtest::{Backtest, BacktestError, Options, Outcome, backtest};
pub use config::{Config, ConfigError};
pub use engine::{Engine, Finished, Tally};
pub use profile::ActivityOutcome;
