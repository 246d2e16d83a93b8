//! Settings, and decisions on those of single orgs.

use super::{Eyes, time};
use crate::decide::SettingsStanding;
use model::{Decision, Ruling, Text};
use serde::Serialize;
use settings::Change;
use utoipa::ToSchema;

/// Settings behind a hash.
#[derive(Serialize, ToSchema)]
pub(crate) struct StoredSettings {
    /// The hash that receipts and findings carry.
    pub(crate) hash: String,
    /// The settings, in TOML, without the keys of orgs that the session does not see.
    pub(crate) toml: String,
}

/// The settings that an org follows.
#[derive(Serialize, ToSchema)]
#[schema(as = OrgSettings)]
pub(crate) struct FollowedBody {
    /// Salesforce id of the org.
    pub(crate) org_id: String,
    /// Their hash.
    pub(crate) hash: String,
    /// The settings, in TOML, without the keys of orgs that the session does not see.
    pub(crate) toml: String,
    /// The decision that they are from; null: the org follows the settings of the services.
    #[schema(format = Uuid)]
    pub(crate) decision_id: Option<String>,
    /// The decisions that take effect when the org's next hour closes.
    pub(crate) waiting: Vec<String>,
}

/// A changed key.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChangeOfSettings {
    /// The key with its sections, such as `detect.raise_at`.
    pub(crate) key: String,
    /// The old value, in TOML; null if the key was not set.
    pub(crate) old: Option<String>,
    /// The new value, in TOML; null if the key is no longer set.
    pub(crate) new: Option<String>,
}

impl ChangeOfSettings {
    /// Returns changes without those of keys that are another org's.
    pub(crate) fn seen(changes: Vec<Change>, eyes: Eyes<'_>) -> Vec<Self> {
        let is_seen = |change: &Change| crate::org_settings::is_seen(&change.key, eyes.session);
        let body = |Change { key, old, new }| Self { key, old, new };
        changes.into_iter().filter(is_seen).map(body).collect()
    }
}

/// A decision on the settings of an org.
#[derive(Serialize, ToSchema)]
#[schema(as = SettingsDecision)]
pub(crate) struct DecidedBody {
    /// Id of the decision.
    #[schema(format = Uuid)]
    pub(crate) decision_id: String,
    /// The hash of the settings.
    pub(crate) hash: String,
    /// How it stands: followed, waiting for the org's next hour, replaced by one that was recorded later, later because its
    /// time has not come, expired, ended or undone.
    pub(crate) standing: String,
    /// Event time from which it holds.
    #[schema(format = DateTime)]
    pub(crate) from: String,
    /// Event time before which it holds; null: for good.
    #[schema(format = DateTime)]
    pub(crate) until: Option<String>,
    /// Event time of the hour with which it took effect, in the first partition of the org; null: it has not yet.
    #[schema(format = DateTime)]
    pub(crate) since: Option<String>,
    /// Who decided: the person or token, or the database login.
    pub(crate) decided_by: String,
    /// Who that says it acts for; nobody has checked it.
    pub(crate) claimed_by: Option<String>,
    /// Why; null for sessions that see no names.
    pub(crate) reason: Option<String>,
    /// When it was recorded, by the database's clock.
    #[schema(format = DateTime)]
    pub(crate) decided_at: String,
    /// What it changed of the settings that were decided before and not undone, or else of those that the services have now;
    /// null if a later version has stored them.
    pub(crate) changes: Option<Vec<ChangeOfSettings>>,
}

impl DecidedBody {
    pub(crate) fn of(
        decision: &Decision,
        standing: SettingsStanding,
        changes: Option<Vec<Change>>,
        eyes: Eyes<'_>,
    ) -> Self {
        let hash = match &decision.ruling {
            Ruling::Settings { hash, .. } => hash.to_string(),
            other => other.kind().to_owned(),
        };
        Self {
            decision_id: decision.decision_id.to_string(),
            hash,
            standing: standing.as_str().to_owned(),
            from: time(decision.from),
            until: decision.until.map(time),
            since: decision.in_force.values().min().copied().map(time),
            decided_by: decision.decided_by.to_string(),
            claimed_by: decision.claimed_by.as_ref().map(Text::to_string),
            reason: eyes.sees_names(&decision.org_id).then(|| decision.reason.clone()),
            decided_at: time(decision.decided_at),
            changes: changes.map(|changes| ChangeOfSettings::seen(changes, eyes)),
        }
    }
}
