//! A run that is given what took effect equals the run in which it did.

use super::*;
use model::decision::Disposed;
use model::time::{DAY, HOUR, MINUTE};
use model::{Channel, Disposition, Kind, Ruling, Uuid};
use proptest::prelude::*;

const ORG: &str = "00Dhn0000018hrcEAA";

fn start() -> Timestamp {
    Timestamp::parse("2026-03-02").unwrap()
}

/// One org over two partitions of four.
fn settings() -> Settings {
    let mut settings = Settings::default();
    settings.partitions.count = 4;
    settings.partitions.spread.insert(OrgId::new(ORG), 2);
    settings
}

/// Settings that somebody decides on: stricter ones, in another time zone.
fn strict() -> Settings {
    let mut settings = settings();
    settings.detect.raise_at = 3.5;
    settings.detect.least_rows = 500.0;
    settings.profile.time_zone = "Asia/Tokyo".to_owned();
    settings.risk.merge_hours = 48;
    settings
}

fn push(settings: &Settings) -> Ruling {
    Ruling::Settings { hash: settings.hash(), toml: settings.stored().unwrap() }
}

/// Six accounts that work for four weeks, with a spike of one of them every few days.
fn activities() -> Vec<Activity> {
    let mut activities = Vec::new();
    for n in 0..28 * 24_u32 {
        let (day, hour) = (n / 24, n % 24);
        if !(8..18).contains(&hour) {
            continue;
        }
        for user in 0..6_u32 {
            let dice = (n + 1).wrapping_mul(2_654_435_761).wrapping_add(user * 40_503) >> 8;
            let is_spike = hour == 15 && day > 7 && day % 3 == 0 && user == day % 6;
            let at = start().plus(i64::from(n) * HOUR + i64::from(dice % 50) * MINUTE);
            let (org, user) = (OrgId::new(ORG), UserId::new(&format!("user{user}")));
            let id = Uuid::from_u128(activities.len() as u128);
            activities.push(Activity {
                rows: Some(if is_spike { 200_000 } else { 50 + u64::from(dice % 200) }),
                objects: [["Account", "Contact"][dice as usize % 2].into()].into_iter().collect(),
                ..Activity::new(id, org, user, at, Channel::Stream, Kind::ListView)
            });
        }
    }
    activities.sort_by_key(|activity| (activity.event_time, activity.id));
    activities
}

fn decision(id: u128, ruling: Ruling) -> Decision {
    Decision {
        decision_id: Uuid::from_u128(id),
        org_id: OrgId::new(ORG),
        user_id: Some(UserId::new(&format!("user{}", id % 6))),
        ruling,
        from: start(),
        until: None,
        decided_by: "analyst".into(),
        claimed_by: None,
        reason: String::new(),
        decided_at: start(),
        in_force: BTreeMap::new(),
    }
}

fn ruling() -> impl Strategy<Value = Ruling> {
    let disposed = (0usize..4, 0.0f64..1.0).prop_map(|(kind, share)| {
        Ruling::Disposition(Disposed {
            incident_id: Uuid::nil(),
            disposition: Disposition::ALL[kind],
            teaches: true,
            credits: [("row_spike".into(), share), ("large_request".into(), 1.0 - share)].into(),
            user_class: UserClass::Normal,
            severity: model::Severity::Critical,
        })
    });
    prop_oneof![
        3 => disposed,
        1 => (0usize..5).prop_map(|class| Ruling::Class { class: UserClass::ALL[class] }),
        1 => any::<bool>().prop_map(|same| push(&if same { settings() } else { strict() })),
        1 => (0u128..9).prop_map(|id| Ruling::Undone { decision_id: Uuid::from_u128(id) }),
    ]
}

/// Runs all activities with decisions before those with their numbers. Returns the result, and what took effect.
fn live(activities: &[Activity], decisions: &[(usize, Decision)]) -> (Finished, Vec<Decision>) {
    let mut engine = Engine::new(settings(), None);
    let mut stored: BTreeMap<Uuid, Decision> =
        decisions.iter().map(|(_, decision)| (decision.decision_id, decision.clone())).collect();
    for (number, activity) in activities.iter().enumerate() {
        for (_, decision) in decisions.iter().filter(|(before, _)| *before == number) {
            engine.decide_now(decision.clone()).unwrap();
        }
        engine.apply(&activity.clone().into()).unwrap();
    }
    for (partition, (_, id, hour)) in engine.take_effects() {
        assert_eq!(stored.get_mut(&id).unwrap().in_force.insert(partition, hour), None);
    }
    (engine.finish().unwrap(), stored.into_values().collect())
}

fn backtest(activities: &[Activity], decisions: &[Decision], settings: Settings) -> Finished {
    let mut engine = Engine::new(settings, None);
    decisions.iter().for_each(|decision| engine.decide(decision).unwrap());
    activities.iter().for_each(|activity| engine.apply(&activity.clone().into()).unwrap());
    engine.finish().unwrap()
}

fn json<T: serde::Serialize>(values: &[T]) -> String {
    serde_json::to_string(values).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 20, ..ProptestConfig::default() })]
    #[test]
    fn a_backtest_with_exported_decisions_equals_the_live_run(
        rulings in prop::collection::vec((0usize..1_500, ruling()), 0..9),
        reversed in any::<bool>(),
    ) {
        let activities = activities();
        let decided = (0..).zip(rulings).map(|(id, (before, ruling))| (before, decision(id, ruling)));
        let (found, mut stored) = live(&activities, &decided.collect::<Vec<_>>());
        prop_assert!(stored.iter().all(|decision| decision.in_force.len() == 2), "in both partitions");
        if reversed {
            stored.reverse();
        }
        // As they are read from a file.
        let stored: Vec<Decision> = serde_json::from_str(&json(&stored)).unwrap();
        let again = backtest(&activities, &stored, settings());
        prop_assert_eq!(json(&found.findings), json(&again.findings));
        prop_assert_eq!(json(&found.incidents), json(&again.incidents));
        prop_assert_eq!((found.counts, found.classes), (again.counts, again.classes));
    }
}

#[test]
fn decisions_change_what_is_found_in_the_order_of_the_stream() {
    let activities = activities();
    let wrong = Ruling::Disposition(Disposed {
        incident_id: Uuid::nil(),
        disposition: Disposition::FalsePositive,
        teaches: true,
        credits: [("row_spike".into(), 1.0)].into(),
        user_class: UserClass::Normal,
        severity: model::Severity::Critical,
    });
    let (found, stored) = live(&activities, &[(1_000, decision(1, wrong.clone())), (1_679, decision(2, wrong))]);
    let factors: Vec<Option<f64>> = found
        .findings
        .iter()
        .filter(|finding| finding.detector == "row_spike" && !finding.withdrawn)
        .map(|finding| finding.precision)
        .collect();
    assert!(factors.first().is_some_and(Option::is_none) && factors.last().is_some_and(Option::is_some), "{factors:?}");
    assert_eq!(
        stored.iter().map(|decision| decision.in_force.len()).collect::<Vec<_>>(),
        [2, 0],
        "the last hour is open"
    );
    assert!(stored[0].in_force.values().all(|hour| hour.since(start()) > 16 * DAY));

    let mut of_one = settings();
    of_one.partitions.spread.clear();
    let elsewhere = backtest(&activities, &stored, of_one.clone());
    let without = backtest(&activities, &stored[1..], of_one);
    assert_ne!(json(&elsewhere.findings), json(&without.findings), "its hour is that of other partitions");
    assert!(without.findings.iter().all(|finding| finding.precision.is_none()), "what never took effect");
}

#[test]
fn settings_hold_from_the_hour_on_with_which_they_take_effect() {
    let activities = activities();
    let back = decision(2, Ruling::Undone { decision_id: Uuid::from_u128(1) });
    let (found, stored) = live(&activities, &[(600, decision(1, push(&strict()))), (1_200, back)]);
    let hash = strict().hash();
    let (taken, undone) = (&stored[0].in_force, &stored[1].in_force);
    assert!(found.findings.iter().any(|finding| finding.config_hash == hash), "{stored:?}");
    for finding in &found.findings {
        let is_after = |hours: &BTreeMap<u16, Timestamp>, days: i64| {
            hours.values().all(|hour| finding.revised_at > hour.plus(days * DAY))
        };
        // Those of the days in which settings change are of either.
        let is_near = |hours| is_after(hours, -1) && !is_after(hours, 1);
        let is_strict = is_after(taken, 0) && !is_after(undone, 0);
        let expected = if is_strict { hash.clone() } else { settings().hash() };
        assert!(is_near(taken) || is_near(undone) || finding.config_hash == expected, "{finding:?}");
    }
    let hashes: Vec<_> = found.incidents.iter().map(|incident| incident.receipt.config_hash.clone()).collect();
    assert!(hashes.contains(&hash) && hashes.contains(&settings().hash()), "{hashes:?}");
}

#[test]
fn an_exported_decision_that_is_refused_is_an_error() {
    let unreadable = Ruling::Settings { hash: "abc".into(), toml: "[detect]\nlevel = 3\n".to_owned() };
    let never = decision(3, unreadable);
    Engine::new(settings(), None).decide(&never).unwrap();
    let in_force = (0..4).map(|partition| (partition, start())).collect();
    let error = Engine::new(settings(), None).decide(&Decision { in_force, ..never.clone() }).unwrap_err();
    let start =
        "org 00Dhn0000018hrcEAA: the decision 00000000-0000-0000-0000-000000000003 is refused: its settings abc";
    assert!(error.to_string().starts_with(start), "{error}");
    assert!(Engine::new(settings(), None).decide_now(never).is_err());

    let mut engine = Engine::new(settings(), None);
    let of = |id: u128, org: &str, pushed: Ruling| Decision { org_id: OrgId::new(org), ..decision(id, pushed) };
    let Ruling::Settings { toml, .. } = push(&strict()) else { panic!("settings") };
    engine.decide_now(of(1, ORG, push(&settings()))).unwrap();
    let other = of(2, "00Dhn0000018hrdEAA", Ruling::Settings { hash: settings().hash(), toml });
    let error = engine.decide_now(other).unwrap_err().to_string();
    assert!(error.ends_with("one of the two is wrong"), "{error}");
}
