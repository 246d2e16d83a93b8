//! What a run says of what it has not read, and when it fails.

use crate::support::{fail, file, json, run, succeed, text};
use std::fmt::Write;

const HEADER: &str = "EVENT_TYPE,TIMESTAMP_DERIVED,REQUEST_ID,ORGANIZATION_ID,USER_ID,ROWS_PROCESSED\n";

/// Rows of a log file: type, time and rows of each.
fn log(rows: &[(&str, &str, &str)]) -> String {
    rows.iter().zip(0..).fold(HEADER.to_owned(), |mut text, ((name, time, rows), number)| {
        writeln!(text, "{name},{time},r{number},00D000000000001EAA,005000000000001AAA,{rows}").unwrap();
        text
    })
}

const TIME: &str = "2026-03-02T09:00:00.000Z";

#[test]
fn a_summary_groups_what_was_set_aside_and_names_what_was_not_read() {
    let mut rows = vec![("API", TIME, "7"), ("API", TIME, "seven"), ("Flow", TIME, "1"), ("Flow", TIME, "1")];
    let times: Vec<String> = (0..500).map(|day| format!("{day} mars")).collect();
    rows.extend(times.iter().map(|time| ("API", time.as_str(), "1")));
    let (_folder, path) = file("events.csv", &log(&rows));
    let printed = succeed(&["backtest", &text(&path)]).replace(&text(&path), "events.csv");
    assert_eq!(
        printed.lines().collect::<Vec<_>>(),
        [
            "No incidents.",
            "Unscoreable 1 by row_spike: no baseline: the account has too few active days",
            "Unscoreable 1 by unlike_self: no baseline: the account has too few active days",
            "Read: 1 files, 2 events, 1 users, 500 set aside, 2 of types that are not watched, 1 values not read, 2 verdicts unscoreable.",
            "Set aside 500: no time: TIMESTAMP_DERIVED is not a time (first in events.csv line 6: \"0 mars\")",
            "Values that could not be read: RowsProcessed 1.",
            "Types that are not watched: Flow 2.",
        ]
    );
    let reading = &json(&succeed(&["backtest", "--json", &text(&path)]))["reading"];
    assert_eq!(reading["rejects"][0]["count"], 500);
    assert_eq!(reading["rejects"][0]["first"]["line"], 6);
    assert_eq!((&reading["not_watched"]["Flow"], &reading["unread"]["RowsProcessed"]), (&2.into(), &1.into()));
    let report = text(&path.with_file_name("report.html"));
    succeed(&["backtest", "--report", &report, &text(&path)]);
    let html = std::fs::read_to_string(report).unwrap();
    assert!(html.contains("no time: TIMESTAMP_DERIVED is not a time") && html.contains("Flow"), "{html}");
}

#[test]
fn the_summary_says_what_said_the_type() {
    let row = format!("EventDate,UserId,Name\n{TIME},005000000000001AAA,Mine\n");
    let (_folder, path) = file("ListViewEvent-2026.csv", &row);
    let printed = succeed(&["backtest", &text(&path)]);
    assert!(printed.contains("\nType ListViewEvent from the name of the file: 1.\n"), "{printed}");
    assert!(printed.contains("No record names an org: all of them count for one, unnamed-org."), "{printed}");
}

#[test]
fn a_run_that_reads_nothing_fails_and_says_why() {
    let check = |content: &str, arguments: &[&str], expect: &str| {
        let (_folder, path) = file("events.csv", content);
        let (code, error) = fail(&[&["backtest", &text(&path)], arguments].concat());
        assert_eq!((code, error.trim_end()), (Some(1), expect.replace("FILE", &text(&path)).as_str()));
    };
    check(
        &log(&[("Flow", TIME, "1"), ("Flow", TIME, "1"), ("Sites", TIME, "1"), ("API", "", "1")]),
        &[],
        "orgwatch: no event could be read; 3 events are of types that orgwatch does not watch: Flow 2, Sites 1; \
         1 records were set aside: 1 no time: EventDate, TIMESTAMP_DERIVED and TIMESTAMP are missing (first in FILE line 5)",
    );
    check(
        &log(&[("API", TIME, "1")]),
        &["--to", "2026-03-01"],
        "orgwatch: no event lies in the asked time: 1 were read, see --from and --to",
    );
}

#[test]
fn an_example_says_where_in_its_record_the_fault_is() {
    let (_folder, path) = file("events.ndjson", "{'EventDate':1}\n{'EventDate':2}\n");
    let (code, error) = fail(&["backtest", "--type", "ApiEvent", &text(&path)]);
    let place = format!("(first in {} line 1, at line 1 column 2 of the record)", text(&path));
    assert!(code == Some(1) && error.contains("2 not a JSON object: ") && error.contains(&place), "{error}");
}

#[test]
fn records_without_an_org_fail_a_run_with_several_orgs() {
    let other = log(&[("API", TIME, "1")]).replace("00D000000000001EAA", "00D000000000002EAA");
    let unnamed = log(&[("API", TIME, "1")]).replace("00D000000000001EAA", "");
    let rows = |text: &str| text.lines().nth(1).unwrap().to_owned() + "\n";
    let (_folder, path) = file("a.csv", &(log(&[("API", TIME, "1")]) + &rows(&other) + &rows(&unnamed)));
    let output = run(&["backtest", &text(&path)]);
    let (printed, error) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(1));
    assert!(printed.contains("Set aside 1: no org in the record: pass --org"), "{printed}");
    assert!(error.contains("1 records name no org, and others name several"), "{error}");
}
