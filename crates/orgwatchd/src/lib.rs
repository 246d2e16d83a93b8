#![doc = include_str!("../README.md")]

mod arguments;
mod commands;
pub mod config;
#[cfg(feature = "dev")]
mod dev;
pub mod dump;
pub mod idle;
mod node;
mod placement;
mod presence;
mod rules;
mod run;
mod started;

pub use config::Config;
pub use node::Node;
pub use run::main;
