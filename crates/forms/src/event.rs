//! `ApiAnomalyEvent`: an incident at one revision, as Salesforce's event stream has anomalies.

use crate::describe::{Description, FieldDescription as F, FieldType, Property};
use crate::facts::{Facts, SecurityEventData};
use crate::names::EventName;
use crate::tenant::joined;
use model::{Timestamp, Uuid, words};
use serde::Serialize;

/// The event about one revision of an incident. Every field of the document, and `EventName`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ApiAnomalyEvent {
    /// Always `None`: orgwatch evaluates no transaction security policy.
    pub evaluation_time: Option<f64>,
    /// Event time of the first observation of the first finding.
    pub event_date: Timestamp,
    /// Id that the record of the incident shares.
    pub event_identifier: Uuid,
    /// Id of this message, the same whenever it is written.
    pub event_uuid: Uuid,
    /// Key of the login.
    pub login_key: Option<String>,
    /// What was called.
    pub operation: Option<String>,
    /// Always `None`.
    pub policy_id: Option<String>,
    /// Always `None`.
    pub policy_outcome: Option<PolicyOutcome>,
    /// Objects that were accessed, with commas between them.
    pub queried_entities: Option<String>,
    /// Position in the stream from which the event is read.
    pub replay_id: Option<String>,
    /// Id of the transaction.
    pub request_identifier: Option<String>,
    /// Rows that the operation processed.
    pub rows_processed: Option<f64>,
    /// The largest score of the findings that count, 0 to 1.
    pub score: f64,
    /// Features of all findings that count, by points.
    pub security_event_data: Option<SecurityEventData>,
    /// Key of the session.
    pub session_key: Option<String>,
    /// Address from which the request came.
    pub source_ip: Option<String>,
    /// Sentences of the findings that count, a line each.
    pub summary: String,
    /// Always `None`: orgwatch keeps no URI of an activity.
    pub uri: Option<String>,
    /// User agent of the request.
    pub user_agent: Option<String>,
    /// Id of the account.
    pub user_id: String,
    /// The account's username.
    pub username: Option<String>,
    /// The kind of anomaly of the leading finding. The document has no such field, because its event has one kind.
    pub event_name: Option<EventName>,
}

impl ApiAnomalyEvent {
    /// Writes the event about an incident. `position` is that of the change in the stream from which it is read.
    pub fn of(facts: &Facts<'_>, position: Option<String>) -> Self {
        let (incident, leading) = (facts.incident(), &facts.leading);
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Self {
            evaluation_time: None,
            event_date: incident.first_event_at,
            event_identifier: incident.incident_id,
            event_uuid: facts.event_id(),
            login_key: owned(leading.login_key),
            operation: owned(leading.operation),
            policy_id: None,
            policy_outcome: None,
            queried_entities: joined(&facts.objects()),
            replay_id: position,
            request_identifier: owned(leading.request_id),
            rows_processed: leading.rows.map(|rows| rows as f64),
            score: facts.anomaly_score(),
            security_event_data: facts.security_event_data(),
            session_key: owned(leading.session_key),
            source_ip: owned(facts.source()),
            summary: facts.summary(),
            uri: None,
            user_agent: owned(leading.user_agent),
            user_id: incident.user_id.to_string(),
            username: incident.username.as_ref().map(ToString::to_string),
            event_name: facts.event_name(),
        }
    }
}

words! {
    /// What a transaction security policy did. The picklist of `PolicyOutcome`; orgwatch has no policies.
    PolicyOutcome {
        /// It failed.
        Error = "Error",
        /// The user is exempt.
        ExemptNoAction = "ExemptNoAction",
        /// It took too long, and the operation was blocked.
        MeteringBlock = "MeteringBlock",
        /// It took too long, and the operation was not blocked.
        MeteringNoAction = "MeteringNoAction",
        /// It did not trigger.
        NoAction = "NoAction",
        /// Somebody was notified.
        Notified = "Notified",
    }
}

/// The fields of `ApiAnomalyEvent`, as its document describes them, and last orgwatch's `EventName`.
pub static DESCRIPTION: Description = {
    use FieldType::{DateTime, Double, Picklist, Reference, String, Textarea};
    const NILLABLE: &[Property] = &[Property::Nillable];
    Description {
        name: "ApiAnomalyEvent",
        fields: &[
            F::new("EvaluationTime", Double, NILLABLE),
            F::new("EventDate", DateTime, NILLABLE),
            F::new("EventIdentifier", String, NILLABLE),
            F::new("EventUuid", String, NILLABLE),
            F::new("LoginKey", String, NILLABLE),
            F::new("Operation", String, NILLABLE),
            F::new("PolicyId", Reference, NILLABLE),
            F {
                picklist: || PolicyOutcome::ALL.iter().map(|outcome| outcome.as_str()).collect(),
                ..F::new("PolicyOutcome", Picklist, &[Property::Nillable, Property::RestrictedPicklist])
            },
            F::new("QueriedEntities", String, NILLABLE),
            F::new("ReplayId", String, NILLABLE),
            F::new("RequestIdentifier", String, NILLABLE),
            F::new("RowsProcessed", Double, NILLABLE),
            F::new("Score", Double, NILLABLE),
            F::new("SecurityEventData", Textarea, NILLABLE),
            F::new("SessionKey", String, NILLABLE),
            F::new("SourceIp", String, NILLABLE),
            F::new("Summary", Textarea, NILLABLE),
            F::new("Uri", String, NILLABLE),
            F::new("UserAgent", String, NILLABLE),
            F::new("UserId", Reference, NILLABLE),
            F::new("Username", String, NILLABLE),
            F::new("EventName", String, NILLABLE),
        ],
    }
};
