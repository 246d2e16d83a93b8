//! Tests of the store against a real Postgres.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod anomalies;
mod correlation;
mod coverage;
mod decisions;
mod deliveries;
mod erasure;
mod housekeeping;
mod looks;
mod migrations;
mod outbox;
mod ownership;
mod passwords;
mod people;
mod readers;
mod replicas;
mod roles;
mod rules;
mod share;
mod support;
mod user_days;
mod views;
