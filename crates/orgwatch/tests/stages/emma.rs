//! Emma Martin views a hundred records a day, and four thousand on her last day.

use crate::events::Events;
use crate::support::{measure, of, run, time};
use model::time::{DAY, MINUTE};
use model::{Severity, Timestamp, UserId};
use orgwatch::Outcome;
use std::sync::LazyLock;

const EMMA: &str = "005hn00000EmmaMAAU";

/// Loads of MyOpportunities, My_Contacts and MyAccounts on each working day from 2026-01-19 to 2026-02-27: the days'
/// rows have a mean of 99.0 and a sample deviation of 36.44.
const DAYS: [[u64; 3]; 30] = [
    [3, 0, 17],
    [1, 1, 10],
    [3, 1, 12],
    [2, 1, 8],
    [2, 1, 9],
    [1, 0, 12],
    [1, 2, 6],
    [3, 1, 13],
    [3, 3, 14],
    [2, 0, 11],
    [3, 0, 16],
    [3, 3, 13],
    [1, 2, 7],
    [3, 2, 10],
    [2, 2, 14],
    [1, 3, 3],
    [1, 2, 5],
    [2, 1, 13],
    [3, 0, 18],
    [1, 1, 12],
    [1, 3, 4],
    [2, 2, 15],
    [2, 1, 14],
    [3, 3, 19],
    [1, 2, 4],
    [1, 1, 9],
    [3, 0, 15],
    [1, 1, 13],
    [0, 0, 8],
    [2, 2, 11],
];

/// The morning of the last day, milliseconds after 04:30:02.559.
const MORNING: [(i64, &str); 11] = [
    (0, "MyAccounts"),
    (1, "My_Contacts"),
    (1, "My_Contacts"),
    (2, "MyAccounts"),
    (3, "MyAccounts"),
    (3, "My_Contacts"),
    (4, "MyAccounts"),
    (5, "MyOpportunities"),
    (7, "MyOpportunities"),
    (8, "My_Contacts"),
    (14, "MyOpportunities"),
];

/// The burst, milliseconds after 14:31:52.867, and what follows it: 4,151 rows with those of the morning.
const LAST: [(i64, &str, u64); 18] = [
    (0, "AllContacts", 250),
    (0, "AllContacts", 250),
    (5, "ClosingThisMonth", 22),
    (8, "AllContacts", 250),
    (8, "AllContacts", 250),
    (142, "All_Opportunities", 250),
    (167, "All_Enterprise_Accounts", 250),
    (233, "All_Enterprise_Accounts", 250),
    (233, "All_Enterprise_Accounts", 250),
    (1_095, "All_Cases", 250),
    (58_100, "All_Enterprise_Accounts", 250),
    (2_287_133, "AllContacts", 250),
    (3_727_133, "AllContacts", 250),
    (5_047_133, "AllContacts", 250),
    (6_487_133, "AllContacts", 250),
    (7_147_133, "AllContacts", 250),
    (8_167_133, "AllContacts", 250),
    (9_667_133, "All_Opportunities", 18),
];

static OUTCOME: LazyLock<Outcome> = LazyLock::new(|| run(&story()));

fn story() -> String {
    let mut events = Events::default();
    let first_day = time("2026-01-19");
    for (number, loads) in (0..).zip(DAYS) {
        ordinary(&mut events, first_day.plus((number / 5 * 7 + number % 5) * DAY), loads);
    }
    for (delay, name) in MORNING {
        view(&mut events, time("2026-03-02T04:30:02.559Z").plus(delay), name, usual_rows(name));
    }
    for (delay, name, rows) in LAST {
        view(&mut events, time("2026-03-02T14:31:52.867Z").plus(delay), name, rows);
    }
    events.text()
}

/// Views in page loads of four, from ten o'clock on, every 21 minutes.
fn ordinary(events: &mut Events, day: Timestamp, [opportunities, contacts, accounts]: [u64; 3]) {
    let times = |name, count: u64| (0..count).map(move |_| name);
    let views = times("MyOpportunities", opportunities).chain(times("My_Contacts", contacts));
    for (number, name) in (0..).zip(views.chain(times("MyAccounts", accounts))) {
        let at = day.plus(10 * model::time::HOUR + number / 4 * 21 * MINUTE + number % 4 * 5);
        view(events, at, name, usual_rows(name));
    }
}

fn view(events: &mut Events, at: Timestamp, name: &str, rows: u64) {
    let objects = ["Account", "Contact", "Case"].into_iter();
    let object = objects.into_iter().find(|object| name.contains(object)).unwrap_or("Opportunity");
    events.list_view(EMMA, at, object, name, rows);
}

fn usual_rows(name: &str) -> u64 {
    match name {
        "MyAccounts" => 4,
        "My_Contacts" => 5,
        _ => 25,
    }
}

#[test]
fn the_four_findings_of_the_article_a_large_request_and_one_critical_incident() {
    let mut found: Vec<(&str, f64, Severity)> =
        OUTCOME.finished.findings.iter().map(|f| (f.detector.as_str(), f.score, f.severity)).collect();
    found.sort_by(|a, b| a.0.cmp(b.0));
    let (largest, found): (Vec<_>, Vec<_>) = found.into_iter().partition(|finding| finding.0 == "large_request");
    assert_eq!(largest.len(), 1);
    let expected = [
        ("new_access", 7.0, Severity::High),
        ("row_spike", 10.0, Severity::Critical),
        ("scope_increase", 8.0, Severity::Critical),
        ("view_burst", 8.0, Severity::Critical),
    ];
    assert_eq!(found, expected);
    let incidents: Vec<_> =
        OUTCOME.finished.incidents.iter().map(|i| (&i.user_id, i.severity, i.findings.len())).collect();
    assert_eq!(incidents, [(&UserId::new(EMMA), Severity::Critical, 5)]);
}

#[test]
fn the_row_spike_names_the_numbers_of_the_baseline() {
    let [spike] = of(&OUTCOME, "row_spike")[..] else { panic!("one row spike") };
    let near = |name, expected: f64, within: f64| {
        let found = measure(spike, name);
        assert!((found - expected).abs() <= within, "{name} is {found}");
    };
    near("mean", 99.0, 0.005);
    near("standard_deviation", 36.44, 0.005);
    near("z", 111.2, 0.05);
    near("rows", 4_151.0, 0.0);
    let burst = time("2026-03-02T14:31:52Z")..time("2026-03-02T14:32:51Z");
    assert!(burst.contains(&spike.observed_at), "{}", spike.observed_at);
    assert_eq!(spike.revised_at, time("2026-03-02T17:13:00Z"));
}

#[test]
fn the_scope_increase_names_both_views() {
    let [scope] = of(&OUTCOME, "scope_increase")[..] else { panic!("one scope increase") };
    let summary = scope.summary.to_lowercase();
    let (from, to) = (summary.find("my_contacts").unwrap(), summary.find("allcontacts").unwrap());
    assert!(from < to, "{summary}");
}

#[test]
fn the_burst_counts_requests_and_seconds() {
    let [burst] = of(&OUTCOME, "view_burst")[..] else { panic!("one burst") };
    assert!(burst.summary.contains("Opened 11 list views and reports in 58.1 s"), "{}", burst.summary);
    assert_eq!(burst.event_ids.len(), 11);
}

#[test]
fn the_new_access_is_to_cases() {
    let [access] = of(&OUTCOME, "new_access")[..] else { panic!("one new access") };
    assert!(access.summary.contains("Case"), "{}", access.summary);
    assert_eq!(access.observed_at, time("2026-03-02T14:31:53.962Z"));
}

#[test]
fn nothing_is_found_before_the_burst() {
    assert!(OUTCOME.finished.findings.iter().all(|finding| finding.observed_at >= time("2026-03-02T14:31:00Z")));
}

#[test]
fn shares_and_terms_add_up() {
    for finding in &OUTCOME.finished.findings {
        assert_eq!(finding.features.iter().map(|feature| feature.share).sum::<u32>(), 10_000, "{}", finding.detector);
    }
    let receipt = &OUTCOME.finished.incidents[0].receipt;
    let sum: i32 = receipt.terms.iter().map(|term| term.points.0).sum();
    assert_eq!((sum, receipt.risk_score), (receipt.risk_score.0, OUTCOME.finished.incidents[0].risk_score));
}

#[test]
fn the_events_have_the_intended_rows() {
    let rows = |day: &[u64; 3]| 25 * day[0] + 5 * day[1] + 4 * day[2];
    let days: Vec<f64> = DAYS.iter().map(|day| rows(day) as f64).collect();
    let mean = days.iter().sum::<f64>() / 30.0;
    let variance = days.iter().map(|rows| (rows - mean).powi(2)).sum::<f64>() / 29.0;
    assert_eq!((mean, format!("{:.2}", variance.sqrt())), (99.0, "36.44".to_owned()));
    let last: u64 = LAST.iter().map(|(_, _, rows)| rows).sum();
    assert_eq!(last + MORNING.iter().map(|(_, name)| usual_rows(name)).sum::<u64>(), 4_151);
}
