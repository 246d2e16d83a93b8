//! How far an incident has come.

use super::time;
use model::Timestamp;
use serde::Serialize;
use store::StoredIncident;
use utoipa::ToSchema;

/// A stage that an incident has reached.
#[derive(Serialize, ToSchema)]
pub(crate) struct Stage {
    /// observed: event time of its first finding; opened: it was stored; delivered: the first destination confirmed a
    /// notification of it; closed: it was resolved, merged or withdrawn.
    pub(crate) stage: String,
    /// When: of observed by Salesforce's clock, of the others by the database's.
    #[schema(format = DateTime)]
    pub(crate) at: String,
    /// Milliseconds after the stage before it; null for the first, and where the clocks differ by more. From observed to opened
    /// it is also how old the events were when they came.
    pub(crate) after_ms: Option<i64>,
}

impl Stage {
    /// Returns the stages of an incident, in the order above.
    pub(crate) fn all(stored: &StoredIncident, delivered_at: Option<Timestamp>) -> Vec<Self> {
        let stages = [
            ("observed", Some(stored.incident.first_event_at)),
            ("opened", Some(stored.opened_at)),
            ("delivered", delivered_at),
            ("closed", stored.closed_at),
        ];
        let mut before = None;
        let reached = stages.into_iter().filter_map(|(stage, at)| Some((stage, at?)));
        let stage = |(stage, at): (&str, Timestamp)| {
            let after_ms = before.replace(at).map(|before| at.since(before)).filter(|after| *after >= 0);
            Self { stage: stage.to_owned(), at: time(at), after_ms }
        };
        reached.map(stage).collect()
    }
}
