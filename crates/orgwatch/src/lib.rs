#![doc = include_str!("../README.md")]

mod backtest;

pub use backtest::{Backtest, BacktestError, Options, Outcome, Progress, backtest};
