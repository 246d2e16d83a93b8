//! The crate through its public interface: what crosses a border comes back as it was.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod batch;
mod errors;
mod examples;
mod golden;
mod round_trip;
mod strategies;
