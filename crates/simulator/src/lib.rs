//! A deterministic, labelled, realistic Salesforce org, for tuning, measuring and showing detectors.
//!
//! A [`Plan`] fixes everything; a [`Simulation`] yields one [`Day`] after the other, whose [`Event`]s can be
//! written as the query API returns stored events ([`Event::write_json`]) or as event log files
//! ([`logfile`], [`Event::write_csv`]). [`Simulation::labels`] is the truth about them. Randomness is seeded by
//! (seed, purpose, account, day): an account's day depends neither on other accounts nor on how long the
//! simulation lasts. Nothing here reads a clock, a file or the environment.
//!
//! # The org
//! People of four teams (77 % normal, 12 % power users), administrators (5 %), integrations (6 %), a guest and
//! an automated process. Everyone has own objects, list views, reports, hours, time zone, weekly rhythm, browser
//! and networks; volumes are log-normal between accounts and again between an account's days.
//! List views, reports and queries arrive in chunks that repeat the total of rows, page loads repeat a few known
//! views within milliseconds, and delivery adds unknown, zero and -1 rows, `Salesforce.com IP`, duplicates and up
//! to [`DISORDER`] milliseconds of disorder.
//!
//! # Attack families
//! Each lies in the last fifth of the days, on an account of its own whose ordinary activity goes on. Sizes are
//! spread evenly from hard (about four times a usual day, few new objects, known network) to blatant.
//!
//! | family | what happens |
//! |---|---|
//! | `leaver` | broad views of own and new objects, a few exports |
//! | `report_export` | many reports exported that were never exported before |
//! | `slow_drip` | 3.5 to 5.5 times the usual rows on 7 to 12 working days |
//! | `scope_creep` | broad views of the team's own objects |
//! | `off_hours_theft` | views and exports at night from known means |
//! | `bulk_export` | bulk results, file downloads, or both |
//! | `api_exfiltration` | a stolen token queries several objects to their end |
//! | `api_recon` | counts and single rows of many objects |
//! | `integration_abuse` | an integration's account used by hand |
//! | `session_hijack` | a running session continues from another network and client |
//! | `credential_stuffing` | failed logins, a success, exports |
//! | `login_as_export` | an administrator exports as somebody else |
//!
//! # Confounders
//! Harmless, and recorded in [`Labels::confounders`]: month and quarter ends (fiscal months of four, four and five
//! weeks; one quarter ends on Sunday 2026-03-22), role changes (half of which leave
//! `RoleId` as it was), new hires, travel, network switches within a session, browser upgrades, new laptops,
//! project days, rollouts of a view or report to a team, password typos, support by an administrator, off-hours
//! work before deadlines, month-end exports, re-synchronizing integrations, vacations, and false events of
//! Threat Detection.

mod account;
mod attack;
mod behavior;
mod calendar;
mod catalog;
mod confounder;
mod desk;
mod dice;
mod episode;
mod event;
mod ids;
mod labels;
mod leaver;
pub mod logfile;
mod place;
mod plan;
mod record;
mod script;
mod simulation;
#[cfg(test)]
mod tests;
mod wire;
mod world;

pub use attack::families;
pub use confounder::confounder_kinds;
pub use event::Event;
pub use labels::{Confounder, Label, Labels};
pub use logfile::LogFile;
pub use plan::{Attacks, MAX_DAYS, MAX_USERS, Plan, Scenario, SimulationError};
pub use simulation::{Day, Simulation};
pub use wire::DISORDER;
