//! Repeated, split and re-issued records count as often as the action happened.

use crate::events::{Events, api_log, user, working_days};
use crate::support::{Folder, measure, of, options, run, run_path};
use engine::ActivityOutcome;
use model::time::{MINUTE, SECOND};
use model::{Finding, Timestamp};
use orgwatch::Outcome;
use serde_json::json;

const DAYS: usize = 20;

/// An account that does the same on twenty working days, and `last` on the next.
fn after_a_baseline(usual: impl Fn(&mut Events, Timestamp, usize), last: impl Fn(&mut Events, Timestamp)) -> Outcome {
    let mut events = Events::default();
    for (number, day) in working_days().take(DAYS).enumerate() {
        usual(&mut events, day, number);
    }
    last(&mut events, working_days().nth(DAYS).unwrap());
    run(&events.text())
}

/// Returns the rows of the only row spike of the last day.
fn spike(outcome: &Outcome) -> f64 {
    let last = working_days().nth(DAYS).unwrap();
    let spikes: Vec<&Finding> = of(outcome, "row_spike").into_iter().filter(|f| f.revised_at >= last).collect();
    assert_eq!(spikes.len(), 1, "{spikes:#?}");
    measure(spikes[0], "rows")
}

#[test]
fn the_chunks_of_a_report_repeat_its_rows() {
    let usual = |events: &mut Events, day, number: usize| {
        events.report(&user(1), day, &format!("usual-{number}"), 1, 300 + number as u64 % 7 * 10);
    };
    let outcome = after_a_baseline(usual, |events, day: Timestamp| {
        for sequence in 1..=51 {
            events.report(&user(1), day.plus(i64::from(sequence) * SECOND), "large", sequence, 20_680);
        }
    });
    assert_eq!(spike(&outcome), 20_680.0);
}

#[test]
fn the_pages_of_a_query_repeat_its_rows() {
    let text = "SELECT Id FROM Account";
    let usual = |events: &mut Events, day, number: usize| {
        events.query(&user(1), day, "Query", text, 200 + number as u64 % 5 * 20);
    };
    let outcome = after_a_baseline(usual, |events, day: Timestamp| {
        for page in 0..5 {
            let operation = if page == 0 { "Query" } else { "QueryMore" };
            events.query(&user(1), day.plus(page * SECOND), operation, "SELECT Id, Name FROM Account", 9_500);
        }
    });
    assert_eq!(spike(&outcome), 9_500.0);
}

#[test]
fn rows_returned_by_each_page_count_where_they_are_given() {
    let query = |events: &mut Events, at: Timestamp, operation: &str, returned: u64| {
        let fields = json!({
            "QueriedEntities": "Account", "Operation": operation, "Query": "SELECT Id FROM Account",
            "RowsProcessed": 9_500, "RowsReturned": returned, "ApiType": "REST", "UserAgent": "python-requests/2.28.2",
        });
        events.add("ApiEvent", &user(1), at, fields);
    };
    let usual = |events: &mut Events, day, number: usize| query(events, day, "Query", 200 + number as u64 % 5 * 20);
    let outcome = after_a_baseline(usual, |events, day: Timestamp| {
        for (page, returned) in [2_000, 2_000, 1_500].into_iter().enumerate() {
            let operation = if page == 0 { "Query" } else { "QueryMore" };
            query(events, day.plus(page as i64 * SECOND), operation, returned);
        }
    });
    assert_eq!(spike(&outcome), 5_500.0);
}

#[test]
fn the_same_query_run_again_counts_again() {
    let text = "SELECT Id FROM Account";
    let usual = |events: &mut Events, day, number: usize| {
        events.query(&user(1), day, "Query", text, 200 + number as u64 % 5 * 20);
    };
    let outcome = after_a_baseline(usual, |events, day: Timestamp| {
        events.query(&user(1), day, "Query", text, 9_500);
        events.query(&user(1), day.plus(30 * MINUTE), "Query", text, 9_000);
    });
    assert_eq!(spike(&outcome), 18_500.0);
}

#[test]
fn rows_of_a_reissued_log_file_count_once_and_identical_rows_within_it_twice() {
    let at = |minute: i64| working_days().next().unwrap().plus(minute * MINUTE);
    let user = user(1);
    let first = [("r1", at(0), user.as_str(), 10), ("r2", at(1), &user, 20), ("r2", at(1), &user, 20)];
    let second = [first[0], first[1], first[2], ("r3", at(2), &user, 30)];
    let folder = Folder::new();
    folder.add("2026-01-05_API.csv", api_log(&first));
    folder.add("2026-01-05_API_again.csv", api_log(&second));
    let outcome = run_path(folder.path(), options());
    let outcomes = &outcome.finished.counts.activities;
    assert_eq!(
        (outcomes.get(&ActivityOutcome::Learned), outcomes.get(&ActivityOutcome::Duplicate)),
        (Some(&4), Some(&3))
    );
}

#[test]
fn threat_detection_scores_are_read_on_both_scales() {
    let mut events = Events::default();
    let day = working_days().next().unwrap();
    let data = r#"[{"featureName":"rowCount","featureValue":"1937568","featureContribution":"95.00 %"}]"#;
    let fields = |score: f64| json!({ "Score": score, "Summary": "unusual", "SecurityEventData": data });
    events.add("ApiAnomalyEventStore", &user(1), day, fields(0.95));
    events.add("TenantSecurityApiAnomaly", &user(2), day, fields(95.0));
    events.add("ApiAnomalyEventStore", &user(3), day, fields(95.0));
    let outcome = run(&events.text());
    let found: Vec<(&str, f64)> =
        of(&outcome, "threat_detection").iter().map(|finding| (finding.user_id.as_str(), finding.score)).collect();
    let score = found[0].1;
    assert!(score > 0.0);
    let mut users = found.clone();
    users.sort_by(|a, b| a.0.cmp(b.0));
    assert_eq!(users, [(user(1).as_str(), score), (user(2).as_str(), score)]);
    let unscoreable = &outcome.finished.counts.unscoreable;
    assert_eq!(unscoreable.get(&("threat_detection", detect::Unscoreable::NativeScoreOutOfScale)), Some(&1));
}
