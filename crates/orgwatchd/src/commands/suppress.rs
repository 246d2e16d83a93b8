//! Lets findings count for nothing, for a while.

use super::decisions::{Desk, Life, Listed, cells, decisions_text, listed, reach, recent, show, table, time};
use super::operate::print;
use crate::arguments::{Expiring, ListArguments, ScopeArguments, SuppressCommand};
use crate::config::Config;
use anyhow::Result;
use console::decide::Preview;
use model::Ruling;
use model::decision::Scope;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;
use store::{Hidden, Store};

/// Lists, previews, adds or ends suppressions. `scope` is that of the arguments, if they have one.
///
/// # Errors
/// If no hour of the org is closed yet and no time is given, or a suppression to end does not exist.
pub(crate) async fn suppress(config: Config, command: SuppressCommand, scope: Scope) -> Result<ExitCode> {
    match command {
        SuppressCommand::List(arguments) => {
            let store = super::database(&config, "orgwatch-operator").await?;
            list(&store, &arguments).await
        }
        SuppressCommand::Preview { scope: arguments, format } => {
            let store = super::database(&config, "orgwatch-operator").await?;
            let desk = Desk::of(store, format);
            preview(&desk, &config, &arguments, scope, None).await
        }
        SuppressCommand::Add { scope: arguments, holds, dry_run, because } => {
            let desk = Desk::open(&config, because.who.clone()).await?;
            if dry_run {
                return preview(&desk, &config, &arguments, scope, Some(&holds)).await;
            }
            let life = Life::expiring(&holds, desk.start(&arguments.org, holds.from).await?)?;
            let ruling = Ruling::Suppression { scope, incident_id: None };
            let added = desk.decision(&arguments.org, arguments.user.as_ref(), ruling, life, &because.reason);
            desk.record(vec![added], &[]).await
        }
        SuppressCommand::End(arguments) => super::end(&config, arguments, "suppression").await,
    }
}

/// Prints what a suppression would have done to recent incidents: in the time that is given, or else as if it had held
/// for the last 30 days.
async fn preview(
    desk: &Desk,
    config: &Config,
    arguments: &ScopeArguments,
    scope: Scope,
    holds: Option<&Expiring>,
) -> Result<ExitCode> {
    let ScopeArguments { org, user, .. } = arguments;
    let clock = desk.store.org_clock(org).await?.unwrap_or_else(runtime::clock::now);
    let life = holds.map(|holds| Life::expiring(holds, holds.from.unwrap_or(clock))).transpose()?;
    let started = holds.and_then(|holds| holds.from);
    let since = started.map_or(reach(clock), |from| from.min(reach(clock)));
    let recent = recent(&desk.store, config, (org, user.as_ref()), since).await?;
    let life = life.unwrap_or(Life { from: clock, until: None });
    let added = desk.decision(org, user.as_ref(), Ruling::Suppression { scope, incident_id: None }, life, "");
    let added = std::slice::from_ref(&added);
    let preview = if started.is_some() { Preview::of(added, &recent) } else { Preview::as_if(added, &recent) };
    if desk.prints_json() {
        print(&preview)?;
    } else {
        write!(std::io::stdout(), "{}", decisions_text(&preview))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints suppressions, one line for each, with what they hide.
async fn list(store: &Store, arguments: &ListArguments) -> Result<ExitCode> {
    let listed = listed(store, arguments, None, Some("suppression")).await?;
    let ids: Vec<_> = listed.iter().map(|listed| listed.decision.decision_id).collect();
    let hidden: BTreeMap<_, Hidden> =
        store.hidden(&ids).await?.into_iter().map(|hidden| (hidden.decision_id, hidden)).collect();
    if arguments.format.json {
        let entries = listed.iter().map(|Listed { decision, standing }| {
            let hidden = hidden.get(&decision.decision_id);
            json!({
                "decision": decision,
                "standing": standing,
                "hidden_findings": hidden.map_or(0, |hidden| hidden.findings),
                "last_hidden_at": hidden.map(|hidden| hidden.latest_at),
            })
        });
        print(&json!({ "suppressions": entries.collect::<Vec<Value>>() }))?;
        return Ok(ExitCode::SUCCESS);
    }
    if listed.is_empty() {
        return show(&listed, false);
    }
    let header = ["decision", "org", "account", "what", "until", "standing", "hidden", "last hidden", "by", "reason"];
    let mut table = table(&header);
    for Listed { decision, standing } in &listed {
        let hidden = hidden.get(&decision.decision_id);
        let count = hidden.map_or(0, |hidden| hidden.findings).to_string();
        let latest = hidden.map(|hidden| time(hidden.latest_at)).unwrap_or_default();
        table.add_row(cells(decision, *standing, [count, latest]));
    }
    writeln!(std::io::stdout(), "{table}")?;
    Ok(ExitCode::SUCCESS)
}
