//! What is done now and then: incidents that cannot grow any more are closed, and what is old is dropped.

use crate::error::chain;
use crate::merge::{Known, end};
use crate::meter::Meter;
use crate::worker::{Writes, now};
use crate::{Service, Settings};
use model::time::HOUR;
use model::{OrgId, Timestamp, UserId};
use std::collections::BTreeMap;
use std::time::Duration;
use store::{Status, Store, StoreError};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// Accounts looked at in one transaction.
const ACCOUNTS: u32 = 100;
const HOUSEKEEPING: Duration = Duration::from_secs(3_600);

/// Until `shutdown`; whatever fails is tried again.
pub(crate) async fn run(service: &Service, meter: &Meter, shutdown: &CancellationToken) {
    let window = i64::from(service.risk.merge_hours) * HOUR;
    let mut closing = ticker(service.settings.closing_interval());
    let mut keeping = ticker(HOUSEKEEPING);
    loop {
        let done = tokio::select! {
            () = shutdown.cancelled() => return,
            _ = closing.tick() => close(&service.store, meter, window).await,
            _ = keeping.tick() => keep_house(&service.store, &service.settings).await,
        };
        if let Err(error) = done {
            tracing::warn!(error = chain(&error), "upkeep failed, trying again later");
        }
    }
}

/// Closes what has ended by its org's event time.
async fn close(store: &Store, meter: &Meter, window: i64) -> Result<(), StoreError> {
    loop {
        let ending = store.ending_accounts(window, ACCOUNTS).await?;
        if ending.is_empty() {
            return Ok(());
        }
        let clocks: BTreeMap<(OrgId, UserId), Timestamp> =
            ending.into_iter().map(|ending| ((ending.org_id, ending.user_id), ending.clock)).collect();
        let users: Vec<(OrgId, UserId)> = clocks.keys().cloned().collect();
        let mut correlation = store.correlate(&users).await?;
        let mut writes = Writes::default();
        let mut closed = 0_usize;
        for stored in correlation.incidents().await? {
            let user = (stored.incident.org_id.clone(), stored.incident.user_id.clone());
            let is_live = matches!(stored.status, Status::Open | Status::Acknowledged) && !stored.ended;
            // It may have grown since it was found.
            let is_over = clocks.get(&user).is_some_and(|clock| clock.since(stored.incident.last_event_at) > window);
            if is_live && is_over {
                writes.add_incident(end(Known { incident: stored.incident, status: stored.status }));
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

async fn keep_house(store: &Store, settings: &Settings) -> Result<(), StoreError> {
    if let Some(kept) = store.housekeeping(Timestamp(now()), &settings.retention).await? {
        tracing::info!(
            months_made = kept.months_made,
            months_dropped = kept.months_dropped,
            deliveries_deleted = kept.deliveries_deleted,
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
    use crate::merge::tests::finding;
    use model::codec::Message;
    use model::{ChangeKind, Incident, Item};
    use servers::Postgres;
    use std::collections::BTreeMap;
    use store::IncidentFilter;

    const DAY: i64 = 24 * HOUR;

    /// The changes that were told, oldest first.
    async fn told(store: &Store) -> Vec<(u64, String)> {
        let mut told = Vec::new();
        let relayed = store.relay(100, async |rows| {
            told.extend(rows.iter().map(|row| (Incident::decode(&row.message).unwrap().revision, row.change.clone())));
            rows.iter().map(|row| row.id).collect()
        });
        relayed.await.unwrap();
        told
    }

    #[tokio::test]
    async fn an_incident_closes_when_its_orgs_time_has_passed_it() {
        let server = Postgres::start().await.unwrap();
        let postgres = store::Settings { url: server.url().into(), ..store::Settings::default() };
        let store = Store::connect(&postgres, "orgwatch-test").await.unwrap();
        store.migrate().await.unwrap();
        let meter = Meter::new();
        let worker = crate::worker::Worker::of(store.clone(), risk::Settings::default(), "hash".into(), meter.clone());
        let put = async |finding: model::Finding| {
            let user = (finding.org_id.clone(), finding.user_id.clone());
            worker.correlate(BTreeMap::from([(user, vec![Item::new(finding)])])).await.unwrap();
        };
        let opened = || (1, ChangeKind::Opened.to_string());

        put(finding(1, 1, 0, 8.0)).await;
        close(&store, &meter, DAY).await.unwrap();
        assert_eq!(told(&store).await, [opened()], "nothing has happened since");

        // Two days later somebody else of the org is noticed.
        let other = model::Finding { user_id: UserId::new("other"), ..finding(2, 1, 48, 8.0) };
        put(other).await;
        close(&store, &meter, DAY).await.unwrap();
        close(&store, &meter, DAY).await.unwrap();
        assert_eq!(told(&store).await, [opened(), (2, ChangeKind::Closed.to_string())], "once");
        let emma = IncidentFilter { user_id: Some(finding(1, 1, 0, 8.0).user_id), ..IncidentFilter::default() };
        let closed = &store.incidents(&emma).await.unwrap()[0];
        assert_eq!((closed.ended, closed.status), (true, Status::Open), "people have not settled it");

        // What comes late still counts, and is told.
        put(finding(3, 1, 2, 9.9)).await;
        assert!(!store.incidents(&emma).await.unwrap()[0].ended);
    }
}
