//! Tests of the client against a stub of Salesforce, by HTTP and gRPC on loopback.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

mod login;
mod org;
mod pubsub;
mod rest;
mod stub;
