//! The same events by several channels count once.

use crate::events::{Events, START, api_log, user};
use crate::support::{Folder, canonical, run, run_path};
use model::time::{DAY, HOUR};
use model::{Channel, Kind, Timestamp};
use orgwatch::Options;

/// Queries of an account: 2 on each of 20 days, and many rows on the last.
fn queries() -> Vec<(String, Timestamp, u64)> {
    let query = |number: i64| {
        let rows = if number == 39 { 300_000 } else { 200 + 7 * (number as u64 % 5) };
        (format!("r{number}"), START.plus(number / 2 * DAY + (9 + 5 * (number % 2)) * HOUR), rows)
    };
    (0..40).map(query).collect()
}

fn stored<'a>(queries: impl IntoIterator<Item = &'a (String, Timestamp, u64)>) -> String {
    let mut events = Events::default();
    queries.into_iter().for_each(|(request, at, rows)| events.query(&user(1), *at, "Query", request, *rows));
    events.text()
}

fn logged<'a>(queries: impl IntoIterator<Item = &'a (String, Timestamp, u64)>) -> String {
    let user = user(1);
    let rows: Vec<_> =
        queries.into_iter().map(|(request, at, rows)| (request.as_str(), at.plus(300), user.as_str(), *rows)).collect();
    api_log(&rows)
}

/// Stored events join the org that the log file names.
fn alone(threads: usize) -> Options {
    Options { threads, ..Options::default() }
}

#[test]
fn stored_events_lead_and_log_files_count_before_them() {
    let all = queries();
    let (before, after) = all.split_at(20);
    let apart = Folder::new();
    apart.add("API.csv", logged(before));
    apart.add("events.ndjson", stored(after));
    let expected = run_path(apart.path(), alone(2));
    assert!(expected.left_out.is_empty());

    for (names, threads) in [(["a.csv", "b.ndjson"], 1), (["b.csv", "a.ndjson"], 4)] {
        let both = Folder::new();
        both.add(names[0], logged(&all));
        both.add(names[1], stored(after));
        let outcome = run_path(both.path(), alone(threads));
        assert_eq!((outcome.events, &outcome.left_out), (60, &[((Kind::Api, Channel::LogFile), 20)].into()));
        assert_eq!(canonical(&outcome), canonical(&expected));
    }
    assert!(!expected.finished.findings.is_empty());
}

#[test]
fn a_file_that_has_both_channels_is_read_once_more() {
    let all = queries();
    let mixed = stored(&all) + &all.iter().fold(String::new(), |text, (request, at, rows)| {
        text + &format!(
            "{{\"EVENT_TYPE\":\"API\",\"TIMESTAMP_DERIVED\":\"{at}\",\"REQUEST_ID\":\"{request}\",\"USER_ID\":\"{}\",\
                 \"METHOD_NAME\":\"query\",\"ROWS_PROCESSED\":\"{rows}\"}}\n",
            user(1)
        )
    });
    let outcome = run(&mixed);
    assert_eq!(outcome.left_out, [((Kind::Api, Channel::LogFile), 40)].into());
    assert_eq!(canonical(&outcome), canonical(&run(&stored(&all))));
}
