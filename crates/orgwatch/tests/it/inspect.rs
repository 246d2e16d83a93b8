//! `inspect`: what it says of files, as text and as JSON.

use crate::support::command;
use std::fmt::Write;
use std::path::Path;
use std::process::Output;
use tempfile::TempDir;

/// Runs `inspect` in a folder, so that the names of files are the same everywhere.
fn inspect(folder: &Path, arguments: &[&str]) -> Output {
    command(&[&["inspect"], arguments].concat()).current_dir(folder).output().unwrap()
}

/// Standard output, and standard error behind it.
fn printed(folder: &Path, arguments: &[&str]) -> String {
    let output = inspect(folder, arguments);
    [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat()
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    files.iter().for_each(|(name, content)| std::fs::write(folder.path().join(name), content).unwrap());
    folder
}

/// A query result that an API gave: no type, no org, a key, and a number with words.
const VIEWS: &str = "\
EventDate;UserId;Username;QueriedEntities;RowsProcessed;SessionKey;SourceIp;Sequence;Team
2026-03-02T09:00:01.000Z;005000000000001AAA;ana@example.test;Account;50;s3cretkey;203.0.113.10;1;north
2026-03-02T09:11:02.000Z;005000000000001AAA;ana@example.test;Contact,Account;fifty;s3cretkey;203.0.113.10;1;north
02 mars;005000000000002AAA;ben@example.test;Account;50;s3cretkey;203.0.113.11;1;south
03 mars;005000000000002AAA;ben@example.test;Account;50;s3cretkey;203.0.113.11;1;south
";

const WRAPPED: &str = "\
{\"detail-type\":\"ApiEventStream\",\"time\":\"2026-03-02T09:00:09Z\",\"detail\":{\"payload\":{\"EventDate\":\"2026-03-02T09:00:00Z\",\
\"CreatedById\":\"005000000000001AAA\",\"UserId\":\"005000000000001AAA\",\"Operation\":\"Query\",\"QueriedEntities\":\"Lead\",\"RowsProcessed\":12}}}
";

const UNTYPED: &str = "EventDate,Username\n2026-03-02T09:00:00Z,ana@example.test\n2026-03-02,ana@example.test\n";

#[test]
fn each_file_is_shown_with_what_is_read_of_it_and_what_to_do() {
    let folder = folder(&[
        ("ListViewEvent-march.csv", VIEWS),
        ("bus.json", WRAPPED),
        ("empty.csv", ""),
        ("query.csv", UNTYPED),
        ("Flow.csv", "EVENT_TYPE,TIMESTAMP_DERIVED,USER_ID\nFlow,2026-03-02T09:00:00.000Z,005000000000001AAA\n"),
    ]);
    let text = printed(folder.path(), &["."]);
    assert!(!text.contains("s3cretkey"), "{text}");
    insta::assert_snapshot!("text", text);
    let json = printed(folder.path(), &["--json", "ListViewEvent-march.csv", "empty.csv"]);
    assert!(!json.contains("s3cretkey"), "{json}");
    insta::assert_snapshot!("json", json);
}

#[test]
fn a_long_file_is_shown_by_its_first_records() {
    let mut rows = "EVENT_TYPE,TIMESTAMP_DERIVED,USER_ID,CLIENT_IP,ROWS_PROCESSED\n".to_owned();
    for number in 0..40_000 {
        let (minute, second) = (number / 60 % 60, number % 60);
        writeln!(rows, "API,2026-03-02T09:{minute:02}:{second:02}.000Z,005000000000001AAA,203.0.113.10,1").unwrap();
    }
    let folder = folder(&[("API.csv", &rows)]);
    let text = printed(folder.path(), &["--org", "00D000000000001EAA", "API.csv"]);
    let events = text.lines().find_map(|line| line.strip_prefix("  events        ")).unwrap();
    let (count, rest) = events.split_once(' ').unwrap();
    assert!((5_000..20_000).contains(&count.parse::<u64>().unwrap()), "{text}");
    assert_eq!(rest, format!("api by log files (of the first {count} records)"));
    assert!(!text.contains("to do"), "{text}");
}

#[test]
fn the_type_that_is_given_is_taken_and_its_source_shown() {
    let folder = folder(&[("query.csv", UNTYPED)]);
    let output = inspect(folder.path(), &["query.csv"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), error.as_str()), (Some(1), "orgwatch: no event could be read\n"));
    let text = printed(folder.path(), &["--type", "ListViewEvent", "query.csv"]);
    assert!(text.contains("ListViewEvent from --type"), "{text}");
    assert!(text.contains("a date without a time of day: export the whole time"), "{text}");
}
