//! How the decisions of an org are stored, and an account erased from them.

use super::said::{SaidOfDays, StoredSaid};
use super::taken::{Dated, Decisions};
use model::{Decision, Ruling, Timestamp, UserId, Uuid};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The encoding: each decision in JSON, with the milliseconds of its hour; then what was said of accounts.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct StoredDecisions {
    pending: Vec<(Option<i64>, String)>,
    taken: Vec<(Option<i64>, String)>,
    now: i64,
    said: Vec<(UserId, Vec<StoredSaid>)>,
}

impl From<&Decisions> for StoredDecisions {
    fn from(decisions: &Decisions) -> Self {
        let stored = |all: &BTreeMap<Uuid, Dated>| {
            // Every field has a form in JSON: only a map with keys that are no text could fail.
            let json = |decision| serde_json::to_string(decision).unwrap_or_default();
            all.values().map(|dated| (dated.hour.map(|hour| hour.0), json(&dated.decision))).collect()
        };
        let (pending, taken) = (stored(&decisions.pending), stored(&decisions.taken));
        Self { pending, taken, now: decisions.now.0, said: decisions.said.stored() }
    }
}

impl TryFrom<StoredDecisions> for Decisions {
    type Error = serde_json::Error;

    fn try_from(stored: StoredDecisions) -> Result<Self, serde_json::Error> {
        let read = |all: Vec<(Option<i64>, String)>| {
            let read = |(hour, json): (Option<i64>, String)| {
                let decision: Decision = serde_json::from_str(&json)?;
                Ok((decision.decision_id, Dated { decision, hour: hour.map(Timestamp) }))
            };
            all.into_iter().map(read).collect::<Result<_, serde_json::Error>>()
        };
        let mut decisions = Self {
            pending: read(stored.pending)?,
            taken: read(stored.taken)?,
            now: Timestamp(stored.now),
            said: SaidOfDays::restored(stored.said),
            ..Self::default()
        };
        decisions.work_out();
        Ok(decisions)
    }
}

impl Decisions {
    /// Erases an account: its class by hand, what was said of its days, and what waits. What dispositions were credited stays; it names nobody.
    /// Returns whether anything has changed.
    pub(crate) fn erase(&mut self, user: &UserId) -> bool {
        self.settle_credits(user);
        let is_of = |decision: &Decision| decision.user_id.as_ref() == Some(user);
        let before = (self.pending.len(), self.taken.len());
        self.pending.retain(|_, waiting| !is_of(&waiting.decision));
        self.taken
            .retain(|_, taken| !(is_of(&taken.decision) && matches!(taken.decision.ruling, Ruling::Class { .. })));
        let mut has_changed = self.said.erase(user) || before != (self.pending.len(), self.taken.len());
        for taken in self.taken.values_mut().filter(|taken| is_of(&taken.decision)) {
            taken.decision.user_id = None;
            has_changed = true;
        }
        has_changed
    }

    /// Lets dispositions of an account that are not credited count for nothing for good: once they name nobody, it cannot
    /// be seen that others stand for them.
    fn settle_credits(&mut self, user: &UserId) {
        let credited: BTreeSet<Uuid> = self.credited().into_iter().map(|(decision, ..)| decision.decision_id).collect();
        for (id, taken) in &mut self.taken {
            if let Ruling::Disposition(disposed) = &mut taken.decision.ruling
                && taken.decision.user_id.as_ref() == Some(user)
                && !credited.contains(id)
            {
                disposed.credits.clear();
            }
        }
    }
}
