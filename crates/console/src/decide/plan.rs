//! Makes the decisions of a request.

mod preview;
mod settings;

pub(crate) use preview::recent_of;
pub(crate) use settings::{NewSettings, decided};

use super::asked::{Asked, AskedDecision};
use super::{Chosen, Effects, disposition, suppression};
use crate::access::Visitor;
use crate::problem::Problem;
use crate::server::App;
use model::decision::Scope;
use model::time::DAY;
use model::{Decision, Disposition, OrgId, Ruling, Text, Timestamp, UserId, Uuid, id};
use runtime::clock::now;
use std::collections::BTreeMap;
use store::{DecisionFilter, IncidentFilter, StoredIncident};

/// How long a decision holds that expires and names no end, in milliseconds of event time; as the commands have it.
const EXPIRY: i64 = 30 * DAY;
/// The most incidents of one request.
const MOST: usize = 100;

/// What a request comes to.
pub(crate) struct Plan {
    /// The decisions to record.
    pub(crate) decisions: Vec<Decision>,
    /// The effects of dispositions.
    pub(crate) effects: Vec<Effects>,
    /// The settings that orgs would have.
    pub(crate) settings: Vec<NewSettings>,
}

/// Works out the decisions of a request and their effects. `request` makes their ids: the same
/// one makes the same.
///
/// # Errors
/// If something that is named does not exist, or a value is out of range.
pub(crate) async fn plan(
    app: &App,
    visitor: &mut Visitor,
    asked: &AskedDecision,
    request: &str,
) -> Result<Plan, Problem> {
    let length = asked.reason.trim().chars().count();
    if !(1..=4_000).contains(&length) {
        return Err(Problem::Invalid(format!("reason: 1 to 4,000 characters, not {length}")));
    }
    let (decisions, effects, settings) = (Vec::new(), Vec::new(), Vec::new());
    let mut desk = Desk { app, visitor, reason: &asked.reason, request, decisions, effects, settings };
    desk.decide(&asked.ruling).await?;
    let Desk { decisions, effects, settings, .. } = desk;
    Ok(Plan { decisions, effects, settings })
}

/// Where the decisions of one request are made.
struct Desk<'a> {
    app: &'a App,
    visitor: &'a mut Visitor,
    reason: &'a str,
    request: &'a str,
    decisions: Vec<Decision>,
    effects: Vec<Effects>,
    settings: Vec<NewSettings>,
}

impl Desk<'_> {
    async fn decide(&mut self, asked: &Asked) -> Result<(), Problem> {
        match asked {
            Asked::Disposition { incident_ids, disposition: was, teach, precision, suppress } => {
                let chosen = Chosen { teaches: *teach, counts: *precision };
                for stored in self.incidents(incident_ids).await? {
                    self.dispose(&stored, *was, chosen, *suppress).await?;
                }
            }
            Asked::Acknowledged { incident_ids } => {
                self.on_incidents(incident_ids, |incident_id| Ruling::Acknowledged { incident_id }).await?;
            }
            Asked::Comment { incident_ids } => {
                self.on_incidents(incident_ids, |incident_id| Ruling::Comment { incident_id }).await?;
            }
            Asked::Snoozed { incident_ids, until } => {
                if *until <= now() || !until.is_in_calendar() {
                    return Err(Problem::Invalid(format!(
                        "until: {until} has passed or is out of range, give a later time"
                    )));
                }
                let snoozed = |incident_id| Ruling::Snoozed { incident_id, until: *until };
                self.on_incidents(incident_ids, snoozed).await?;
            }
            Asked::Reopened { incident_ids } => {
                for stored in self.incidents(incident_ids).await? {
                    self.reopen(&stored).await?;
                }
            }
            Asked::Suppression { org_id, user_id, scope, from, until } => {
                if *scope == Scope::default() && user_id.is_none() {
                    let detail = "scope: would hide all findings of the org: name an account, or some of them";
                    return Err(Problem::Invalid(detail.to_owned()));
                }
                let ruling = Ruling::Suppression { scope: scope.clone(), incident_id: None };
                let from = self.start(org_id, *from).await?;
                let until = until.unwrap_or(from.plus(EXPIRY));
                self.add(org_id, user_id.as_ref(), ruling, (from, Some(until)))?;
            }
            Asked::Allowlist { org_id, user_id, allowlist } => {
                let from = self.start(org_id, None).await?;
                let ruling = Ruling::Allowlist { allowlist: allowlist.clone() };
                self.add(org_id, Some(user_id), ruling, (from, None))?;
            }
            Asked::Watch { org_id, user_id, cause, factor, until } => {
                if !(*factor > 1.0 && *factor <= 20.0) {
                    return Err(Problem::Invalid(format!("factor: above 1 and up to 20, not {factor}")));
                }
                let from = self.start(org_id, None).await?;
                let until = until.unwrap_or(from.plus(EXPIRY));
                self.add(org_id, Some(user_id), Ruling::Watch { cause: *cause, factor: *factor }, (from, Some(until)))?;
            }
            Asked::Class { org_id, user_id, class } => {
                let from = self.start(org_id, None).await?;
                self.add(org_id, Some(user_id), Ruling::Class { class: *class }, (from, None))?;
            }
            Asked::Sensitivity { org_id, object, factor } => {
                if !(1..=255).contains(&object.chars().count()) || object.contains('\0') {
                    return Err(Problem::Invalid("object: 1 to 255 characters".to_owned()));
                }
                if !(0.05..=20.0).contains(factor) {
                    return Err(Problem::Invalid(format!("factor: 0.05 to 20, not {factor}")));
                }
                let from = self.start(org_id, None).await?;
                let ruling = Ruling::Sensitivity { object: object.clone(), factor: *factor };
                self.add(org_id, None, ruling, (from, None))?;
            }
            Asked::Settings { org_id, toml, from } => self.set(org_id, toml, *from).await?,
            Asked::Ended { decision_id } => {
                let target = self.target(*decision_id).await?;
                self.unset(&target).await?;
                let from = self.start(&target.org_id, None).await?;
                let ruling = Ruling::Ended { decision_id: *decision_id };
                self.add(&target.org_id, target.user_id.as_ref(), ruling, (from, None))?;
            }
            Asked::Undone { decision_id } => {
                let target = self.target(*decision_id).await?;
                self.unset(&target).await?;
                self.undo(&target)?;
            }
        }
        Ok(())
    }

    async fn dispose(
        &mut self,
        stored: &StoredIncident,
        was: Disposition,
        chosen: Chosen,
        suppress: bool,
    ) -> Result<(), Problem> {
        let incident = &stored.incident;
        let (org, user, end) = (&incident.org_id, Some(&incident.user_id), incident.last_event_at.plus(1));
        let mut suppressed = None;
        if suppress {
            let from = self.visitor.visit.org_clock(org).await?.unwrap_or(end).max(end);
            let until = from.plus(EXPIRY);
            suppressed = Some((from, until));
            self.add(org, user, suppression(incident), (from, Some(until)))?;
        }
        let disposed = disposition(incident, was, chosen);
        self.effects.push(Effects::of(incident, &disposed, suppressed));
        self.add(org, user, Ruling::Disposition(disposed), (incident.first_event_at, Some(end)))
    }

    async fn on_incidents(&mut self, ids: &[Uuid], ruling: impl Fn(Uuid) -> Ruling) -> Result<(), Problem> {
        for StoredIncident { incident, .. } in self.incidents(ids).await? {
            let life = (incident.first_event_at, Some(incident.last_event_at.plus(1)));
            self.add(&incident.org_id, Some(&incident.user_id), ruling(incident.incident_id), life)?;
        }
        Ok(())
    }

    /// Takes back what was said of an incident.
    async fn reopen(&mut self, stored: &StoredIncident) -> Result<(), Problem> {
        let incident = &stored.incident;
        let filter = DecisionFilter {
            org_id: Some(incident.org_id.clone()),
            user_id: Some(incident.user_id.clone()),
            ..DecisionFilter::default()
        };
        let all = self.visitor.visit.decisions(&filter).await?;
        let is_undone =
            |decision: &Decision| all.iter().any(|other| other.ruling.replaces() == Some(decision.decision_id));
        let covers = |decision: &Decision| incident.findings.iter().any(|f| decision.holds_at(f.observed_at));
        let is_said = |decision: &&Decision| match decision.ruling {
            Ruling::Disposition(_) => covers(decision),
            // It came with what was said.
            Ruling::Suppression { incident_id, .. } => incident_id == Some(incident.incident_id),
            _ => false,
        };
        let said: Vec<&Decision> = all.iter().filter(is_said).filter(|decision| !is_undone(decision)).collect();
        if said.is_empty() {
            let detail = format!("incident {}: nobody has said what it was, so it is not closed", incident.incident_id);
            return Err(Problem::Conflict(detail));
        }
        said.into_iter().try_for_each(|decision| self.undo(decision))
    }

    fn undo(&mut self, target: &Decision) -> Result<(), Problem> {
        let ruling = Ruling::Undone { decision_id: target.decision_id };
        self.add(&target.org_id, target.user_id.as_ref(), ruling, (target.from, target.until))
    }

    /// Reads incidents that the session sees.
    async fn incidents(&mut self, ids: &[Uuid]) -> Result<Vec<StoredIncident>, Problem> {
        if ids.is_empty() || ids.len() > MOST {
            return Err(Problem::Invalid(format!("incident_ids: 1 to {MOST}, not {}", ids.len())));
        }
        let filter = IncidentFilter { ids: Some(ids.to_vec()), ..IncidentFilter::default() };
        let found = self.visitor.visit.incidents(&filter).await?;
        let missing = ids.iter().find(|id| !found.iter().any(|stored| stored.incident.incident_id == **id));
        match missing {
            Some(id) => Err(Problem::NotFound(format!("incident {id}: does not exist, or is a part of another one"))),
            None => Ok(found),
        }
    }

    /// Reads a decision that is not ended or undone yet.
    async fn target(&mut self, decision_id: Uuid) -> Result<Decision, Problem> {
        let filter = DecisionFilter { ids: Some(vec![decision_id]), ..DecisionFilter::default() };
        let found = self.visitor.visit.decisions(&filter).await?.pop();
        let target = found.ok_or_else(|| Problem::NotFound(format!("decision {decision_id}: does not exist")))?;
        let filter = DecisionFilter {
            org_id: Some(target.org_id.clone()),
            kinds: Some(vec!["ended", "undone"]),
            ..DecisionFilter::default()
        };
        let ends = self.visitor.visit.decisions(&filter).await?;
        match ends.iter().find(|end| end.ruling.replaces() == Some(decision_id)) {
            Some(end) => {
                let (kind, by) = (end.ruling.kind(), end.decision_id);
                Err(Problem::Conflict(format!("decision {decision_id} is {kind} by decision {by} already")))
            }
            None => Ok(target),
        }
    }

    /// Returns the time that is given, or else the event time that the org has reached.
    async fn start(&mut self, org: &OrgId, given: Option<Timestamp>) -> Result<Timestamp, Problem> {
        let org = &OrgId::new(org.as_str());
        self.visitor.role_in(org)?;
        if let Some(given) = given {
            return Ok(given);
        }
        let clock = self.visitor.visit.org_clock(org).await?;
        clock.ok_or_else(|| Problem::Conflict(format!("no hour of org {org} is closed yet: nothing can be decided")))
    }

    /// Adds a decision, if it ends after it begins.
    fn add(
        &mut self,
        org: &OrgId,
        user: Option<&UserId>,
        ruling: Ruling,
        (from, until): (Timestamp, Option<Timestamp>),
    ) -> Result<(), Problem> {
        if let Some(until) = until.filter(|until| *until <= from) {
            return Err(Problem::Invalid(format!("until: {until} is not after {from}, the start")));
        }
        if !from.is_in_calendar() || until.is_some_and(|until| !until.is_in_calendar()) {
            return Err(Problem::Invalid("from, until: times of the years 1 to 9999".to_owned()));
        }
        // As Salesforce writes them, ids may have 15 characters.
        let (org, user) = (OrgId::new(org.as_str()), user.map(|user| UserId::new(user.as_str())));
        if user.as_ref().is_some_and(|user| user.as_str().is_empty() || user.as_str().contains('\0')) {
            return Err(Problem::Invalid("user_id: no id of an account".to_owned()));
        }
        let number = self.decisions.len().to_string();
        self.decisions.push(Decision {
            decision_id: id::derive(&["decision", self.request, &number]),
            org_id: org,
            user_id: user,
            ruling,
            from,
            until,
            decided_by: Text::from(self.visitor.session.name.as_str()),
            claimed_by: None,
            // As the database keeps it.
            reason: self.reason.trim().replace('\0', "\u{fffd}"),
            decided_at: now(),
            in_force: BTreeMap::new(),
        });
        Ok(())
    }
}
