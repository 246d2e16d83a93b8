#![doc = include_str!("../README.md")]

mod channel;
mod clock;
mod cloudevent;
mod courier;
mod decide;
mod deliveries;
mod error;
mod events;
mod limit;
mod message;
mod retry;
mod run;
mod secret;
mod settings;
mod signature;
mod sink;
mod slack;
#[cfg(test)]
mod testing;

pub use error::NotifierError;
pub use run::run;
pub use settings::{ChannelKind, ChannelSettings, Settings, SettingsError};
