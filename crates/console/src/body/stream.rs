//! Events of the stream.

use super::time;
use crate::decide::words;
use serde::Serialize;
use store::StreamedChange;
use utoipa::ToSchema;
use utoipa::openapi::Object;

/// An event of the stream. This is what its lines are; only `data` is JSON.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it says what the lines of an event are")]
pub(crate) struct StreamEvent {
    /// Its name.
    #[schema(schema_with = names)]
    pub(crate) event: String,
    /// Send it as `last-event-id` for what follows this event.
    pub(crate) id: String,
    /// An IncidentChange where `event` is `incident`, otherwise `{}`.
    #[schema(content_media_type = "application/json")]
    pub(crate) data: String,
}

fn names() -> Object {
    let description = "`start`: the stream begins. `reset`: it begins, and the id that was named is of another database. \
                       `incident`: an incident has changed.";
    words(description, ["start", "reset", "incident"].into_iter()).build()
}

/// A change of an incident, as the data of an event has it.
#[derive(Serialize, ToSchema)]
pub(crate) struct IncidentChange {
    /// Id of the incident.
    #[schema(format = Uuid)]
    pub(crate) incident_id: String,
    /// Salesforce id of the org.
    pub(crate) org_id: String,
    /// The revision after the change.
    #[schema(minimum = 0)]
    pub(crate) revision: u64,
    /// The kind of change, such as opened, escalated or ended.
    pub(crate) change: String,
    /// The risk after the change.
    #[schema(minimum = 0, maximum = 100)]
    pub(crate) risk_score: f64,
    /// The severity after the change.
    pub(crate) severity: String,
    /// When it was recorded, by the database's clock.
    #[schema(format = DateTime)]
    pub(crate) at: String,
}

impl From<&StreamedChange> for IncidentChange {
    fn from(change: &StreamedChange) -> Self {
        Self {
            incident_id: change.incident_id.to_string(),
            org_id: change.org_id.to_string(),
            revision: change.revision,
            change: change.change.clone(),
            risk_score: change.risk_score.to_f64(),
            severity: change.severity.as_str().to_owned(),
            at: time(change.at),
        }
    }
}
