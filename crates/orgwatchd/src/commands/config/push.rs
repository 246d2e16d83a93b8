//! Changes the settings of single orgs, as decisions.

use super::overlay;
use super::own::{Standard, decided};
use crate::arguments::{Because, PushArguments};
use crate::commands::decisions::{Desk, Life, reach, recent, settings_text};
use crate::commands::operate::print;
use crate::config::Config;
use crate::rules;
use anyhow::{Context, Result, bail};
use console::decide::Preview;
use model::{Decision, OrgId, Ruling, Text, Timestamp, Uuid};
use serde::Serialize;
use serde_json::{Value, json};
use settings::{Change, Hashed, Settings};
use std::io::Write;
use std::process::ExitCode;

/// How the settings of an org would change, before it is decided.
#[derive(Debug, Serialize)]
pub(in crate::commands) struct Proposal {
    org_id: OrgId,
    /// The hash of the settings then.
    hash: Text,
    changes: Vec<Change>,
    /// What the incidents of the last 30 days would have been by these settings.
    preview: Preview,
    #[serde(skip)]
    decisions: Vec<Decision>,
    /// The settings to store; `None` if they are stored already.
    #[serde(skip)]
    rules: Option<Hashed>,
}

impl Proposal {
    /// Proposes to change the settings that an org has at `from`: by default at the event time that it has reached.
    ///
    /// # Errors
    /// If no hour of the org is closed yet and no time is given; if `change` fails.
    pub(in crate::commands) async fn change(
        (desk, config, standard): (&Desk, &Config, &mut Standard<'_>),
        (org, from, reason): (&OrgId, Option<Timestamp>, &str),
        change: impl FnOnce(&Settings) -> Result<Settings>,
    ) -> Result<Self> {
        let from = desk.start(org, from).await?;
        let before = standard.or_decided(&decided(&desk.store, org).await?, from).await?;
        let after = Hashed::from(change(&before.settings).with_context(|| format!("org {org}"))?);
        let mut proposal = Self::of((desk, config), org, &before, &after).await?;
        if !proposal.changes.is_empty() {
            let ruling = Ruling::Settings { hash: after.hash.clone(), toml: after.settings.stored()? };
            let life = Life { from, until: None };
            proposal.decisions.push(desk.decision(org, None, ruling, life, reason));
            proposal.rules = Some(after);
        }
        Ok(proposal)
    }

    /// Says what other settings mean for an org.
    async fn of((desk, config): (&Desk, &Config), org: &OrgId, before: &Hashed, after: &Hashed) -> Result<Self> {
        let changes = before.settings.changes(&after.settings)?;
        let clock = desk.store.org_clock(org).await?.unwrap_or_else(runtime::clock::now);
        let recent = recent(&desk.store, config, (org, None), reach(clock)).await?;
        let preview = Preview::of_settings(&after.hash, &after.settings.risk_of(org), &recent);
        let (org_id, hash) = (org.clone(), after.hash.clone());
        Ok(Self { org_id, hash, changes, preview, decisions: Vec::new(), rules: None })
    }

    fn text(&self) -> String {
        let Self { org_id, hash, changes, preview, .. } = self;
        if changes.is_empty() {
            return format!("org {org_id}: nothing changes\n");
        }
        let changes: String = changes.iter().map(|change| format!("  {change}\n")).collect();
        format!("org {org_id}: settings {hash}\n{changes}{}", settings_text(preview))
    }
}

/// Prints proposals, and records their decisions unless this is a dry run.
///
/// # Errors
/// If the database refuses.
pub(in crate::commands) async fn announce(desk: Desk, proposals: Vec<Proposal>, dry_run: bool) -> Result<ExitCode> {
    if !desk.prints_json() {
        let mut out = std::io::stdout();
        for proposal in &proposals {
            write!(out, "{}", proposal.text())?;
        }
    }
    let effects: Vec<Value> = proposals.iter().map(|proposal| json!(proposal)).collect();
    let is_nothing = proposals.iter().all(|proposal| proposal.decisions.is_empty());
    if dry_run || is_nothing {
        if desk.prints_json() {
            print(&json!({ "decisions": [], "effects": effects }))?;
        } else {
            writeln!(std::io::stdout(), "nothing was decided")?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut decisions = Vec::new();
    for proposal in proposals {
        // Findings name settings by their hash, so they are stored before they are in force.
        if let Some(rules) = &proposal.rules {
            rules::keep(&desk.store, rules).await?;
        }
        decisions.extend(proposal.decisions);
    }
    desk.record(decisions, &effects).await
}

/// Puts the keys of a file over the settings of single orgs, or returns these to the settings of the services.
///
/// # Errors
/// If the keys are not valid over the settings of an org, or an org to reset has none of its own.
pub(super) async fn to_orgs(config: Config, arguments: PushArguments) -> Result<ExitCode> {
    let PushArguments { file, orgs, from, dry_run, remark, .. } = arguments;
    let reason = remark.reason.unwrap_or_default();
    let desk = Desk::open(&config, remark.who).await?;
    let mut standard = Standard::new(&config);
    let mut proposals = Vec::new();
    for org in &orgs {
        let proposal = match &file {
            Some(path) => {
                let put = |settings: &Settings| {
                    let text = overlay(settings, path, false)?.unwrap_or_default();
                    Ok(settings.overlay(&text, path)?)
                };
                Proposal::change((&desk, &config, &mut standard), (org, from, &reason), put).await?
            }
            None => reset((&desk, &config, &mut standard), (org, from, &reason)).await?,
        };
        proposals.push(proposal);
    }
    announce(desk, proposals, dry_run).await
}

/// Proposes to end all decisions on the settings of an org.
async fn reset(
    (desk, config, standard): (&Desk, &Config, &mut Standard<'_>),
    (org, from, reason): (&OrgId, Option<Timestamp>, &str),
) -> Result<Proposal> {
    let from = desk.start(org, from).await?;
    let decided = decided(&desk.store, org).await?;
    let (before, after) = (standard.or_decided(&decided, from).await?, standard.get().await?);
    let mut proposal = Proposal::of((desk, config), org, &before, &after).await?;
    for decision in decided.standing() {
        proposal.decisions.push(desk.end(decision, Some(from), reason).await?);
    }
    if proposal.decisions.is_empty() {
        bail!("org {org} follows the settings of the services already");
    }
    Ok(proposal)
}

/// Takes back a decision on the settings of an org.
///
/// # Errors
/// If there is no such decision, or it is taken back already.
pub(super) async fn revert(config: Config, decision_id: Uuid, because: Because) -> Result<ExitCode> {
    let desk = Desk::open(&config, because.who).await?;
    let target = desk.target(decision_id, Some("settings")).await?;
    let decided = decided(&desk.store, &target.org_id).await?;
    if decided.is_undone(decision_id) {
        bail!("decision {decision_id} is taken back already");
    }
    let at = decided.clock().unwrap_or(target.from);
    let mut standard = Standard::new(&config);
    let before = standard.or_decided(&decided, at).await?;
    let after = standard.or_decided(&decided.without(decision_id), at).await?;
    let mut proposal = Proposal::of((&desk, &config), &target.org_id, &before, &after).await?;
    let life = Life { from: target.from, until: target.until };
    proposal.decisions.push(desk.decision(&target.org_id, None, Ruling::Undone { decision_id }, life, &because.reason));
    announce(desk, vec![proposal], false).await
}
