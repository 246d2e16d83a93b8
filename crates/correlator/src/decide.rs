//! Takes up decisions of people: applies them to incidents, and sends those into the activity stream that change what is
//! learned or the settings.

use crate::Service;
use crate::meter::Meter;
use crate::worker::{User, Worker};
use crate::writes::{Writes, kept_incident};
use bus::{PublishError, Publisher, PublisherSettings, Ticket, subject};
use model::{Command, Control, Decision, Entry, Item, Ruling, Timestamp, UserId, Uuid};
use runtime::error::chain;
use std::collections::BTreeSet;
use std::time::Duration;
use store::{DecisionFilter, IncidentFilter, Purpose, Store, StoreError, StoredIncident};
use tokio_util::sync::CancellationToken;

/// Decisions sent into the activity stream at once.
const SENT_AT_ONCE: u32 = 50;
/// Accounts of which one transaction works incidents out once more: merging waits for no more than that.
const ACCOUNTS: u32 = 100;
/// Time between two looks for decisions. A choice: a person who decides sees the effect at once.
const INTERVAL: Duration = Duration::from_millis(250);

/// Runs until `shutdown`; failures are logged and tried again.
pub(crate) async fn run(service: &Service, meter: &Meter, shutdown: &CancellationToken) {
    let worker = Worker::new(service, meter.clone());
    let publisher: Publisher<Entry> = Publisher::start(&service.bus, PublisherSettings::default(), shutdown.clone());
    loop {
        if let Err(error) = to_incidents(&worker, &service.store).await {
            tracing::warn!(error = chain(&error), "decisions cannot be applied to incidents, trying again");
        }
        if let Err(error) = to_stream(service, &publisher).await {
            tracing::warn!(error = chain(&error), "decisions cannot be sent into the activity stream, trying again");
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}

/// Why decisions cannot be sent.
#[derive(Debug, thiserror::Error)]
enum SendError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Publish(#[from] PublishError),
}

/// Applies the decisions that are due, one after the other, in the order in which they were recorded.
pub(crate) async fn to_incidents(worker: &Worker, store: &Store) -> Result<(), StoreError> {
    loop {
        // One at a time: it is locked while it is applied, and one on all accounts of an org may take long.
        let due = store.due_decisions(Purpose::Incidents, 1).await?;
        let Some(decision) = due.decisions().first().cloned() else { return Ok(()) };
        match decision.ruling {
            // They change no incident.
            Ruling::Comment { .. } | Ruling::Class { .. } | Ruling::Settings { .. } => {}
            Ruling::Acknowledged { incident_id } | Ruling::Snoozed { incident_id, .. } => {
                work_on(worker, store, incident_id, &decision).await?;
            }
            _ => reconsider(worker, store, &decision).await?,
        }
        due.done(&[decision.decision_id]).await?;
        let (org, kind, decision_id) = (decision.org_id.as_str(), decision.ruling.kind(), decision.decision_id);
        tracing::info!(org, kind, %decision_id, "decision applied");
    }
}

/// Notes who works on an incident. An incident that was merged into another one since is that other one.
async fn work_on(worker: &Worker, store: &Store, incident_id: Uuid, decision: &Decision) -> Result<(), StoreError> {
    let Some(found) = current(store, incident_id).await? else { return Ok(()) };
    let incident_id = found.incident.incident_id;
    let user: User = (found.incident.org_id.clone(), found.incident.user_id.clone());
    let mut correlation = store.correlate(std::slice::from_ref(&user)).await?;
    // Read again under the lock.
    let stored = correlation.incidents(&[], &[incident_id], &[]).await?.pop();
    let mut writes = Writes::default();
    let transition = stored.and_then(|stored| risk::work(kept_incident(stored), decision));
    transition.into_iter().for_each(|transition| writes.add_transition(transition));
    writes.commit(correlation, worker.meter()).await
}

/// Returns an incident, or the one that it was merged into.
async fn current(store: &Store, incident_id: Uuid) -> Result<Option<StoredIncident>, StoreError> {
    let mut seen = BTreeSet::new();
    let mut next = Some(incident_id);
    let mut found = None;
    while let Some(id) = next.filter(|id| seen.insert(*id)) {
        let filter = IncidentFilter { ids: Some(vec![id]), ..IncidentFilter::default() };
        found = store.incidents(&filter).await?.pop();
        next = found.as_ref().and_then(|stored| stored.merged_into);
    }
    Ok(found)
}

/// Works the incidents out once more of the accounts with findings in the interval of a decision, or of one that it ends
/// or undoes.
async fn reconsider(worker: &Worker, store: &Store, decision: &Decision) -> Result<(), StoreError> {
    let spans = spans(store, decision).await?;
    if let Some(user) = &decision.user_id {
        return worker.reconsider(&[(decision.org_id.clone(), user.clone())], &spans).await;
    }
    let mut after: Option<UserId> = None;
    loop {
        let users = store.accounts(&decision.org_id, after.as_ref(), ACCOUNTS).await?;
        let Some(last) = users.last().cloned() else { return Ok(()) };
        let users: Vec<User> = users.into_iter().map(|user| (decision.org_id.clone(), user)).collect();
        worker.reconsider(&users, &spans).await?;
        after = Some(last);
    }
}

/// Returns the intervals of event time in which a decision changes something: its own, and those of the decisions that it
/// ends or undoes, one after the other. What ends or undoes has none of its own.
async fn spans(store: &Store, decision: &Decision) -> Result<Vec<(Timestamp, Timestamp)>, StoreError> {
    let mut spans = Vec::new();
    let (mut seen, mut next) = (BTreeSet::new(), Some(decision.clone()));
    while let Some(decision) = next.filter(|decision| seen.insert(decision.decision_id)) {
        let Some(replaced) = decision.ruling.replaces() else {
            spans.push((decision.from, decision.until.unwrap_or(Timestamp(i64::MAX))));
            break;
        };
        let filter = DecisionFilter { ids: Some(vec![replaced]), ..DecisionFilter::default() };
        next = store.decisions(&filter).await?.pop();
    }
    Ok(spans)
}

/// Sends the decisions that are due to all partitions of their orgs. What is sent once more after a failure is known by
/// its id.
async fn to_stream(service: &Service, publisher: &Publisher<Entry>) -> Result<(), SendError> {
    let due = service.store.due_decisions(Purpose::Stream, SENT_AT_ONCE).await?;
    let prefix = service.bus.settings().prefix.clone();
    let layout = service.rules.borrow().settings.partitions.partitions();
    let mut tickets: Vec<Ticket> = Vec::new();
    for decision in due.decisions() {
        let org_id = decision.org_id.clone();
        let command = Command::Decide(Box::new(decision.clone()));
        let control = Entry::Control(Control { org_id: org_id.clone(), command });
        for partition in layout.of_org(&org_id) {
            let item = Item::new(control.clone());
            tickets.push(publisher.send(subject::activity(&prefix, partition), vec![item]).await?);
        }
    }
    for ticket in tickets {
        ticket.await?;
    }
    let sent: Vec<Uuid> = due.decisions().iter().map(|decision| decision.decision_id).collect();
    if sent.is_empty() { Ok(()) } else { Ok(due.done(&sent).await?) }
}

#[cfg(test)]
mod tests;
