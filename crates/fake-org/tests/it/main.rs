//! Tests of the org through its APIs.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test that cannot go on fails")]

mod faults;
mod files;
mod oauth;
mod order;
mod queries;
mod records;
mod rest;
mod scripts;
mod streams;
mod support;
