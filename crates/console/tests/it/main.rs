//! Tests of the API with a real Postgres.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod access;
mod anomalies;
mod breaking;
mod days;
mod decisions;
mod incidents;
mod letters;
mod openapi;
mod pages;
mod pages_days;
mod pages_ops;
mod profile;
mod settings;
mod sign_in;
mod stream;
mod support;
mod system;
mod thresholds;
mod touched;
