//! What each source has seen, and what it has not.

use crate::meter::Origin;
use crate::source::{Coverage, SourceError};
use model::{Activity, Kind, OrgId, Timestamp};
use std::sync::Arc;
use store::{Gap, NewGap};

/// Keeps the coverage of one org; clones share it.
#[derive(Clone)]
pub(crate) struct Watch {
    org: OrgId,
    coverage: Arc<dyn Coverage>,
}

impl Watch {
    pub(crate) fn new(org: OrgId, coverage: Arc<dyn Coverage>) -> Self {
        Self { org, coverage }
    }

    /// Which source leads for a kind; `None` if none has it.
    pub(crate) fn led(&self, _kind: Kind, _lead: Option<Origin>) {}

    /// The org or its user has no such source for a kind; in words for an operator.
    pub(crate) fn missing(&self, _origin: Origin, _kind: Kind, _problem: String) {}

    /// The org cannot be read at all; in words for an operator.
    pub(crate) fn unreachable(&self, _problem: String) {}

    /// A source has answered about these kinds at `at`, by the org's clock, whether or not it had anything to tell.
    pub(crate) fn heard(&self, _origin: Origin, _kinds: &[Kind], _at: Timestamp) {}

    /// Activities that a source has told.
    pub(crate) fn saw(&self, _origin: Origin, _activities: &[Activity]) {}

    /// A source cannot read these kinds for now; in words for an operator.
    pub(crate) fn failed(&self, _origin: Origin, _kinds: &[Kind], _problem: String) {}

    /// Records that a source has missed something. The same gap is recorded once.
    pub(crate) async fn missed(&self, gap: NewGap) -> Result<(), SourceError> {
        Ok(self.coverage.open_gap(&self.org, &gap).await?)
    }

    /// The gaps that are not filled, oldest first.
    pub(crate) async fn gaps(&self) -> Result<Vec<Gap>, SourceError> {
        Ok(self.coverage.gaps(&self.org).await?)
    }

    /// Records that a gap is filled, or why it cannot be.
    pub(crate) async fn filled(&self, gap: &Gap, note: &str) -> Result<(), SourceError> {
        Ok(self.coverage.close_gap(gap, note).await?)
    }
}
