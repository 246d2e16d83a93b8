#![doc = include_str!("../README.md")]

mod account;
mod attack;
mod behavior;
mod calendar;
mod catalog;
mod confounder;
mod delivery;
mod dice;
mod episode;
mod event;
mod ids;
mod labels;
mod leaver;
mod location;
pub mod logfile;
mod mechanism;
mod plan;
mod record;
mod script;
mod simulation;
#[cfg(test)]
mod tests;
mod workday;
mod world;

pub use attack::families;
pub use confounder::confounder_kinds;
pub use delivery::DISORDER;
pub use event::Event;
pub use labels::{Confounder, Label, Labels};
pub use logfile::LogFile;
pub use mechanism::WorldKind;
pub use plan::{Attacks, MAX_DAYS, MAX_USERS, Plan, Scenario, SimulationError, Writes};
pub use simulation::{Day, Simulation};
