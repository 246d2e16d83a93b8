//! Every service and operation of orgwatch, behind one command line.
//!
//! [`Node`] holds the connections of one process and makes services of them. The end-to-end tests start services through
//! it, too.

mod arguments;
mod commands;
pub mod config;
#[cfg(feature = "dev")]
mod dev;
pub mod dump;
pub mod idle;
mod node;
mod placement;
mod rules;
mod run;

pub use config::Config;
pub use node::Node;
pub use run::main;
