//! Decisions and their effects.

use super::settings::ChangeOfSettings;
use super::{Eyes, time};
use crate::decide::{self, Effects, NewSettings, Plan, Preview};
use crate::org_settings::without_other_orgs;
use model::{Decision, Ruling, Text, UserId};
use serde::Serialize;
use serde_json::{Value, json};
use store::Hidden;
use utoipa::ToSchema;

/// A decision as it is stored.
#[derive(Serialize, ToSchema)]
#[schema(as = Decision)]
pub(crate) struct DecisionBody {
    /// Id of the decision.
    #[schema(format = Uuid)]
    pub(crate) decision_id: String,
    /// Salesforce id of the org.
    pub(crate) org_id: String,
    /// Salesforce id of the account; null if it concerns all accounts of the org.
    pub(crate) user_id: Option<String>,
    /// What was decided.
    pub(crate) kind: String,
    /// What was decided, in full, as in an export.
    #[schema(value_type = Object)]
    pub(crate) ruling: Value,
    /// Event time from which it holds.
    #[schema(format = DateTime)]
    pub(crate) from: String,
    /// Event time before which it holds; null: for good.
    #[schema(format = DateTime)]
    pub(crate) until: Option<String>,
    /// Who decided: the person or token, or the database login.
    pub(crate) decided_by: String,
    /// Who that says it acts for; nobody has checked it.
    pub(crate) claimed_by: Option<String>,
    /// Why, in a person's words, which may name others: null for sessions that see no names.
    pub(crate) reason: Option<String>,
    /// When it was recorded, by the database's clock.
    #[schema(format = DateTime)]
    pub(crate) decided_at: String,
    /// in_force, later, expired, ended or undone; null in the answer that records it.
    pub(crate) standing: Option<String>,
    /// How many findings count for nothing because of it.
    #[schema(minimum = 0)]
    pub(crate) hidden_findings: Option<u64>,
    /// When the latest of them was observed.
    #[schema(format = DateTime)]
    pub(crate) last_hidden_at: Option<String>,
}

impl DecisionBody {
    pub(crate) fn of(
        decision: &Decision,
        standing: Option<decide::Standing>,
        hidden: Option<&Hidden>,
        eyes: Eyes<'_>,
    ) -> Self {
        Self {
            decision_id: decision.decision_id.to_string(),
            org_id: decision.org_id.to_string(),
            user_id: decision.user_id.as_ref().map(UserId::to_string),
            kind: decision.ruling.kind().to_owned(),
            ruling: ruling(&decision.ruling, eyes),
            from: time(decision.from),
            until: decision.until.map(time),
            decided_by: decision.decided_by.to_string(),
            claimed_by: decision.claimed_by.as_ref().map(Text::to_string),
            reason: eyes.sees_names(&decision.org_id).then(|| decision.reason.clone()),
            decided_at: time(decision.decided_at),
            standing: standing.map(|standing| standing.as_str().to_owned()),
            hidden_findings: hidden.map(|hidden| hidden.findings),
            last_hidden_at: hidden.map(|hidden| time(hidden.latest_at)),
        }
    }
}

/// Returns what was decided as the session sees it: settings without the keys of other orgs.
fn ruling(ruling: &Ruling, eyes: Eyes<'_>) -> Value {
    match ruling {
        Ruling::Settings { hash, toml } => {
            let toml = without_other_orgs(toml, eyes.session);
            json!({ "kind": ruling.kind(), "hash": hash, "toml": toml })
        }
        _ => json!(ruling),
    }
}

/// The effects of a disposition, each as a sentence.
#[derive(Serialize, ToSchema)]
#[schema(as = Effects)]
pub(crate) struct EffectBody {
    /// The incident.
    #[schema(format = Uuid)]
    pub(crate) incident_id: String,
    /// What the incident's days teach.
    pub(crate) learning: String,
    /// What counts for the weight of detectors.
    pub(crate) precision: String,
    /// Whether findings are suppressed.
    pub(crate) suppression: String,
}

impl From<&Effects> for EffectBody {
    fn from(effects: &Effects) -> Self {
        Self {
            incident_id: effects.incident_id.to_string(),
            learning: effects.learning.clone(),
            precision: effects.precision.clone(),
            suppression: effects.suppression.clone(),
        }
    }
}

/// What was recorded.
#[derive(Serialize, ToSchema)]
pub(crate) struct Recorded {
    /// The decisions, as they are stored.
    pub(crate) decisions: Vec<DecisionBody>,
    /// The effects of dispositions.
    pub(crate) effects: Vec<EffectBody>,
    /// Whether they are applied to incidents already; otherwise the correlator does so as soon as it runs.
    pub(crate) applied: bool,
}

/// What decisions would do. Nothing is recorded.
#[derive(Serialize, ToSchema)]
pub(crate) struct Applied {
    /// The effects of dispositions.
    pub(crate) effects: Vec<EffectBody>,
    /// The settings that orgs would have.
    pub(crate) settings: Vec<SettingsBody>,
    /// How many findings of the last 30 days more would count for nothing.
    #[schema(minimum = 0)]
    pub(crate) hidden_findings: usize,
    /// What the incidents of the last 30 days would be.
    pub(crate) incidents: Vec<Standing>,
}

/// The settings that an org would have.
#[derive(Serialize, ToSchema)]
#[schema(as = NewSettings)]
pub(crate) struct SettingsBody {
    /// Salesforce id of the org.
    pub(crate) org_id: String,
    /// Their hash.
    pub(crate) hash: String,
    /// What would change.
    pub(crate) changes: Vec<ChangeOfSettings>,
}

impl SettingsBody {
    fn of(new: &NewSettings, eyes: Eyes<'_>) -> Self {
        let NewSettings { org_id, after, changes, .. } = new;
        let changes = ChangeOfSettings::seen(changes.clone(), eyes);
        Self { org_id: org_id.to_string(), hash: after.hash.to_string(), changes }
    }
}

/// What an incident is and would be.
#[derive(Serialize, ToSchema)]
pub(crate) struct Standing {
    /// The incident as it is, or would be if it is not there yet.
    #[schema(format = Uuid)]
    pub(crate) incident_id: String,
    /// vanishes, closes, falls, merges, stays, rises, reopens or appears.
    pub(crate) becomes: String,
    /// Its risk now, 0 to 100; null if it is not there yet.
    pub(crate) risk_before: Option<f64>,
    /// Its severity now.
    pub(crate) severity_before: Option<String>,
    /// Its risk then; null if it would be gone.
    pub(crate) risk_after: Option<f64>,
    /// Its severity then.
    pub(crate) severity_after: Option<String>,
}

impl Applied {
    pub(crate) fn of(plan: &Plan, preview: &Preview, eyes: Eyes<'_>) -> Self {
        let risk = |standing: Option<risk::Standing>| standing.map(|standing| standing.risk_score.to_f64());
        let severity =
            |standing: Option<risk::Standing>| standing.map(|standing| standing.severity.as_str().to_owned());
        let incidents = preview.effects.iter().map(|effect| Standing {
            incident_id: effect.incident_id.to_string(),
            becomes: effect.becomes.as_str().to_owned(),
            risk_before: risk(effect.before),
            severity_before: severity(effect.before),
            risk_after: risk(effect.after),
            severity_after: severity(effect.after),
        });
        Self {
            effects: plan.effects.iter().map(EffectBody::from).collect(),
            settings: plan.settings.iter().map(|new| SettingsBody::of(new, eyes)).collect(),
            hidden_findings: preview.hidden_findings,
            incidents: incidents.collect(),
        }
    }
}
