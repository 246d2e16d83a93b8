//! An incident with its findings, the arithmetic of its risk, and what was decided about it.

use crate::commands::database;
use crate::commands::decisions::{HeldDate, KnownDays, by, describe, incidents, table, time};
use crate::commands::operate::print;
use crate::config::Config;
use anyhow::{Context, Result};
use model::{Decision, Uuid};
use serde_json::json;
use std::io::Write;
use std::process::ExitCode;
use store::{DecisionFilter, FindingFilter, StoredFinding, StoredIncident};

/// Prints an incident.
///
/// # Errors
/// If it does not exist.
pub(super) async fn show(config: &Config, incident_id: Uuid, as_json: bool) -> Result<ExitCode> {
    let store = database(config, "orgwatch-operator").await?;
    let stored = incidents(&store, &[incident_id]).await?.pop().context("no incident")?;
    let incident_ids = Some(vec![incident_id]);
    let hidden: Vec<StoredFinding> = store
        .findings(&FindingFilter { incident_ids, ..FindingFilter::default() })
        .await?
        .into_iter()
        .filter(|finding| finding.hidden_by.is_some())
        .collect();
    let known = KnownDays::read(&store, &stored.incident.org_id, &stored.incident.user_id).await?;
    let days = known.held(&stored.incident);
    let (org_id, user_id) = (Some(stored.incident.org_id.clone()), Some(stored.incident.user_id.clone()));
    let of_account = store.decisions(&DecisionFilter { org_id, user_id, ..DecisionFilter::default() }).await?;
    let decisions: Vec<Decision> = of_account.into_iter().filter(|decision| is_about(decision, &stored)).collect();
    if as_json {
        let hidden: Vec<_> = hidden
            .iter()
            .map(|finding| json!({ "finding_id": finding.finding.finding_id, "hidden_by": finding.hidden_by }))
            .collect();
        print(&json!({
            "incident": stored.incident,
            "status": stored.status,
            "disposition": stored.disposition,
            "assignee": stored.assignee,
            "snoozed_until": stored.snoozed_until,
            "ended": stored.ended,
            "hidden": hidden,
            "held_days": days,
            "decisions": decisions,
        }))?;
    } else {
        write!(std::io::stdout(), "{}", text(&stored, &hidden, &days, &decisions))?;
    }
    store.look(incident_id, stored.incident.revision).await?;
    Ok(ExitCode::SUCCESS)
}

/// Whether a decision on the account of an incident touches the time of its findings.
fn is_about(decision: &Decision, stored: &StoredIncident) -> bool {
    let incident = &stored.incident;
    decision.ruling.incident_id() == Some(incident.incident_id)
        || (decision.from <= incident.last_event_at
            && decision.until.is_none_or(|until| until > incident.first_event_at))
}

fn text(stored: &StoredIncident, hidden: &[StoredFinding], days: &[HeldDate], decisions: &[Decision]) -> String {
    let incident = &stored.incident;
    let user = incident.username.as_deref().unwrap_or(incident.user_id.as_str());
    let mut text = format!(
        "{} {} {user} ({}, org {}), {}\nIncident {}, from {} to {}\n",
        incident.risk_score,
        incident.severity.as_str().to_uppercase(),
        incident.user_class,
        incident.org_id,
        stored.status,
        incident.incident_id,
        incident.first_event_at,
        incident.last_event_at,
    );
    let said = super::remarks(stored, None, runtime::clock::now());
    if !said.is_empty() {
        text.push_str(&format!("{said}\n"));
    }
    if !days.is_empty() {
        let days: Vec<String> = days.iter().map(ToString::to_string).collect();
        text.push_str(&format!("Days that were held back: {}\n", days.join(", ")));
    }
    text.push('\n');
    for finding in &incident.findings {
        let note = if finding.withdrawn { " (withdrawn)" } else { "" };
        text.push_str(&format!("  {} {}{note}\n    {}\n", finding.observed_at, finding.detector, finding.summary));
    }
    for StoredFinding { finding, hidden_by, .. } in hidden {
        let by = hidden_by.map(|by| by.to_string()).unwrap_or_default();
        text.push_str(&format!("  {} {} (hidden by decision {by})\n", finding.observed_at, finding.detector));
    }
    let mut terms = table(&["points", "term", "why"]);
    for term in &incident.receipt.terms {
        terms.add_row([term.points.to_string(), term.name.to_string(), term.reason.clone()]);
    }
    text.push_str(&format!("\n{terms}\n"));
    if !decisions.is_empty() {
        let mut table = table(&["decided at", "decision", "what", "by", "reason"]);
        for decision in decisions {
            table.add_row([
                time(decision.decided_at),
                decision.decision_id.to_string(),
                describe(&decision.ruling),
                by(decision),
                decision.reason.clone(),
            ]);
        }
        text.push_str(&format!("\n{table}\n"));
    }
    text
}
