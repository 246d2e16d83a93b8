//! A simulated analyst, who says every morning of each new alarm what it was, and is wrong now and then.

use crate::evaluate::{Alert, Label};
use crate::{Engine, PartitionError};
use model::time::{DAY, HOUR};
use model::{Decision, Disposition, Incident, Ruling, Timestamp, Uuid, id};
use std::collections::{BTreeMap, BTreeSet};

/// How the simulated analyst decides.
#[derive(Clone, Debug)]
pub struct Analyst {
    /// The attacks of the data set.
    labels: Vec<Label>,
    /// Share of wrong answers, 0 to 1.
    wrong: f64,
    /// Least risk of an incident that is looked at.
    threshold: f64,
    /// When the next morning begins; `None` before the first event.
    next: Option<Timestamp>,
    /// The findings of incidents that were decided, so that each alarm is answered once.
    answered: BTreeSet<Uuid>,
}

/// The hour in UTC at which the analyst begins to work. A choice.
const MORNING: i64 = 8 * HOUR;

impl Analyst {
    /// Creates an analyst who knows the attacks, and gives a wrong answer to this share of alarms of this risk and above.
    pub fn new(labels: Vec<Label>, wrong: f64, threshold: f64) -> Self {
        Self { labels, wrong, threshold, next: None, answered: BTreeSet::new() }
    }

    /// Decides on what was raised until the morning, if an event at `now` is the first one after it.
    ///
    /// # Errors
    /// As [`Engine::apply`].
    pub(crate) fn pass(&mut self, engine: &mut Engine, now: Timestamp) -> Result<(), PartitionError> {
        let morning_after = |at: Timestamp| Timestamp((at.0 - MORNING).div_euclid(DAY) * DAY + DAY + MORNING);
        let next = *self.next.get_or_insert_with(|| morning_after(now));
        if now < next {
            return Ok(());
        }
        self.next = Some(morning_after(now));
        let decisions: Vec<Decision> =
            engine.touched_incidents().iter().filter_map(|incident| self.answer(incident, next)).collect();
        decisions.into_iter().try_for_each(|decision| engine.decide_now(decision))
    }

    fn answer(&mut self, incident: &Incident, at: Timestamp) -> Option<Decision> {
        let is_alarm = incident.risk_score.to_f64() >= self.threshold && incident.disposition.is_none();
        let latest = incident.findings.iter().max_by_key(|finding| (finding.observed_at, finding.finding_id))?;
        if !is_alarm || !self.answered.insert(latest.finding_id) {
            return None;
        }
        let alert = Alert::from(incident);
        let is_attack = self.labels.iter().any(|label| alert.meets(label));
        let says_attack = is_attack != self.is_wrong(latest.finding_id);
        let disposition = if says_attack { Disposition::Malicious } else { Disposition::Benign };
        Some(Decision {
            decision_id: id::derive(&["decision", &latest.finding_id.to_string()]),
            org_id: incident.org_id.clone(),
            user_id: Some(incident.user_id.clone()),
            ruling: Ruling::Disposition(risk::dispose(incident, disposition, true, true)),
            from: incident.first_event_at,
            until: Some(incident.last_event_at.plus(1)),
            decided_by: "simulated analyst".into(),
            claimed_by: None,
            reason: "simulated".to_owned(),
            decided_at: at,
            in_force: BTreeMap::new(),
        })
    }

    /// Whether the answer to an alarm is wrong: by its id, so that one run is like another.
    fn is_wrong(&self, finding: Uuid) -> bool {
        let fraction = id::hash(finding.as_bytes()) as f64 / u64::MAX as f64;
        fraction < self.wrong
    }
}
