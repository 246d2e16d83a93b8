//! How far a stream was read.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ingest::{Positions, SourceError};
use model::{OrgId, Timestamp};
use salesforce_client::Replay;
use serde::{Deserialize, Serialize};

/// The position after an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// Opaque, in base64.
    replay_id: String,
    /// Event time of the latest event up to the position, in milliseconds.
    event_at: Option<i64>,
}

impl Position {
    pub(super) fn new(replay_id: &[u8], event_at: Option<Timestamp>) -> Self {
        Self { replay_id: STANDARD.encode(replay_id), event_at: event_at.map(|at| at.0) }
    }

    /// Returns the stored position; `None` if the stream was never read.
    pub(super) async fn load(
        positions: &dyn Positions,
        source: &str,
        org: &OrgId,
    ) -> Result<Option<Self>, SourceError> {
        let stored = positions.get(source, org).await?;
        Ok(stored.and_then(|stored| serde_json::from_value(stored).ok()))
    }

    pub(super) async fn save(&self, positions: &dyn Positions, source: &str, org: &OrgId) -> Result<(), SourceError> {
        let value = serde_json::json!({ "replay_id": self.replay_id, "event_at": self.event_at });
        Ok(positions.put(source, org, &value).await?)
    }

    /// Returns this position with the later event time of its own and of the one before it.
    pub(super) fn after(self, before: Option<Self>) -> Self {
        let event_at = self.event_at.max(before.and_then(|before| before.event_at));
        Self { event_at, ..self }
    }

    pub(super) fn event_at(&self) -> Option<Timestamp> {
        self.event_at.map(Timestamp)
    }

    /// Returns where to subscribe; `None` if the stored id is damaged.
    pub(super) fn replay(&self) -> Option<Replay> {
        STANDARD.decode(&self.replay_id).ok().map(Replay::After)
    }
}
