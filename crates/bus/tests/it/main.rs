//! Against a real nats-server.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod bucket;
mod cursor;
mod dead;
mod outage;
mod permissions;
mod publisher;
mod secured;
mod shared;
mod support;
mod topology;
mod trace;
