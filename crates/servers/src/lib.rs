//! Real nats-servers, alone or three in a cluster, and a real Postgres as child processes, for development and tests,
//! and a proxy that can be cut.
//!
//! Everything is removed when its value is dropped: the child is ended and waited for, then its folder is deleted.
//! Where util-linux's `setpriv` is installed the children also end with a parent that was killed (their folders then
//! stay behind). They are in process groups of their own, so Ctrl-C in a terminal reaches only the parent.

mod child;
mod cluster;
mod executables;
mod nats;
mod port;
mod postgres;
mod proxy;

pub use cluster::NatsCluster;
pub use nats::{Nats, NatsOptions};
pub use postgres::{Postgres, PostgresOptions};
pub use proxy::Proxy;
