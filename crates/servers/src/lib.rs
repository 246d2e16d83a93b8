#![doc = include_str!("../README.md")]

mod child;
mod cluster;
mod executables;
mod nats;
mod oidc;
mod port;
mod postgres;
mod proxy;

pub use cluster::NatsCluster;
pub use nats::{Nats, NatsOptions};
pub use oidc::OidcProvider;
pub use postgres::{Postgres, PostgresOptions};
pub use proxy::Proxy;
