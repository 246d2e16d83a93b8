//! Periodic work: ends incidents that their org has passed, and deletes old rows.

use crate::meter::Meter;
use crate::worker::User;
use crate::writes::{Writes, kept_incident};
use crate::{Service, Settings};
use ::settings::Settings as Rules;
use model::Timestamp;
use runtime::clock::now;
use runtime::error::chain;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use store::{Store, StoreError};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// Users that one transaction ends incidents of and locks: merging waits for no more than that.
const USERS: u32 = 100;
/// Rows of an earlier version that are filled in at once.
const AT_ONCE: u32 = 500;
/// Time between two rounds of housekeeping, which works by whole days and months.
const HOUSEKEEPING: Duration = Duration::from_secs(3_600);

/// Runs until `shutdown`; failures are logged and tried again at the next tick.
pub(crate) async fn run(service: &Service, meter: &Meter, shutdown: &CancellationToken) {
    let mut ending = ticker(service.settings.ending_interval());
    let mut housekeeping = ticker(HOUSEKEEPING);
    loop {
        let outcome = tokio::select! {
            () = shutdown.cancelled() => return,
            _ = ending.tick() => {
                let rules = Arc::clone(&service.rules.borrow());
                end(&service.store, meter, &rules.settings).await
            }
            _ = housekeeping.tick() => housekeep(&service.store, &service.settings).await,
        };
        if let Err(error) = outcome {
            tracing::warn!(error = chain(&error), "upkeep failed, trying again later");
        }
    }
}

/// Ends the incidents that their org has passed.
async fn end(store: &Store, meter: &Meter, rules: &Rules) -> Result<(), StoreError> {
    loop {
        let ending = store.ending_accounts(rules.risk.merge_window(), &rules.merge_windows(), USERS).await?;
        if ending.is_empty() {
            return Ok(());
        }
        let clocks: BTreeMap<User, Timestamp> =
            ending.into_iter().map(|ending| ((ending.org_id, ending.user_id), ending.clock)).collect();
        let users: Vec<User> = clocks.keys().cloned().collect();
        let mut correlation = store.correlate(&users).await?;
        let mut writes = Writes::default();
        let mut ended = 0_usize;
        // Read again under the lock: an incident may have grown since.
        for stored in correlation.unended().await? {
            let user = (stored.incident.org_id.clone(), stored.incident.user_id.clone());
            let Some(clock) = clocks.get(&user) else { continue };
            if let Some(transition) = risk::end(kept_incident(stored), *clock, &rules.risk_of(&user.0)) {
                writes.add_transition(transition);
                ended += 1;
            }
        }
        writes.commit(correlation, meter).await?;
        tracing::debug!(ended, "incidents have ended");
        if ended == 0 {
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
            erased_deleted = done.erased_deleted,
            sessions_deleted = done.sessions_deleted,
            replicas_deleted = done.replicas_deleted,
            "housekeeping"
        );
    }
    // What an earlier version stored is found by lists only then.
    while store.fill_facets(AT_ONCE).await? > 0 {}
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
    use crate::testing::{finding, rules, store};
    use crate::worker::Worker;
    use model::time::HOUR;
    use model::{ChangeKind, EndReason, Finding, Item, OrgId, Status, UserId};
    use servers::Postgres;
    use store::{IncidentFilter, Owner, StoredIncident};

    struct Bench {
        server: Postgres,
        store: Store,
        meter: Meter,
        settings: Rules,
        worker: Worker,
    }

    impl Bench {
        async fn new() -> Self {
            let (server, store) = store().await;
            let (meter, settings) = (Meter::new(), Rules::default());
            let worker = Worker::of(store.clone(), rules(), meter.clone());
            Self { server, store, meter, settings, worker }
        }

        async fn put(&self, finding: Finding) {
            let user = (finding.org_id.clone(), finding.user_id.clone());
            self.worker.correlate(BTreeMap::from([(user, vec![Item::new(finding)])])).await.unwrap();
        }

        /// Sets the clock of the org in a partition, as baseline does, and ends what it has passed.
        async fn pass(&self, partition: i32, hour: i64) {
            let settings = store::Settings { url: self.server.url().into(), ..store::Settings::default() };
            let owner = Owner::connect(&settings, "orgwatch-test", "test", 1).await.unwrap();
            assert!(owner.try_acquire(partition).await.unwrap());
            let clock = (org(), Timestamp(hour * HOUR));
            owner.put_clocks(partition, 1, &[clock]).await.unwrap();
            owner.close().await.unwrap();
            self.end().await;
        }

        async fn end(&self) {
            end(&self.store, &self.meter, &self.settings).await.unwrap();
        }

        async fn emma(&self) -> StoredIncident {
            let filter = IncidentFilter { user_id: Some(finding(1, 0, 8.0).user_id), ..IncidentFilter::default() };
            let incidents = self.store.incidents(&filter).await.unwrap();
            let [incident] = <[StoredIncident; 1]>::try_from(incidents).unwrap();
            incident
        }

        /// The changes in the outbox as (revision, change, reason), oldest first; they are taken out.
        async fn published(&self) -> Vec<(u64, ChangeKind, Option<EndReason>)> {
            let mut published = Vec::new();
            let relayed = self.store.relay(100, async |rows| {
                let change = |row: &store::OutboxRow| {
                    let change = crate::relay::change(row).unwrap();
                    (change.incident.revision, change.kind, change.end_reason)
                };
                published.extend(rows.iter().map(change));
                rows.iter().map(|row| row.id).collect()
            });
            relayed.await.unwrap();
            published
        }
    }

    fn org() -> OrgId {
        finding(1, 0, 8.0).org_id
    }

    const OPENED: (u64, ChangeKind, Option<EndReason>) = (1, ChangeKind::Opened, None);

    fn passed(revision: u64) -> (u64, ChangeKind, Option<EndReason>) {
        (revision, ChangeKind::Ended, Some(EndReason::Passed))
    }

    #[tokio::test]
    async fn the_last_incident_of_an_org_ends_once_the_orgs_time_has_passed_it() {
        let bench = Bench::new().await;
        bench.put(finding(1, 0, 8.0)).await;
        bench.end().await;
        bench.pass(3, 24).await;
        assert_eq!(bench.published().await, [OPENED], "it may still grow");
        // No other incident follows: only events that raise nothing.
        bench.pass(3, 25).await;
        bench.end().await;
        assert_eq!(bench.published().await, [passed(2)], "ended once");
        let ended = bench.emma().await;
        assert_eq!((ended.ended, ended.status), (true, Status::Open), "nobody has resolved it");
        assert_eq!(ended.closed_at, None);
    }

    #[tokio::test]
    async fn the_time_of_findings_ends_nothing_while_the_orgs_clock_stands() {
        let bench = Bench::new().await;
        bench.put(finding(1, 0, 8.0)).await;
        bench.put(Finding { user_id: UserId::new("other"), ..finding(2, 480, 8.0) }).await;
        bench.end().await;
        assert_eq!(bench.published().await, [OPENED, OPENED]);
        assert!(!bench.emma().await.ended);
    }

    #[tokio::test]
    async fn a_late_finding_resumes_an_ended_incident_and_is_published() {
        let bench = Bench::new().await;
        bench.put(finding(1, 0, 8.0)).await;
        bench.pass(3, 48).await;
        bench.put(finding(3, 2, 9.9)).await;
        let resumed = bench.emma().await;
        assert_eq!((resumed.ended, resumed.incident.findings.len()), (false, 2));
        assert_eq!(bench.published().await, [OPENED, passed(2), (3, ChangeKind::Resumed, None)]);
        let mut history = Vec::new();
        for revision in 1..=3 {
            history.extend(bench.store.change(resumed.incident.incident_id, revision).await.unwrap());
        }
        let history: Vec<(&str, Option<&str>)> =
            history.iter().map(|entry| (entry.change.as_str(), entry.end_reason.as_deref())).collect();
        assert_eq!(history, [("opened", None), ("ended", Some("passed")), ("resumed", None)]);
        // A correction of what has ended again leaves it ended.
        bench.end().await;
        bench.put(Finding { withdrawn: true, revision: 2, ..finding(3, 2, 0.0) }).await;
        let corrected = bench.emma().await;
        assert_eq!((corrected.ended, corrected.incident.findings.len()), (true, 1));
        assert_eq!(bench.published().await, [passed(4)]);
    }

    #[tokio::test]
    async fn absorbed_and_withdrawn_incidents_end_with_their_reasons() {
        let bench = Bench::new().await;
        bench.put(finding(1, 0, 8.0)).await;
        bench.put(finding(3, 40, 8.0)).await;
        bench.published().await;
        bench.put(finding(2, 20, 5.0)).await;
        let mut published = bench.published().await;
        published.retain(|(_, kind, _)| *kind == ChangeKind::Ended);
        assert_eq!(published, [(2, ChangeKind::Ended, Some(EndReason::Absorbed))]);
        for id in 1..=3 {
            bench.put(Finding { withdrawn: true, revision: 2, ..finding(id, 41, 0.0) }).await;
        }
        let last = bench.published().await.pop().map(|(_, kind, reason)| (kind, reason));
        assert_eq!(last, Some((ChangeKind::Ended, Some(EndReason::Withdrawn))));
    }
}
