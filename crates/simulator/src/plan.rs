//! Plans: what to simulate.

use chrono::{Days, NaiveDate};

use crate::ids;
use crate::mechanism::WorldKind;

/// The most accounts of one org. A choice.
pub const MAX_USERS: u32 = 1_000_000;
/// The most calendar days of one simulation: ten years. A choice.
pub const MAX_DAYS: u32 = 3_660;

/// A complete description of a simulated org. The same plan always gives the same bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The org's id, 18 characters with a valid checksum.
    pub org_id: String,
    /// Number of accounts, of people and programs together.
    pub users: u32,
    /// Number of calendar days, starting with `start`.
    pub days: u32,
    /// Seed of all random numbers.
    pub seed: u64,
    /// The first day, in UTC.
    pub start: NaiveDate,
    /// How many attacks there are.
    pub attacks: Attacks,
    /// Whether a scripted story is part of the org.
    pub scenario: Scenario,
    /// Whether accounts also write through the APIs.
    pub writes: Writes,
    /// How the org differs from the standard one. Every other world also writes, and has more families of attacks.
    pub world: WorldKind,
}

/// How many attacks happen in the last fifth of the days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attacks {
    /// No attacks.
    None,
    /// One to five per family, depending on the size of the org. Fewer if it has too few suitable accounts.
    Standard,
    /// Exactly this many per family, or an error.
    PerFamily(u32),
}

/// A scripted story within the org.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// No story.
    Standard,
    /// On the last weekday, Emma Martin reads broad views before she leaves for a competitor.
    Leaver,
}

/// Whether accounts write through the APIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writes {
    /// They only read.
    None,
    /// Integrations upsert every night, administrators import every week, people edit records; three further families of
    /// attacks write, or read beneath writes.
    Standard,
}

/// Why a plan cannot be simulated.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SimulationError {
    /// The org's id is invalid.
    #[error("org_id {0:?} is not an 18-character Salesforce id with a valid checksum")]
    OrgId(String),
    /// The number of accounts is out of range.
    #[error("users is {0}, must be between 5 and {MAX_USERS}")]
    Users(u32),
    /// The number of days is out of range.
    #[error("days is {0}, must be between 1 and {MAX_DAYS}")]
    Days(u32),
    /// The last day cannot be represented.
    #[error("start {start} plus {days} days lies outside the calendar")]
    Start {
        /// The first day.
        start: NaiveDate,
        /// The number of days.
        days: u32,
    },
    /// There are too few days for attacks.
    #[error("days is {0}, attacks need at least 10")]
    DaysForAttacks(u32),
    /// There are too few accounts for the attacks of a family.
    #[error("family {family} needs {wanted} suitable accounts that no other attack uses, found {found}")]
    TooFewAccounts {
        /// The family of attacks.
        family: &'static str,
        /// The number of accounts needed.
        wanted: u32,
        /// The number of accounts found.
        found: u32,
    },
}

impl Plan {
    /// Returns the plan of an ordinary org with the standard attacks, starting on Monday, 2026-01-05.
    pub fn new(users: u32, days: u32, seed: u64) -> Plan {
        Plan {
            org_id: ids::salesforce_id("00D", 1_806_211),
            users,
            days,
            seed,
            start: first_day(2026, 1, 5),
            attacks: Attacks::Standard,
            scenario: Scenario::Standard,
            writes: Writes::None,
            world: WorldKind::Standard,
        }
    }

    /// Returns the plan of the demo: 150 accounts and 60 days, up to Monday, 2026-03-02, when Emma Martin leaves.
    pub fn leaver(seed: u64) -> Plan {
        Plan {
            start: first_day(2026, 1, 2),
            attacks: Attacks::None,
            scenario: Scenario::Leaver,
            ..Plan::new(150, 60, seed)
        }
    }

    /// Checks that every value is within its range.
    pub(crate) fn validate(&self) -> Result<(), SimulationError> {
        if !ids::is_valid(&self.org_id) {
            return Err(SimulationError::OrgId(self.org_id.clone()));
        }
        if !(5..=MAX_USERS).contains(&self.users) {
            return Err(SimulationError::Users(self.users));
        }
        if !(1..=MAX_DAYS).contains(&self.days) {
            return Err(SimulationError::Days(self.days));
        }
        if self.attacks != Attacks::None && self.days < 10 {
            return Err(SimulationError::DaysForAttacks(self.days));
        }
        match self.start.checked_add_days(Days::new(u64::from(self.days))) {
            Some(_) => Ok(()),
            None => Err(SimulationError::Start { start: self.start, days: self.days }),
        }
    }
}

fn first_day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl Fn(&mut Plan)) -> String {
        let mut plan = Plan::new(50, 30, 1);
        change(&mut plan);
        plan.validate().unwrap_err().to_string()
    }

    #[test]
    fn the_default_plans_are_valid() {
        assert_eq!(Plan::new(50, 30, 1).validate(), Ok(()));
        assert_eq!(Plan::leaver(1).validate(), Ok(()));
    }

    #[test]
    fn errors_name_the_field() {
        assert!(refused(|plan| plan.org_id = "00D".into()).starts_with("org_id \"00D\""));
        assert!(refused(|plan| plan.users = 0).starts_with("users is 0"));
        assert!(refused(|plan| plan.days = 0).starts_with("days is 0"));
        assert!(refused(|plan| plan.days = 9).contains("attacks need at least 10"));
        assert!(refused(|plan| plan.start = NaiveDate::MAX).starts_with("start "));
    }
}
