//! Tests of the API with a real Postgres.

mod sign_in;
