//! How far files were published.

use crate::Ticket;
use crate::meter::{Counts, Meter, Origin};
use crate::source::{Positions, SourceError};
use bus::PublishError;
use futures::FutureExt;
use model::{OrgId, Uuid};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// Fingerprint of the files.
    inputs: Uuid,
    /// Activities, in the order in which they are read, that JetStream has acknowledged.
    pub(super) acknowledged: u64,
    /// Whether also the end was told.
    pub(super) ended: bool,
}

/// Where a position is kept.
pub(super) struct Place {
    pub(super) positions: Arc<dyn Positions>,
    pub(super) source: &'static str,
    pub(super) org: OrgId,
}

/// Moves a position past what was sent, as acknowledgements come in.
pub(super) struct Progress {
    /// `None` where the input cannot be read again.
    place: Option<Place>,
    position: Position,
    /// As it was when it was kept last.
    kept: u64,
    /// What was sent, in order.
    under_way: VecDeque<(usize, Ticket)>,
    meter: Meter,
}

/// Acknowledged activities after which the position is kept.
const KEEP_EVERY: u64 = 10_000;

impl Progress {
    /// From the position that is kept, if it is one in these files.
    pub(super) async fn resume(place: Place, fingerprint: Uuid, meter: Meter) -> Result<Self, SourceError> {
        let kept = place.positions.get(place.source, &place.org).await?;
        let known = kept.and_then(|kept| serde_json::from_value::<Position>(kept).ok());
        let fresh = Position { inputs: fingerprint, acknowledged: 0, ended: false };
        let position = known.filter(|known| known.inputs == fingerprint).unwrap_or(fresh);
        let kept = position.acknowledged;
        Ok(Self { place: Some(place), position, kept, under_way: VecDeque::new(), meter })
    }

    /// Of what cannot be read again, so that no position is kept.
    pub(super) fn forgotten(meter: Meter) -> Self {
        let position = Position { inputs: Uuid::nil(), acknowledged: 0, ended: false };
        Self { place: None, position, kept: 0, under_way: VecDeque::new(), meter }
    }

    pub(super) fn position(&self) -> &Position {
        &self.position
    }

    pub(super) fn sent(&mut self, activities: usize, ticket: Ticket) {
        self.under_way.push_back((activities, ticket));
    }

    /// Moves past what is acknowledged by now, and keeps the position now and then.
    pub(super) async fn settle(&mut self) -> Result<(), SourceError> {
        while let Some(outcome) = self.under_way.front_mut().and_then(|(_, ticket)| ticket.now_or_never()) {
            self.next(outcome)?;
        }
        if self.position.acknowledged - self.kept < KEEP_EVERY {
            return Ok(());
        }
        match self.save().await {
            // To be kept with the next: until then no more than time is lost.
            Err(SourceError::Position(error)) if error.is_transient() => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "position in the files not kept, trying later"
                );
                Ok(())
            }
            outcome => outcome,
        }
    }

    /// Waits until all is acknowledged.
    pub(super) async fn drain(&mut self) -> Result<(), SourceError> {
        while let Some((_, ticket)) = self.under_way.front_mut() {
            let outcome = ticket.await;
            self.next(outcome)?;
        }
        Ok(())
    }

    pub(super) async fn save(&mut self) -> Result<(), SourceError> {
        if let (Some(place), Ok(position)) = (&self.place, serde_json::to_value(&self.position)) {
            place.positions.put(place.source, &place.org, &position).await?;
        }
        self.kept = self.position.acknowledged;
        Ok(())
    }

    pub(super) async fn ended(&mut self) -> Result<(), SourceError> {
        self.position.ended = true;
        self.save().await
    }

    /// The ticket at the front has resolved.
    fn next(&mut self, outcome: Result<(), PublishError>) -> Result<(), SourceError> {
        let Some((activities, _)) = self.under_way.pop_front() else { return Ok(()) };
        if let Err(error) = outcome {
            // What follows may be stored; the position cannot pass what is not.
            self.under_way.clear();
            return Err(error.into());
        }
        self.position.acknowledged += activities as u64;
        self.meter.records(Origin::Files, Counts { accepted: activities, ..Counts::default() });
        Ok(())
    }
}
