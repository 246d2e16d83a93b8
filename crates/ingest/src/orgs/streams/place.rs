//! How far a stream was read.

use crate::source::{Positions, SourceError};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::{OrgId, Timestamp};
use salesforce_client::Replay;
use serde::{Deserialize, Serialize};

/// After which event to go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// Opaque, in base64.
    replay_id: String,
    /// When the latest event before it happened, milliseconds.
    event_at: Option<i64>,
}

impl Place {
    pub(super) fn new(replay_id: &[u8], event_at: Option<Timestamp>) -> Self {
        Self { replay_id: STANDARD.encode(replay_id), event_at: event_at.map(|at| at.0) }
    }

    /// Where the stream was left; `None` if it was never read.
    pub(super) async fn load(
        positions: &dyn Positions,
        source: &str,
        org: &OrgId,
    ) -> Result<Option<Self>, SourceError> {
        let kept = positions.get(source, org).await?;
        Ok(kept.and_then(|kept| serde_json::from_value(kept).ok()))
    }

    pub(super) async fn save(&self, positions: &dyn Positions, source: &str, org: &OrgId) -> Result<(), SourceError> {
        let value = serde_json::json!({ "replay_id": self.replay_id, "event_at": self.event_at });
        Ok(positions.put(source, org, &value).await?)
    }

    /// This place, knowing also of what came before it.
    pub(super) fn after(self, before: Option<Self>) -> Self {
        let event_at = self.event_at.max(before.and_then(|before| before.event_at));
        Self { event_at, ..self }
    }

    pub(super) fn event_at(&self) -> Option<Timestamp> {
        self.event_at.map(Timestamp)
    }

    /// `None` if the id was damaged where it was kept.
    pub(super) fn replay(&self) -> Option<Replay> {
        STANDARD.decode(&self.replay_id).ok().map(Replay::After)
    }
}
