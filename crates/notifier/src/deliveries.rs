//! The record of deliveries, as the dispatcher uses it. [`StoredDeliveries`] implements it; tests have it in memory.

use bus::{Bus, dead, subject};
use model::codec::Message;
use model::{Batch, Change, ChangeKind, EndReason, Incident, Item, Severity, Status, Timestamp};
use risk::notify::{Filter, Hold, Snooze, hold, was_notified};
use std::slice;
use std::time::Duration;
use store::{Claim, DeliveryKey, HistoryEntry, SnoozedIncident, Store, StoreError};

/// The record of deliveries.
pub(crate) trait Deliveries: Send + Sync + 'static {
    /// Records the delivery and claims it for the time of `lease`.
    fn claim(&self, key: &DeliveryKey, lease: Duration) -> impl Future<Output = Result<Claim, StoreError>> + Send;

    /// Claims a delivery that was given up before the change was published (again). Returns `false` if it was not.
    fn revive(
        &self,
        key: &DeliveryKey,
        lease: Duration,
        published_at: Timestamp,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Marks a delivery as confirmed: it is never sent again. Returns `false` if it was not pending.
    fn confirmed(&self, key: &DeliveryKey) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Marks a delivery as counted by a digest that does not name its incident: it is never sent again. Returns `false`
    /// if it was not pending.
    fn counted(&self, key: &DeliveryKey) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Makes a delivery due again after `wait`; the attempt does not count. Returns `false` if it was not pending.
    fn postponed(
        &self,
        key: &DeliveryKey,
        attempt: u32,
        wait: Duration,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Marks a delivery as one that must never be sent. Returns `false` if it was not pending.
    fn suppressed(&self, key: &DeliveryKey) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Marks an attempt as failed. The delivery is due again after `retry_after`; without it, it is given up. Returns
    /// `false` if it was not pending.
    fn failed(
        &self,
        key: &DeliveryKey,
        attempt: u32,
        retry_after: Option<Duration>,
        error: &str,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Returns deliveries that may be claimed again, those that have been due longest first.
    fn due(&self, limit: u32) -> impl Future<Output = Result<Vec<DeliveryKey>, StoreError>> + Send;

    /// Whether a destination with this filter was notified of an earlier revision of the incident.
    fn was_notified(&self, change: &Change, filter: &Filter) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// Whether a change that was published at this time is held back, because somebody has snoozed its incident.
    fn hold(&self, change: &Change, published_at: Timestamp) -> impl Future<Output = Result<Hold, StoreError>> + Send;

    /// Returns the change to deliver, and when it was recorded.
    fn change(&self, key: &DeliveryKey)
    -> impl Future<Output = Result<Option<(Change, Timestamp)>, StoreError>> + Send;

    /// Writes a change that is given up to the dead stream, from which operators can replay it. Returns `false` if that
    /// is not possible now.
    fn dead_letter(&self, item: &Item<Change>, reason: &str) -> impl Future<Output = bool> + Send;
}

/// Deliveries in Postgres, with dead letters in JetStream.
pub(crate) struct StoredDeliveries {
    pub(crate) store: Store,
    pub(crate) bus: Bus,
}

/// Stage of the dead letters; the loop that reads the incident stream uses it too.
const STAGE: &str = "notifier";
/// Timeout of writing a dead letter.
const PATIENCE: Duration = Duration::from_secs(5);

impl Deliveries for StoredDeliveries {
    async fn claim(&self, key: &DeliveryKey, lease: Duration) -> Result<Claim, StoreError> {
        self.store.claim(key, lease).await
    }

    async fn revive(&self, key: &DeliveryKey, lease: Duration, published_at: Timestamp) -> Result<bool, StoreError> {
        self.store.revive(key, lease, published_at).await
    }

    async fn confirmed(&self, key: &DeliveryKey) -> Result<bool, StoreError> {
        self.store.confirmed(key).await
    }

    async fn counted(&self, key: &DeliveryKey) -> Result<bool, StoreError> {
        self.store.counted(key).await
    }

    async fn postponed(&self, key: &DeliveryKey, attempt: u32, wait: Duration) -> Result<bool, StoreError> {
        self.store.postponed(key, attempt, wait).await
    }

    async fn suppressed(&self, key: &DeliveryKey) -> Result<bool, StoreError> {
        self.store.suppressed(key).await
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

    /// Derived from the history of the incident, which is kept longer than its deliveries.
    async fn was_notified(&self, change: &Change, filter: &Filter) -> Result<bool, StoreError> {
        let (incident_id, revision) = (change.incident.incident_id, change.incident.revision);
        let earlier = self.store.earlier_changes(incident_id, revision).await?;
        let known = |(word, severity): (String, Severity)| Some((kind(&word)?, severity));
        Ok(was_notified(earlier.into_iter().filter_map(known), filter))
    }

    async fn hold(&self, change: &Change, published_at: Timestamp) -> Result<Hold, StoreError> {
        let Some(snoozed) = self.store.snoozed(change.incident.incident_id).await? else { return Ok(Hold::Send) };
        let earlier = self.store.earlier_changes(change.incident.incident_id, change.incident.revision).await?;
        let SnoozedIncident { until, now, status } = snoozed;
        let snooze = Snooze { until, now, is_unsettled: matches!(status, Status::Open | Status::Acknowledged) };
        Ok(hold(change, published_at, &snooze, earlier.into_iter().map(|(_, severity)| severity)))
    }

    async fn change(&self, key: &DeliveryKey) -> Result<Option<(Change, Timestamp)>, StoreError> {
        let Some(entry) = self.store.change(key.incident_id, key.revision).await? else { return Ok(None) };
        let at = entry.at;
        Ok(change_of(entry)?.map(|change| (change, at)))
    }

    async fn dead_letter(&self, item: &Item<Change>, reason: &str) -> bool {
        let subject = subject::incident(&self.bus.settings().prefix, item.value.incident.org_id.as_str());
        let batch = Change::encode_batch(slice::from_ref(item));
        let put = dead::put(&self.bus, STAGE, &subject, &item.traceparent, batch, reason);
        tokio::time::timeout(PATIENCE, put).await.is_ok()
    }
}

/// Decodes a change of the history. Returns `None` for a kind that this release does not know, as after a downgrade.
fn change_of(entry: HistoryEntry) -> Result<Option<Change>, StoreError> {
    let Some(kind) = kind(&entry.change) else { return Ok(None) };
    let unreadable = |source| StoreError::Message {
        what: "history of an incident, revision",
        id: entry.revision.to_string(),
        source,
    };
    let end_reason = EndReason::ALL.iter().copied().find(|reason| entry.end_reason.as_deref() == Some(reason.as_str()));
    let incident = Incident::decode(&entry.message).map_err(unreadable)?;
    Ok(Some(Change { incident, kind, end_reason, merged_into: entry.merged_into }))
}

fn kind(word: &str) -> Option<ChangeKind> {
    ChangeKind::ALL.iter().copied().find(|kind| kind.as_str() == word)
}
