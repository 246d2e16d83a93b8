//! The pure stages composed over files: backtest and evaluate.

pub mod report;
