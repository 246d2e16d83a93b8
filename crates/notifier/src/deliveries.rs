//! What is remembered of deliveries, as the courier needs it; [`Store`] has it, and tests have a substitute.

use crate::channel::Channel;
use crate::decide::was_told;
use model::codec::Message;
use model::{Change, ChangeKind, Incident, Timestamp};
use std::time::Duration;
use store::{Claim, DeliveryKey, HistoryEntry, Store, StoreError};

pub(crate) trait Deliveries: Send + Sync + 'static {
    /// Remembers the delivery, durably, and claims it for the time of `lease`.
    fn claim(&self, key: &DeliveryKey, lease: Duration) -> impl Future<Output = Result<Claim, StoreError>> + Send;

    /// It is never sent again. `false` if it was not pending.
    fn confirmed(&self, key: &DeliveryKey) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// It is sent again after `retry_after`, or never.
    fn failed(
        &self,
        key: &DeliveryKey,
        attempt: u32,
        retry_after: Option<Duration>,
        error: &str,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Deliveries that may be claimed again, the longest due first.
    fn due(&self, limit: u32) -> impl Future<Output = Result<Vec<DeliveryKey>, StoreError>> + Send;

    /// Whether the channel has been told of an earlier revision of the incident.
    fn told(&self, change: &Change, channel: &Channel) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// The change that a delivery is about, and when it was recorded.
    fn change(&self, key: &DeliveryKey)
    -> impl Future<Output = Result<Option<(Change, Timestamp)>, StoreError>> + Send;
}

impl Deliveries for Store {
    async fn claim(&self, key: &DeliveryKey, lease: Duration) -> Result<Claim, StoreError> {
        Self::claim(self, key, lease).await
    }

    async fn confirmed(&self, key: &DeliveryKey) -> Result<bool, StoreError> {
        Self::confirmed(self, key).await
    }

    async fn failed(
        &self,
        key: &DeliveryKey,
        attempt: u32,
        retry_after: Option<Duration>,
        error: &str,
    ) -> Result<bool, StoreError> {
        Self::failed(self, key, attempt, retry_after, error).await
    }

    async fn due(&self, limit: u32) -> Result<Vec<DeliveryKey>, StoreError> {
        Self::due(self, limit).await
    }

    /// By the incident's history, which is kept for longer than its deliveries.
    async fn told(&self, change: &Change, channel: &Channel) -> Result<bool, StoreError> {
        let mut history = self.history(change.incident.incident_id).await?;
        history.retain(|entry| entry.revision < change.incident.revision);
        let earlier = history.into_iter().filter_map(|entry| change_of(entry).transpose());
        Ok(was_told(earlier.collect::<Result<Vec<_>, _>>()?, channel))
    }

    async fn change(&self, key: &DeliveryKey) -> Result<Option<(Change, Timestamp)>, StoreError> {
        let history = self.history(key.incident_id).await?;
        let Some(entry) = history.into_iter().find(|entry| entry.revision == key.revision) else { return Ok(None) };
        let at = entry.at;
        Ok(change_of(entry)?.map(|change| (change, at)))
    }
}

/// `None` if the word of the change is unknown, as after a return to an older release.
fn change_of(entry: HistoryEntry) -> Result<Option<Change>, StoreError> {
    let Some(kind) = ChangeKind::ALL.iter().find(|kind| kind.as_str() == entry.change) else { return Ok(None) };
    let unreadable = |source| StoreError::Message {
        what: "history of an incident, revision",
        id: entry.revision.to_string(),
        source,
    };
    Ok(Some(Change { incident: Incident::decode(&entry.message).map_err(unreadable)?, kind: *kind }))
}
