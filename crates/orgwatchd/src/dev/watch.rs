//! Prints incidents as they open and grow.

use super::notes::LEAST;
use anyhow::Result;
use model::{Incident, Severity, Uuid};
use std::collections::BTreeMap;
use std::io::{Write, stdout};
use std::time::Duration;
use store::{IncidentFilter, Status, Store};
use tokio_util::sync::CancellationToken;

/// How often Postgres is polled.
const POLL: Duration = Duration::from_secs(1);

/// Prints incidents until `shutdown`, and those that are left after it.
///
/// # Errors
/// If standard output is closed.
pub(super) async fn run(store: Store, shutdown: CancellationToken) -> Result<()> {
    let mut printed: BTreeMap<Uuid, Severity> = BTreeMap::new();
    loop {
        let is_last = shutdown.is_cancelled();
        let statuses = Some(vec![Status::Open, Status::Acknowledged]);
        match store.incidents(&IncidentFilter { statuses, ..IncidentFilter::default() }).await {
            Ok(stored) => {
                for incident in stored.into_iter().map(|stored| stored.incident) {
                    let is_graver = printed.get(&incident.incident_id).is_none_or(|before| incident.severity > *before);
                    if incident.severity >= LEAST && is_graver {
                        printed.insert(incident.incident_id, incident.severity);
                        print(&incident)?;
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "incidents cannot be read"),
        }
        if is_last {
            return Ok(());
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(POLL) => {}
        }
    }
}

fn print(incident: &Incident) -> Result<()> {
    let mut out = stdout().lock();
    let name = incident.username.as_deref().unwrap_or(incident.user_id.as_str());
    let Incident { risk_score, severity, first_event_at, .. } = incident;
    writeln!(out, "{risk_score} {severity} {name}, from {first_event_at}")?;
    for finding in &incident.findings {
        writeln!(out, "    {} {}/10: {}", finding.detector, finding.score, finding.summary)?;
    }
    Ok(out.flush()?)
}
