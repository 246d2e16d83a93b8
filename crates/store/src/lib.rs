//! Postgres: migrations, queries, ownership, checkpoints, outbox.
