//! End-to-end tests: the executable with a real nats-server and a real Postgres.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

mod cluster;
mod command_line;
mod configuration;
mod decided;
mod decisions;
mod dev;
mod equality;
mod faults;
mod kit;
mod metrics;
mod operate;
mod permissions;
mod poison;
mod recovery;
mod replay;
mod roles;
mod rules;
mod salesforce;
mod startup;
mod trace;
