//! Mechanisms by which orgs differ, and the worlds that combine them.
//!
//! A mechanism is one place in a submodule. A world is a row of the table in [`WorldKind::row`].

pub(crate) mod change;
pub(crate) mod network;
pub(crate) mod people;
pub(crate) mod program;
pub(crate) mod season;
pub(crate) mod volume;

use std::fmt;

use Mechanism::{
    Apps, BackFills, ByHand, DaylightSaving, Delegates, DualStack, FiscalYear, Habits, Handovers, Holidays, Ipv6,
    Leave, OddDays, OneOffs, PartTime, Phones, ProgramChanges, Projects, Renames, Reorganization, Retries, Roaming,
    Season, Shared, Shifts, Sizes, Turnover, Vpn,
};

use crate::dice::{Dice, Stream};
use crate::world::World;

/// One way in which an org differs from the standard one. The numbers select random streams, so they must not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Mechanism {
    /// One-off exports and reads with Pareto sizes. Strength: mean number on a person's working day.
    OneOffs = 0,
    /// Accounts that alternate between two or three kinds of days. Strength: share of accounts.
    Habits,
    /// Views and reports that grow and vary, and get other filters. Strength: daily sigma of the logarithm.
    Sizes,
    /// Projects of weeks with new objects. Strength: share of a team that takes part.
    Projects,
    /// Connected apps that a team adopts within a month. Strength: share of the team.
    Apps,
    /// Teams that swap their objects on one day. Strength: share of their people.
    Reorganization,
    /// Objects that are renamed. Strength: share of the objects in question.
    Renames,
    /// Public holidays. Strength: share of people who are off.
    Holidays,
    /// Leave of three to seven weeks. Strength: share of accounts.
    Leave,
    /// Joiners, leavers and accounts that fall asleep. Strength: share of accounts.
    Turnover,
    /// Movers between teams, with a handover of four weeks. Strength: share of accounts.
    Handovers,
    /// One to three fixed days off a week. Strength: share of people.
    PartTime,
    /// Early, late and night shifts by the week, on any five days. Strength: share of people.
    Shifts,
    /// Several people on one login. Strength: share of accounts.
    Shared,
    /// Power users who do administrators' work. Strength: share of them.
    Delegates,
    /// Integrations that change their query, client version or program. Strength: share of them.
    ProgramChanges,
    /// Integrations that read far back for one to three days. Strength: share of days.
    BackFills,
    /// Runs that are late, doubled, or fail and are repeated. Strength: share of days.
    Retries,
    /// Integrations' accounts that their owners use in a browser. Strength: share of days.
    ByHand,
    /// Phones in carriers' pools, with another address each time. Strength: share of people.
    Phones,
    /// A VPN pool that everybody shares. Strength: share of people.
    Vpn,
    /// IPv6 at home, with another suffix each day. Strength: share of people.
    Ipv6,
    /// Sessions that alternate between IPv4 and IPv6. Strength: share of people.
    DualStack,
    /// Days in hotels, cafés and trains. Strength: share of days.
    Roaming,
    /// Daylight saving, by country. Strength: 1.
    DaylightSaving,
    /// A retail or an academic year. Strength: exponent of the season's factor.
    Season,
    /// Days on which the whole org is quiet or triple. Strength: share of days.
    OddDays,
    /// Another fiscal year. Strength: 1.
    FiscalYear,
}

/// A named combination of mechanisms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorldKind {
    /// Log-normal volumes, fixed addresses, and no mechanism of the others.
    Standard,
    /// Heavy-tailed exports, mixtures of habits, views that change their size.
    Bursty,
    /// Projects, roll-outs of apps, a reorganization, renamed objects.
    Changing,
    /// Holidays, leave, joiners and leavers, movers, part-time, shifts, shared accounts, delegates.
    Staffing,
    /// Integrations that change, are late, repeat, back-fill, and are used by hand.
    Integrated,
    /// Phones, VPN, IPv6, dual stack, travel.
    Roaming,
    /// Daylight saving, seasons, another fiscal year, quiet and triple days.
    Seasonal,
    /// A little of everything.
    Mixed,
}

impl WorldKind {
    /// All worlds.
    pub const ALL: [WorldKind; 8] = [
        WorldKind::Standard,
        WorldKind::Bursty,
        WorldKind::Changing,
        WorldKind::Staffing,
        WorldKind::Integrated,
        WorldKind::Roaming,
        WorldKind::Seasonal,
        WorldKind::Mixed,
    ];

    /// Returns the name, such as `bursty`.
    pub fn name(self) -> &'static str {
        match self {
            WorldKind::Standard => "standard",
            WorldKind::Bursty => "bursty",
            WorldKind::Changing => "changing",
            WorldKind::Staffing => "staffing",
            WorldKind::Integrated => "integrated",
            WorldKind::Roaming => "roaming",
            WorldKind::Seasonal => "seasonal",
            WorldKind::Mixed => "mixed",
        }
    }

    /// Returns the world with this name.
    pub fn of_name(name: &str) -> Option<WorldKind> {
        WorldKind::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Returns the strength of a mechanism, 0 if the world does not have it.
    pub(crate) fn strength(self, mechanism: Mechanism) -> f64 {
        self.row().iter().find(|(other, _)| *other == mechanism).map_or(0.0, |(_, strength)| *strength)
    }

    /// Returns the mechanisms with their strengths. All strengths are choices.
    fn row(self) -> &'static [(Mechanism, f64)] {
        match self {
            WorldKind::Standard => &[],
            WorldKind::Bursty => {
                &[(OneOffs, 0.08), (Habits, 0.6), (Sizes, 0.4), (Phones, 0.2), (Holidays, 0.9), (BackFills, 0.04)]
            }
            WorldKind::Changing => &[
                (Projects, 0.3),
                (Apps, 0.3),
                (Reorganization, 0.6),
                (Renames, 0.7),
                (Handovers, 0.08),
                (Sizes, 0.15),
                (Vpn, 0.3),
                (ProgramChanges, 0.4),
            ],
            WorldKind::Staffing => &[
                (Holidays, 0.95),
                (Leave, 0.15),
                (Turnover, 0.25),
                (Handovers, 0.12),
                (PartTime, 0.25),
                (Shifts, 0.2),
                (Shared, 0.06),
                (Delegates, 0.3),
                (Habits, 0.2),
                (Ipv6, 0.3),
            ],
            WorldKind::Integrated => &[
                (ProgramChanges, 0.8),
                (BackFills, 0.06),
                (Retries, 0.3),
                (ByHand, 0.08),
                (Apps, 0.2),
                (Renames, 0.4),
                (OneOffs, 0.02),
                (DaylightSaving, 1.0),
            ],
            WorldKind::Roaming => &[
                (Phones, 0.7),
                (Vpn, 0.35),
                (Ipv6, 0.5),
                (DualStack, 0.3),
                (Roaming, 0.12),
                (Shared, 0.04),
                (Sizes, 0.2),
                (DaylightSaving, 1.0),
            ],
            WorldKind::Seasonal => &[
                (Season, 1.0),
                (OddDays, 0.08),
                (FiscalYear, 1.0),
                (DaylightSaving, 1.0),
                (Holidays, 0.95),
                (Habits, 0.25),
                (Projects, 0.12),
                (OneOffs, 0.02),
            ],
            WorldKind::Mixed => &[
                (OneOffs, 0.03),
                (Habits, 0.25),
                (Sizes, 0.2),
                (Projects, 0.12),
                (Apps, 0.15),
                (Renames, 0.3),
                (Holidays, 0.9),
                (Leave, 0.06),
                (Turnover, 0.12),
                (Handovers, 0.05),
                (PartTime, 0.1),
                (Shifts, 0.06),
                (Shared, 0.03),
                (Delegates, 0.15),
                (ProgramChanges, 0.4),
                (BackFills, 0.03),
                (Retries, 0.12),
                (ByHand, 0.04),
                (Phones, 0.35),
                (Vpn, 0.2),
                (Ipv6, 0.25),
                (DualStack, 0.12),
                (Roaming, 0.05),
                (DaylightSaving, 1.0),
                (Season, 0.5),
                (OddDays, 0.02),
            ],
        }
    }
}

impl fmt::Display for WorldKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl World {
    /// Returns the strength of a mechanism, 0 if the world does not have it.
    pub(crate) fn strength(&self, mechanism: Mechanism) -> f64 {
        self.plan.world.strength(mechanism)
    }

    /// Returns whether a mechanism, with a share of accounts as its strength, concerns this account.
    pub(crate) fn affects(&self, mechanism: Mechanism, user: u32) -> bool {
        let share = self.strength(mechanism);
        share > 0.0 && self.dice(mechanism, user, u32::MAX).chance(share)
    }

    /// Starts the random stream of a mechanism, an account and a day.
    pub(crate) fn dice(&self, mechanism: Mechanism, user: u32, day: u32) -> Dice {
        Dice::numbered(self.key, Stream::Mechanism, mechanism as u32, user, day)
    }
}
