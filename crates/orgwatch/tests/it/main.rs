//! Runs the executable as an analyst does.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod backtest;
mod decisions;
mod demo;
mod documents;
mod inspect;
mod summary;
mod support;
