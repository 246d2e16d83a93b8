//! Copies of one activity: their facets add up, and the activity counts once.

use super::*;
use crate::org::facets::Facets;
use model::{Delegate, Feature, Outcome};
use proptest::prelude::*;

/// Returns the small org's activities with all facets that a copy may add.
fn full_activities() -> Vec<Activity> {
    let mut activities = small_activities();
    for (n, activity) in activities.iter_mut().enumerate() {
        activity.source_ip = Some(SourceIp::Address([198, 51, (n / 18) as u8, 7].into()));
        activity.client = Some(["Chrome on macOS", "Safari on iOS", "curl"][n % 17 / 7].into());
        activity.country = Some(["FR", "DE"][n % 29 / 28].into());
        activity.login_key = Some(format!("login {}", n / 40).into());
        activity.user_type = Some(["Standard", "Guest"][n / 100].into());
        activity.administers = Some(n < 60);
    }
    activities
}

/// Returns the activity without some of its facets.
fn without(facets: u8, activity: &Activity) -> Activity {
    let mut poor = Facets(!facets).only(activity);
    if facets & 8 != 0 {
        (poor.session_key, poor.login_key) = (None, None);
    }
    poor
}

/// Returns the whole state, with the number of observations set to 0.
fn state(mut org: Org) -> Table {
    for member in &mut org.users {
        let Member::InMemory(user) = member else { panic!("away") };
        user.profile.revision = 0;
    }
    whole(org)
}

fn new_org() -> Org {
    Org::new(org_id(), &settings()).unwrap()
}

/// Returns an activity of the day after the small org's last.
pub(super) fn tomorrow(n: u128, kind: Kind) -> Activity {
    activity(n, "emma", Timestamp::parse("2026-04-08T08:00:00Z").unwrap(), kind)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    /// Except for changes of role and LoginAs, which change how the rest is learned.
    #[test]
    fn a_poor_copy_and_a_rich_one_teach_what_the_rich_one_teaches(
        facets in prop::collection::vec(any::<u8>().prop_map(|bits| bits & 0xcf), 200),
    ) {
        let (mut by_two, mut by_one) = (new_org(), new_org());
        for (activity, facets) in full_activities().iter().zip(facets) {
            let poor = without(facets, activity);
            prop_assert_eq!(by_two.observe(&poor, &mut Vec::new()), ActivityOutcome::Learned);
            let is_poor = poor != *activity;
            let outcome = by_two.observe(activity, &mut Vec::new());
            prop_assert_eq!(outcome, if is_poor { ActivityOutcome::Enriched } else { ActivityOutcome::Duplicate });
            prop_assert_eq!(by_one.observe(activity, &mut Vec::new()), ActivityOutcome::Learned);
        }
        prop_assert!(state(by_two) == state(by_one));
    }

    #[test]
    fn facets_are_learned_once(copies in prop::collection::vec((0..162usize, any::<u8>()), 1..150)) {
        let activities = full_activities();
        let (mut org, mut table) = (small_org(), Table::new());
        let copies: Vec<_> = copies.into_iter().map(|(at, facets)| without(facets, &activities[at])).collect();
        for copy in &copies {
            let outcome = org.observe(copy, &mut Vec::new());
            prop_assert!(matches!(outcome, ActivityOutcome::Enriched | ActivityOutcome::Duplicate | ActivityOutcome::Forgotten), "{:?}", outcome);
            apply(&mut table, org.take_changes().unwrap());
        }
        let mut out = Vec::new();
        for mut org in [restore(&org_id(), &table), org] {
            for copy in &copies {
                let outcome = learn(Org::observe, &mut org, copy, &table).0;
                prop_assert!(matches!(outcome, ActivityOutcome::Duplicate | ActivityOutcome::Forgotten), "{:?}", outcome);
                org.observe(copy, &mut out);
            }
            prop_assert_eq!((org.take_changes().unwrap(), out.len()), (vec![], 0));
        }
    }
}

#[test]
fn a_copy_with_a_new_network_is_observed_in_full() {
    let mut org = small_org();
    let rich = Activity {
        source_ip: Some(SourceIp::Address([203, 0, 113, 7].into())),
        rows: Some(70_000),
        ..tomorrow(9_000, Kind::ListView)
    };
    let poor = Activity { source_ip: None, rows: Some(120), ..rich.clone() };
    assert_eq!(org.observe(&poor, &mut Vec::new()), ActivityOutcome::Learned);
    let mut out = Vec::new();
    assert_eq!(org.observe(&rich, &mut out), ActivityOutcome::Enriched);
    let features =
        |observation: &Observation| observation.features.iter().map(std::mem::discriminant).collect::<Vec<_>>();
    let [observation] = &out[..] else { panic!("{out:?}") };
    let Some(Feature::Network(network)) = observation.features.first() else { panic!("{observation:?}") };
    assert_eq!((network.value.as_str(), observation.activity.as_deref()), ("203.0.113.0/24", Some(&rich)));
    assert_eq!(features(observation).len(), 2, "the network and the session's change of it: {observation:?}");
    let day = org.profiles().find(|(user, _)| user.as_str() == "emma").unwrap().1.day.as_ref().unwrap();
    assert_eq!(day.surfaces[0].as_ref().map(|today| today.rows), Some(120.0), "rows are not learned of copies");
}

#[test]
fn a_copy_of_an_older_activity_does_not_move_a_session_back() {
    let mut org = small_org();
    let rich = tomorrow(9_000, Kind::ListView);
    let poor = Activity { client: None, ..rich.clone() };
    org.observe(&poor, &mut Vec::new());
    let moved = Activity { source_ip: Some(SourceIp::Address([203, 0, 113, 7].into())), ..tomorrow(9_001, Kind::Uri) };
    let sessions = |out: &[Observation]| {
        let features = out.iter().flat_map(|observation| &observation.features);
        features.filter(|feature| matches!(feature, Feature::Session(_))).count()
    };
    let mut out = Vec::new();
    org.observe(&moved, &mut out);
    assert_eq!(sessions(&out), 1);
    assert_eq!(org.observe(&rich, &mut out), ActivityOutcome::Enriched);
    org.observe(&Activity { id: Uuid::from_u128(9_002), ..moved }, &mut out);
    assert_eq!(sessions(&out), 1, "{out:?}");
}

#[test]
fn copies_of_a_failed_login_count_once() {
    let mut org = small_org();
    let login = |n, outcome| Activity { outcome, ..tomorrow(n, Kind::Login) };
    for n in 9_000..9_004 {
        let rich = login(n, Outcome::Failure);
        let poor = Activity { client: None, ..rich.clone() };
        assert_eq!(org.observe(&poor, &mut Vec::new()), ActivityOutcome::Learned);
        assert_eq!(org.observe(&rich, &mut Vec::new()), ActivityOutcome::Enriched);
    }
    let rich = login(9_010, Outcome::Success);
    let poor = Activity { client: None, ..rich.clone() };
    let mut out = Vec::new();
    org.observe(&poor, &mut out);
    let failures = |out: &[Observation]| {
        let features = out.iter().flat_map(|observation| &observation.features);
        features
            .filter_map(|feature| match feature {
                Feature::Failures(failures) => Some(failures.count),
                _ => None,
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(failures(&out), [4]);
    let mut again = Vec::new();
    assert_eq!(org.observe(&rich, &mut again), ActivityOutcome::Enriched);
    assert_eq!(failures(&again), [0; 0]);
}

#[test]
fn a_copy_may_add_the_session_of_a_delegate() {
    let mut org = small_org();
    let delegate = Delegate { username: Some("admin@example.com".into()), ..Delegate::default() };
    let rich = Activity {
        session_key: Some("another session".into()),
        delegate: Some(Box::new(delegate)),
        ..tomorrow(9_000, Kind::LoginAs)
    };
    let poor = Activity { session_key: None, ..rich.clone() };
    let delegated = |org: &mut Org, n| {
        let mut out = Vec::new();
        let view = Activity { rows: Some(90), ..tomorrow(n, Kind::ListView) };
        org.observe(&Activity { session_key: Some("another session".into()), ..view }, &mut out);
        out.iter().flat_map(|observation| &observation.features).any(|feature| matches!(feature, Feature::Delegated(_)))
    };
    assert_eq!(org.observe(&poor, &mut Vec::new()), ActivityOutcome::Learned);
    assert!(!delegated(&mut org, 9_001));
    assert_eq!(org.observe(&rich, &mut Vec::new()), ActivityOutcome::Enriched);
    assert!(delegated(&mut org, 9_002));
}

#[test]
fn a_copy_needs_the_profile_only_if_it_adds_facets() {
    let mut org = small_org();
    let rich = tomorrow(9_000, Kind::ListView);
    let poor = Activity { client: None, ..rich.clone() };
    org.observe(&poor, &mut Vec::new());
    org.advance(Timestamp::parse("2026-04-10").unwrap(), &mut Vec::new());
    let mut table = Table::new();
    apply(&mut table, org.take_changes().unwrap());
    org.evict(0);
    assert_eq!(org.observe(&poor, &mut Vec::new()), ActivityOutcome::Duplicate);
    assert_eq!(org.observe(&rich, &mut Vec::new()), ActivityOutcome::Away);
    assert_eq!(org.take_changes().unwrap(), []);
    assert_eq!(learn(Org::observe, &mut org, &rich, &table).0, ActivityOutcome::Enriched);
    let stranger = Activity { user_id: UserId::new("nobody"), country: Some("FR".into()), ..rich };
    assert_eq!(org.observe(&stranger, &mut Vec::new()), ActivityOutcome::Duplicate, "an unknown account is not added");
}
