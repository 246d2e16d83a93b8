//! The settings by which findings merge and are scored, by the hash that findings carry.

use crate::Settings;
use model::{Finding, Text};
use std::collections::BTreeMap;

/// The settings in force, and those that older findings name.
///
/// A finding carries the hash of the settings that were in force when it was raised. It merges and is scored by these,
/// so an incident follows from its findings alone, and not from the time at which they are merged.
#[derive(Clone, Debug)]
pub struct Rulebook {
    hash: Text,
    in_force: Settings,
    by_hash: BTreeMap<Text, Settings>,
}

impl Rulebook {
    /// Creates a rulebook of the settings in force, with their hash.
    pub fn new(hash: Text, in_force: Settings) -> Self {
        Self { hash, in_force, by_hash: BTreeMap::new() }
    }

    /// Adds settings that findings may name.
    pub fn add(&mut self, hash: Text, settings: Settings) {
        self.by_hash.insert(hash, settings);
    }

    /// Returns the settings of a finding with their hash: those in force if the finding names none, or none that are
    /// known.
    pub(crate) fn of(&self, finding: &Finding) -> (&Text, &Settings) {
        self.by_hash.get_key_value(&finding.config_hash).unwrap_or((&self.hash, &self.in_force))
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::finding;
    use crate::{Decisions, Ledger, Rulebook, Settings, incidents, is_same_arithmetic, receipt};
    use model::time::HOUR;
    use model::{Finding, Incident, RiskModel};

    /// `old` merges within 24 hours, `new` within 48 and by the sum.
    fn rulebook(in_force: &str) -> Rulebook {
        let new = Settings { merge_hours: 48, model: RiskModel::Sum, ..Settings::default() };
        let settings = |hash: &str| if hash == "new" { new.clone() } else { Settings::default() };
        let mut rulebook = Rulebook::new(in_force.into(), settings(in_force));
        ["old", "new"].iter().for_each(|hash| rulebook.add((*hash).into(), settings(hash)));
        rulebook
    }

    fn at(hour: i64, id: u128, hash: &str) -> Finding {
        let detector = ["row_spike", "new_access"][id as usize % 2];
        let finding = finding(detector, id, 8.0, hour * HOUR);
        Finding { config_hash: hash.into(), revision: id as u64, ..finding }
    }

    fn merged(findings: &[Finding], in_force: &str) -> Vec<Incident> {
        let mut ledger = Ledger::default();
        for finding in findings {
            ledger.add(finding.clone());
        }
        incidents(ledger.findings(), &rulebook(in_force), &Decisions::default())
    }

    #[test]
    fn a_receipt_is_computed_with_the_settings_of_its_latest_finding() {
        let findings = [at(0, 1, "old"), at(1, 2, "new"), at(100, 3, "old")];
        let merged = merged(&findings, "old");
        let hashes: Vec<&str> = merged.iter().map(|incident| incident.receipt.config_hash.as_str()).collect();
        assert_eq!(hashes, ["new", "old"]);
        for incident in &merged {
            let latest = incident.findings.last().unwrap();
            let rulebook = rulebook("old");
            let (hash, settings) = rulebook.of(latest);
            let again = receipt(&incident.findings, settings, hash, &Decisions::default());
            assert!(is_same_arithmetic(&again, &incident.receipt), "{again:?}");
        }
        assert_eq!(merged[0].receipt.model, RiskModel::Sum);
    }

    #[test]
    fn incidents_do_not_depend_on_when_they_merge() {
        let findings = [at(0, 1, "old"), at(30, 2, "old"), at(70, 3, "new"), at(130, 4, "old")];
        let before = merged(&findings, "old");
        assert_eq!(before.len(), 3, "only the finding of the longer window joins an earlier one");
        assert_eq!(before, merged(&findings, "new"));
    }

    #[test]
    fn unknown_settings_are_those_in_force() {
        let merged = merged(&[at(0, 1, ""), at(100, 2, "lost")], "new");
        assert!(merged.iter().all(|incident| incident.receipt.config_hash == "new"), "{merged:?}");
    }
}
