#![doc = include_str!("../README.md")]

mod backtest;

pub use backtest::{Backtest, BacktestError, Example, Options, Outcome, Progress, backtest};
