//! Against a real nats-server and a real Postgres.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod push;
mod service;
mod stream;
mod support;
