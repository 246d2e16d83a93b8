//! What each source of each org has seen, and what it has missed.

use crate::Store;
use crate::error::Result;
use model::{OrgId, Timestamp, Uuid};

/// What is known of one kind of events by one source of an org.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceState {
    /// `stream`, `stored`, `log_files`, `log_objects`, `push`.
    pub source: String,
    /// As [`model::Kind`] is written.
    pub kind: String,
    /// `leading`, `following`, `blind`, `missing` or `off`.
    pub state: String,
    /// Event time of the latest event.
    pub last_event_at: Option<Timestamp>,
    /// When the source last answered, by the org's clock.
    pub last_heard_at: Option<Timestamp>,
    /// For an operator: what is wrong, and what to do.
    pub detail: Option<String>,
}

/// Something that a source has missed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewGap {
    pub source: String,
    pub kind: String,
    /// From the last event that was seen, to the first that will be seen again.
    pub from: Timestamp,
    pub to: Timestamp,
    pub reason: String,
}

/// A gap that was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    pub id: Uuid,
    pub org_id: OrgId,
    pub source: String,
    pub kind: String,
    pub from: Timestamp,
    pub to: Timestamp,
    pub reason: String,
    /// What became of it; `None` while it is open.
    pub note: Option<String>,
}

impl Store {
    pub async fn put_source_states(&self, _org: &OrgId, _states: &[SourceState]) -> Result<()> {
        Ok(())
    }

    pub async fn open_gap(&self, _org: &OrgId, _gap: &NewGap) -> Result<()> {
        Ok(())
    }

    pub async fn open_gaps(&self, _org: &OrgId) -> Result<Vec<Gap>> {
        Ok(Vec::new())
    }

    pub async fn close_gap(&self, _gap: Uuid, _note: &str) -> Result<()> {
        Ok(())
    }
}
