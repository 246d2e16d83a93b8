//! End to end: real nats-server, real Postgres.
