//! The settings of one org: those that people have decided on, or else those of the services.

use super::{Standing, standing};
use model::{Decision, OrgId, Ruling, Timestamp, Uuid};
use settings::{Hashed, Settings, SettingsError};
use std::path::Path;

/// All decisions on the settings of one org, in the order in which they were recorded, each with how it stands.
#[derive(Debug)]
pub struct DecidedSettings {
    decided: Vec<(Decision, Standing)>,
    clock: Option<Timestamp>,
}

/// How a decision on settings stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingsStanding {
    /// The org follows it.
    Followed,
    /// It takes effect when the org's next hour closes.
    Waiting,
    /// It would hold, but the org follows another one.
    Replaced,
    /// As any other decision.
    Other(Standing),
}

impl DecidedSettings {
    /// Makes it of all decisions of an org, in the order in which they were recorded, and the event time that the org has
    /// reached.
    pub fn new(decisions: Vec<Decision>, clock: Option<Timestamp>) -> Self {
        let standings = standing(&decisions, |_: &OrgId| clock);
        let on_settings = decisions.into_iter().filter(|decision| matches!(decision.ruling, Ruling::Settings { .. }));
        let with_standing = |decision: Decision| {
            let found = standings.get(&decision.decision_id).copied();
            (decision, found.unwrap_or(Standing::InForce))
        };
        Self { decided: on_settings.map(with_standing).collect(), clock }
    }

    /// Returns the event time that the org has reached.
    pub fn clock(&self) -> Option<Timestamp> {
        self.clock
    }

    /// Returns the decisions that hold or will.
    pub fn standing(&self) -> impl Iterator<Item = &Decision> {
        self.decided.iter().filter(|(_, standing)| standing.holds_or_will()).map(|(decision, _)| decision)
    }

    /// Whether one of them was taken back.
    pub fn is_undone(&self, decision_id: Uuid) -> bool {
        self.decided.iter().any(|(decision, found)| decision.decision_id == decision_id && *found == Standing::Undone)
    }

    /// Returns the same without one of them.
    #[must_use]
    pub fn without(mut self, decision_id: Uuid) -> Self {
        self.decided.retain(|(decision, _)| decision.decision_id != decision_id);
        self
    }

    /// Returns the settings at a time, once all that was decided has taken effect; `None`: those of the services.
    ///
    /// # Errors
    /// If they cannot be read: a later version has written them.
    pub fn at(&self, at: Timestamp) -> Result<Option<Hashed>, SettingsError> {
        latest(self.standing().filter(|decision| decision.holds_at(at))).map_or(Ok(None), read)
    }

    /// Returns the decision that the org follows now; `None`: it follows the services.
    pub fn followed(&self) -> Option<&Decision> {
        let clock = self.clock?;
        latest(self.standing().filter(|decision| decision.holds_at(clock) && !decision.in_force.is_empty()))
    }

    /// Returns each decision with how it stands.
    pub fn all(&self) -> impl Iterator<Item = (&Decision, SettingsStanding)> {
        let followed = self.followed().map(|decision| decision.decision_id);
        self.decided.iter().map(move |(decision, found)| {
            let of_settings = match found {
                Standing::InForce if decision.in_force.is_empty() => SettingsStanding::Waiting,
                Standing::InForce if followed == Some(decision.decision_id) => SettingsStanding::Followed,
                Standing::InForce => SettingsStanding::Replaced,
                other => SettingsStanding::Other(*other),
            };
            (decision, of_settings)
        })
    }
}

impl SettingsStanding {
    /// Returns the word for it in answers of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Followed => "followed",
            Self::Waiting => "waiting",
            Self::Replaced => "replaced",
            Self::Other(standing) => standing.as_str(),
        }
    }
}

impl std::fmt::Display for SettingsStanding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Followed => Standing::InForce.fmt(f),
            Self::Waiting => f.write_str("waits for the next hour"),
            Self::Replaced => f.write_str("replaced"),
            Self::Other(standing) => standing.fmt(f),
        }
    }
}

/// Returns the settings of a decision; `None` if it is on something else.
///
/// # Errors
/// If they cannot be read: a later version has written them.
pub fn read(decision: &Decision) -> Result<Option<Hashed>, SettingsError> {
    let Ruling::Settings { hash, toml } = &decision.ruling else { return Ok(None) };
    let name = format!("settings {hash} of decision {}", decision.decision_id);
    let settings = Settings::read_stored(toml, Path::new(&name))?;
    Ok(Some(Hashed { hash: hash.clone(), settings }))
}

/// Returns the decision that an org follows of those that hold: the one that was recorded last, as baseline does.
fn latest<'a>(holding: impl Iterator<Item = &'a Decision>) -> Option<&'a Decision> {
    holding.max_by_key(|decision| (decision.decided_at, decision.decision_id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    const AT: Timestamp = Timestamp(1_772_461_912_867);

    fn decision(id: u128, from: i64, is_in_force: bool) -> Decision {
        let settings = Settings::default();
        let ruling = Ruling::Settings { hash: format!("{id}").as_str().into(), toml: settings.stored().unwrap() };
        Decision {
            decision_id: Uuid::from_u128(id),
            org_id: OrgId::new("00D000000000001AAA"),
            user_id: None,
            ruling,
            from: AT.plus(from),
            until: None,
            decided_by: "anna".into(),
            claimed_by: None,
            reason: "a".into(),
            decided_at: AT,
            in_force: if is_in_force { BTreeMap::from([(0, AT)]) } else { BTreeMap::new() },
        }
    }

    #[test]
    fn an_org_follows_the_decision_that_was_recorded_last() {
        let undone = Decision { ruling: Ruling::Undone { decision_id: Uuid::from_u128(4) }, ..decision(5, 0, true) };
        let all =
            vec![decision(1, -1, true), decision(2, -2, true), decision(3, -3, false), decision(4, 0, true), undone];
        let decided = DecidedSettings::new(all, Some(AT));
        let found: Vec<String> = decided.all().map(|(_, standing)| standing.to_string()).collect();
        assert_eq!(found, ["replaced", "in force", "waits for the next hour", "undone"]);
        assert_eq!(decided.followed().map(|decision| decision.decision_id), Some(Uuid::from_u128(2)));
        // Once it has taken effect, the one that waits is followed.
        assert_eq!(decided.at(AT).unwrap().unwrap().hash, "3");
        assert!(decided.is_undone(Uuid::from_u128(4)));
        assert_eq!(decided.without(Uuid::from_u128(3)).at(AT).unwrap().unwrap().hash, "2");
        assert_eq!(DecidedSettings::new(Vec::new(), Some(AT)).at(AT).unwrap(), None);
    }
}
