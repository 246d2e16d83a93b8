//! Records decisions, and waits until they are applied.

use super::describe;
use crate::arguments::{Account, Expiring, Format, Holding, ListArguments, Who};
use crate::commands::database;
use crate::commands::operate::print;
use crate::config::Config;
use anyhow::{Context, Result, bail};
use console::decide::{Standing, replaced};
use model::time::DAY;
use model::{Decision, OrgId, Ruling, Text, Timestamp, UserId, Uuid, id};
use runtime::clock::now;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use store::{DecisionFilter, IncidentFilter, Status, Store, StoredIncident};

/// Name of the sessions, as Postgres shows it.
pub(super) const APPLICATION: &str = "orgwatch-operator";

/// How long to wait until a decision is applied. A choice: the correlator looks every second, and a person waits.
const PATIENCE: Duration = Duration::from_secs(15);

/// How often to look whether a decision is applied.
const PAUSE: Duration = Duration::from_millis(200);

/// How long a decision holds that expires and names no end, in milliseconds of event time. A choice: long enough for a
/// migration or a notice period, short enough that nobody forgets it.
const EXPIRY: i64 = 30 * DAY;

/// Where decisions are recorded, for one person.
pub(in crate::commands) struct Desk {
    pub(in crate::commands) store: Store,
    who: Who,
}

/// When a decision holds, in event time.
#[derive(Clone, Copy, Debug)]
pub(in crate::commands) struct Life {
    /// The start.
    pub(in crate::commands) from: Timestamp,
    /// The end, exclusive; `None`: it holds for good.
    pub(in crate::commands) until: Option<Timestamp>,
}

impl Life {
    /// Returns the time of all findings of an incident.
    pub(in crate::commands) fn of_incident(stored: &StoredIncident) -> Self {
        let incident = &stored.incident;
        Self { from: incident.first_event_at, until: Some(incident.last_event_at.plus(1)) }
    }

    /// Returns that of a decision which expires 30 days after `start` unless the arguments say otherwise.
    ///
    /// # Errors
    /// If it would end before it starts.
    pub(in crate::commands) fn expiring(arguments: &Expiring, start: Timestamp) -> Result<Self> {
        let from = arguments.from.unwrap_or(start);
        let until = (!arguments.for_good).then(|| arguments.until.unwrap_or(from.plus(EXPIRY)));
        Self { from, until }.checked()
    }

    /// Returns that of a decision which holds for good unless the arguments say otherwise.
    ///
    /// # Errors
    /// If it would end before it starts.
    pub(in crate::commands) fn holding(arguments: &Holding, start: Timestamp) -> Result<Self> {
        Self { from: arguments.from.unwrap_or(start), until: arguments.until }.checked()
    }

    fn checked(self) -> Result<Self> {
        match self.until {
            Some(until) if until <= self.from => {
                bail!("--until {until} is not after the start, {}: give a later end, or an earlier --from", self.from)
            }
            _ => Ok(self),
        }
    }
}

impl Desk {
    /// Connects to the database.
    pub(in crate::commands) async fn open(config: &Config, who: Who) -> Result<Self> {
        Ok(Self { store: database(config, APPLICATION).await?, who })
    }

    /// Takes a connection, to make decisions that are only previewed.
    pub(in crate::commands) fn of(store: Store, format: Format) -> Self {
        Self { store, who: Who { claimed_by: None, no_wait: true, format } }
    }

    /// Whether results are printed as JSON.
    pub(in crate::commands) fn prints_json(&self) -> bool {
        self.who.format.json
    }

    /// Makes a decision with an id of its own. Login and time are the database's.
    pub(in crate::commands) fn decision(
        &self,
        org: &OrgId,
        user: Option<&UserId>,
        ruling: Ruling,
        life: Life,
        reason: &str,
    ) -> Decision {
        let random = [(); 3].map(|()| runtime::retry::random().to_bits().to_string());
        let [a, b, c] = &random;
        Decision {
            decision_id: id::derive(&["decision", &now().to_string(), a, b, c]),
            org_id: org.clone(),
            user_id: user.cloned(),
            ruling,
            from: life.from,
            until: life.until,
            decided_by: Text::default(),
            claimed_by: self.who.claimed_by.as_deref().map(Text::from),
            reason: reason.to_owned(),
            decided_at: now(),
            in_force: BTreeMap::new(),
        }
    }

    /// Returns the time that is given, or else the event time that the org has reached.
    ///
    /// # Errors
    /// If none is given, and no hour of the org is closed yet.
    pub(in crate::commands) async fn start(&self, org: &OrgId, given: Option<Timestamp>) -> Result<Timestamp> {
        if let Some(given) = given {
            return Ok(given);
        }
        let clock = self.store.org_clock(org).await?;
        clock.with_context(|| {
            format!("no hour of org {org} is closed yet: check its id, or say with --from when the decision starts")
        })
    }

    /// Returns incidents in the order of their ids.
    ///
    /// # Errors
    /// If one does not exist, or is a part of another one.
    pub(in crate::commands) async fn incidents(&self, ids: &[Uuid]) -> Result<Vec<StoredIncident>> {
        incidents(&self.store, ids).await
    }

    /// Returns the decision with this id, which has to be of a kind if one is given.
    ///
    /// # Errors
    /// If there is no such decision.
    pub(in crate::commands) async fn target(&self, decision_id: Uuid, kind: Option<&'static str>) -> Result<Decision> {
        let filter = DecisionFilter { ids: Some(vec![decision_id]), ..DecisionFilter::default() };
        let Some(found) = self.store.decisions(&filter).await?.pop() else {
            bail!("decision {decision_id}: does not exist; `orgwatchd decisions list` prints those that do");
        };
        match kind {
            Some(kind) if found.ruling.kind() != kind => {
                bail!("decision {decision_id} is a {}, not a {kind}", found.ruling.kind())
            }
            _ => Ok(found),
        }
    }

    /// Checks that a decision does not stand in one of these ways already, because of another one.
    ///
    /// # Errors
    /// If it does.
    pub(in crate::commands) async fn refuse(&self, target: &Decision, standings: &[Standing]) -> Result<()> {
        let filter = DecisionFilter { org_id: Some(target.org_id.clone()), ..DecisionFilter::default() };
        let all = self.store.decisions(&filter).await?;
        let clock = self.store.org_clock(&target.org_id).await?;
        match replaced(&all, target.decision_id, clock) {
            Some((standing, earlier)) if standings.contains(&standing) => {
                let (id, reason) = (earlier.decision_id, &earlier.reason);
                let (by, at) = (super::by(earlier), super::time(earlier.decided_at));
                bail!(
                    "decision {} is {standing} already, by decision {id} of {by} at {at} ({reason}): to let it hold \
                     again, `orgwatchd decisions undo {id}`",
                    target.decision_id
                )
            }
            _ => Ok(()),
        }
    }

    /// Makes the decision that ends another one.
    ///
    /// # Errors
    /// If no hour of the org is closed yet, and no time is given.
    pub(in crate::commands) async fn end(
        &self,
        target: &Decision,
        from: Option<Timestamp>,
        reason: &str,
    ) -> Result<Decision> {
        let from = self.start(&target.org_id, from).await?;
        let ruling = Ruling::Ended { decision_id: target.decision_id };
        Ok(self.decision(&target.org_id, target.user_id.as_ref(), ruling, Life { from, until: None }, reason))
    }

    /// Makes the decisions that take back what was said of an incident, so that it is open again, and the suppressions
    /// that were made with that. Returns each with what it takes back.
    ///
    /// # Errors
    /// If nothing was said of it.
    pub(in crate::commands) async fn take_back(
        &self,
        stored: &StoredIncident,
        reason: &str,
    ) -> Result<Vec<(Decision, Decision)>> {
        let incident = &stored.incident;
        let arguments = ListArguments { org: Some(incident.org_id.clone()), all: false, format: self.who.format };
        let listed = super::listed(&self.store, &arguments, Some(&incident.user_id), None).await?;
        let covers = |decision: &Decision| incident.findings.iter().any(|f| decision.holds_at(f.observed_at));
        let undo = |decision: &Decision| {
            let ruling = Ruling::Undone { decision_id: decision.decision_id };
            let life = Life { from: decision.from, until: decision.until };
            self.decision(&decision.org_id, decision.user_id.as_ref(), ruling, life, reason)
        };
        let (mut said, mut suppressions) = (Vec::new(), Vec::new());
        // Incidents are merged: it may have had another id when it was said.
        let mut ids = BTreeSet::from([incident.incident_id]);
        for super::Listed { decision, .. } in listed {
            match &decision.ruling {
                Ruling::Disposition(disposed) if covers(&decision) => {
                    ids.insert(disposed.incident_id);
                    said.push(decision);
                }
                Ruling::Suppression { incident_id: Some(_), .. } => suppressions.push(decision),
                _ => {}
            }
        }
        if said.is_empty() {
            bail!("incident {}: nobody has said what it was, so it is not closed", incident.incident_id);
        }
        let goes_with = |decision: &Decision| match &decision.ruling {
            Ruling::Suppression { incident_id, .. } => incident_id.is_some_and(|id| ids.contains(&id)),
            _ => false,
        };
        said.extend(suppressions.into_iter().filter(goes_with));
        Ok(said.into_iter().map(|decision| (undo(&decision), decision)).collect())
    }

    /// Makes the decisions that end all decisions of a kind that an account has in force.
    ///
    /// # Errors
    /// If there is none, or no hour of the org is closed yet and no time is given.
    pub(in crate::commands) async fn end_all(
        &self,
        account: &Account,
        kind: &'static str,
        from: Option<Timestamp>,
        reason: &str,
    ) -> Result<Vec<Decision>> {
        let Account { org, user } = account;
        let arguments = ListArguments { org: Some(org.clone()), all: false, format: self.who.format };
        let mut ends = Vec::new();
        for target in super::listed(&self.store, &arguments, Some(user), Some(kind)).await? {
            ends.push(self.end(&target.decision, from, reason).await?);
        }
        if ends.is_empty() {
            bail!("account {user} of org {org} has no decision of kind {kind} in force: there is nothing to end");
        }
        Ok(ends)
    }

    /// Records decisions, waits until they are applied, and prints them, with what follows from each.
    ///
    /// # Errors
    /// If the database refuses one; those before it stay recorded.
    pub(in crate::commands) async fn record(
        self,
        decisions: Vec<Decision>,
        effects: &[serde_json::Value],
    ) -> Result<ExitCode> {
        let mut recorded = Vec::with_capacity(decisions.len());
        for decision in &decisions {
            let stored = self.store.record(decision).await;
            let count = recorded.len();
            recorded.push(stored.with_context(|| format!("{count} of {} decisions are recorded", decisions.len()))?);
        }
        let ids: Vec<Uuid> = recorded.iter().map(|decision| decision.decision_id).collect();
        let is_applied = self.wait(&ids).await?;
        if self.prints_json() {
            print(&json!({ "decisions": recorded, "applied": is_applied, "effects": effects }))?;
            return Ok(ExitCode::SUCCESS);
        }
        let mut out = std::io::stdout();
        for decision in &recorded {
            writeln!(out, "recorded as decision {}: {}", decision.decision_id, describe(&decision.ruling))?;
        }
        let is_learned = recorded.iter().any(|decision| decision.ruling.is_learned());
        let text = match (is_applied, is_learned) {
            (true, false) => "applied",
            (true, true) => {
                "applied; what is learned or judged by changes when the org's next hour of event time closes"
            }
            (false, _) => "not applied yet: the correlator does that as soon as it runs",
        };
        writeln!(out, "{text}")?;
        Ok(ExitCode::SUCCESS)
    }

    /// Waits until the correlator has applied decisions. `false` if it has not.
    async fn wait(&self, ids: &[Uuid]) -> Result<bool> {
        let patience = if self.who.no_wait { Duration::ZERO } else { PATIENCE };
        let start = Instant::now();
        loop {
            if !self.store.is_due(ids).await? {
                return Ok(true);
            }
            if start.elapsed() >= patience {
                return Ok(false);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Returns incidents in the order of their ids, as [`Desk::incidents`] does.
pub(in crate::commands) async fn incidents(store: &Store, ids: &[Uuid]) -> Result<Vec<StoredIncident>> {
    let statuses = Some(Status::ALL.to_vec());
    let filter = IncidentFilter { ids: Some(ids.to_vec()), statuses, ..IncidentFilter::default() };
    let mut found: BTreeMap<Uuid, StoredIncident> =
        store.incidents(&filter).await?.into_iter().map(|stored| (stored.incident.incident_id, stored)).collect();
    let mut ordered = Vec::with_capacity(ids.len());
    for id in ids {
        // An id that is given twice counts once.
        if ordered.iter().any(|earlier: &StoredIncident| earlier.incident.incident_id == *id) {
            continue;
        }
        let stored = found.remove(id).with_context(|| {
            format!("incident {id}: does not exist; `orgwatchd incident list` prints those that do")
        })?;
        if let Some(into) = stored.merged_into {
            bail!("incident {id} is a part of incident {into}: name that one");
        }
        ordered.push(stored);
    }
    Ok(ordered)
}
