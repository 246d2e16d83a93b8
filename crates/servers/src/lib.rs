//! A real nats-server and a real Postgres as child processes, for development and tests.
