//! Reads the incidents of the last 30 days, and says what they would be.

use super::Plan;
use crate::access::Visitor;
use crate::decide::{Preview, REACH, Recent};
use crate::problem::Problem;
use crate::server::App;
use ::settings::Settings;
use model::{Decision, OrgId, Timestamp};
use risk::Rulebook;
use runtime::clock::now;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use store::{DecisionFilter, FindingFilter, StoredFinding};

impl Plan {
    /// Returns what the decisions would have done to the incidents of the last 30 days.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub(crate) async fn preview(&self, app: &App, visitor: &mut Visitor) -> Result<Preview, Problem> {
        let Some(first) = self.decisions.first() else { return Ok(Preview::during(now(), None)) };
        let mut preview = Preview::during(first.from, None);
        let orgs: BTreeSet<&OrgId> = self.decisions.iter().map(|decision| &decision.org_id).collect();
        for org in orgs {
            let of_org = self.decisions.iter().filter(|decision| decision.org_id == *org);
            let of_org: Vec<Decision> = of_org.cloned().collect();
            let recent = recent(app, visitor, &of_org, (org, first.from)).await?;
            let found = match self.settings.iter().find(|new| new.org_id == *org) {
                Some(new) => Preview::of_settings(&new.after.hash, &new.after.settings.risk_of(org), &recent),
                None => Preview::as_if(&of_org, &recent),
            };
            preview.from = preview.from.min(found.from);
            preview.hidden_findings += found.hidden_findings;
            preview.effects.extend(found.effects);
        }
        Ok(preview)
    }
}

/// Reads what recent incidents of an org are worked out from, as far as the decisions concern them.
async fn recent(
    app: &App,
    visitor: &mut Visitor,
    decisions: &[Decision],
    (org, from): (&OrgId, Timestamp),
) -> Result<Recent, Problem> {
    let since = visitor.visit.org_clock(org).await?.unwrap_or(from).plus(-REACH);
    // One account's findings are enough for decisions on it.
    let one = decisions.iter().map(|decision| decision.user_id.clone()).reduce(|a, b| if a == b { a } else { None });
    let filter = FindingFilter {
        org_id: Some(org.clone()),
        user_id: one.flatten(),
        since: Some(since),
        ..FindingFilter::default()
    };
    let found = visitor.visit.findings(&filter).await?;
    recent_of(app, visitor, (org, since), found).await
}

/// Reads what incidents of an org are worked out from, with the findings that are read already.
///
/// # Errors
/// If the database cannot be read.
pub(crate) async fn recent_of(
    app: &App,
    visitor: &mut Visitor,
    (org, since): (&OrgId, Timestamp),
    found: Vec<StoredFinding>,
) -> Result<Recent, Problem> {
    let known = DecisionFilter { org_id: Some(org.clone()), ..DecisionFilter::default() };
    let known = visitor.visit.decisions(&known).await?;
    let in_force = Arc::clone(&app.rules.borrow());
    let mut rules = Rulebook::new(in_force.hash.clone(), in_force.settings.risk_of(org));
    let hashes = Vec::from_iter(Recent::hashes(&found));
    for (hash, toml) in visitor.visit.settings(&hashes).await? {
        // Those that cannot be read count as the settings in force, as in the correlator.
        if let Ok(settings) = Settings::read_stored(&toml, Path::new("orgwatch.settings")) {
            rules.add(hash, settings.risk_of(org));
        }
    }
    Ok(Recent::new(since, found, known, rules))
}
