//! Decisions on the settings of an org.

use super::Desk;
use crate::access::Visitor;
use crate::decide::DecidedSettings;
use crate::problem::Problem;
use model::{Decision, OrgId, Ruling, Text, Timestamp};
use settings::{Change, Hashed};
use std::path::Path;
use store::DecisionFilter;

/// The longest text of keys, in bytes: a choice, ten times all settings.
const LONGEST: usize = 100_000;
/// The largest settings, in bytes: a choice well below the largest message of NATS, by which they reach baseline.
const LARGEST: usize = 256 << 10;

/// What an administrator of an org may set for it: its sections, and keys. The rest bounds what the org takes of services
/// that others share, or is fixed at installation.
const OWN: [&str; 8] = [
    "detect.",
    "risk.",
    "profile.time_zone",
    "profile.memory_days",
    "profile.hold_days",
    "profile.fiscal_year_start",
    "profile.holidays",
    "profile.anonymizers",
];

/// What the settings of an org would be.
pub(crate) struct NewSettings {
    /// The org.
    pub(crate) org_id: OrgId,
    /// The hash of those that it has, once all that was decided has taken effect.
    pub(crate) before: Text,
    /// The settings.
    pub(crate) after: Hashed,
    /// What differs from those that the org has.
    pub(crate) changes: Vec<Change>,
}

impl Desk<'_> {
    /// Puts keys over the settings that an org has at a time.
    pub(super) async fn set(&mut self, org: &OrgId, toml: &str, from: Option<Timestamp>) -> Result<(), Problem> {
        if toml.len() > LONGEST {
            return Err(Problem::Invalid(format!("toml: at most {LONGEST} bytes, not {}", toml.len())));
        }
        let from = self.start(org, from).await?;
        let org = OrgId::new(org.as_str());
        let decided = decided(self.visitor, &org).await?;
        let before = self.settings_at(&decided, from)?;
        let after = before.settings.overlay(toml, Path::new("toml"));
        let after = Hashed::from(after.map_err(|error| Problem::Invalid(error.to_string()))?);
        let stored = after.settings.stored().map_err(|error| Problem::Invalid(error.to_string()))?;
        if stored.len() > LARGEST {
            return Err(Problem::Invalid(format!("toml: the settings would have more than {LARGEST} bytes")));
        }
        let ruling = Ruling::Settings { hash: after.hash.clone(), toml: stored };
        let changes = self.change(org.clone(), &before, after)?;
        if let Some(Change { key, .. }) = changes.iter().find(|change| !is_own(&change.key, &org)) {
            let detail = format!("toml: {key}: is no setting of one org, `orgwatchd config push` changes it");
            return Err(Problem::Invalid(detail));
        }
        if changes.is_empty() {
            return Err(Problem::Conflict(format!("toml: nothing changes: org {org} has these settings")));
        }
        self.add(&org, None, ruling, (from, None))
    }

    /// Says what the settings of an org are without a decision on them.
    pub(super) async fn unset(&mut self, target: &Decision) -> Result<(), Problem> {
        if !matches!(target.ruling, Ruling::Settings { .. }) {
            return Ok(());
        }
        let org = target.org_id.clone();
        let decided = decided(self.visitor, &org).await?;
        let at = decided.clock().unwrap_or(target.from);
        let before = self.settings_at(&decided, at)?;
        let after = self.settings_at(&decided.without(target.decision_id), at)?;
        self.change(org, &before, after).map(drop)
    }

    fn change(&mut self, org_id: OrgId, before: &Hashed, after: Hashed) -> Result<Vec<Change>, Problem> {
        let changes = before.settings.changes(&after.settings)?;
        self.settings.push(NewSettings { org_id, before: before.hash.clone(), after, changes: changes.clone() });
        Ok(changes)
    }

    fn settings_at(&self, decided: &DecidedSettings, at: Timestamp) -> Result<Hashed, Problem> {
        let own = decided.at(at)?;
        Ok(own.unwrap_or_else(|| self.app.rules.borrow().as_ref().clone()))
    }
}

/// Whether a key is one that an org may set for itself.
fn is_own(key: &str, org: &OrgId) -> bool {
    OWN.iter().any(|own| key.starts_with(own)) || key.starts_with(&format!("orgs.{org}."))
}

/// Reads the decisions on the settings of an org.
///
/// # Errors
/// If the database cannot be read.
pub(crate) async fn decided(visitor: &mut Visitor, org: &OrgId) -> Result<DecidedSettings, Problem> {
    let filter = DecisionFilter { org_id: Some(org.clone()), ..DecisionFilter::default() };
    let decisions = visitor.visit.decisions(&filter).await?;
    Ok(DecidedSettings::new(decisions, visitor.visit.org_clock(org).await?))
}
