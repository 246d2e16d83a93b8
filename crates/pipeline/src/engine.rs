//! The pure stages in a row: activity, observation, verdict, finding, incident.

use crate::Config;
use crate::report::FirstTimes;
use detect::{Unscoreable, Verdict};
use model::partition::Partitions;
use model::{Activity, Feature, Finding, Incident, Observation, OrgId, Text, Timestamp, UserId};
use profile::{ActivityOutcome, Org};
use risk::Ledger;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// All state of a run over any number of orgs.
pub struct Engine {
    config: Config,
    config_hash: Text,
    /// Findings of observations before this time are not raised: the profiles only learn.
    learn_until: Timestamp,
    partitions: Partitions,
    /// By org and partition: a spread org is a population in each of its partitions.
    orgs: BTreeMap<(OrgId, u16), Org>,
    ledgers: BTreeMap<(OrgId, UserId), Ledger>,
    pub(crate) first_exports: FirstTimes,
    pub(crate) first_objects: FirstTimes,
    observations: Vec<Observation>,
    tally: Tally,
}

/// What was counted on the way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    pub fates: BTreeMap<ActivityOutcome, u64>,
    pub observations: u64,
    /// Anomalous and normal verdicts by detector.
    pub verdicts: BTreeMap<&'static str, (u64, u64)>,
    pub unscoreable: BTreeMap<(&'static str, Unscoreable), u64>,
    /// Days on which some user was active, from `learn_until` on.
    pub user_days: u64,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
}

impl Engine {
    pub fn new(config: Config, learn_until: Option<Timestamp>) -> Self {
        Self {
            config_hash: config.hash(),
            partitions: config.partitions.partitions(),
            config,
            learn_until: learn_until.unwrap_or(Timestamp(i64::MIN)),
            orgs: BTreeMap::new(),
            ledgers: BTreeMap::new(),
            first_exports: FirstTimes::default(),
            first_objects: FirstTimes::default(),
            observations: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// One activity, in the order of its partition.
    ///
    /// # Errors
    /// If the settings of profiles do not fit; they have been checked before.
    pub fn push(&mut self, activity: &Activity) -> Result<(), profile::SettingsError> {
        let partition = self.partitions.of_activity(&activity.org_id, &activity.user_id);
        let org = match self.orgs.entry((activity.org_id.clone(), partition)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(Org::new(activity.org_id.clone(), &self.config.profile)?),
        };
        let fate = org.observe(activity, &mut self.observations);
        *self.tally.fates.entry(fate).or_default() += 1;
        if matches!(fate, ActivityOutcome::Learned | ActivityOutcome::Late) {
            let at = activity.event_time;
            self.tally.from = Some(self.tally.from.map_or(at, |from| from.min(at)));
            self.tally.to = Some(self.tally.to.map_or(at, |to| to.max(at)));
        }
        self.judge();
        Ok(())
    }

    /// Closes all days. Returns every incident, highest risk first, and what was counted.
    pub fn finish(mut self) -> Finished {
        let mut orgs = std::mem::take(&mut self.orgs);
        for org in orgs.values_mut() {
            org.finish(&mut self.observations);
            self.judge();
        }
        let mut findings = Vec::new();
        let mut incidents = Vec::new();
        for ledger in self.ledgers.into_values() {
            let of_user = ledger.findings();
            findings.extend(of_user.iter().cloned());
            incidents.extend(risk::incidents(of_user, &self.config.risk, &self.config_hash));
        }
        findings.sort_by_key(|finding: &Finding| (finding.observed_at, finding.finding_id));
        incidents.sort_by_key(|incident: &Incident| {
            (Reverse(incident.risk_score), incident.first_event_at, incident.incident_id)
        });
        self.tally.user_days = orgs.values().map(|org| org.user_days_since(self.learn_until)).sum();
        Finished {
            incidents,
            findings,
            tally: self.tally,
            first_exports: self.first_exports,
            first_objects: self.first_objects,
            users: orgs.values().map(|org| org.profiles().count() as u64).sum(),
        }
    }

    fn judge(&mut self) {
        let mut observations = std::mem::take(&mut self.observations);
        for observation in observations.drain(..) {
            self.tally.observations += 1;
            self.note_firsts(&observation);
            if observation.at < self.learn_until {
                continue;
            }
            for (detector, verdict) in detect::judge(&observation, &self.config.detect) {
                let (anomalous, normal) = self.tally.verdicts.entry(detector).or_default();
                match verdict {
                    Verdict::Normal => *normal += 1,
                    Verdict::Unscoreable(reason) => {
                        *self.tally.unscoreable.entry((detector, reason)).or_default() += 1;
                    }
                    Verdict::Anomalous(finding) => {
                        *anomalous += 1;
                        let key = (finding.org_id.clone(), finding.user_id.clone());
                        let finding = Finding { config_hash: self.config_hash.clone(), ..*finding };
                        self.ledgers.entry(key).or_default().add(finding);
                    }
                }
            }
        }
        // Kept for its room.
        self.observations = observations;
    }

    fn note_firsts(&mut self, observation: &Observation) {
        for feature in &observation.features {
            let (first, times) = match feature {
                Feature::Export(first) => (first, &mut self.first_exports),
                Feature::Object(first) => (first, &mut self.first_objects),
                _ => continue,
            };
            times.note(&observation.user_id, observation.username.as_deref(), observation.day, first.today);
        }
    }
}

/// What a run amounts to.
pub struct Finished {
    /// Highest risk first.
    pub incidents: Vec<Incident>,
    /// Each at its latest revision, by time.
    pub findings: Vec<Finding>,
    pub tally: Tally,
    pub first_exports: FirstTimes,
    pub first_objects: FirstTimes,
    pub users: u64,
}
