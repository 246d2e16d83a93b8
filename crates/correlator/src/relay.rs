//! Publishes the outbox: at least once, and in order for each incident.

use bus::{Bus, PublishError, Publisher, PublisherSettings, subject};
use model::codec::Message;
use model::{Change, ChangeKind, EndReason, Incident, Item};
use runtime::error::chain;
use std::time::Duration;
use store::{OutboxRow, Store};
use tokio_util::sync::CancellationToken;

/// Rows published between two commits. After a crash, at most these are published again.
const ROWS: u32 = 200;

/// Publishes until `shutdown`, every `interval`; failures are logged and tried again.
pub(crate) async fn run(bus: &Bus, store: &Store, interval: Duration, shutdown: CancellationToken) {
    let publisher: Publisher<Change> = Publisher::start(bus, PublisherSettings::default(), shutdown.clone());
    let prefix = bus.settings().prefix.clone();
    loop {
        let relayed = store.relay(ROWS, async |rows| publish(&publisher, &prefix, rows).await).await;
        let is_more = match relayed {
            Ok(Some(relayed)) => relayed.published > 0 && relayed.taken == ROWS as usize,
            Ok(None) => false,
            Err(error) => {
                tracing::warn!(error = chain(&error), "the outbox cannot be relayed, trying again");
                false
            }
        };
        let wait = if is_more { Duration::ZERO } else { interval };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Publishes rows in their order. Returns the ids of those that JetStream has acknowledged, up to the first failure: rows
/// behind it wait, so that no change overtakes another one.
async fn publish(publisher: &Publisher<Change>, prefix: &str, rows: Vec<OutboxRow>) -> Vec<i64> {
    let mut in_flight = Vec::with_capacity(rows.len());
    for row in rows {
        match send(publisher, prefix, &row).await {
            Ok(ticket) => in_flight.push((row.id, ticket)),
            Err(error) => {
                tracing::warn!(incident = %row.incident_id, error = chain(&error), "a change cannot be published");
                break;
            }
        }
    }
    let mut published = Vec::with_capacity(in_flight.len());
    for (id, ticket) in in_flight {
        let Some(ticket) = ticket else {
            published.push(id);
            continue;
        };
        if ticket.await.is_err() {
            break;
        }
        published.push(id);
    }
    published
}

/// Sends one row. Returns `None` for a row that cannot be decoded: it is logged and removed, so that it blocks nothing.
async fn send(
    publisher: &Publisher<Change>,
    prefix: &str,
    row: &OutboxRow,
) -> Result<Option<bus::Ticket>, PublishError> {
    let Some(change) = change(row) else {
        tracing::error!(incident = %row.incident_id, change = row.change, "a row of the outbox cannot be read");
        return Ok(None);
    };
    let traceparent = row.traceparent.as_deref().unwrap_or_default().into();
    let item = Item { traceparent, ..Item::new(change) };
    let subject = subject::incident(prefix, row.org_id.as_str());
    publisher.send_or_set_aside("correlator", subject, vec![item]).await.map(Some)
}

/// Returns the change of a row; `None` if it cannot be read.
pub(crate) fn change(row: &OutboxRow) -> Option<Change> {
    let kind = *ChangeKind::ALL.iter().find(|kind| kind.as_str() == row.change)?;
    let end_reason = EndReason::ALL.iter().copied().find(|reason| row.end_reason.as_deref() == Some(reason.as_str()));
    let incident = Incident::decode(&row.message).ok()?;
    Some(Change { incident, kind, end_reason, merged_into: row.merged_into })
}
