//! What is remembered of deliveries, as the courier needs it; [`Records`] has it, and tests have a substitute.

use crate::channel::Channel;
use crate::decide::was_told;
use bus::{Bus, dead, subject};
use model::codec::Message;
use model::{Batch, Change, ChangeKind, Incident, Item, Timestamp};
use std::slice;
use std::time::Duration;
use store::{Claim, DeliveryKey, HistoryEntry, Store, StoreError};

pub(crate) trait Deliveries: Send + Sync + 'static {
    /// Remembers the delivery, durably, and claims it for the time of `lease`.
    fn claim(&self, key: &DeliveryKey, lease: Duration) -> impl Future<Output = Result<Claim, StoreError>> + Send;

    /// Claims it again although it was given up, if that was before the change was `told`. `false` if it was not.
    fn revive(
        &self,
        key: &DeliveryKey,
        lease: Duration,
        told: Timestamp,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

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

    /// Keeps a change that is given up where an operator finds it, and can have it told again. `false` if that is not
    /// possible now.
    fn set_aside(&self, item: &Item<Change>, reason: &str) -> impl Future<Output = bool> + Send;
}

/// Postgres, and the dead stream.
pub(crate) struct Records {
    pub(crate) store: Store,
    pub(crate) bus: Bus,
}

/// As the dead letters of the stream that is read here have it, too.
const STAGE: &str = "notifier";
/// The longest that it may take to set a change aside.
const PATIENCE: Duration = Duration::from_secs(5);

impl Deliveries for Records {
    async fn claim(&self, key: &DeliveryKey, lease: Duration) -> Result<Claim, StoreError> {
        self.store.claim(key, lease).await
    }

    async fn revive(&self, key: &DeliveryKey, lease: Duration, told: Timestamp) -> Result<bool, StoreError> {
        self.store.revive(key, lease, told).await
    }

    async fn confirmed(&self, key: &DeliveryKey) -> Result<bool, StoreError> {
        self.store.confirmed(key).await
    }

    async fn failed(
        &self,
        key: &DeliveryKey,
        attempt: u32,
        retry_after: Option<Duration>,
        error: &str,
    ) -> Result<bool, StoreError> {
        self.store.failed(key, attempt, retry_after, error).await
    }

    async fn due(&self, limit: u32) -> Result<Vec<DeliveryKey>, StoreError> {
        self.store.due(limit).await
    }

    /// By the incident's history, which is kept for longer than its deliveries.
    async fn told(&self, change: &Change, channel: &Channel) -> Result<bool, StoreError> {
        let mut history = self.store.history(change.incident.incident_id).await?;
        history.retain(|entry| entry.revision < change.incident.revision);
        let earlier = history.into_iter().filter_map(|entry| change_of(entry).transpose());
        Ok(was_told(earlier.collect::<Result<Vec<_>, _>>()?, channel))
    }

    async fn change(&self, key: &DeliveryKey) -> Result<Option<(Change, Timestamp)>, StoreError> {
        let history = self.store.history(key.incident_id).await?;
        let Some(entry) = history.into_iter().find(|entry| entry.revision == key.revision) else { return Ok(None) };
        let at = entry.at;
        Ok(change_of(entry)?.map(|change| (change, at)))
    }

    async fn set_aside(&self, item: &Item<Change>, reason: &str) -> bool {
        let subject = subject::incident(&self.bus.settings().prefix, item.value.incident.org_id.as_str());
        let batch = Change::encode_batch(slice::from_ref(item));
        let put = dead::put(&self.bus, STAGE, &subject, &item.traceparent, batch, reason);
        tokio::time::timeout(PATIENCE, put).await.is_ok()
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
