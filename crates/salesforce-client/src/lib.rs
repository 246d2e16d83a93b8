#![doc = include_str!("../README.md")]

mod auth;
mod client;
mod error;
mod http;
pub mod pubsub;
mod rest;
mod settings;

pub use auth::Identity;
pub use client::Client;
pub use error::{Error, Result, Trouble};
pub use pubsub::{Replay, Response, Streamed, Subscription, Topic};
pub use rest::{Description, Field, Limits, Page, Usage};
pub use settings::{Settings, SettingsError};
