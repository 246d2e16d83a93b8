//! The executable as an analyst runs it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod backtest;
mod demo;
mod documents;
mod support;
