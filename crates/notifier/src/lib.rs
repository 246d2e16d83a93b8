#![doc = include_str!("../README.md")]

mod cloudevent;
mod deliveries;
mod destination;
mod dispatcher;
mod error;
mod events;
mod message;
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
pub use settings::{DestinationKind, DestinationSettings, Settings, SettingsError};
