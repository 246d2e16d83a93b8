//! What detectors were credited with, from decisions outside of an org's state.

use super::precision::{Credit, credits};
use super::taken::Decisions;
use model::time::DAY;
use model::{Decision, Text, Timestamp, UserClass};
use std::collections::BTreeMap;

/// What a detector was credited with, for one class.
#[derive(Clone, Debug, PartialEq)]
pub struct Credited {
    /// The detector.
    pub detector: Text,
    /// The class.
    pub user_class: UserClass,
    /// The credit.
    pub credit: Credit,
}

impl Credited {
    /// Returns what detectors are credited with at the event time `now`, by class and then by detector. `decisions` are
    /// those of one org; those that have not taken effect yet count for nothing. Of an org over several partitions the first
    /// to obey a decision says when it took effect.
    pub fn by(decisions: &[Decision], now: Timestamp) -> Vec<Self> {
        let mut taken = Decisions { now, ..Decisions::default() };
        for decision in decisions {
            if let Some(hour) = decision.in_force.values().min().copied() {
                taken.keep(decision, Some(hour));
            }
        }
        taken.taken = std::mem::take(&mut taken.pending);
        let age = |dated: Option<Timestamp>| now.since(dated.unwrap_or(now)) / DAY;
        let credited = taken.credited();
        let of_classes = credits(credited.into_iter().map(|(_, disposed, hour)| (disposed, age(hour))));
        let of_class = |(user_class, of_class): (&UserClass, BTreeMap<&Text, Credit>)| {
            let one = |(detector, credit): (&Text, Credit)| Self {
                detector: detector.clone(),
                user_class: *user_class,
                credit,
            };
            of_class.into_iter().map(one).collect::<Vec<_>>()
        };
        UserClass::ALL.iter().zip(of_classes).flat_map(of_class).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::decision::Disposed;
    use model::{Disposition, OrgId, Precision, Ruling, Severity, UserId, Uuid};
    use proptest::prelude::*;

    const START: Timestamp = Timestamp(1_772_409_600_000);

    fn decision(id: u128, day: i64, ruling: Ruling) -> Decision {
        Decision {
            decision_id: Uuid::from_u128(id),
            org_id: OrgId::new("00Dhn0000018hrcEAA"),
            user_id: Some(UserId::new(&format!("user{}", id % 3))),
            ruling,
            from: START.plus(day * DAY),
            until: Some(START.plus((day + 1) * DAY)),
            decided_by: "anna".into(),
            claimed_by: None,
            reason: String::new(),
            decided_at: START.plus(id as i64),
            in_force: BTreeMap::from([(3, START.plus(day * DAY))]),
        }
    }

    fn disposed(id: u128, disposition: Disposition, class: UserClass) -> Ruling {
        Ruling::Disposition(Disposed {
            incident_id: Uuid::from_u128(1_000 + id),
            disposition,
            teaches: true,
            credits: [("new_access".into(), 0.25), ("row_spike".into(), 0.75)].into(),
            user_class: class,
            severity: Severity::High,
        })
    }

    #[test]
    fn what_has_not_taken_effect_counts_for_nothing() {
        let wrong = decision(1, 0, disposed(1, Disposition::FalsePositive, UserClass::Power));
        let waiting = Decision { in_force: BTreeMap::new(), ..wrong.clone() };
        assert_eq!(Credited::by(&[waiting], START), []);
        let credited = Credited::by(std::slice::from_ref(&wrong), START);
        let credit = |wrong| Credit { right: 0.0, wrong };
        let expect = [("new_access", credit(0.25)), ("row_spike", credit(0.75))];
        let of = |(detector, credit): (&str, Credit)| Credited {
            detector: detector.into(),
            user_class: UserClass::Power,
            credit,
        };
        assert_eq!(credited, expect.map(of));
        assert_eq!((credit(0.75).precision(), credit(0.75).factor()), (3.0 / 4.75, 0.842105));
        let undone = decision(2, 0, Ruling::Undone { decision_id: wrong.decision_id });
        assert_eq!(Credited::by(&[wrong, undone], START), []);
    }

    proptest! {
        #[test]
        fn credits_give_the_factors_that_an_org_applies(
            made in prop::collection::vec((0i64..100, 0usize..4, any::<bool>(), any::<prop::sample::Index>()), 1..40),
        ) {
            let mut all: Vec<Decision> = Vec::new();
            for (id, (day, disposition, undoes, earlier)) in (1u128..).zip(made) {
                let class = UserClass::ALL[id as usize % UserClass::ALL.len()];
                let made = match all.get(earlier.index(all.len().max(1))) {
                    // Nothing is taken back before it has taken effect.
                    Some(earlier) if undoes => {
                        let day = day.max(earlier.in_force[&3].since(START) / DAY);
                        decision(id, day, Ruling::Undone { decision_id: earlier.decision_id })
                    }
                    _ => decision(id, day, disposed(id, Disposition::ALL[disposition], class)),
                };
                all.push(made);
            }
            let now = START.plus(100 * DAY);
            let mut org = Decisions::default();
            all.sort_by_key(|decision| decision.in_force[&3]);
            for decision in &all {
                let hour = decision.in_force[&3];
                org.keep(decision, Some(hour));
                org.close_hour((hour, 0), hour);
            }
            org.close_hour((now, 100), now);
            let credited = Credited::by(&all, now);
            for class in UserClass::ALL {
                let of_class = credited.iter().filter(|one| one.user_class == *class);
                let factors = of_class.map(|one| Precision { detector: one.detector.clone(), factor: one.credit.factor() });
                let differing: Vec<Precision> = factors.filter(|one| one.factor != 1.0).collect();
                prop_assert_eq!(differing.as_slice(), org.precisions(*class));
            }
        }
    }
}
