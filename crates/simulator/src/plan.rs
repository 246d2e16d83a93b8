//! What to simulate.

use chrono::{Days, NaiveDate};

use crate::ids;

/// The most accounts one simulated org may have.
pub const MAX_USERS: u32 = 1_000_000;
/// The most calendar days one simulation may cover (ten years).
pub const MAX_DAYS: u32 = 3_660;

/// A complete description of a simulated org: the same plan always gives the same bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The org's id, 18 characters with a valid checksum.
    pub org_id: String,
    /// Accounts, people and machines together.
    pub users: u32,
    /// Calendar days, starting with `start`.
    pub days: u32,
    pub seed: u64,
    /// The first day, UTC.
    pub start: NaiveDate,
    pub attacks: Attacks,
    pub scenario: Scenario,
}

/// How many attacks are hidden in the last fifth of the days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attacks {
    None,
    /// One to five per family, growing with the org; fewer where the org has too few suitable accounts.
    Standard,
    /// Exactly so many per family, or an error.
    PerFamily(u32),
}

/// Whether a scripted story runs through the org.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    Standard,
    /// Emma Martin prepares to leave for a competitor on the last weekday.
    Leaver,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SimulationError {
    #[error("org_id {0:?} is not an 18-character Salesforce id with a valid checksum")]
    OrgId(String),
    #[error("users is {0}, must be between 5 and {MAX_USERS}")]
    Users(u32),
    #[error("days is {0}, must be between 1 and {MAX_DAYS}")]
    Days(u32),
    #[error("start {start} plus {days} days lies outside the calendar")]
    Start { start: NaiveDate, days: u32 },
    #[error("days is {0}, attacks need at least 10")]
    DaysForAttacks(u32),
    #[error("family {family} needs {wanted} suitable accounts that no other attack uses, found {found}")]
    TooFewAccounts { family: &'static str, wanted: u32, found: u32 },
}

impl Plan {
    /// An ordinary org from Monday 2026-01-05 on, with the standard attacks.
    pub fn new(users: u32, days: u32, seed: u64) -> Plan {
        Plan {
            org_id: ids::salesforce_id("00D", 1_806_211),
            users,
            days,
            seed,
            start: first_day(2026, 1, 5),
            attacks: Attacks::Standard,
            scenario: Scenario::Standard,
        }
    }

    /// The demonstration: 150 users, 60 days up to Monday 2026-03-02, when Emma Martin leaves.
    pub fn leaver(seed: u64) -> Plan {
        Plan {
            start: first_day(2026, 1, 2),
            attacks: Attacks::None,
            scenario: Scenario::Leaver,
            ..Plan::new(150, 60, seed)
        }
    }

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
    fn impossible_plans_name_the_field() {
        assert!(refused(|plan| plan.org_id = "00D".into()).starts_with("org_id \"00D\""));
        assert!(refused(|plan| plan.users = 0).starts_with("users is 0"));
        assert!(refused(|plan| plan.days = 0).starts_with("days is 0"));
        assert!(refused(|plan| plan.days = 9).contains("attacks need at least 10"));
        assert!(refused(|plan| plan.start = NaiveDate::MAX).starts_with("start "));
    }
}
