#![doc = include_str!("../README.md")]

pub mod admin;
pub mod config;
pub mod latency;
pub mod process;
pub mod retry;
pub mod run;
pub mod shutdown;
pub mod telemetry;
