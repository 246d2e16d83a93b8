#![doc = include_str!("../README.md")]

pub mod admin;
pub mod clock;
pub mod config;
pub mod error;
pub mod latency;
pub mod process;
pub mod retry;
pub mod run;
pub mod secret;
pub mod shutdown;
pub mod telemetry;
