//! Incidents as a session sees them, before forms are made of them.

use super::Eyes;
use model::{Finding, Incident};

impl Eyes<'_> {
    /// Returns an incident as the session sees it: with the pseudonym in place of the name, wherever a text has it.
    pub(crate) fn incident(self, incident: Incident) -> Incident {
        if self.sees_names(&incident.org_id) {
            return incident;
        }
        let mut seen = incident;
        let (org, user, name) = (seen.org_id.clone(), seen.user_id.clone(), seen.username.clone());
        let text = |text: &str| self.text(&org, &user, name.as_deref(), text);
        for term in &mut seen.receipt.terms {
            term.reason = text(&term.reason);
        }
        seen.findings = std::mem::take(&mut seen.findings)
            .into_iter()
            .map(|finding| {
                self.finding(Finding { username: finding.username.clone().or_else(|| name.clone()), ..finding })
            })
            .collect();
        seen.username = self.name(&org, &user, name.as_deref()).map(Into::into);
        seen
    }

    /// Returns a finding as the session sees it.
    pub(crate) fn finding(self, finding: Finding) -> Finding {
        let mut seen = finding;
        let (org, user, name) = (seen.org_id.clone(), seen.user_id.clone(), seen.username.clone());
        let text = |text: &str| self.text(&org, &user, name.as_deref(), text);
        seen.summary = text(&seen.summary);
        for feature in &mut seen.features {
            feature.value = text(&feature.value).into();
        }
        seen.username = self.name(&org, &user, name.as_deref()).map(Into::into);
        seen
    }
}
