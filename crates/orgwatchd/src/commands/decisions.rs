//! Lists all decisions, and takes one back. What the commands of decisions share is in modules.

mod desk;
mod effects;
mod held;
mod preview;

pub(super) use console::decide::describe;
pub(super) use desk::{Desk, Life, incidents};
pub(super) use effects::Effects;
pub(super) use held::{HeldDate, KnownDays};
pub(super) use preview::{decisions_text, reach, recent, settings_text};

use super::operate::print;
use crate::arguments::{DecisionsCommand, ListArguments};
use crate::config::Config;
use anyhow::Result;
use comfy_table::{ContentArrangement, Table, presets};
use console::decide::{Standing, standing};
use model::{Decision, Ruling, Timestamp, UserId};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;
use store::{DecisionFilter, Store};

/// Lists decisions, or takes one back.
///
/// # Errors
/// If the decision does not exist, or is undone already.
pub(crate) async fn decisions(config: Config, command: DecisionsCommand) -> Result<ExitCode> {
    match command {
        DecisionsCommand::List { list, user, kind } => {
            let store = super::database(&config, desk::APPLICATION).await?;
            let listed = listed(&store, &list, user.as_ref(), kind).await?;
            show(&listed, list.format.json)
        }
        DecisionsCommand::Undo { decision, because } => {
            let desk = Desk::open(&config, because.who).await?;
            let target = desk.target(decision, None).await?;
            desk.refuse(&target, &[Standing::Undone]).await?;
            let (ruling, from, until) = (Ruling::Undone { decision_id: decision }, target.from, target.until);
            let undone =
                desk.decision(&target.org_id, target.user_id.as_ref(), ruling, Life { from, until }, &because.reason);
            desk.record(vec![undone], &[]).await
        }
    }
}

/// A decision, and whether it holds.
pub(super) struct Listed {
    pub(super) decision: Decision,
    pub(super) standing: Standing,
}

/// Reads the decisions that the arguments select, in the order in which they were recorded.
pub(super) async fn listed(
    store: &Store,
    arguments: &ListArguments,
    user: Option<&UserId>,
    kind: Option<&'static str>,
) -> Result<Vec<Listed>> {
    let filter = DecisionFilter { org_id: arguments.org.clone(), ..DecisionFilter::default() };
    let all = store.decisions(&filter).await?;
    let mut clocks: BTreeMap<_, Option<Timestamp>> = BTreeMap::new();
    for decision in &all {
        if !clocks.contains_key(&decision.org_id) {
            clocks.insert(decision.org_id.clone(), store.org_clock(&decision.org_id).await?);
        }
    }
    let standings = standing(&all, |org| clocks.get(org).copied().flatten());
    let listed = all.into_iter().filter_map(|decision| {
        let standing = standings.get(&decision.decision_id).copied().unwrap_or(Standing::InForce);
        let is_asked = user.is_none_or(|user| decision.user_id.as_ref() == Some(user))
            && kind.is_none_or(|kind| decision.ruling.kind() == kind)
            && (arguments.all || standing.holds_or_will());
        is_asked.then_some(Listed { decision, standing })
    });
    Ok(listed.collect())
}

/// Prints decisions, one line for each.
pub(super) fn show(listed: &[Listed], as_json: bool) -> Result<ExitCode> {
    if as_json {
        let entries =
            listed.iter().map(|Listed { decision, standing }| json!({ "decision": decision, "standing": standing }));
        print(&json!({ "decisions": entries.collect::<Vec<_>>() }))?;
        return Ok(ExitCode::SUCCESS);
    }
    if listed.is_empty() {
        writeln!(std::io::stdout(), "no such decisions; --all also lists those that hold no more")?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = table(&["decision", "org", "account", "what", "until", "standing", "by", "reason"]);
    for Listed { decision, standing } in listed {
        table.add_row(cells(decision, *standing, []));
    }
    writeln!(std::io::stdout(), "{table}")?;
    Ok(ExitCode::SUCCESS)
}

/// Returns the row of a decision, with `more` before who made it and why.
pub(super) fn cells<const N: usize>(decision: &Decision, standing: Standing, more: [String; N]) -> Vec<String> {
    let mut cells = vec![
        decision.decision_id.to_string(),
        decision.org_id.to_string(),
        account(decision.user_id.as_ref()),
        describe(&decision.ruling),
        decision.until.map_or_else(|| "for good".to_owned(), time),
        standing.to_string(),
    ];
    cells.extend(more);
    cells.extend([by(decision), decision.reason.clone()]);
    cells
}

/// Returns an empty table in the style of this executable.
pub(super) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header);
    table
}

/// Returns a time to the minute.
pub(super) fn time(at: Timestamp) -> String {
    at.to_utc().format("%Y-%m-%d %H:%M").to_string()
}

pub(super) fn account(user: Option<&UserId>) -> String {
    user.map_or_else(|| "all".to_owned(), ToString::to_string)
}

/// Returns who decided: the login, and whom it says it acts for.
pub(super) fn by(decision: &Decision) -> String {
    match &decision.claimed_by {
        Some(claimed) => format!("{claimed} (as claimed by {})", decision.decided_by),
        None => decision.decided_by.to_string(),
    }
}
