//! Tests of the public interface: encoding, decoding, errors.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod batch;
mod errors;
mod examples;
mod golden;
mod round_trip;
mod strategies;
