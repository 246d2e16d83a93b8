//! Against a real nats-server and a real Postgres.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../../../ingest/tests/it/stream.rs"]
mod stream;
mod support;
mod unread;
