use crate::org::testing::Fed;
use crate::tail;
use crate::user::Reach;
use model::{Channel, Feature, First, Kind, Scope, Spread, Surface, UserId};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// Days that the orgs of these tests learn.
const LEARNED: i64 = 30;
const OBJECTS: [&str; 8] = ["Account", "Lead", "Contact", "Case", "Opportunity", "Campaign", "Asset", "Contract"];

struct Org(Fed);

impl Org {
    /// Returns an org of six integrations, which select records of six objects a day and read the last `all` of them in full.
    fn of_integrations(all: usize) -> Self {
        let mut org = Self(Fed::new());
        for (day, user) in (0..LEARNED).flat_map(|day| (0..6).map(move |user| (day, user))) {
            for (nth, object) in OBJECTS.iter().take(6).enumerate() {
                let scope = if nth + all < 6 { Scope::Selected } else { Scope::All };
                org.query(day, &format!("robot{user}"), scope, object);
            }
        }
        org
    }

    /// Returns an org of six people, who run five reports a day, the last `all` of them on all records.
    fn of_people(all: usize) -> Self {
        let mut org = Self(Fed::new());
        for (day, user) in (0..LEARNED).flat_map(|day| (0..6).map(move |user| (day, user))) {
            for nth in 0..5 {
                let scope = if nth + all < 5 { Scope::Own } else { Scope::All };
                org.report(day, &format!("person{user}"), scope, nth);
            }
        }
        org
    }

    fn query(&mut self, day: i64, user: &str, scope: Scope, object: &str) -> Vec<Feature> {
        let mut activity = self.0.activity(day * DAY + 9 * HOUR, user, Channel::Stream, Kind::Api);
        (activity.scope, activity.run) = (Some(scope), None);
        activity.objects.push(object.into());
        self.0.features(&activity)
    }

    fn report(&mut self, day: i64, user: &str, scope: Scope, report: usize) -> Vec<Feature> {
        let mut activity = self.0.activity(day * DAY + 9 * HOUR, user, Channel::Stream, Kind::Report);
        (activity.scope, activity.resource_id) = (Some(scope), Some(format!("00O{report}").into()));
        self.0.features(&activity)
    }
}

fn broad(features: &[Feature]) -> Option<&First> {
    features.iter().find_map(|feature| match feature {
        Feature::Scope(first) if first.surface.is_some() => Some(first),
        _ => None,
    })
}

fn recon(features: &[Feature]) -> Option<&Spread> {
    features.iter().find_map(|feature| match feature {
        Feature::Recon(spread) => Some(spread),
        _ => None,
    })
}

fn surprise(first: &First) -> f64 {
    tail::surprise(tail::count_at_least(&first.usual, f64::from(first.today)))
}

/// As with the tokens of a chat tool's app in August 2025: the thief counted the records of objects, then read the objects.
#[test]
fn a_stolen_token_counts_objects_and_reads_them_in_full() {
    let mut org = Org::of_integrations(0);
    let counts = OBJECTS.map(|object| org.query(LEARNED, "robot0", Scope::Count, object));
    let last = recon(counts.last().unwrap()).unwrap();
    let usual = last.usual_counted.unwrap();
    assert_eq!((last.counted, last.empty), (8, 8));
    assert!(tail::surprise(tail::count_at_least(&usual, 8.0)) > 4.0, "{usual:?}");
    let reads = OBJECTS.map(|object| org.query(LEARNED, "robot0", Scope::All, object));
    let last = broad(reads.last().unwrap()).unwrap();
    assert_eq!((last.surface, last.today, last.name.as_str()), (Some(Surface::Api), 8, "Account"));
    assert!(surprise(last) > 4.0 && last.peer_tail < 0.1, "{last:?}");
}

#[test]
fn an_integration_that_reads_all_every_day_is_not_observed() {
    let mut org = Org::of_integrations(6);
    let reads = OBJECTS.map(|object| org.query(LEARNED, "robot0", Scope::All, object));
    assert!(reads.iter().all(|features| broad(features).is_none()));
}

#[test]
fn reports_on_all_records_are_compared_with_the_accounts_own_share() {
    let last = |all: usize| {
        let mut org = Org::of_people(all);
        let reports: Vec<_> = (0..8).map(|nth| org.report(LEARNED, "person0", Scope::All, nth)).collect();
        broad(reports.last().unwrap()).map(|first| (first.today, surprise(first)))
    };
    let (today, narrow) = last(0).unwrap();
    let (_, half) = last(2).unwrap();
    assert_eq!(today, 8);
    assert!(narrow > 4.0 && half < 2.0, "{narrow} {half}");
    assert_eq!(last(5), None);
}

#[test]
fn a_report_that_is_run_again_and_again_counts_once() {
    let mut org = Org::of_people(0);
    let runs: Vec<_> = (0..50).map(|_| org.report(LEARNED, "person0", Scope::All, 7)).collect();
    assert!(runs.iter().all(|features| broad(features).is_none()));
}

#[test]
fn a_day_that_stands_out_teaches_little() {
    let mut org = Org::of_people(0);
    let mut thefts = (0..4).map(|day| {
        let reports: Vec<_> = (0..8).map(|nth| org.report(LEARNED + day, "person0", Scope::All, nth)).collect();
        surprise(broad(reports.last().unwrap()).unwrap())
    });
    let first = thefts.next().unwrap();
    let last = thefts.last().unwrap();
    assert!(last < first && last > 2.0, "{first} {last}");
}

#[test]
fn nothing_is_judged_before_the_org_has_days_to_compare_with() {
    let mut org = Org(Fed::new());
    for day in 0..10 {
        org.report(day, "person0", Scope::Own, 1);
    }
    let reports: Vec<_> = (0..8).map(|nth| org.report(10, "person0", Scope::All, nth)).collect();
    assert!(reports.iter().all(|features| broad(features).is_none()));
}

/// Stored events that close a gap of the stream arrive after the day was closed.
#[test]
fn what_arrives_late_is_learned_as_if_it_had_been_in_time() {
    let after = |is_late: bool| {
        let mut org = Org::of_people(0);
        let rest = |org: &mut Org| (2..5).for_each(|nth| drop(org.report(LEARNED, "person0", Scope::All, nth)));
        (0..2).for_each(|nth| drop(org.report(LEARNED, "person0", Scope::Own, nth)));
        if !is_late {
            rest(&mut org);
        }
        org.report(LEARNED + 2, "person0", Scope::Own, 1);
        if is_late {
            rest(&mut org);
        }
        org.report(LEARNED + 3, "person0", Scope::Own, 1);
        let (_, profile) = org.0.org.profiles().find(|(id, _)| **id == UserId::new("person0")).unwrap();
        let [(_, own)] = profile.signals.breadth[..] else { panic!("one surface") };
        (own, org.0.org.shared.signals.breadth.clone())
    };
    let ((in_time, of_org), (late, late_of_org)) = (after(false), after(true));
    assert!(in_time.of(Reach::All) > 0.2, "{in_time:?}");
    assert!((in_time.days - late.days).abs() < 1e-9, "{in_time:?} {late:?}");
    assert!((in_time.of(Reach::All) - late.of(Reach::All)).abs() < 0.05, "{in_time:?} {late:?}");
    assert_eq!(of_org.reports.days, late_of_org.reports.days);
}
