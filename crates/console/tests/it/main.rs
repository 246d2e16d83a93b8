//! Tests of the API with a real Postgres.

mod access;
mod anomalies;
mod days;
mod decisions;
mod incidents;
mod openapi;
mod sign_in;
mod stream;
mod support;
