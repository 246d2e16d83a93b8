//! The org as its clients meet it: by REST, and by the Pub/Sub API.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test that cannot go on fails")]

mod files;
mod oauth;
mod queries;
mod records;
mod rest;
mod scripts;
mod streams;
mod support;
mod tape;
mod trouble;
