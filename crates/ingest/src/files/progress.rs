//! How far the files were published.

use crate::Ticket;
use crate::meter::{Counts, Meter, SourceKind};
use crate::source::{Positions, SourceError};
use bus::PublishError;
use futures::FutureExt;
use model::{OrgId, Uuid};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::Arc;

/// A position in the files, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// Fingerprint of the files.
    inputs: Uuid,
    /// How many activities, in reading order, JetStream has acknowledged.
    pub(super) acknowledged: u64,
    /// Whether the end was sent too.
    pub(super) ended: bool,
}

/// Where a position is stored.
pub(super) struct StoredIn {
    pub(super) positions: Arc<dyn Positions>,
    pub(super) source: &'static str,
    pub(super) org: OrgId,
}

/// Moves a position past sent activities as they are acknowledged.
pub(super) struct Progress {
    /// `None` if the input cannot be read again.
    stored_in: Option<StoredIn>,
    position: Position,
    /// The acknowledged activities when the position was last stored.
    saved: u64,
    /// What was sent by each call, and its ticket, in order.
    under_way: VecDeque<(Counts, Ticket)>,
    /// What was acknowledged in this run.
    counts: Counts,
    meter: Meter,
}

/// After how many acknowledged activities the position is stored. A choice.
const SAVE_EVERY: u64 = 10_000;

impl Progress {
    /// Continues from the stored position, if it belongs to these files.
    pub(super) async fn resume(stored_in: StoredIn, fingerprint: Uuid, meter: Meter) -> Result<Self, SourceError> {
        let stored = stored_in.positions.get(stored_in.source, &stored_in.org).await?;
        let known = stored.and_then(|stored| serde_json::from_value::<Position>(stored).ok());
        let fresh = Position { inputs: fingerprint, acknowledged: 0, ended: false };
        let position = known.filter(|known| known.inputs == fingerprint).unwrap_or(fresh);
        let saved = position.acknowledged;
        let (under_way, counts) = (VecDeque::new(), Counts::default());
        Ok(Self { stored_in: Some(stored_in), position, saved, under_way, counts, meter })
    }

    /// Makes the progress of an input that cannot be read again: no position is stored.
    pub(super) fn without_position(meter: Meter) -> Self {
        let position = Position { inputs: Uuid::nil(), acknowledged: 0, ended: false };
        Self { stored_in: None, position, saved: 0, under_way: VecDeque::new(), counts: Counts::default(), meter }
    }

    pub(super) fn position(&self) -> &Position {
        &self.position
    }

    /// Returns how many activities JetStream has acknowledged in this run.
    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    pub(super) fn sent(&mut self, counts: Counts, ticket: Ticket) {
        self.under_way.push_back((counts, ticket));
    }

    /// Moves past the activities that are acknowledged by now, and stores the position every [`SAVE_EVERY`].
    pub(super) async fn settle(&mut self) -> Result<(), SourceError> {
        while let Some(outcome) = self.under_way.front_mut().and_then(|(_, ticket)| ticket.now_or_never()) {
            self.next(outcome)?;
        }
        if self.position.acknowledged - self.saved < SAVE_EVERY {
            return Ok(());
        }
        match self.save().await {
            // It is stored with the next one; a crash until then only costs time.
            Err(SourceError::Position(error)) if error.is_transient() => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the position in the files is not stored, it is tried again later");
                Ok(())
            }
            outcome => outcome,
        }
    }

    /// Waits until everything sent is acknowledged.
    pub(super) async fn drain(&mut self) -> Result<(), SourceError> {
        while let Some((_, ticket)) = self.under_way.front_mut() {
            let outcome = ticket.await;
            self.next(outcome)?;
        }
        Ok(())
    }

    pub(super) async fn save(&mut self) -> Result<(), SourceError> {
        if let (Some(to), Ok(position)) = (&self.stored_in, serde_json::to_value(&self.position)) {
            to.positions.put(to.source, &to.org, &position).await?;
        }
        self.saved = self.position.acknowledged;
        Ok(())
    }

    pub(super) async fn ended(&mut self) -> Result<(), SourceError> {
        self.position.ended = true;
        self.save().await
    }

    /// Takes in the outcome of the first ticket.
    fn next(&mut self, outcome: Result<(), PublishError>) -> Result<(), SourceError> {
        let Some((counts, _)) = self.under_way.pop_front() else { return Ok(()) };
        if let Err(error) = outcome {
            // Later activities may be acknowledged, but the position cannot pass these.
            self.under_way.clear();
            return Err(error.into());
        }
        let Counts { accepted, backfill, too_old, ahead, .. } = counts;
        self.position.acknowledged += (accepted + too_old + ahead) as u64;
        self.counts.accepted += accepted;
        self.counts.backfill += backfill;
        self.counts.too_old += too_old;
        self.counts.ahead += ahead;
        self.meter.records(SourceKind::Files, counts);
        Ok(())
    }
}
