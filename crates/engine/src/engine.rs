//! All stages over all partitions, in one process.

use crate::partition::{Effect, Refused};
use crate::scores::{DayScores, Scores};
use crate::{FirstTimes, Partition, PartitionError, Rules};
use detect::{DETECTORS, Unscoreable, Verdict};
use model::partition::Partitions;
use model::{
    Activity, Command, Control, Decision, Entry, Feature, Finding, Incident, Observation, OrgId, Ruling, Text,
    Timestamp, UserClass, UserId,
};
use profile::{ActivityOutcome, Belief};
use risk::{Decisions, Ledger, Rulebook, receipt};
use settings::Settings;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The state of a run over any number of orgs.
pub struct Engine {
    settings: Settings,
    rules: Rules,
    /// Settings that people have decided on, by hash.
    decided: BTreeMap<Text, Settings>,
    layout: Partitions,
    partitions: BTreeMap<u16, Partition>,
    ledgers: BTreeMap<(OrgId, UserId), Ledger>,
    /// Observations of the entry at hand; kept for its capacity.
    observations: Vec<Observation>,
    finished: Finished,
    /// What all tests find, if asked for.
    scores: Option<Scores>,
    /// By org, in the order in which they were taken.
    decisions: BTreeMap<OrgId, Vec<Decision>>,
    /// The accounts with findings since [`Engine::touched_incidents`] was last asked; kept from then on.
    touched: Option<BTreeSet<(OrgId, UserId)>>,
}

/// Numbers counted during a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    /// Activities by outcome.
    pub activities: BTreeMap<ActivityOutcome, u64>,
    /// Observations made.
    pub observations: u64,
    /// Anomalous and normal verdicts by detector.
    pub verdicts: BTreeMap<&'static str, (u64, u64)>,
    /// Unscoreable verdicts by detector and reason.
    pub unscoreable: BTreeMap<(&'static str, Unscoreable), u64>,
    /// Days on which a user was active, summed over users, from the end of learning on.
    pub user_days: u64,
    /// Users with a profile.
    pub users: u64,
    /// Event time of the earliest activity learned.
    pub from: Option<Timestamp>,
    /// Event time of the latest activity learned.
    pub to: Option<Timestamp>,
}

/// The result of a run.
#[derive(Default)]
pub struct Finished {
    /// Incidents, highest risk first.
    pub incidents: Vec<Incident>,
    /// Findings, each at its latest revision, by time.
    pub findings: Vec<Finding>,
    /// Numbers counted during the run.
    pub counts: Counts,
    /// Reports exported for the first time, by user and day.
    pub first_exports: FirstTimes,
    /// Objects accessed for the first time, by user and day.
    pub first_objects: FirstTimes,
    /// What all tests found of each user-day from the end of learning on, by org, user and day; empty unless
    /// [`Engine::with_scores`] asked for it.
    pub scores: Vec<DayScores>,
    /// The class of each account at the end, by org and account.
    pub classes: BTreeMap<(OrgId, UserId), Classified>,
}

/// The class of an account.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Classified {
    /// The class.
    pub class: UserClass,
    /// How sure it is, and what decided it.
    pub belief: Belief,
}

impl Engine {
    /// Creates an engine without any org. Before `learn_until` the profiles only learn; `None` judges everything.
    pub fn new(settings: Settings, learn_until: Option<Timestamp>) -> Self {
        Self {
            rules: Rules::new(&settings, learn_until),
            layout: settings.partitions.partitions(),
            settings,
            decided: BTreeMap::new(),
            partitions: BTreeMap::new(),
            ledgers: BTreeMap::new(),
            observations: Vec::new(),
            finished: Finished::default(),
            scores: None,
            decisions: BTreeMap::new(),
            touched: None,
        }
    }

    /// Returns the incidents, as they stand, of the accounts with findings since the last call, or of all at the first one.
    pub(crate) fn touched_incidents(&mut self) -> Vec<Incident> {
        let accounts = match self.touched.replace(BTreeSet::new()) {
            Some(touched) => touched,
            None => self.ledgers.keys().cloned().collect(),
        };
        let of = |(org, user): (OrgId, UserId)| {
            let findings = self.ledgers.get(&(org.clone(), user.clone())).map(Ledger::findings).unwrap_or_default();
            let mut rulebook = Rulebook::new(self.rules.config_hash().clone(), self.settings.risk_of(&org));
            self.decided.iter().for_each(|(hash, settings)| rulebook.add(hash.clone(), settings.risk_of(&org)));
            risk::incidents(findings, &rulebook, &decisions_of(&self.decisions, &org, &user))
        };
        accounts.into_iter().flat_map(of).collect()
    }

    /// Keeps what all tests find of each user-day, raised or not.
    #[must_use]
    pub fn with_scores(mut self) -> Self {
        self.scores = Some(Scores::default());
        self
    }

    /// Applies one entry, in the order of its partition. A control record goes to every partition of its org.
    ///
    /// # Errors
    /// If the settings of profiles do not fit, which `Settings::check` finds earlier. If a decision is refused.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), PartitionError> {
        match entry {
            Entry::Activity(activity) | Entry::Backfill(activity) => {
                let partition = self.layout.of_activity(&activity.org_id, &activity.user_id);
                let outcome = self.apply_to(partition, entry)?;
                if let Some(outcome) = outcome {
                    self.finished.counts.count_activity(outcome, activity.event_time);
                    self.note_activity(partition, activity, outcome);
                }
            }
            Entry::Control(Control { command: Command::Decide(decision), .. }) if !decision.in_force.is_empty() => {
                self.decide(decision)?;
            }
            Entry::Control(control) => {
                for partition in self.layout.of_org(&control.org_id) {
                    self.apply_to(partition, entry)?;
                }
                if let Command::Decide(decision) = &control.command {
                    self.none_refused()?;
                    self.note_settings(decision)?;
                }
            }
        }
        Ok(())
    }

    /// Takes a decision that a person makes at this moment of the run. It says how the incidents of its interval stand; what
    /// it changes of learning takes effect with the close of the org's next hour.
    ///
    /// # Errors
    /// As [`Engine::apply`].
    pub fn decide_now(&mut self, decision: Decision) -> Result<(), PartitionError> {
        let org_id = decision.org_id.clone();
        let command = Command::Decide(Box::new(decision.clone()));
        self.apply(&Entry::Control(Control { org_id: org_id.clone(), command }))?;
        self.decisions.entry(org_id).or_default().push(decision);
        Ok(())
    }

    /// Takes a decision that was exported. It says how the incidents of its interval stand; what it changes of learning
    /// takes effect in each partition with the close of the hour that the decision
    /// names, as it did live. One that names no hour has not taken effect on learning anywhere. Call it before the
    /// entries of that hour, best before all.
    ///
    /// If none of the partitions that it names is one of the org's, as in a layout of another size, the latest of the hours
    /// is that of all partitions.
    ///
    /// # Errors
    /// As [`Engine::apply`]; and if a partition [refuses](Partition::take_refused) it, because it takes effect in the run
    /// of which it was exported.
    pub fn decide(&mut self, decision: &Decision) -> Result<(), PartitionError> {
        let partitions = self.layout.of_org(&decision.org_id);
        let is_of_layout = partitions.iter().any(|number| decision.in_force.contains_key(number));
        let latest = decision.in_force.values().max().filter(|_| !is_of_layout);
        for number in partitions {
            if let Some(hour) = decision.in_force.get(&number).or(latest) {
                self.partition(number).decide(decision, Some(*hour))?;
            }
        }
        self.none_refused()?;
        // What took effect nowhere may have been refused.
        if !decision.in_force.is_empty() {
            self.note_settings(decision)?;
        }
        self.decisions.entry(decision.org_id.clone()).or_default().push(decision.clone());
        Ok(())
    }

    /// Returns the decisions that took effect since the last call, by partition.
    pub fn take_effects(&mut self) -> Vec<(u16, Effect)> {
        let of = |(number, state): (&u16, &mut Partition)| -> Vec<_> {
            state.take_effects().into_iter().map(|effect| (*number, effect)).collect()
        };
        self.partitions.iter_mut().flat_map(of).collect()
    }

    /// Notes the settings of a decision, which observations and findings name by hash. Partitions have taken it.
    ///
    /// # Errors
    /// If settings of another org have the hash and are others.
    fn note_settings(&mut self, decision: &Decision) -> Result<(), PartitionError> {
        let Ruling::Settings { hash, toml } = &decision.ruling else { return Ok(()) };
        let refused = |reason: String| refused((decision.org_id.clone(), decision.decision_id, reason));
        let settings =
            Settings::read_stored(toml, Path::new("decision")).map_err(|error| refused(error.to_string()))?;
        match self.decided.get(hash) {
            Some(known) if known.hash() != settings.hash() => {
                return Err(refused(format!("settings of another org have the hash {hash}; one of the two is wrong")));
            }
            Some(_) => {}
            None => {
                self.rules.add(hash.clone(), &settings);
                self.decided.insert(hash.clone(), settings);
            }
        }
        Ok(())
    }

    /// Fails if a partition has refused a decision.
    fn none_refused(&mut self) -> Result<(), PartitionError> {
        self.partitions
            .values_mut()
            .flat_map(Partition::take_refused)
            .next()
            .map_or(Ok(()), |first| Err(refused(first)))
    }

    fn partition(&mut self, number: u16) -> &mut Partition {
        self.partitions.entry(number).or_insert_with(|| Partition::new(&self.settings))
    }

    /// Closes all days and returns the result.
    ///
    /// # Errors
    /// As [`Engine::apply`].
    pub fn finish(mut self) -> Result<Finished, PartitionError> {
        let orgs = self.partitions.iter().flat_map(|(number, state)| state.orgs().map(|org| (*number, org.clone())));
        let orgs: Vec<(u16, OrgId)> = orgs.collect();
        for (partition, org_id) in orgs {
            self.apply_to(partition, &Entry::Control(Control { org_id, command: Command::End }))?;
        }
        let Self { settings, rules, decided, partitions, ledgers, mut finished, scores, decisions, .. } = self;
        let rulebook = |org: &OrgId| {
            let mut rulebook = Rulebook::new(rules.config_hash().clone(), settings.risk_of(org));
            decided.iter().for_each(|(hash, settings)| rulebook.add(hash.clone(), settings.risk_of(org)));
            rulebook
        };
        if let Some(scores) = scores {
            finished.scores = scores.finish(rules.learn_until(), |org, user, ids| {
                let ledger = ledgers.get(&(org.clone(), user.clone()))?;
                let findings: Vec<Finding> = ids.iter().filter_map(|id| ledger.current(*id)).collect();
                // As that of an incident: by the settings of its latest finding.
                let latest = findings.iter().max_by_key(|finding| (finding.observed_at, finding.finding_id))?;
                let settings = decided.get(&latest.config_hash).unwrap_or(&settings);
                let decisions = decisions_of(&decisions, org, user);
                Some(receipt(&findings, &settings.risk_of(org), &latest.config_hash, &decisions).risk_score)
            });
        }
        for ((org, user), ledger) in ledgers {
            let findings = ledger.findings();
            let decisions = decisions_of(&decisions, &org, &user);
            finished.findings.extend(findings.iter().cloned());
            finished.incidents.extend(risk::incidents(findings, &rulebook(&org), &decisions));
        }
        finished.findings.sort_by_key(|finding| (finding.observed_at, finding.finding_id));
        finished
            .incidents
            .sort_by_key(|incident| (Reverse(incident.risk_score), incident.first_event_at, incident.incident_id));
        finished.counts.user_days = partitions.values().map(|state| state.user_days_since(rules.learn_until())).sum();
        finished.classes = partitions.values().flat_map(classes).collect();
        finished.counts.users = partitions.values().map(Partition::users).sum();
        Ok(finished)
    }

    fn apply_to(&mut self, partition: u16, entry: &Entry) -> Result<Option<ActivityOutcome>, PartitionError> {
        let state = self.partitions.entry(partition).or_insert_with(|| Partition::new(&self.settings));
        let outcome = state.apply(entry, &mut self.observations)?;
        let user_days = state.take_user_days();
        if let Some(scores) = &mut self.scores {
            scores.note_closed(user_days);
        }
        for observation in self.observations.drain(..) {
            self.finished.counts.observations += 1;
            self.finished.note_first_times(&observation);
            if let Some(scores) = self.scores.as_mut().filter(|_| observation.at >= self.rules.learn_until()) {
                scores.note_tests(&observation, self.rules.detect_of(&observation));
            }
            let counts = &mut self.finished.counts;
            let count = |detector: &'static str, verdict: &Verdict| counts.count_verdict(detector, verdict);
            for finding in self.rules.judge(&DETECTORS, &observation, count) {
                if let Some(scores) = &mut self.scores {
                    scores.note_finding(&observation, &finding);
                }
                let user = (finding.org_id.clone(), finding.user_id.clone());
                if let Some(touched) = &mut self.touched {
                    touched.insert(user.clone());
                }
                self.ledgers.entry(user).or_default().add(finding);
            }
        }
        Ok(outcome)
    }
}

impl Engine {
    /// Notes that the user was active on the day of an activity that counts.
    fn note_activity(&mut self, partition: u16, activity: &Activity, outcome: ActivityOutcome) {
        let Some(scores) = self.scores.as_mut() else { return };
        let counts = matches!(outcome, ActivityOutcome::Learned | ActivityOutcome::Late);
        let day = self.partitions.get(&partition).and_then(|state| state.day_of_latest(&activity.org_id));
        if let Some(day) = day.filter(|_| counts) {
            scores.note_activity(&activity.org_id, &activity.user_id, day);
        }
    }
}

impl Counts {
    fn count_activity(&mut self, outcome: ActivityOutcome, at: Timestamp) {
        *self.activities.entry(outcome).or_default() += 1;
        if matches!(outcome, ActivityOutcome::Learned | ActivityOutcome::Late) {
            self.from = Some(self.from.map_or(at, |from| from.min(at)));
            self.to = Some(self.to.map_or(at, |to| to.max(at)));
        }
    }

    fn count_verdict(&mut self, detector: &'static str, verdict: &Verdict) {
        let (anomalous, normal) = self.verdicts.entry(detector).or_default();
        match verdict {
            Verdict::Normal => *normal += 1,
            Verdict::Unscoreable(reason) => *self.unscoreable.entry((detector, *reason)).or_default() += 1,
            Verdict::Anomalous(_) => *anomalous += 1,
        }
    }
}

fn refused((org, decision_id, reason): Refused) -> PartitionError {
    PartitionError::Refused { org, decision_id, reason }
}

/// Returns the decisions on an account.
fn decisions_of(decisions: &BTreeMap<OrgId, Vec<Decision>>, org: &OrgId, user: &UserId) -> Decisions {
    let of_org = decisions.get(org).into_iter().flatten();
    Decisions::new(of_org.filter(|decision| decision.concerns(org, user)).cloned())
}

fn classes(partition: &Partition) -> impl Iterator<Item = ((OrgId, UserId), Classified)> {
    partition.profiles().map(|(org, user, profile)| {
        ((org.clone(), user.clone()), Classified { class: profile.class(), belief: profile.belief() })
    })
}

impl Finished {
    fn note_first_times(&mut self, observation: &Observation) {
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

#[cfg(test)]
mod tests;
