//! Takes up decisions of people: applies them to incidents, and sends those into the activity stream that change what is
//! learned or the settings.

use crate::Service;
use crate::meter::Meter;
use crate::worker::{User, Worker};
use bus::{PublishError, Publisher, PublisherSettings, Ticket, subject};
use model::{Command, Control, Decision, Entry, Item, Ruling, Timestamp, UserId, Uuid};
use runtime::error::chain;
use std::collections::BTreeSet;
use std::time::Duration;
use store::{DecisionFilter, Purpose, Store, StoreError};
use tokio_util::sync::CancellationToken;

/// Decisions taken up at once.
const AT_ONCE: u32 = 100;
/// Accounts of which one transaction works incidents out once more: merging waits for no more than that.
const ACCOUNTS: u32 = 100;
/// Time between two looks for decisions. A choice: a person who decides sees the effect at once.
const INTERVAL: Duration = Duration::from_millis(250);

/// Runs until `shutdown`; failures are logged and tried again.
///
/// Replicas take up the same decisions: what one of them has done the others do without effect.
pub(crate) async fn run(service: &Service, meter: &Meter, shutdown: &CancellationToken) {
    let worker = Worker::new(service, meter.clone());
    let publisher: Publisher<Entry> = Publisher::start(&service.bus, PublisherSettings::default(), shutdown.clone());
    let both = async { tokio::join!(apply(&worker, &service.store), send(service, &publisher)) };
    // Wherever they are: nothing is lost.
    shutdown.run_until_cancelled(both).await;
}

/// Applies decisions to incidents. Never returns.
async fn apply(worker: &Worker, store: &Store) {
    loop {
        if let Err(error) = to_incidents(worker, store).await {
            tracing::warn!(error = chain(&error), "decisions cannot be applied to incidents, trying again");
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Sends decisions into the activity stream. Never returns.
async fn send(service: &Service, publisher: &Publisher<Entry>) {
    loop {
        if let Err(error) = to_stream(service, publisher).await {
            tracing::warn!(error = chain(&error), "decisions cannot be sent into the activity stream, trying again");
        }
        tokio::time::sleep(INTERVAL).await;
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

/// Applies the decisions that are due, in the order in which they were recorded. One that fails is left for the next time,
/// and holds up no other.
pub(crate) async fn to_incidents(worker: &Worker, store: &Store) -> Result<(), StoreError> {
    for decision in store.due_decisions(Purpose::Incidents, AT_ONCE).await? {
        let (org, kind, decision_id) = (decision.org_id.as_str(), decision.ruling.kind(), decision.decision_id);
        match reconsider(worker, store, &decision).await {
            Ok(()) => {
                store.done_with(Purpose::Incidents, &[decision_id]).await?;
                tracing::info!(org, kind, %decision_id, "decision applied");
            }
            Err(error) => {
                tracing::warn!(org, kind, %decision_id, error = chain(&error), "a decision cannot be applied, trying again");
            }
        }
    }
    Ok(())
}

/// Works the incidents out once more of the accounts with findings in the interval of a decision, or of one that it ends
/// or undoes.
async fn reconsider(worker: &Worker, store: &Store, decision: &Decision) -> Result<(), StoreError> {
    let spans = spans(store, decision).await?;
    if spans.is_empty() {
        return Ok(());
    }
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

/// Returns the intervals of event time in which a decision changes how incidents stand: its own, or that of the decision
/// that it ends or undoes, or of the one that this one does. What ends or undoes has none of its own, and what changes
/// learning or settings alone has none.
async fn spans(store: &Store, decision: &Decision) -> Result<Vec<(Timestamp, Timestamp)>, StoreError> {
    let (mut seen, mut next) = (BTreeSet::new(), Some(decision.clone()));
    while let Some(decision) = next.filter(|decision| seen.insert(decision.decision_id)) {
        let Some(replaced) = decision.ruling.replaces() else {
            let is_elsewhere =
                matches!(decision.ruling, Ruling::Comment { .. } | Ruling::Class { .. } | Ruling::Settings { .. });
            let span = (decision.from, decision.until.unwrap_or(Timestamp(i64::MAX)));
            return Ok(if is_elsewhere { Vec::new() } else { vec![span] });
        };
        let filter = DecisionFilter { ids: Some(vec![replaced]), ..DecisionFilter::default() };
        next = store.decisions(&filter).await?.pop();
    }
    Ok(Vec::new())
}

/// Sends the decisions that are due to all partitions of their orgs. What is sent once more is known by its id. Settings are
/// stored by their hash first, so that whoever is given the hash finds them.
async fn to_stream(service: &Service, publisher: &Publisher<Entry>) -> Result<(), SendError> {
    let due = service.store.due_decisions(Purpose::Stream, AT_ONCE).await?;
    let prefix = service.bus.settings().prefix.clone();
    let layout = service.rules.borrow().settings.partitions.partitions();
    let mut tickets: Vec<Ticket> = Vec::new();
    for decision in &due {
        if let Ruling::Settings { hash, toml } = &decision.ruling {
            service.store.put_settings(hash, toml).await?;
        }
        let org_id = decision.org_id.clone();
        let command = Command::Decide(Box::new(decision.clone()));
        let control = Entry::Control(Control { org_id: org_id.clone(), command });
        for partition in layout.of_org(&org_id) {
            let (subject, item) = (subject::activity(&prefix, partition), Item::new(control.clone()));
            tickets.push(publisher.send_or_set_aside("correlator", subject, vec![item]).await?);
        }
    }
    for ticket in tickets {
        ticket.await?;
    }
    let sent: Vec<Uuid> = due.iter().map(|decision| decision.decision_id).collect();
    if sent.is_empty() { Ok(()) } else { Ok(service.store.done_with(Purpose::Stream, &sent).await?) }
}

#[cfg(test)]
mod tests;
