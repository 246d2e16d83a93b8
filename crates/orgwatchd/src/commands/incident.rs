//! Lists and shows incidents, and records how far people have got with them.

mod show;

use super::decisions::{Desk, Life, describe, table, time};
use super::operate::print;
use crate::arguments::{DecideArguments, IncidentCommand, ResolveArguments, Who};
use crate::config::Config;
use anyhow::{Result, bail};
use model::{Ruling, Timestamp, Uuid};
use runtime::clock::now;
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::io::Write;
use std::process::ExitCode;
use store::{IncidentFilter, Status, Store, StoredIncident};

/// Lists or shows incidents, or records a decision on how far they are dealt with.
///
/// # Errors
/// If an incident does not exist.
pub(crate) async fn incident(config: Config, command: IncidentCommand) -> Result<ExitCode> {
    match command {
        IncidentCommand::List { org, user, status, limit, format } => {
            let statuses = if status.is_empty() { vec![Status::Open, Status::Acknowledged] } else { status };
            let filter =
                IncidentFilter { org_id: org, user_id: user, statuses: Some(statuses), ..IncidentFilter::default() };
            let store = super::database(&config, "orgwatch-operator").await?;
            list(&store, store.incidents(&filter).await?, limit, format.json).await
        }
        IncidentCommand::Show { incident, format } => show::show(&config, incident, format.json).await,
        IncidentCommand::Acknowledge { incidents, remark } => {
            let ruling = |incident_id| Ruling::Acknowledged { incident_id };
            record(&config, &incidents, remark.who, remark.reason.as_deref().unwrap_or_default(), ruling).await
        }
        IncidentCommand::Resolve(ResolveArguments { incidents, as_what, effects }) => {
            super::decide(config, DecideArguments { incidents, disposition: as_what, effects }).await
        }
        IncidentCommand::Reopen { incidents, because } => {
            let desk = Desk::open(&config, because.who).await?;
            let (mut undone, mut effects) = (Vec::new(), Vec::new());
            for stored in desk.incidents(&incidents).await? {
                for (undo, earlier) in desk.take_back(&stored, &because.reason).await? {
                    let what = describe(&earlier.ruling);
                    if !desk.prints_json() {
                        writeln!(std::io::stdout(), "takes back decision {}: {what}", earlier.decision_id)?;
                    }
                    effects.push(json!({ "takes_back": earlier.decision_id, "what": what }));
                    undone.push(undo);
                }
            }
            desk.record(undone, &effects).await
        }
        IncidentCommand::Comment { incident, text, who } => {
            record(&config, &[incident], who, &text, |incident_id| Ruling::Comment { incident_id }).await
        }
        IncidentCommand::Snooze { incidents, until, remark } => {
            if until <= now() {
                bail!("--until {until} has passed: give a later time");
            }
            let ruling = |incident_id| Ruling::Snoozed { incident_id, until };
            record(&config, &incidents, remark.who, remark.reason.as_deref().unwrap_or_default(), ruling).await
        }
        IncidentCommand::Join { one, other, because } => {
            let desk = Desk::open(&config, because.who).await?;
            let both = desk.incidents(&[one, other]).await?;
            let [a, b] = both.as_slice() else { bail!("incident {one} cannot be joined with itself") };
            let (a, b) = (&a.incident, &b.incident);
            if (&a.org_id, &a.user_id) != (&b.org_id, &b.user_id) {
                bail!("incidents {one} and {other} are of different accounts, {} and {}", a.user_id, b.user_id);
            }
            let from = a.first_event_at.min(b.first_event_at);
            let until = Some(a.last_event_at.max(b.last_event_at).plus(1));
            let joined =
                desk.decision(&a.org_id, Some(&a.user_id), Ruling::Joined, Life { from, until }, &because.reason);
            desk.record(vec![joined], &[]).await
        }
    }
}

/// Records the same ruling on several incidents, each for the time of its findings.
async fn record(
    config: &Config,
    ids: &[Uuid],
    who: Who,
    reason: &str,
    ruling: impl Fn(Uuid) -> Ruling,
) -> Result<ExitCode> {
    let desk = Desk::open(config, who).await?;
    let incidents = desk.incidents(ids).await?;
    let decisions = incidents.iter().map(|stored| {
        let incident = &stored.incident;
        let ruling = ruling(incident.incident_id);
        desk.decision(&incident.org_id, Some(&incident.user_id), ruling, Life::of_incident(stored), reason)
    });
    let decisions = decisions.collect();
    desk.record(decisions, &[]).await
}

/// Prints incidents, one line for each, and says which have changed since the login has looked.
async fn list(store: &Store, mut incidents: Vec<StoredIncident>, limit: usize, as_json: bool) -> Result<ExitCode> {
    incidents.sort_by_key(|stored| {
        (Reverse(stored.incident.risk_score), stored.incident.first_event_at, stored.incident.incident_id)
    });
    let left_out = incidents.len().saturating_sub(limit);
    incidents.truncate(limit);
    let ids: Vec<Uuid> = incidents.iter().map(|stored| stored.incident.incident_id).collect();
    let looks = store.looks(&ids).await?;
    let changed =
        |stored: &StoredIncident| looks.get(&stored.incident.incident_id).map(|seen| *seen < stored.incident.revision);
    let mut out = std::io::stdout();
    if as_json {
        let lines: Vec<Value> = incidents.iter().map(|stored| line(stored, changed(stored))).collect();
        print(&json!({ "incidents": lines, "left_out": left_out }))?;
        return Ok(ExitCode::SUCCESS);
    }
    if incidents.is_empty() {
        writeln!(out, "no such incidents")?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = table(&["incident", "risk", "severity", "status", "account", "first event", "last event", "what"]);
    for stored in &incidents {
        let incident = &stored.incident;
        table.add_row([
            incident.incident_id.to_string(),
            incident.risk_score.to_string(),
            incident.severity.to_string(),
            stored.status.to_string(),
            incident.username.as_deref().unwrap_or(incident.user_id.as_str()).to_owned(),
            time(incident.first_event_at),
            time(incident.last_event_at),
            remarks(stored, changed(stored), now()),
        ]);
    }
    writeln!(out, "{table}")?;
    if left_out > 0 {
        writeln!(out, "{left_out} more: --limit prints them")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns how an incident stands, without its findings.
fn line(stored: &StoredIncident, changed: Option<bool>) -> Value {
    let incident = &stored.incident;
    json!({
        "incident_id": incident.incident_id,
        "org_id": incident.org_id,
        "user_id": incident.user_id,
        "username": incident.username,
        "user_class": incident.user_class,
        "severity": incident.severity,
        "risk_score": incident.risk_score,
        "status": stored.status,
        "disposition": stored.disposition,
        "assignee": stored.assignee,
        "snoozed_until": stored.snoozed_until,
        "first_event_at": incident.first_event_at,
        "last_event_at": incident.last_event_at,
        "ended": stored.ended,
        "changed_since_look": changed,
    })
}

/// Returns what people said of an incident, and whether it has changed since they looked, in short.
fn remarks(stored: &StoredIncident, changed: Option<bool>, now: Timestamp) -> String {
    let disposition = stored.disposition.map(|disposition| disposition.as_str().replace('_', " "));
    let assignee = stored.assignee.as_ref().map(|assignee| format!("{assignee} works on it"));
    let snoozed =
        stored.snoozed_until.filter(|until| *until > now).map(|until| format!("snoozed until {}", time(until)));
    let changed = (changed == Some(true)).then(|| "changed since you looked".to_owned());
    [disposition, assignee, snoozed, changed].into_iter().flatten().collect::<Vec<_>>().join(", ")
}
