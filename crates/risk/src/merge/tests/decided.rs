//! What decisions do to incidents, whenever they come.

use super::*;
use crate::testing::decision;
use crate::{Work, dispose};
use model::decision::{Allowlist, Scope, WatchCause};
use model::{Disposition, Ruling};

fn at(hours: std::ops::Range<i64>, id: u128, ruling: Ruling) -> Decision {
    decision(id, (hours.start * HOUR, Some(hours.end * HOUR)), ruling)
}

fn suppression(scope: &str) -> Ruling {
    Ruling::Suppression { scope: serde_json::from_str::<Scope>(scope).unwrap(), incident_id: None }
}

fn watch(factor: f64) -> Ruling {
    Ruling::Watch { cause: WatchCause::Departing, factor }
}

fn said(rows: &Rows, disposition: Disposition) -> Ruling {
    let incident = &rows.counting().next().unwrap().incident;
    Ruling::Disposition(dispose(incident, disposition, true, true))
}

fn statuses(rows: &Rows) -> Vec<Status> {
    rows.incidents.values().map(|kept| kept.status).collect()
}

#[test]
fn a_disposition_closes_an_incident_until_it_grows_beyond_it() {
    let mut rows = Rows::default();
    rows.merge(&[finding(1, 1, 0, 8.0)]);
    let benign = at(0..1, 1, said(&rows, Disposition::Benign));
    rows.decide(&benign);
    assert_eq!((statuses(&rows), rows.changes.last()), (vec![Status::Resolved], Some(&ChangeKind::Closed)));
    // The same finding once more, no graver, is covered; another one is not.
    rows.merge(&[finding(1, 2, 5, 7.9)]);
    assert_eq!((statuses(&rows), rows.changes.last()), (vec![Status::Resolved], Some(&ChangeKind::Updated)));
    rows.merge(&[finding(2, 1, 6, 2.0)]);
    assert_eq!((statuses(&rows), rows.changes.last()), (vec![Status::Open], Some(&ChangeKind::Reopened)));
    rows.decide(&at(0..7, 2, said(&rows, Disposition::Malicious)));
    assert_eq!(statuses(&rows), [Status::Resolved]);
    let undone = Ruling::Undone { decision_id: Uuid::from_u128(2) };
    rows.decide(&at(0..1, 3, undone));
    assert_eq!((statuses(&rows), rows.changes.last()), (vec![Status::Open], Some(&ChangeKind::Reopened)));
}

#[test]
fn what_becomes_graver_is_another_question() {
    let mut rows = Rows::default();
    rows.merge(&[finding(1, 1, 0, 2.0)]);
    rows.decide(&at(0..1, 1, said(&rows, Disposition::FalsePositive)));
    rows.merge(&[finding(1, 2, 5, 9.9)]);
    assert_eq!(statuses(&rows), [Status::Open]);
}

#[test]
fn what_is_suppressed_ends_and_comes_back_with_the_end_of_the_suppression() {
    let mut rows = Rows::default();
    rows.merge(&[finding(1, 1, 0, 8.0), finding(2, 1, 1, 8.0), finding(4, 1, 200, 8.0)]);
    let of_first = r#"{"detectors":["view_burst","new_access"]}"#;
    rows.decide(&at(0..100, 7, suppression(of_first)));
    let suppressed = Some(Uuid::from_u128(7));
    let hidden: Vec<Option<Uuid>> = rows.findings.values().map(|kept| kept.hidden_by).collect();
    assert_eq!((hidden, &rows.ends[..]), (vec![suppressed, suppressed, None], &[EndReason::Suppressed][..]));
    assert_eq!(rows.counting().count(), 1, "what is later than the suppression stays");
    // It ends after the first finding: the second one counts.
    let ended = decision(8, (HOUR, None), Ruling::Ended { decision_id: Uuid::from_u128(7) });
    rows.decide(&ended);
    let first: Vec<usize> = rows.content().iter().map(|incident| incident.findings.len()).collect();
    assert_eq!((first, rows.changes.last()), (vec![1, 1], Some(&ChangeKind::Resumed)));
    let mine: Vec<bool> = rows.findings.values().map(|kept| kept.incident_id.is_some()).collect();
    assert_eq!(mine, [false, true, true]);
}

#[test]
fn a_watched_account_weighs_more_and_an_allowlist_hides_or_weighs() {
    let findings = [finding(1, 1, 0, 8.0)];
    let plain = at_once(&findings)[0].risk_score;
    let with = |ruling: Ruling| decided(&findings, &[at(0..1, 1, ruling)]);
    let names = |incidents: &[Incident]| {
        let terms = incidents[0].receipt.terms.iter();
        terms.map(|term| term.name.to_string()).collect::<Vec<_>>()
    };
    let watched = with(watch(4.0));
    assert!(watched[0].risk_score > plain);
    assert_eq!(names(&watched), ["view_burst", "watched"]);
    let allow = |json: &str| {
        let allowlist = serde_json::from_str::<Allowlist>(json).unwrap();
        with(Ruling::Allowlist { allowlist })
    };
    assert!(allow(r#"{"objects":["Contact"],"hours":"0-3"}"#).is_empty());
    let unchecked = allow(r#"{"objects":["Contact"],"networks":["203.0.113.0/24"]}"#);
    assert_eq!(unchecked[0].risk_score, plain, "it says nothing of a network");
    let unexpected = allow(r#"{"objects":["Lead"]}"#);
    assert!(unexpected[0].risk_score > plain);
    assert_eq!(names(&unexpected), ["view_burst", "unexpected"]);
    let sensitive = with(Ruling::Sensitivity { object: "Contact".into(), factor: 3.0 });
    assert_eq!(names(&sensitive), ["view_burst", "object_sensitivity"]);
}

#[test]
fn what_is_joined_is_one_incident() {
    let findings = [finding(1, 1, 0, 8.0), finding(2, 1, 90, 8.0), finding(4, 1, 300, 8.0)];
    let joined = decided(&findings, &[at(0..91, 1, Ruling::Joined)]);
    assert_eq!(joined.iter().map(|incident| incident.findings.len()).collect::<Vec<_>>(), [2, 1]);
}

#[test]
fn people_work_on_incidents_in_whatever_order_that_is_recorded() {
    let mut rows = Rows::default();
    let incident_id = Uuid::nil();
    let by = |id, name: &str| Decision {
        claimed_by: Some(name.into()),
        ..at(0..1, id, Ruling::Acknowledged { incident_id })
    };
    // The later one is known first, and both before the finding.
    rows.decide(&by(2, "bob"));
    rows.decide(&by(1, "ana"));
    rows.merge(&[finding(1, 1, 0, 8.0)]);
    let work = |rows: &Rows| rows.incidents.values().next().map(|kept| (kept.status, kept.work.clone())).unwrap();
    let of = |assignee: Option<&str>, until: Option<i64>| Work {
        assignee: assignee.map(Into::into),
        snoozed_until: until.map(|hour| Timestamp(hour * HOUR)),
    };
    assert_eq!(work(&rows), (Status::Acknowledged, of(Some("bob"), None)));
    rows.decide_near(&at(0..1, 3, Ruling::Snoozed { incident_id, until: Timestamp(9 * HOUR) }));
    assert_eq!(work(&rows), (Status::Acknowledged, of(Some("bob"), Some(9))));
    rows.decide_near(&at(0..1, 4, Ruling::Undone { decision_id: Uuid::from_u128(2) }));
    rows.decide_near(&at(0..1, 5, Ruling::Undone { decision_id: Uuid::from_u128(3) }));
    assert_eq!(work(&rows), (Status::Acknowledged, of(Some("ana"), None)));
    rows.decide_near(&at(0..1, 6, Ruling::Undone { decision_id: Uuid::from_u128(1) }));
    assert_eq!(work(&rows), (Status::Open, of(None, None)));
    assert_eq!(rows.changes.last(), Some(&ChangeKind::Updated));
    // What others are merged into is theirs, too.
    rows.merge(&[finding(2, 1, 40, 8.0)]);
    rows.decide_near(&at(40..41, 7, Ruling::Acknowledged { incident_id }));
    rows.merge(&[finding(4, 1, 20, 8.0)]);
    assert_eq!(rows.counting().map(|kept| kept.status).collect::<Vec<_>>(), [Status::Acknowledged]);
}

/// Any decision on the findings of [`any_finding`]; the id says what it is.
fn any_decision() -> impl Strategy<Value = Decision> {
    (1u128..40).prop_map(|id| {
        let content = id as i64;
        let from = content * 37 % 190;
        let earlier = Uuid::from_u128(id * 7 % 40);
        let ruling = match id % 8 {
            0 => suppression(r#"{"detectors":["row_spike"]}"#),
            1 => suppression("{}"),
            2 => watch(1.0 + content as f64 / 10.0),
            3 => Ruling::Joined,
            4 => Ruling::Undone { decision_id: earlier },
            5 => Ruling::Ended { decision_id: earlier },
            6 => Ruling::Sensitivity { object: "Contact".into(), factor: content as f64 / 10.0 },
            _ => Ruling::Disposition(model::decision::Disposed {
                incident_id: earlier,
                disposition: Disposition::ALL[id as usize % 4],
                teaches: true,
                credits: BTreeMap::new(),
                user_class: model::UserClass::Normal,
                severity: model::Severity::ALL[id as usize % 4],
            }),
        };
        let until = (id % 3 > 0).then_some((from + content * 5 % 70) * HOUR);
        decision(id, (from * HOUR, until), ruling)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]
    #[test]
    fn findings_and_decisions_come_in_any_order(
        steps in prop::collection::vec(
            (prop::collection::vec(any_finding(), 1..4), prop::option::of(any_decision())), 1..12),
    ) {
        let (mut near, mut all) = (Rows::default(), Rows::default());
        for (batch, decision) in &steps {
            if let Some(decision) = decision {
                near.decide_near(decision);
                all.decide(decision);
            }
            near.merge_near(batch);
            all.merge(batch);
            prop_assert_eq!(&near.findings, &all.findings);
            prop_assert_eq!(near.content(), all.content());
        }
        let findings: Vec<Finding> = steps.iter().flat_map(|(batch, _)| batch.clone()).collect();
        let decisions: Vec<Decision> = steps.iter().filter_map(|(_, decision)| decision.clone()).collect();
        prop_assert_eq!(all.content(), decided(&findings, &decisions));
        let mut reversed = Rows::default();
        findings.iter().rev().for_each(|finding| reversed.merge_near(std::slice::from_ref(finding)));
        decisions.iter().rev().for_each(|decision| reversed.decide_near(decision));
        prop_assert_eq!(reversed.content(), all.content());
        for kept in reversed.counting() {
            prop_assert_eq!(kept.status == Status::Resolved, kept.incident.disposition.is_some());
        }
    }
}
