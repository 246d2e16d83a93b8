//! Salesforce's interfaces as orgwatch calls them: OAuth, REST queries, log-file download, the Pub/Sub API.
//!
//! A [`Client`] speaks to one org. Clones share its token, which is minted when needed, minted anew when Salesforce no
//! longer takes it, and then tried once more. Nothing else is tried again here: who calls knows what is worth waiting
//! for, and [`Error`] tells it by [`Trouble`].

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
