//! Whether decisions hold.

use model::{Decision, OrgId, Ruling, Timestamp, Uuid};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Whether a decision holds, at the event time that its org has reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It holds.
    InForce,
    /// It starts later.
    Later,
    /// Its time is over.
    Expired,
    /// Another decision has ended it.
    Ended,
    /// Another decision has taken it back.
    Undone,
}

impl Standing {
    /// Returns the word for it in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InForce => "in_force",
            Self::Later => "later",
            Self::Expired => "expired",
            Self::Ended => "ended",
            Self::Undone => "undone",
        }
    }

    /// Whether the decision holds, or will.
    pub fn holds_or_will(self) -> bool {
        matches!(self, Self::InForce | Self::Later)
    }
}

impl std::fmt::Display for Standing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::InForce => "in force",
            Self::Later => "starts later",
            Self::Expired => "expired",
            Self::Ended => "ended",
            Self::Undone => "undone",
        })
    }
}

/// Returns how decisions stand, which are in the order in which they were recorded. What an incident was holds for a time
/// that is over, and does not expire.
pub fn standing(decisions: &[Decision], clock: impl Fn(&OrgId) -> Option<Timestamp>) -> BTreeMap<Uuid, Standing> {
    let (mut undone, mut ended) = (BTreeSet::new(), BTreeMap::new());
    let mut standings = BTreeMap::new();
    // From the latest on: only what is not undone itself undoes or ends another one.
    for decision in decisions.iter().rev() {
        let is_undone = undone.contains(&decision.decision_id);
        let at = clock(&decision.org_id).unwrap_or(Timestamp(i64::MIN));
        let of_incident = decision.ruling.incident_id().is_some() || matches!(decision.ruling, Ruling::Joined);
        let standing = match ended.get(&decision.decision_id) {
            _ if is_undone => Standing::Undone,
            Some(end) if *end <= at => Standing::Ended,
            _ if of_incident || decision.ruling.replaces().is_some() => Standing::InForce,
            _ if decision.until.is_some_and(|until| until <= at) => Standing::Expired,
            _ if decision.from > at => Standing::Later,
            _ => Standing::InForce,
        };
        standings.insert(decision.decision_id, standing);
        match &decision.ruling {
            Ruling::Undone { decision_id } if !is_undone => {
                undone.insert(*decision_id);
            }
            Ruling::Ended { decision_id } if !is_undone => {
                let end = ended.entry(*decision_id).or_insert(decision.from);
                *end = (*end).min(decision.from);
            }
            _ => {}
        }
    }
    standings
}

/// Returns whether a decision is undone or ended at the event time that its org has reached, and by which other one;
/// `None` if it is neither. `decisions` are in the order in which they were recorded.
pub fn replaced(decisions: &[Decision], decision_id: Uuid, clock: Option<Timestamp>) -> Option<(Standing, &Decision)> {
    let standings = standing(decisions, |_| clock);
    let of = |decision: &Decision| standings.get(&decision.decision_id).copied();
    let found = *standings.get(&decision_id)?;
    let by = decisions.iter().filter(|later| {
        let is_such = match later.ruling {
            Ruling::Undone { .. } => found == Standing::Undone,
            Ruling::Ended { .. } => found == Standing::Ended,
            _ => false,
        };
        is_such && later.ruling.replaces() == Some(decision_id) && of(later) != Some(Standing::Undone)
    });
    by.min_by_key(|later| later.from).map(|by| (found, by))
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::decision::Scope;

    fn decision(id: u128, from: i64, until: Option<i64>, ruling: Ruling) -> Decision {
        Decision {
            decision_id: Uuid::from_u128(id),
            org_id: OrgId::new("00D000000000001"),
            user_id: None,
            ruling,
            from: Timestamp(from),
            until: until.map(Timestamp),
            decided_by: "anna".into(),
            claimed_by: None,
            reason: "why".into(),
            decided_at: Timestamp(0),
            in_force: BTreeMap::new(),
        }
    }

    fn check(decisions: &[Decision], expect: &[Standing]) {
        let found = standing(decisions, |_| Some(Timestamp(100)));
        let found: Vec<Standing> = decisions.iter().map(|decision| found[&decision.decision_id]).collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn what_replaced_a_decision_is_named() {
        let hide = || Ruling::Suppression { scope: Scope::default(), incident_id: None };
        let undo = |id| Ruling::Undone { decision_id: Uuid::from_u128(id) };
        let end = |id| Ruling::Ended { decision_id: Uuid::from_u128(id) };
        let check = |later: &[Decision], expect: Option<(Standing, u128)>| {
            let all = [&[decision(1, 0, None, hide())], later].concat();
            let found = replaced(&all, Uuid::from_u128(1), Some(Timestamp(100)));
            assert_eq!(found.map(|(standing, by)| (standing, by.decision_id.as_u128())), expect);
        };
        check(&[], None);
        check(&[decision(2, 0, None, undo(1))], Some((Standing::Undone, 2)));
        check(&[decision(2, 0, None, undo(1)), decision(3, 0, None, undo(2))], None);
        check(&[decision(2, 60, None, end(1)), decision(3, 50, None, end(1))], Some((Standing::Ended, 3)));
        check(&[decision(2, 60, None, end(1)), decision(3, 50, None, undo(2))], None);
        check(&[decision(2, 60, None, end(1)), decision(3, 0, None, undo(1))], Some((Standing::Undone, 3)));
        check(&[decision(2, 101, None, end(1))], None);
    }

    #[test]
    fn a_decision_holds_until_it_expires_or_another_one_says_otherwise() {
        use Standing::{Ended, Expired, InForce, Later, Undone};
        let hide = || Ruling::Suppression { scope: Scope::default(), incident_id: None };
        let undo = |id| Ruling::Undone { decision_id: Uuid::from_u128(id) };
        let end = |id| Ruling::Ended { decision_id: Uuid::from_u128(id) };
        check(&[decision(1, 0, None, hide())], &[InForce]);
        check(&[decision(1, 0, Some(101), hide())], &[InForce]);
        check(&[decision(1, 0, Some(100), hide())], &[Expired]);
        check(&[decision(1, 101, None, hide())], &[Later]);
        check(&[decision(1, 0, None, hide()), decision(2, 100, None, end(1))], &[Ended, InForce]);
        check(&[decision(1, 0, None, hide()), decision(2, 101, None, end(1))], &[InForce, InForce]);
        check(&[decision(1, 0, None, hide()), decision(2, 0, None, undo(1))], &[Undone, InForce]);
        let end_and_undo =
            [decision(1, 0, None, hide()), decision(2, 50, None, end(1)), decision(3, 50, None, undo(2))];
        check(&end_and_undo, &[InForce, Undone, InForce]);
        let twice = [decision(1, 0, None, hide()), decision(2, 0, None, undo(1)), decision(3, 0, None, undo(2))];
        check(&twice, &[InForce, Undone, InForce]);
        check(&[decision(1, 0, Some(50), Ruling::Joined)], &[InForce]);
        assert_eq!(standing(&[decision(1, 0, None, hide())], |_| None)[&Uuid::from_u128(1)], Later);
    }
}
