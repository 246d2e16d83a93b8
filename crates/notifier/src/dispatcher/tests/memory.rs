//! The record of deliveries in memory.

use super::key;
use crate::deliveries::Deliveries;
use model::{Change, Item, Timestamp};
use risk::notify::{Filter, Hold, Snooze, hold, was_notified};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use store::{Claim, DeliveryKey, StoreError};
use tokio::time::Instant;

/// Deliveries by tokio's clock, which tests advance.
#[derive(Clone, Default)]
pub(super) struct Memory(Arc<Mutex<State>>);

#[derive(Default)]
pub(super) struct State {
    pub(super) rows: BTreeMap<DeliveryKey, Row>,
    pub(super) history: Vec<Change>,
    /// How the incident stands, if it is snoozed. The clock is at 0.
    pub(super) snooze: Option<Snooze>,
    /// The number of next writes of outcomes that fail.
    pub(super) failing: usize,
    /// Dead letters with their reasons.
    pub(super) dead: Vec<(Item<Change>, String)>,
    /// Whether dead letters cannot be written.
    pub(super) dead_stream_is_away: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Row {
    Pending { attempts: u32, next: Instant },
    Confirmed,
    Counted,
    Suppressed,
    Failed(String),
}

impl Memory {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(super) fn row(&self, revision: u64) -> Option<Row> {
        self.state().rows.get(&key(revision)).cloned()
    }

    fn outcome(&self, key: &DeliveryKey, row: Row) -> Result<bool, StoreError> {
        let mut state = self.state();
        if state.failing > 0 {
            state.failing -= 1;
            return Err(away());
        }
        match state.rows.get_mut(key) {
            Some(pending @ Row::Pending { .. }) => *pending = row,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn away() -> StoreError {
    StoreError::NoAnswer { what: "reach the database", waited_ms: 1 }
}

impl Deliveries for Memory {
    async fn claim(&self, key: &DeliveryKey, lease: Duration) -> Result<Claim, StoreError> {
        let (mut state, now) = (self.state(), Instant::now());
        let attempts = match state.rows.get(key) {
            None => 1,
            Some(Row::Pending { attempts, next }) if *next <= now => attempts + 1,
            Some(Row::Pending { .. }) => return Ok(Claim::Wait { until: Timestamp(0) }),
            Some(Row::Confirmed) => return Ok(Claim::AlreadyConfirmed),
            Some(Row::Counted) => return Ok(Claim::Counted),
            Some(Row::Suppressed) => return Ok(Claim::Suppressed),
            Some(Row::Failed(_)) => return Ok(Claim::GivenUp),
        };
        state.rows.insert(key.clone(), Row::Pending { attempts, next: now + lease });
        Ok(Claim::Send { attempt: attempts })
    }

    /// Deliveries were given up at the time 0.
    async fn revive(&self, key: &DeliveryKey, lease: Duration, published_at: Timestamp) -> Result<bool, StoreError> {
        let mut state = self.state();
        let is_dead = published_at > Timestamp(0) && matches!(state.rows.get(key), Some(Row::Failed(_)));
        if is_dead {
            state.rows.insert(key.clone(), Row::Pending { attempts: 1, next: Instant::now() + lease });
        }
        Ok(is_dead)
    }

    async fn confirmed(&self, key: &DeliveryKey) -> Result<bool, StoreError> {
        self.outcome(key, Row::Confirmed)
    }

    async fn counted(&self, key: &DeliveryKey) -> Result<bool, StoreError> {
        self.outcome(key, Row::Counted)
    }

    async fn postponed(&self, key: &DeliveryKey, attempt: u32, wait: Duration) -> Result<bool, StoreError> {
        self.outcome(key, Row::Pending { attempts: attempt - 1, next: Instant::now() + wait })
    }

    async fn suppressed(&self, key: &DeliveryKey) -> Result<bool, StoreError> {
        self.outcome(key, Row::Suppressed)
    }

    async fn failed(
        &self,
        key: &DeliveryKey,
        attempt: u32,
        retry_after: Option<Duration>,
        error: &str,
    ) -> Result<bool, StoreError> {
        self.outcome(
            key,
            match retry_after {
                Some(after) => Row::Pending { attempts: attempt, next: Instant::now() + after },
                None => Row::Failed(error.to_owned()),
            },
        )
    }

    async fn due(&self, limit: u32) -> Result<Vec<DeliveryKey>, StoreError> {
        let now = Instant::now();
        let is_due = |row: &Row| matches!(row, Row::Pending { next, .. } if *next <= now);
        let rows = self.state();
        let due = rows.rows.iter().filter(|(_, row)| is_due(row)).map(|(key, _)| key.clone());
        Ok(due.take(limit as usize).collect())
    }

    async fn was_notified(&self, change: &Change, filter: &Filter) -> Result<bool, StoreError> {
        let earlier = self.state().history.clone();
        let earlier = earlier.into_iter().filter(|other| other.incident.revision < change.incident.revision);
        Ok(was_notified(earlier.map(|change| (change.kind, change.incident.severity)), filter))
    }

    async fn hold(&self, change: &Change, published_at: Timestamp) -> Result<Hold, StoreError> {
        let state = self.state();
        let Some(snooze) = &state.snooze else { return Ok(Hold::Send) };
        let is_earlier = |other: &&Change| other.incident.revision < change.incident.revision;
        let earlier = state.history.iter().filter(is_earlier).map(|change| change.incident.severity);
        Ok(hold(change, published_at, snooze, earlier))
    }

    async fn change(&self, key: &DeliveryKey) -> Result<Option<(Change, Timestamp)>, StoreError> {
        let state = self.state();
        let same = |change: &&Change| {
            change.incident.incident_id == key.incident_id && change.incident.revision == key.revision
        };
        Ok(state.history.iter().find(same).map(|change| (change.clone(), Timestamp(0))))
    }

    async fn dead_letter(&self, item: &Item<Change>, reason: &str) -> bool {
        let mut state = self.state();
        if !state.dead_stream_is_away {
            state.dead.push((item.clone(), reason.to_owned()));
        }
        !state.dead_stream_is_away
    }
}
