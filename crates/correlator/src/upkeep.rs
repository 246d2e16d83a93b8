//! Periodic work: closes incidents that can grow no more, and deletes old rows.

use crate::meter::Meter;
use crate::worker::User;
use crate::writes::{Writes, kept_incident};
use crate::{Service, Settings};
use model::Timestamp;
use runtime::clock::now;
use runtime::error::chain;
use std::collections::BTreeMap;
use std::time::Duration;
use store::{Store, StoreError};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// Users whose incidents are closed in one transaction, which locks them: merging waits for no more than that.
const USERS: u32 = 100;
/// Time between two rounds of housekeeping, which works by whole days and months.
const HOUSEKEEPING: Duration = Duration::from_secs(3_600);

/// Runs until `shutdown`; failures are logged and tried again at the next tick.
pub(crate) async fn run(service: &Service, meter: &Meter, shutdown: &CancellationToken) {
    let mut closing = ticker(service.settings.closing_interval());
    let mut housekeeping = ticker(HOUSEKEEPING);
    loop {
        let outcome = tokio::select! {
            () = shutdown.cancelled() => return,
            _ = closing.tick() => close(&service.store, meter, &service.risk).await,
            _ = housekeeping.tick() => housekeep(&service.store, &service.settings).await,
        };
        if let Err(error) = outcome {
            tracing::warn!(error = chain(&error), "upkeep failed, trying again later");
        }
    }
}

/// Closes the incidents that later ones of their org have passed.
async fn close(store: &Store, meter: &Meter, settings: &risk::Settings) -> Result<(), StoreError> {
    loop {
        let ending = store.ending_accounts(settings.merge_window(), USERS).await?;
        if ending.is_empty() {
            return Ok(());
        }
        let clocks: BTreeMap<User, Timestamp> =
            ending.into_iter().map(|ending| ((ending.org_id, ending.user_id), ending.clock)).collect();
        let users: Vec<User> = clocks.keys().cloned().collect();
        let mut correlation = store.correlate(&users).await?;
        let mut writes = Writes::default();
        let mut closed = 0_usize;
        // Read again under the lock: an incident may have grown since.
        for stored in correlation.incidents().await? {
            let user = (stored.incident.org_id.clone(), stored.incident.user_id.clone());
            let Some(clock) = clocks.get(&user) else { continue };
            if let Some(transition) = risk::close(kept_incident(stored), *clock, settings) {
                writes.add_transition(transition);
                closed += 1;
            }
        }
        writes.commit(correlation, meter).await?;
        tracing::debug!(closed, "incidents have ended");
        if closed == 0 {
            return Ok(());
        }
    }
}

async fn housekeep(store: &Store, settings: &Settings) -> Result<(), StoreError> {
    if let Some(done) = store.housekeeping(now(), &settings.retention).await? {
        tracing::info!(
            months_made = done.months_made,
            months_dropped = done.months_dropped,
            deliveries_deleted = done.deliveries_deleted,
            "housekeeping"
        );
    }
    Ok(())
}

fn ticker(every: Duration) -> tokio::time::Interval {
    let mut ticker = interval(every);
    ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticker
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{finding, store};
    use crate::worker::Worker;
    use model::codec::Message;
    use model::{ChangeKind, Finding, Incident, Item, Status, UserId};
    use store::IncidentFilter;

    /// The changes in the outbox as (revision, change), oldest first; they are taken out.
    async fn published(store: &Store) -> Vec<(u64, String)> {
        let mut published = Vec::new();
        let relayed = store.relay(100, async |rows| {
            let change =
                |row: &store::OutboxRow| (Incident::decode(&row.message).unwrap().revision, row.change.clone());
            published.extend(rows.iter().map(change));
            rows.iter().map(|row| row.id).collect()
        });
        relayed.await.unwrap();
        published
    }

    #[tokio::test]
    async fn an_incident_closes_once_its_orgs_time_has_passed_it() {
        let (_server, store) = store().await;
        let meter = Meter::new();
        let settings = risk::Settings::default();
        let worker = Worker::of(store.clone(), settings.clone(), "hash".into(), meter.clone());
        let put = async |finding: Finding| {
            let user = (finding.org_id.clone(), finding.user_id.clone());
            worker.correlate(BTreeMap::from([(user, vec![Item::new(finding)])])).await.unwrap();
        };
        let opened = || (1, ChangeKind::Opened.to_string());

        put(finding(1, 0, 8.0)).await;
        close(&store, &meter, &settings).await.unwrap();
        assert_eq!(published(&store).await, [opened()], "nothing has happened since");

        // Two days later, another user of the org has a finding.
        let other = Finding { user_id: UserId::new("other"), ..finding(2, 48, 8.0) };
        put(other).await;
        close(&store, &meter, &settings).await.unwrap();
        close(&store, &meter, &settings).await.unwrap();
        assert_eq!(published(&store).await, [opened(), (2, ChangeKind::Closed.to_string())], "closed once");
        let emma = IncidentFilter { user_id: Some(finding(1, 0, 8.0).user_id), ..IncidentFilter::default() };
        let closed = &store.incidents(&emma).await.unwrap()[0];
        assert_eq!((closed.ended, closed.status), (true, Status::Open), "nobody has resolved it");

        // A late finding still counts.
        put(finding(3, 2, 9.9)).await;
        assert!(!store.incidents(&emma).await.unwrap()[0].ended);
    }
}
