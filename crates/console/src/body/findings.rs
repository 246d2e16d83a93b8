//! Findings and receipts.

use super::{Eyes, time};
use model::{Evidence, Finding, Incident, Text};
use serde::Serialize;
use std::collections::BTreeMap;
use store::StoredFinding;
use utoipa::ToSchema;

/// A finding: one detector's anomalous verdict.
#[derive(Serialize, ToSchema)]
#[schema(as = Finding)]
pub(crate) struct FindingBody {
    /// Id of the finding.
    #[schema(format = Uuid)]
    pub(crate) finding_id: String,
    /// The incident that it belongs to.
    #[schema(format = Uuid)]
    pub(crate) incident_id: Option<String>,
    /// Salesforce id of the org.
    pub(crate) org_id: String,
    /// Salesforce id of the account.
    pub(crate) user_id: String,
    /// Name of the detector.
    pub(crate) detector: String,
    /// low, medium, high or critical.
    pub(crate) severity: String,
    /// 0 to 10.
    #[schema(minimum = 0, maximum = 10)]
    pub(crate) score: f64,
    /// 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    pub(crate) anomaly_score: f64,
    /// How much evidence the baseline rests on, 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    pub(crate) confidence: f64,
    /// −log10 of the p-value.
    pub(crate) surprise: f64,
    /// What happened, in a sentence.
    pub(crate) summary: String,
    /// Event time at which it was first anomalous.
    #[schema(format = DateTime)]
    pub(crate) observed_at: String,
    /// Event time of the latest revision.
    #[schema(format = DateTime)]
    pub(crate) revised_at: String,
    /// Whether it was explained since.
    pub(crate) withdrawn: bool,
    /// The decision, a suppression or an allowlist, because of which it counts for nothing.
    #[schema(format = Uuid)]
    pub(crate) hidden_by: Option<String>,
    /// The features' shares, which add up to 100 percent.
    pub(crate) features: Vec<Feature>,
    /// Numbers of the summary.
    pub(crate) measures: BTreeMap<String, f64>,
    /// Objects that were accessed.
    pub(crate) objects: Vec<String>,
    /// Addresses from which the activities came.
    pub(crate) addresses: Vec<String>,
    /// Salesforce id of the report, list view, file or page.
    pub(crate) resource_id: Option<String>,
    /// Its name.
    pub(crate) resource_name: Option<String>,
    /// Type of the client.
    pub(crate) client: Option<String>,
    /// The connected app.
    pub(crate) app: Option<String>,
    /// Hash of the settings in force.
    pub(crate) config_hash: String,
    /// The trace of the finding.
    pub(crate) traceparent: Option<String>,
    /// The activities that it rests on, or the main ones of them, in order of time: at most 12.
    pub(crate) evidence: Vec<EvidenceBody>,
}

/// An activity that a finding rests on.
#[derive(Serialize, ToSchema)]
#[schema(as = Evidence)]
pub(crate) struct EvidenceBody {
    /// Id of the activity: Salesforce's EventIdentifier, or one derived from the record.
    #[schema(format = Uuid)]
    pub(crate) activity_id: String,
    /// When it happened at Salesforce.
    #[schema(format = DateTime)]
    pub(crate) at: String,
    /// What happened, such as api or report.
    pub(crate) kind: String,
    /// The operation within the kind, as Salesforce spells it.
    pub(crate) operation: Option<String>,
    /// read, write, export, preview or none.
    pub(crate) effect: String,
    /// Whether the request succeeded.
    pub(crate) outcome: String,
    /// Through what data was reached.
    pub(crate) surface: Option<String>,
    /// Objects that were read or written.
    pub(crate) objects: Vec<String>,
    /// Salesforce id of the list view, report, file, job or page.
    pub(crate) resource_id: Option<String>,
    /// Its name.
    pub(crate) resource_name: Option<String>,
    /// How far the list view, report or query reaches.
    pub(crate) scope: Option<String>,
    /// Rows of the whole execution or query.
    #[schema(minimum = 0)]
    pub(crate) rows: Option<u64>,
    /// Size of the file or of the response, in bytes.
    #[schema(minimum = 0)]
    pub(crate) bytes: Option<u64>,
    /// Where the request came from.
    pub(crate) address: Option<String>,
    /// Autonomous system that announces the address.
    #[schema(minimum = 0)]
    pub(crate) asn: Option<u32>,
    /// ISO 3166 code of the country, or its name.
    pub(crate) country: Option<String>,
    /// The user agent as sent.
    pub(crate) user_agent: Option<String>,
    /// Type of the client.
    pub(crate) client: Option<String>,
    /// Application as Salesforce names it.
    pub(crate) application: Option<String>,
    /// Salesforce id of the connected app.
    pub(crate) app: Option<String>,
    /// API that was called.
    pub(crate) api_type: Option<String>,
    /// Key that all events of one session share.
    pub(crate) session_key: Option<String>,
    /// Key that all events after one login share.
    pub(crate) login_key: Option<String>,
    /// Salesforce's id of the request.
    pub(crate) request_id: Option<String>,
    /// Who acted as the account after a LoginAs; null for sessions that see no names.
    pub(crate) delegate: Option<String>,
}

impl EvidenceBody {
    fn of(evidence: &Evidence, sees_names: bool) -> Self {
        let text = |text: &Option<Text>| text.as_ref().map(Text::to_string);
        Self {
            activity_id: evidence.activity_id.to_string(),
            at: time(evidence.at),
            kind: evidence.kind.as_str().to_owned(),
            operation: text(&evidence.operation),
            effect: evidence.effect.as_str().to_owned(),
            outcome: evidence.outcome.as_str().to_owned(),
            surface: evidence.surface.map(|surface| surface.as_str().to_owned()),
            objects: evidence.objects.iter().map(Text::to_string).collect(),
            resource_id: text(&evidence.resource_id),
            resource_name: text(&evidence.resource_name),
            scope: evidence.scope.map(|scope| scope.as_str().to_owned()),
            rows: evidence.rows,
            bytes: evidence.bytes,
            address: text(&evidence.address),
            asn: evidence.asn,
            country: text(&evidence.country),
            user_agent: text(&evidence.user_agent),
            client: text(&evidence.client),
            application: text(&evidence.application),
            app: text(&evidence.app),
            api_type: text(&evidence.api_type),
            session_key: text(&evidence.session_key),
            login_key: text(&evidence.login_key),
            request_id: text(&evidence.request_id),
            delegate: text(&evidence.delegate).filter(|_| sees_names),
        }
    }
}

/// A feature's share of a finding, as SecurityEventData has it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Feature {
    /// Name of the feature.
    pub(crate) name: String,
    /// Its value.
    pub(crate) value: String,
    /// Its share in percent.
    pub(crate) percent: f64,
}

impl FindingBody {
    pub(crate) fn of(stored: &StoredFinding, eyes: Eyes<'_>) -> Self {
        let StoredFinding { finding, incident_id, hidden_by, traceparent, .. } = stored;
        let Finding { org_id, user_id, username, .. } = finding;
        let seen = |text: &str| eyes.text(org_id, user_id, username.as_deref(), text);
        Self {
            finding_id: finding.finding_id.to_string(),
            incident_id: incident_id.map(|id| id.to_string()),
            org_id: org_id.to_string(),
            user_id: user_id.to_string(),
            detector: finding.detector.to_string(),
            severity: finding.severity.as_str().to_owned(),
            score: finding.score,
            anomaly_score: finding.anomaly_score,
            confidence: finding.confidence,
            surprise: finding.surprise,
            summary: seen(&finding.summary),
            observed_at: time(finding.observed_at),
            revised_at: time(finding.revised_at),
            withdrawn: finding.withdrawn,
            hidden_by: hidden_by.map(|id| id.to_string()),
            features: finding
                .features
                .iter()
                .map(|feature| Feature {
                    name: feature.name.to_string(),
                    value: seen(&feature.value),
                    percent: f64::from(feature.share) / 100.0,
                })
                .collect(),
            measures: finding.measures.iter().map(|measure| (measure.name.to_string(), measure.value)).collect(),
            objects: finding.objects.iter().map(ToString::to_string).collect(),
            addresses: finding.addresses.iter().map(ToString::to_string).collect(),
            resource_id: finding.resource_id.as_ref().map(ToString::to_string),
            resource_name: finding.resource_name.as_ref().map(ToString::to_string),
            client: finding.client.as_ref().map(ToString::to_string),
            app: finding.app.as_ref().map(ToString::to_string),
            config_hash: finding.config_hash.to_string(),
            traceparent: traceparent.clone(),
            evidence: finding
                .evidence
                .iter()
                .map(|evidence| EvidenceBody::of(evidence, eyes.sees_names(org_id)))
                .collect(),
        }
    }
}

/// How a risk score came about.
#[derive(Serialize, ToSchema)]
#[schema(as = Receipt)]
pub(crate) struct ReceiptBody {
    /// noisy_or or sum.
    pub(crate) model: String,
    /// Hash of the settings.
    pub(crate) config_hash: String,
    /// The score, 0 to 100: the sum of all points.
    pub(crate) risk_score: f64,
    /// The terms.
    pub(crate) terms: Vec<TermBody>,
}

/// One term of a receipt.
#[derive(Serialize, ToSchema)]
#[schema(as = Term)]
pub(crate) struct TermBody {
    /// finding, or the kind of modifier.
    pub(crate) kind: String,
    /// The detector, or the modifier.
    pub(crate) name: String,
    /// The finding, if it is one.
    #[schema(format = Uuid)]
    pub(crate) finding_id: Option<String>,
    /// The finding's score, 0 to 10.
    pub(crate) score: f64,
    /// The detector's weight, 0 to 1.
    pub(crate) weight: f64,
    /// Factor for its age, 0 to 1.
    pub(crate) decay: f64,
    /// Factor for a stronger finding of the same group, 0 to 1.
    pub(crate) damping: f64,
    /// A modifier's factor on the odds.
    pub(crate) multiplier: f64,
    /// Points that it adds; negative if it lowers the score.
    pub(crate) points: f64,
    /// Why, in a sentence.
    pub(crate) reason: String,
}

impl ReceiptBody {
    pub(crate) fn of(incident: &Incident, eyes: Eyes<'_>) -> Self {
        let Incident { org_id, user_id, username, receipt, .. } = incident;
        let terms = receipt.terms.iter().map(|term| TermBody {
            kind: term.kind.as_str().to_owned(),
            name: term.name.to_string(),
            finding_id: term.finding_id.map(|id| id.to_string()),
            score: term.score,
            weight: term.weight,
            decay: term.decay,
            damping: term.damping,
            multiplier: term.multiplier,
            points: term.points.to_f64(),
            reason: eyes.text(org_id, user_id, username.as_deref(), &term.reason),
        });
        Self {
            model: receipt.model.as_str().to_owned(),
            config_hash: receipt.config_hash.to_string(),
            risk_score: receipt.risk_score.to_f64(),
            terms: terms.collect(),
        }
    }
}
