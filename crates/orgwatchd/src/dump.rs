//! Findings, incidents and decisions of Postgres, in the form and order of `orgwatch backtest`.

use crate::arguments::OutputArguments;
use anyhow::{Context, Result};
use model::{Finding, Incident, OrgId, UserId};
use risk::{Ledger, LedgerEntry};
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use store::{DecisionFilter, FindingFilter, IncidentFilter, Status, Store, StoredFinding};

/// Writes the files that the arguments name; `-` is standard output.
///
/// # Errors
/// If the database does not answer, or a file cannot be written.
pub(crate) async fn write(store: &Store, output: &OutputArguments) -> Result<()> {
    if let Some(path) = &output.findings {
        write_lines(path, &findings(store).await?)?;
    }
    if let Some(path) = &output.incidents {
        write_lines(path, &incidents(store).await?)?;
    }
    if let Some(path) = &output.decisions {
        write_lines(path, &store.decisions(&DecisionFilter::default()).await?)?;
    }
    Ok(())
}

/// Returns the findings that count, ordered by time.
///
/// # Errors
/// If the database does not answer.
pub async fn findings(store: &Store) -> Result<Vec<Finding>> {
    let mut ledgers: BTreeMap<(OrgId, UserId), Vec<LedgerEntry>> = BTreeMap::new();
    for StoredFinding { finding, first_observed_at, .. } in store.findings(&FindingFilter::default()).await? {
        let user = (finding.org_id.clone(), finding.user_id.clone());
        ledgers.entry(user).or_default().push(LedgerEntry { latest: finding, first_observed_at });
    }
    let counting = |entries: Vec<LedgerEntry>| entries.into_iter().collect::<Ledger>().findings();
    let mut findings: Vec<Finding> = ledgers.into_values().flat_map(counting).collect();
    findings.sort_by_key(|finding| (finding.observed_at, finding.finding_id));
    Ok(findings)
}

/// Returns the incidents that count, highest risk first. Their revision is the highest of their findings, as in a
/// backtest, because the number of changes of an incident depends on the order in which its findings arrived.
///
/// # Errors
/// If the database does not answer.
pub async fn incidents(store: &Store) -> Result<Vec<Incident>> {
    let statuses = Some(vec![Status::Open, Status::Acknowledged, Status::Resolved]);
    let stored = store.incidents(&IncidentFilter { statuses, ..IncidentFilter::default() }).await?;
    let mut incidents: Vec<Incident> = stored
        .into_iter()
        .map(|stored| {
            let latest = stored.incident.findings.iter().map(|finding| finding.revision).max();
            Incident { revision: latest.unwrap_or_default(), ..stored.incident }
        })
        .collect();
    incidents.sort_by_key(|incident| (Reverse(incident.risk_score), incident.first_event_at, incident.incident_id));
    Ok(incidents)
}

fn write_lines<T: Serialize>(path: &Path, values: &[T]) -> Result<()> {
    let failed = || format!("{}: cannot be written", path.display());
    let file: Box<dyn Write> = match path.to_str() {
        Some("-") => Box::new(std::io::stdout().lock()),
        _ => Box::new(File::create(path).with_context(failed)?),
    };
    let mut file = BufWriter::new(file);
    for value in values {
        serde_json::to_writer(&mut file, value).with_context(failed)?;
        file.write_all(b"\n").with_context(failed)?;
    }
    file.flush().with_context(failed)
}
