//! Lists who changed settings, when and why.

use super::APPLICATION;
use super::own::decided;
use crate::commands::database;
use crate::commands::decisions::{by, table, time};
use crate::commands::operate::print;
use crate::config::Config;
use crate::rules::PUSHED;
use anyhow::Result;
use console::decide::SettingsStanding;
use model::{Decision, OrgId, Ruling, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Write;
use store::{AuditEntry, DecisionFilter, Store};

/// Entries of the audit trail that are read at once.
const PAGE: u32 = 1_000;

/// Prints pushes, the latest last: those of the audit trail, which go to all orgs, and the decisions on the settings of
/// single orgs.
///
/// # Errors
/// If the database cannot be read.
pub(super) async fn history(config: &Config, org: Option<OrgId>, format: crate::arguments::Format) -> Result<()> {
    let store = database(config, APPLICATION).await?;
    let mut rows: Vec<(Timestamp, Row)> = Vec::new();
    for entry in pushes(&store).await? {
        rows.push((entry.at, Row::of_push(&entry)));
    }
    for org in orgs(&store, org).await? {
        let decided = decided(&store, &org).await?;
        let row = |decision: &Decision, standing: SettingsStanding| Row::of_decision(decision, standing.to_string());
        rows.extend(decided.all().map(|(decision, standing)| (decision.decided_at, row(decision, standing))));
    }
    rows.sort_by_key(|(at, _)| *at);
    if format.json {
        let entries: Vec<Value> = rows.into_iter().map(|(_, row)| row.json).collect();
        return print(&json!({ "history": entries }));
    }
    let mut out = std::io::stdout();
    if rows.is_empty() {
        return Ok(writeln!(out, "nothing was pushed")?);
    }
    let mut table = table(&["at", "settings", "org", "decision", "standing", "since", "by", "reason"]);
    for (at, row) in rows {
        let mut cells = vec![time(at)];
        cells.extend(row.cells);
        table.add_row(cells);
    }
    Ok(writeln!(out, "{table}")?)
}

/// A line: its cells after the time, and its form in JSON.
struct Row {
    cells: [String; 7],
    json: Value,
}

impl Row {
    fn of_push(entry: &AuditEntry) -> Self {
        let by = match &entry.claimed_by {
            Some(claimed) => format!("{claimed} (as claimed by {})", entry.actor),
            None => entry.actor.clone(),
        };
        let reason = entry.detail.get("reason").and_then(Value::as_str).unwrap_or_default().to_owned();
        let cells = [entry.subject.clone(), "all".to_owned(), String::new(), String::new(), String::new(), by, reason];
        let json = json!({
            "at": entry.at,
            "hash": entry.subject,
            "by": entry.actor,
            "claimed_by": entry.claimed_by,
            "detail": entry.detail,
        });
        Self { cells, json }
    }

    fn of_decision(decision: &Decision, standing: String) -> Self {
        let hash = match &decision.ruling {
            Ruling::Settings { hash, .. } => hash.to_string(),
            other => other.kind().to_owned(),
        };
        // Of an org over several partitions, the hour of the first.
        let since = decision.in_force.values().min().copied();
        let json = json!({
            "at": decision.decided_at,
            "hash": hash,
            "org_id": decision.org_id,
            "decision_id": decision.decision_id,
            "standing": standing.replace(' ', "_"),
            "since": since,
            "by": decision.decided_by,
            "claimed_by": decision.claimed_by,
            "reason": decision.reason,
        });
        let cells = [
            hash,
            decision.org_id.to_string(),
            decision.decision_id.to_string(),
            standing,
            since.map(time).unwrap_or_default(),
            by(decision),
            decision.reason.clone(),
        ];
        Self { cells, json }
    }
}

/// Returns the orgs to list: the one that is asked for, or all with decisions on their settings.
async fn orgs(store: &Store, org: Option<OrgId>) -> Result<BTreeSet<OrgId>> {
    if let Some(org) = org {
        return Ok([org].into());
    }
    let filter = DecisionFilter { kinds: Some(vec!["settings"]), ..DecisionFilter::default() };
    Ok(store.decisions(&filter).await?.into_iter().map(|decision| decision.org_id).collect())
}

/// Reads the pushes of the audit trail, the latest first.
async fn pushes(store: &Store) -> Result<Vec<AuditEntry>> {
    let (mut pushes, mut after) = (Vec::new(), None);
    loop {
        let page = store.audit_page(after, PAGE).await?;
        pushes.extend(page.entries.into_iter().filter(|entry| entry.action == PUSHED));
        after = page.next;
        if after.is_none() {
            return Ok(pushes);
        }
    }
}
