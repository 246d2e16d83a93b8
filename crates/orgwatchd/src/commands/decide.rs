//! Says what incidents were.

use super::decisions::{Desk, Effects, KnownDays, Life, decisions_text, reach, recent};
use super::operate::print;
use crate::arguments::{DecideArguments, Expiring};
use crate::config::Config;
use anyhow::Result;
use console::decide::{Chosen, Preview, disposition, suppression};
use model::{Decision, Ruling};
use serde_json::{Value, json};
use std::io::Write;
use std::process::ExitCode;
use store::StoredIncident;

/// Records what incidents were, and prints the effects of that before it does; with `--dry-run` it only prints them.
///
/// # Errors
/// If an incident does not exist.
pub(crate) async fn decide(config: Config, arguments: DecideArguments) -> Result<ExitCode> {
    let DecideArguments { incidents, disposition: was, effects: chosen } = arguments;
    let desk = Desk::open(&config, chosen.because.who.clone()).await?;
    let reason = chosen.because.reason.as_str();
    let (mut decisions, mut effects, mut previews) = (Vec::new(), Vec::new(), Vec::new());
    for stored in desk.incidents(&incidents).await? {
        let incident = &stored.incident;
        let disposed = disposition(incident, was, Chosen { teaches: !chosen.no_teach, counts: !chosen.no_precision });
        let user = Some(&incident.user_id);
        let mut suppressed = None;
        if chosen.suppress {
            let (hidden, preview) = suppress(&desk, &config, &stored, reason).await?;
            suppressed = hidden.until.map(|until| (hidden.from, until));
            decisions.push(hidden);
            previews.push(preview);
        }
        let days = KnownDays::read(&desk.store, &incident.org_id, &incident.user_id).await?;
        effects.push(Effects::of(incident, &disposed, &days, suppressed));
        let ruling = Ruling::Disposition(disposed);
        decisions.push(desk.decision(&incident.org_id, user, ruling, Life::of_incident(&stored), reason));
    }
    let shown: Vec<Value> = effects.iter().map(|effect| json!(effect)).collect();
    if !desk.prints_json() {
        let mut out = std::io::stdout();
        for effect in &effects {
            write!(out, "{}", effect.text())?;
        }
        for preview in &previews {
            write!(out, "{}", decisions_text(preview))?;
        }
    }
    if !chosen.dry_run {
        return desk.record(decisions, &shown).await;
    }
    if desk.prints_json() {
        print(&json!({ "effects": shown, "suppressions": previews }))?;
    } else {
        writeln!(std::io::stdout(), "nothing was decided")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes the suppression that goes with a disposition: from the event time that the org has reached, and not before the
/// incident is over. Returns also what it would have hidden.
async fn suppress(desk: &Desk, config: &Config, stored: &StoredIncident, reason: &str) -> Result<(Decision, Preview)> {
    let incident = &stored.incident;
    let (org, user) = (&incident.org_id, Some(&incident.user_id));
    let after = incident.last_event_at.plus(1);
    let clock = desk.store.org_clock(org).await?.unwrap_or(after);
    let never = Expiring { from: None, until: None, for_good: false };
    let life = Life::expiring(&never, clock.max(after))?;
    let decision = desk.decision(org, user, suppression(incident), life, reason);
    let preview =
        Preview::as_if(std::slice::from_ref(&decision), &recent(&desk.store, config, (org, user), reach(clock)).await?);
    Ok((decision, preview))
}
