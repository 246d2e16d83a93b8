//! Nothing is lost silently: records that are not learned are counted and listed with their place.

use crate::events::{Events, START, user};
use crate::support::{Folder, options, run, run_path, try_path};
use engine::ActivityOutcome;
use model::time::{DAY, HOUR, MINUTE, SECOND};
use orgwatch::{Backtest, Options, Outcome, backtest};
use salesforce::RejectReason;
use serde_json::json;
use settings::Settings;

fn count(outcome: &Outcome, of: ActivityOutcome) -> u64 {
    outcome.finished.counts.activities.get(&of).copied().unwrap_or(0)
}

/// Two good events, one a minute.
fn good() -> String {
    let mut events = Events::default();
    events.list_view(&user(1), START, "Account", "MyAccounts", 4);
    events.list_view(&user(1), START.plus(MINUTE), "Contact", "My_Contacts", 5);
    events.text()
}

#[test]
fn bad_lines_are_listed_by_file_line_and_reason_and_the_rest_is_read() {
    let good = good();
    let (first, second) = good.trim_end().split_once('\n').unwrap();
    let undated = second.replace("\"EventDate\"", "\"SomeDate\"");
    let text = [first, "{\"attributes\":{\"type\":\"ListViewEvent\"},", &undated, "[]", second].join("\n");
    let folder = Folder::new();
    let file = folder.add("events.ndjson", text);

    let run = Backtest::new(std::slice::from_ref(&file), Settings::default(), options()).unwrap();
    let mut listed = Vec::new();
    let list = |path: &std::path::PathBuf, reject: &salesforce::Reject| {
        listed.push((path.clone(), reject.line, reject.reason.to_string()));
        Ok(())
    };
    let outcome = backtest(run, list, |_| ()).unwrap();
    assert!(listed.iter().all(|(path, ..)| *path == file));
    let lines: Vec<u64> = listed.iter().map(|(_, line, _)| *line).collect();
    assert_eq!(lines, [2, 3, 4]);
    assert!(listed[0].2.starts_with("not a JSON object: "), "{}", listed[0].2);
    assert!(listed[1].2.starts_with("no time: "), "{}", listed[1].2);
    assert_eq!((outcome.faults.total(), outcome.events, count(&outcome, ActivityOutcome::Learned)), (3, 2, 2));
    let faults: Vec<_> = outcome.faults.iter().map(|(_, fault)| (fault.count, fault.first.line)).collect();
    assert_eq!(faults, [(1, 3), (1, 2), (1, 4)]);
}

#[test]
fn a_future_event_is_quarantined() {
    let mut events = Events::default();
    let received = |at: model::Timestamp| json!({ "CreatedDate": at.to_string(), "RowsProcessed": 4, "QueriedEntities": "Account" });
    events.add("ListViewEvent", &user(1), START, received(START.plus(SECOND)));
    events.add("ListViewEvent", &user(1), START.plus(4 * MINUTE), received(START));
    events.add("ListViewEvent", &user(1), START.plus(6 * MINUTE), received(START));
    let outcome = run(&events.text());
    assert_eq!((count(&outcome, ActivityOutcome::Learned), count(&outcome, ActivityOutcome::Future)), (2, 1));
    assert_eq!(outcome.finished.counts.to, Some(START.plus(4 * MINUTE)));
}

#[test]
fn duplicates_count_once() {
    let folder = Folder::new();
    folder.add("a.ndjson", good());
    folder.add("b.ndjson", good() + &good());
    let outcome = run_path(folder.path(), options());
    assert_eq!(
        (count(&outcome, ActivityOutcome::Learned), count(&outcome, ActivityOutcome::Duplicate), outcome.events),
        (2, 4, 6)
    );
}

#[test]
fn a_late_event_is_counted_as_late_and_a_very_late_one_as_forgotten() {
    let mut events = Events::default();
    for hour in 0..10 * 24 {
        events.list_view(&user(1), START.plus(hour * HOUR), "Account", "MyAccounts", 4);
    }
    let text = events.text();
    let mut lines: Vec<&str> = text.lines().collect();
    let (forgotten, late) = (lines.remove(3), lines.remove(8 * 24));
    // Padded beyond the part of the file that is looked at for its order.
    let text = [&lines[..], &[late, forgotten]].concat().join("\n");
    let padding = format!("\n{}", " ".repeat(1_000)).repeat(300);
    let (head, tail) = text.split_once('\n').unwrap();
    let outcome = run(&format!("{head}{padding}\n{tail}\n"));
    let counts =
        [ActivityOutcome::Learned, ActivityOutcome::Late, ActivityOutcome::Forgotten].map(|name| count(&outcome, name));
    assert_eq!((counts, outcome.faults.total()), ([10 * 24 - 2, 1, 1], 0));
}

#[test]
fn a_file_in_a_folder_that_holds_no_events_is_listed() {
    let folder = Folder::new();
    folder.add("events.ndjson", good());
    let notes = folder.add("notes.txt", "remember the milk\n");
    let limits = folder.add("limits.json", "{\"DailyApiRequests\":{\"Max\":15000}}\n");
    let empty = folder.add("empty.ndjson", "");
    folder.add(".hidden", "not looked at");
    let outcome = run_path(folder.path(), options());
    let skipped: Vec<_> = outcome.skipped.iter().map(|skipped| (&skipped.path, skipped.reason.to_string())).collect();
    let reasons = [(&empty, "empty"), (&limits, "JSON without records"), (&notes, "not JSON or CSV")];
    assert_eq!(skipped, reasons.map(|(path, reason)| (path, reason.to_owned())));
    assert_eq!((outcome.files, outcome.events), (1, 2));
}

#[test]
fn only_nothing_at_all_is_an_error_and_it_lists_the_files() {
    let folder = Folder::new();
    let error = |path: &std::path::Path| try_path(path, options()).err().unwrap().to_string();
    let notes = folder.add("notes.txt", "remember the milk\n");
    let header = folder.add("header.csv", "EVENT_TYPE,TIMESTAMP\n");
    let listed = format!("{}: not JSON or CSV", notes.display());
    assert_eq!(error(&notes), format!("no file of events in {}\n  {listed}", notes.display()));
    let root = folder.path().display();
    let first = format!("{}: a header without rows", header.display());
    assert_eq!(error(folder.path()), format!("no file of events in {root}\n  {first}\n  {listed}"));
    for number in 0..10 {
        folder.add(&format!("x{number}"), "");
    }
    assert!(error(folder.path()).ends_with("\n  and 2 more"));
    let missing = folder.path().join("missing.ndjson");
    assert_eq!(error(&missing), format!("{}: cannot be read", missing.display()));
    // Named or found, the others are listed, and the rest is read.
    let good = folder.add("events.ndjson", good());
    let named = Backtest::new(&[notes, good], Settings::default(), options()).unwrap();
    let outcome = backtest(named, |_, _| Ok(()), |_| ()).unwrap();
    assert_eq!((outcome.skipped.len(), outcome.events), (1, 2));
    let outcome = run_path(folder.path(), options());
    assert_eq!((outcome.skipped.len(), outcome.events), (12, 2));
}

#[test]
fn events_outside_the_asked_time_and_of_other_kinds_are_counted() {
    let mut events = Events::default();
    for day in 0..5 {
        events.list_view(&user(1), START.plus(day * DAY), "Account", "MyAccounts", 4);
    }
    events.add("LightningErrorEvent", &user(1), START.plus(2 * DAY), json!({}));
    let folder = Folder::new();
    let file = folder.add("events.ndjson", events.text());
    let (from, to) = (Some(START.plus(DAY)), Some(START.plus(3 * DAY)));
    let outcome = run_path(&file, Options { from, to, ..options() });
    assert_eq!((outcome.events, outcome.outside, outcome.counts.ignored()), (5, 3, 1));
    assert_eq!(count(&outcome, ActivityOutcome::Learned), 2);
}

/// Three thousand events, a line each, in a gzip file that was cut off.
fn cut_off() -> Vec<u8> {
    let mut packed = Vec::new();
    let mut encoder = flate2::write::GzEncoder::new(&mut packed, flate2::Compression::fast());
    for number in 0..3_000 {
        let mut events = Events::default();
        events.list_view(&user(number % 900), START.plus(number as i64 * 977), "Account", "MyAccounts", number as u64);
        std::io::Write::write_all(&mut encoder, events.text().as_bytes()).unwrap();
    }
    encoder.finish().unwrap();
    packed.truncate(packed.len() * 3 / 4);
    packed
}

#[test]
fn a_named_file_that_breaks_off_is_read_as_far_as_it_goes_and_its_place_said() {
    let folder = Folder::new();
    let file = folder.add("events.ndjson.gz", cut_off());
    let outcome = run_path(&file, options());
    let (reason, fault) = outcome.faults.iter().next().unwrap();
    let (in_file, line) = (&fault.first.file, fault.first.line);
    assert_eq!(*in_file, file);
    assert!((1_500..3_000).contains(&line), "{reason}");
    assert_eq!((outcome.faults.total(), outcome.events), (1, line - 1));
    let bytes = std::fs::metadata(&file).unwrap().len();
    assert!(reason.contains(&format!("the packed bytes are cut off at byte {bytes}, after ")), "{reason}");
}

#[test]
fn a_file_in_a_folder_that_breaks_off_is_listed_and_read_as_far_as_it_goes() {
    let folder = Folder::new();
    folder.add("whole.ndjson", good());
    let cut = folder.add("cut.ndjson.gz", cut_off());
    let run = Backtest::new(&[folder.path().to_owned()], Settings::default(), options()).unwrap();
    let mut listed = Vec::new();
    let list = |path: &std::path::PathBuf, reject: &salesforce::Reject| {
        listed.push((path.clone(), reject.line, reject.reason.to_string()));
        Ok(())
    };
    let outcome = backtest(run, list, |_| ()).unwrap();
    let [(path, line, reason)] = &listed[..] else { panic!("{listed:?}") };
    assert_eq!(*path, cut);
    assert!(reason.starts_with("cannot read the rest of the file: "), "{reason}");
    // All lines before the break, and the two of the other file.
    assert!(*line > 1_500, "{line}");
    assert_eq!((outcome.files, outcome.faults.total(), outcome.events), (2, 1, line - 1 + 2));
}

#[test]
fn a_file_in_a_folder_that_breaks_off_before_its_first_event_is_listed() {
    let folder = Folder::new();
    folder.add("whole.ndjson", good());
    let cut = folder.add("cut.ndjson.gz", &cut_off()[..12]);
    let outcome = run_path(folder.path(), options());
    let skipped: Vec<_> = outcome.skipped.iter().map(|skipped| (&skipped.path, skipped.reason.to_string())).collect();
    let [(path, reason)] = &skipped[..] else { panic!("{skipped:?}") };
    assert!(
        *path == &cut && reason.starts_with("cannot be unpacked: the packed bytes are cut off at byte 12"),
        "{reason}"
    );
    assert_eq!(outcome.events, 2);
}

#[test]
fn an_empty_period_is_refused() {
    let folder = Folder::new();
    let file = folder.add("events.ndjson", good());
    for to in [START, START.plus(DAY)] {
        let options = Options { from: Some(START.plus(DAY)), to: Some(to), ..options() };
        let error = Backtest::new(std::slice::from_ref(&file), Settings::default(), options).err().unwrap();
        assert!(error.to_string().starts_with("the period is empty: "), "{error}");
    }
}

#[test]
fn every_reason_is_documented() {
    let (field, value, found, expected) = ("…", "…".into(), 1, 2);
    let reasons = [
        RejectReason::NoEventType,
        RejectReason::NotAnEvent("…".into()),
        RejectReason::NoTime,
        RejectReason::BadTime { field, value },
        RejectReason::DateOnly { field, value: "…".into() },
        RejectReason::ImplausibleTime { field, value: "…".into() },
        RejectReason::FutureTime(START),
        RejectReason::NoUser,
        RejectReason::NoOrg,
        RejectReason::LongId("…"),
        RejectReason::Json("…".to_owned()),
        RejectReason::NotUtf8,
        RejectReason::FieldCount { found, expected },
        RejectReason::BackslashQuotes { found, expected },
        RejectReason::OpenQuote { found, expected },
        RejectReason::SingleQuotes,
        RejectReason::TooLong,
        RejectReason::TooDeep,
        RejectReason::TooManyMembers,
        RejectReason::TooManyWithin,
        RejectReason::BreaksOff("…".to_owned()),
    ];
    let code = include_str!("../../../salesforce/src/reject.rs");
    assert_eq!(code.matches("#[error(").count(), reasons.len(), "a reason is missing above");
    let document = include_str!("../../../../docs/inputs.md");
    for reason in reasons {
        let fault = reason.fault();
        let is_row = |line: &str| line.split('|').nth(1).is_some_and(|reason| reason.trim().ends_with(&*fault));
        assert!(document.lines().any(is_row), "docs/inputs.md lacks the reason {fault:?}");
    }
}
