//! Tells whoever watches of incidents as they open and grow.

use anyhow::Result;
use model::{Incident, Severity, Uuid};
use std::collections::BTreeMap;
use std::io::{Write, stdout};
use std::time::Duration;
use store::{IncidentFilter, Status, Store};
use tokio_util::sync::CancellationToken;

const LOOK: Duration = Duration::from_secs(1);
/// What is less grave is left to the list of all.
const LEAST: Severity = Severity::High;

/// Until `shutdown`, and once after it.
///
/// # Errors
/// If standard output is closed.
pub(super) async fn run(store: Store, shutdown: CancellationToken) -> Result<()> {
    let mut told: BTreeMap<Uuid, Severity> = BTreeMap::new();
    loop {
        let is_last = shutdown.is_cancelled();
        let statuses = Some(vec![Status::Open, Status::Acknowledged]);
        match store.incidents(&IncidentFilter { statuses, ..IncidentFilter::default() }).await {
            Ok(stored) => {
                for incident in stored.into_iter().map(|stored| stored.incident) {
                    let is_graver = told.get(&incident.incident_id).is_none_or(|before| incident.severity > *before);
                    if incident.severity >= LEAST && is_graver {
                        told.insert(incident.incident_id, incident.severity);
                        tell(&incident)?;
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
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

fn tell(incident: &Incident) -> Result<()> {
    let mut out = stdout().lock();
    let who = incident.username.as_deref().unwrap_or(incident.user_id.as_str());
    let Incident { risk_score, severity, first_event_at, .. } = incident;
    writeln!(out, "{risk_score} {severity} {who}, from {first_event_at}")?;
    for finding in &incident.findings {
        writeln!(out, "    {} {}/10: {}", finding.detector, finding.score, finding.summary)?;
    }
    Ok(out.flush()?)
}
