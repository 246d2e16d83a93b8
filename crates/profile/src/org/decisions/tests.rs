mod bounds;
mod order;
mod said;

use super::taken::Decisions;
use super::*;
use crate::org::testing::Fed;
use crate::{Basis, Profile};
use model::decision::Disposed;
use model::time::{DAY, HOUR, MINUTE};
use model::{Channel, Disposition, Feature, Kind, OrgId, Ruling, UserClass};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// A Monday, when all tests begin.
fn start() -> Timestamp {
    Timestamp::parse("2026-01-05").unwrap()
}

fn decision(id: u128, user: Option<&str>, ruling: Ruling) -> Decision {
    Decision {
        decision_id: Uuid::from_u128(id),
        org_id: OrgId::new("00Dhn0000018hrcEAA"),
        user_id: user.map(UserId::new),
        ruling,
        from: start(),
        until: None,
        decided_by: "emma".into(),
        claimed_by: Some("bob".into()),
        reason: "as they said".to_owned(),
        decided_at: start(),
        in_force: [].into(),
    }
}

fn class(id: u128, user: &str, class: UserClass) -> Decision {
    decision(id, Some(user), Ruling::Class { class })
}

fn disposed(id: u128, disposition: Disposition, credits: &[(&str, f64)]) -> Decision {
    let credits = credits.iter().map(|(detector, share)| ((*detector).into(), *share)).collect();
    let (incident_id, user_class) = (Uuid::from_u128(id + 1_000), UserClass::Normal);
    let disposed =
        Disposed { incident_id, disposition, teaches: true, credits, user_class, severity: model::Severity::Critical };
    decision(id, Some("ann"), Ruling::Disposition(disposed))
}

fn undone(id: u128, earlier: u128) -> Decision {
    decision(id, None, Ruling::Undone { decision_id: Uuid::from_u128(earlier) })
}

fn ended(id: u128, earlier: u128, from: Timestamp) -> Decision {
    Decision { from, ..decision(id, None, Ruling::Ended { decision_id: Uuid::from_u128(earlier) }) }
}

impl Fed {
    /// Lets an account open a list view so many milliseconds after the start.
    fn works(&mut self, at: i64, user: &str) {
        let mut activity = self.activity(at, user, Channel::Stream, Kind::ListView);
        activity.rows = Some(100);
        self.observe(&activity);
    }

    fn decides(&mut self, decision: &Decision) {
        assert!(self.org.decide(decision, None).is_empty());
    }

    fn profile(&self, user: &str) -> &Profile {
        self.org.profiles().find(|(id, _)| id.as_str() == user).unwrap().1
    }

    fn class(&self, user: &str) -> (UserClass, Basis) {
        (self.profile(user).class(), self.profile(user).belief().basis)
    }

    fn effects(&mut self) -> Vec<(u128, i64)> {
        let effects = self.org.take_effects();
        effects.iter().map(|(id, hour)| (id.as_u128(), hour.since(start()))).collect()
    }
}

const DECIDED: (UserClass, Basis) = (UserClass::Integration, Basis::Decided);
const UNKNOWN: (UserClass, Basis) = (UserClass::Normal, Basis::FewDays);

#[test]
fn a_class_takes_effect_with_the_close_of_the_next_hour() {
    let mut fed = Fed::new();
    ["ann", "tom"].iter().for_each(|user| fed.works(HOUR + 30 * MINUTE, user));
    fed.decides(&class(1, "ann", UserClass::Integration));
    fed.works(2 * HOUR + 9 * MINUTE, "tom");
    assert_eq!((fed.class("ann"), fed.effects()), (UNKNOWN, vec![]), "the first hour is open for its lateness");
    fed.works(2 * HOUR + 20 * MINUTE, "tom");
    assert_eq!((fed.class("ann"), fed.effects()), (DECIDED, vec![(1, HOUR)]));
    assert_eq!((fed.class("tom"), fed.effects()), (UNKNOWN, vec![]));
    let members = |fed: &Fed, class| fed.org.shared.populations.members(class);
    assert_eq!((members(&fed, UserClass::Normal), members(&fed, UserClass::Integration)), (1, 1));
    fed.decides(&class(1, "ann", UserClass::Guest));
    fed.works(9 * HOUR, "tom");
    assert_eq!((fed.class("ann"), fed.effects()), (DECIDED, vec![]), "taken before");
}

#[test]
fn an_account_without_an_open_day_changes_with_its_next_activity() {
    let mut fed = Fed::new();
    fed.works(HOUR, "ann");
    fed.works(DAY + HOUR + 30 * MINUTE, "tom");
    fed.decides(&class(1, "ann", UserClass::Integration));
    fed.decides(&class(2, "eve", UserClass::Guest));
    fed.works(DAY + 5 * HOUR, "tom");
    assert_eq!((fed.class("ann"), fed.effects()), (UNKNOWN, vec![(1, DAY + HOUR), (2, DAY + HOUR)]));
    ["ann", "eve"].iter().for_each(|user| fed.works(DAY + 6 * HOUR, user));
    assert_eq!((fed.class("ann"), fed.class("eve").0), (DECIDED, UserClass::Guest));
}

#[test]
fn the_hour_that_a_decision_names_is_waited_for() {
    let mut fed = Fed::new();
    let hour = |hours: i64| Some(start().plus(hours * HOUR));
    for (id, hours) in [(1, 3), (2, 4)] {
        fed.org.decide(&class(id, "ann", UserClass::Integration), hour(hours));
    }
    for hours in 1..3 {
        fed.works(hours * HOUR, "ann");
        fed.works(hours * HOUR + 30 * MINUTE, "ann");
    }
    assert_eq!((fed.class("ann"), fed.effects()), (UNKNOWN, vec![]));
    fed.works(3 * HOUR + 30 * MINUTE, "ann");
    assert_eq!(fed.effects(), [], "two hours are closed");
    fed.works(8 * HOUR, "ann");
    assert_eq!((fed.class("ann"), fed.effects()), (DECIDED, vec![(1, 3 * HOUR)]));
    fed.works(9 * HOUR, "ann");
    assert_eq!(fed.effects(), [(2, 7 * HOUR)], "the hour had no activity and did not close: the next one does");
}

#[test]
fn an_org_without_an_open_hour_waits_for_its_first() {
    let mut fed = Fed::new();
    fed.decides(&class(1, "ann", UserClass::Integration));
    fed.org.finish(&mut Vec::new());
    fed.org.judge(start().plus(9 * DAY), &mut Vec::new());
    assert_eq!(fed.effects(), []);
    fed.works(5 * HOUR, "ann");
    assert_eq!((fed.class("ann"), fed.effects()), (UNKNOWN, vec![]));
    fed.works(6 * HOUR + 30 * MINUTE, "tom");
    assert_eq!((fed.class("ann"), fed.effects()), (DECIDED, vec![(1, 4 * HOUR)]), "the lateness reaches into it");
}

#[test]
fn the_end_of_all_input_closes_an_hour() {
    let mut fed = Fed::new();
    fed.works(5 * HOUR + 30 * MINUTE, "ann");
    fed.decides(&disposed(1, Disposition::Benign, &[]));
    fed.org.finish(&mut Vec::new());
    assert_eq!(fed.effects(), [(1, 5 * HOUR)]);
}

/// Returns the class of an account that works each day, by day, with decisions after the first hour.
fn classes(decisions: &[Decision], days: i64) -> Vec<(UserClass, Basis)> {
    let mut fed = Fed::new();
    fed.works(HOUR, "ann");
    decisions.iter().for_each(|decision| fed.decides(decision));
    let mut day = |day: i64| {
        fed.works(day * DAY + 3 * HOUR, "ann");
        fed.works(day * DAY + 12 * HOUR, "ann");
        fed.class("ann")
    };
    (0..days).map(&mut day).collect()
}

#[test]
fn an_account_is_classified_again_when_its_class_by_hand_is_over() {
    let by_hand = class(1, "ann", UserClass::Integration);
    let learned = (UserClass::Normal, Basis::Consumption);
    assert_eq!(classes(std::slice::from_ref(&by_hand), 9), [DECIDED; 9]);
    let until = Decision { until: Some(start().plus(7 * DAY)), ..by_hand.clone() };
    let over = [[DECIDED; 7].as_slice(), &[learned; 2]].concat();
    assert_eq!(classes(&[until], 9)[..7], over[..7]);
    let until = Decision { until: Some(start().plus(2 * DAY)), ..by_hand.clone() };
    assert_eq!(classes(&[until], 4)[2..], [DECIDED, UNKNOWN], "its day closes before it expires");
    let ends = ended(2, 1, start().plus(7 * DAY));
    assert_eq!(classes(&[ends, by_hand.clone()], 9)[8], learned, "the order of arrival does not matter");
    assert_eq!(classes(&[undone(2, 1), by_hand.clone()], 3), [UNKNOWN; 3], "it never held");
    assert_eq!(classes(&[by_hand.clone(), undone(3, 2), undone(2, 1)], 3), [DECIDED; 3], "the undoing is undone");
    let later = Decision { from: start().plus(2 * DAY), ..class(2, "ann", UserClass::Guest) };
    let both = classes(&[later, by_hand], 4);
    assert_eq!(
        both.iter().map(|(class, _)| *class).collect::<Vec<_>>(),
        [UserClass::Integration, UserClass::Integration, UserClass::Guest, UserClass::Guest]
    );
}

#[test]
fn observations_carry_the_precision_of_detectors() {
    let observed = |decisions: &[Decision]| {
        let mut fed = Fed::new();
        let mut out = Vec::new();
        for day in 0..8 {
            for hour in 8..12 {
                fed.works(day * DAY + hour * HOUR, "ann");
            }
            if day == 5 {
                decisions.iter().for_each(|decision| fed.decides(decision));
            }
        }
        let mut spike = fed.activity(7 * DAY + 13 * HOUR, "ann", Channel::Stream, Kind::ListView);
        spike.rows = Some(90_000);
        out.extend(fed.observe(&spike));
        let of_rows = out.into_iter().find(|found| found.features.iter().any(|f| matches!(f, Feature::Volume(_))));
        of_rows.unwrap().precisions.into_iter().map(|known| (known.detector, known.factor)).collect::<Vec<_>>()
    };
    assert_eq!(observed(&[]), []);
    let wrong = disposed(1, Disposition::FalsePositive, &[("row_spike", 0.6), ("new_access", 0.4)]);
    assert_eq!(
        observed(std::slice::from_ref(&wrong)),
        [("new_access".into(), 0.91001), ("row_spike".into(), 0.870827)]
    );
    assert_eq!(observed(&[wrong, undone(2, 1)]), []);
}

/// A decision of a few kinds about few things, so that many concern each other.
fn any_decision() -> impl Strategy<Value = Decision> {
    let times = (0i64..6).prop_map(|days| start().plus(days * DAY));
    let until = prop::option::of((0i64..9).prop_map(|days| start().plus(days * DAY)));
    let ruling = prop_oneof![
        (0usize..5).prop_map(|class| Ruling::Class { class: UserClass::ALL[class] }),
        (0usize..4, 0.0f64..1.0).prop_map(|(kind, share)| {
            disposed(7, Disposition::ALL[kind], &[("row_spike", share), ("new_access", 1.0 - share)]).ruling
        }),
        (0u128..12).prop_map(|id| Ruling::Undone { decision_id: Uuid::from_u128(id) }),
        (0u128..12).prop_map(|id| Ruling::Ended { decision_id: Uuid::from_u128(id) }),
    ];
    (0usize..3, ruling, times, until).prop_map(|(user, ruling, from, until)| {
        let user = ["ann", "tom", "eve"][user];
        Decision { from, until, ..decision(0, Some(user), ruling) }
    })
}

/// Distinct decisions, and an order of them.
fn in_two_orders() -> impl Strategy<Value = (Vec<Decision>, Vec<Decision>)> {
    let decisions = prop::collection::vec(any_decision(), 0..12).prop_map(|mut decisions| {
        (0..).zip(&mut decisions).for_each(|(id, decision)| decision.decision_id = Uuid::from_u128(id));
        decisions
    });
    decisions.prop_flat_map(|decisions| (Just(decisions.clone()), Just(decisions).prop_shuffle()))
}

/// Keeps decisions, each with the hour of its day, and closes these hours.
fn after(decisions: &[Decision], days: i64) -> Decisions {
    let mut all = Decisions::default();
    for decision in decisions {
        all.keep(decision, Some(decision.from));
    }
    for day in 0..=days {
        let hour = start().plus(day * DAY);
        all.close_hour((hour, day as i32), hour.plus(HOUR));
    }
    all.take_effects();
    all
}

proptest! {
    #[test]
    fn the_order_of_decisions_does_not_matter((decisions, shuffled) in in_two_orders(), days in 0i64..9) {
        prop_assert_eq!(after(&decisions, days), after(&shuffled, days));
    }

    #[test]
    fn what_is_undone_leaves_no_trace(decisions in in_two_orders(), which in 0usize..12, days in 5i64..9) {
        let (mut decisions, _) = decisions;
        prop_assume!(which < decisions.len());
        // Nothing undoes the undoing, or stands for what is undone.
        let of = Uuid::from_u128(which as u128);
        decisions.retain(|decision| decision.ruling.replaces() != Some(of));
        let without: Vec<Decision> =
            decisions.iter().filter(|decision| decision.decision_id != of).cloned().collect();
        let mut with = decisions;
        with.push(Decision { from: start().plus(5 * DAY), ..undone(99, which as u128) });
        let (with, without) = (after(&with, days), after(&without, days));
        prop_assert_eq!(with.in_force(), without.in_force());
    }

    #[test]
    fn stored_decisions_are_read_as_they_were((decisions, _) in in_two_orders(), days in 0i64..9) {
        prop_assume!(!decisions.is_empty());
        let all = after(&decisions, days);
        let mut read = Decisions::try_from(StoredDecisions::from(&all)).unwrap();
        read.is_changed = all.is_changed;
        prop_assert_eq!(read, all);
    }
}

#[test]
fn an_account_is_erased_from_decisions() {
    let kept = [class(1, "ann", UserClass::Guest), class(2, "tom", UserClass::Guest)];
    let mut all = after(&[&kept[..], &[disposed(3, Disposition::Benign, &[("row_spike", 1.0)])]].concat(), 1);
    let precisions = all.precisions(UserClass::Normal).to_vec();
    assert!(all.erase(&UserId::new("ann")) && !all.erase(&UserId::new("ann")));
    let read = Decisions::try_from(StoredDecisions::from(&all)).unwrap();
    let users: BTreeSet<_> =
        ["ann", "tom"].into_iter().filter(|user| read.class_of(&UserId::new(user)).is_some()).collect();
    assert_eq!((users, read.precisions(UserClass::Normal)), (["tom"].into(), precisions.as_slice()));
}

#[test]
fn an_org_follows_the_settings_that_were_decided_while_they_hold() {
    let mut fed = Fed::new();
    let zone = |fed: &Fed| (fed.org.settings.time_zone.clone(), fed.org.shared.signals.calibrations.key());
    let pushed = Ruling::Settings { hash: "abc".into(), toml: "a = 1".to_owned() };
    let pushed = Decision { until: Some(start().plus(2 * DAY)), ..decision(1, None, pushed) };
    let zoned = |zone: &str| crate::Settings { time_zone: zone.to_owned(), ..crate::Settings::default() };
    fed.org.calibrate_by(7);
    fed.works(HOUR, "ann");
    fed.org.prepare(&"abc".into(), &zoned("Asia/Tokyo"), 8).unwrap();
    fed.decides(&pushed);
    assert_eq!(fed.org.decided_settings().collect::<Vec<_>>(), [(pushed.decision_id, &"abc".into(), "a = 1")]);
    assert_eq!(zone(&fed), ("UTC".to_owned(), 7));
    fed.works(3 * HOUR, "ann");
    assert_eq!(zone(&fed), ("Asia/Tokyo".to_owned(), 8));
    fed.org.set_settings(&zoned("Europe/Paris")).unwrap();
    fed.org.calibrate_by(9);
    assert_eq!(zone(&fed), ("Asia/Tokyo".to_owned(), 8), "those of the service wait");
    fed.works(3 * DAY, "ann");
    assert_eq!(zone(&fed), ("Europe/Paris".to_owned(), 9));
    (0..92).for_each(|day| fed.works(day * DAY + 4 * HOUR, "ann"));
    assert_eq!(fed.org.decided_settings().count(), 0);
    assert!(fed.org.prepare(&"abc".into(), &zoned("Mars"), 8).is_err());
}
