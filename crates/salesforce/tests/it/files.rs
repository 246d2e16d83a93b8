//! Peculiarities of files: dialects of CSV and JSON, concatenated files, reissued files, sizes.

use crate::support::{context, one, read, read_as, rejected, row, stored};
use salesforce::{Chunks, Format, MAX_RECORD};
use std::collections::BTreeSet;
use std::fmt::Write;

#[test]
fn quoted_fields_contain_quotes_and_line_breaks() {
    let file = row(&[
        ("EVENT_TYPE", "API"),
        ("ODD", "\"https://example.com\""),
        ("QUERY", "SELECT Id,\n\"Name\"\r\nFROM Account"),
    ]);
    let parsed = read(&format!("{file}{}", file.lines().last().map(|_| "\"API\",\"x\"\n").unwrap_or_default()));
    assert_eq!(parsed.activities[0].attributes[0].value, "\"https://example.com\"");
    // Line breaks within a row count as lines.
    assert_eq!(
        parsed.rejects.iter().map(|r| (r.line, r.reason.to_string())).collect::<Vec<_>>(),
        [(5, "2 fields, but the header has 6".to_owned())]
    );
}

#[test]
fn timestamps_have_any_number_of_decimals() {
    let check = |timestamp, expect: &str| {
        assert_eq!(one(&row(&[("EVENT_TYPE", "API"), ("TIMESTAMP", timestamp)])).event_time.to_string(), expect)
    };
    check("20211019050707.13", "2021-10-19T05:07:07.130Z");
    check("20220803011210", "2022-08-03T01:12:10.000Z");
    check("20230315013819.200", "2023-03-15T01:38:19.200Z");
}

#[test]
fn the_derived_timestamp_is_preferred_and_may_be_empty() {
    let time = |derived| {
        let columns = [("EVENT_TYPE", "API"), ("TIMESTAMP", "20230315013819.200"), ("TIMESTAMP_DERIVED", derived)];
        one(&row(&columns)).event_time.to_string()
    };
    assert_eq!(time("2023-03-15T01:38:19.151Z"), "2023-03-15T01:38:19.151Z");
    assert_eq!(time(""), "2023-03-15T01:38:19.200Z");
}

#[test]
fn columns_are_identified_by_name() {
    let columns = [("ROWS_PROCESSED", "27"), ("NEW_IN_V70", "x"), ("EVENT_TYPE", "API"), ("ENTITY_NAME", "Account")];
    let mut reversed = columns;
    reversed.reverse();
    // A log file is detected by the names in its header, in any position.
    let (a, b) = (one(&row(&columns)), one(&row(&reversed)));
    assert_eq!(a, b);
    assert_eq!((a.rows, a.objects.as_slice()), (Some(27), ["Account".into()].as_slice()));
}

#[test]
fn a_header_with_two_names_in_one_column_is_read() {
    let activity = one(&row(&[
        ("EVENT_TYPE", "Logout"),
        ("API_VERSION,USER_INITIATED_LOGOUT", "1"),
        ("CLIENT_IP", "198.51.100.2"),
    ]));
    assert!(activity.source_ip.is_some() && activity.attributes.is_empty());
}

#[test]
fn byte_order_marks_and_windows_line_ends_are_accepted() {
    let file = format!("\u{feff}{}", row(&[("EVENT_TYPE", "API"), ("ROWS_PROCESSED", "3")]).replace('\n', "\r\n"));
    assert_eq!(one(&file).rows, Some(3));
    assert_eq!(one(&format!("\u{feff}{}\r\n", stored("ApiEvent", ""))).kind, model::Kind::Api);
}

#[test]
fn concatenated_files_each_have_a_header() {
    let login = row(&[("EVENT_TYPE", "Login"), ("LOGIN_STATUS", "LOGIN_NO_ERROR")]);
    let api = row(&[("ROWS_PROCESSED", "3"), ("EVENT_TYPE", "API"), ("ENTITY_NAME", "Account")]);
    // A later header is recognized by its first column, or because it repeats the current one.
    let api = api.replacen("\"ROWS_PROCESSED\",\"EVENT_TYPE\"", "\"EVENT_TYPE\",\"ROWS_PROCESSED\"", 1).replacen(
        "\"3\",\"API\"",
        "\"API\",\"3\"",
        1,
    );
    let parsed = read(&format!("{login}\n{api}{api}\u{feff}{login}"));
    assert_eq!(parsed.rejects, []);
    assert_eq!(parsed.activities.iter().map(|a| a.kind.as_str()).collect::<Vec<_>>(), ["login", "api", "api", "login"]);
    assert_eq!(parsed.activities[1].rows, Some(3));
}

#[test]
fn a_row_of_the_wrong_length_is_rejected_and_the_rest_read() {
    let file = row(&[("EVENT_TYPE", "API"), ("ROWS_PROCESSED", "3")]);
    let parsed = read(&format!("{file}\"API\",\"3\"\n{}", file.lines().nth(1).unwrap()));
    assert_eq!((parsed.activities.len(), parsed.rejects.len()), (2, 1));
    assert_eq!(
        (parsed.rejects[0].line, parsed.rejects[0].reason.to_string()),
        (3, "2 fields, but the header has 5".into())
    );
}

#[test]
fn fields_may_be_longer_than_128_kib() {
    let query = "x\n".repeat(200 << 10);
    assert_eq!(one(&row(&[("EVENT_TYPE", "API"), ("QUERY", &query), ("ROWS_PROCESSED", "3")])).rows, Some(3));
}

#[test]
fn identical_rows_have_different_ids_and_a_reissued_file_the_same_ones() {
    let file = row(&[("EVENT_TYPE", "API"), ("REQUEST_ID", "r"), ("ROWS_PROCESSED", "3")]);
    let twins = format!("{file}{}\n", file.lines().nth(1).unwrap());
    let ids = |text: &str| read(text).activities.iter().map(|a| a.id).collect::<Vec<_>>();
    let first = ids(&twins);
    assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), 2);
    assert_eq!(ids(&twins), first);
    assert_eq!(ids(&file)[0], first[0]);
}

#[test]
fn a_row_has_one_id_in_any_order_of_columns_and_in_csv_and_json() {
    let columns = [("EVENT_TYPE", "API"), ("REQUEST_ID", "r"), ("ROWS_PROCESSED", "3"), ("ADDED_LATER", "")];
    let file = row(&columns);
    let (names, values) = (file.lines().next().unwrap(), file.lines().nth(1).unwrap());
    let members: Vec<_> =
        names.split(',').zip(values.split(',')).map(|(name, value)| format!("{name}:{value}")).collect();
    let json = format!("{{{}}}\n", members.join(","));
    assert_eq!(one(&file).id, one(&json).id);
    assert_eq!(one(&file).id, one(&row(&columns[..3])).id);
    assert_ne!(one(&file).id, one(&file.replace("\"3\"", "\"4\"")).id);
}

#[test]
fn pages_arrays_and_objects_can_be_concatenated() {
    let event = stored("ApiEvent", "");
    let page = format!(r#"{{"totalSize":2,"records":[{event},{event}],"done":true,"nextRecordsUrl":"/q-2000"}}"#);
    let nested = format!(r#"{{"status":0,"result":{{"done":true,"records":[{event}],"totalSize":1}},"warnings":[]}}"#);
    let pretty = event.replace(',', ",\n  ");
    let parsed = read(&format!("{page}\n[{event}]\n{nested}\n{pretty}\n{pretty}{page}"));
    assert_eq!((parsed.activities.len(), parsed.rejects), (8, vec![]));
}

#[test]
fn a_broken_record_of_an_array_affects_no_other() {
    let event = stored("ApiEvent", "");
    let missing_brace = event.trim_end_matches('}');
    let open_string = event.replace("AAR\"", "AAR");
    let missing_value = event.replace("\"2026-03-02T14:31:52.867+0000\"", "");
    for broken in [missing_brace, &open_string, &missing_value, "17", "\"text, [with] {brackets}\""] {
        let parsed = read(&format!("[\n{event},\n{broken},\n{event}\n]\n{event}\n"));
        let lines: Vec<_> = parsed.rejects.iter().map(|reject| reject.line).collect();
        assert_eq!((parsed.activities.len(), lines), (3, vec![3]), "{broken}");
    }
}

#[test]
fn a_broken_line_affects_no_other() {
    let event = stored("ApiEvent", "");
    let parsed = read(&format!("{event}\n{{\"a\":\n\n{event}\nnonsense\n{event}"));
    let lines: Vec<_> = parsed.rejects.iter().map(|reject| reject.line).collect();
    assert_eq!((parsed.activities.len(), lines), (3, vec![2, 5]));
    assert_eq!(
        rejected("{\"EVENT_TYPE\": \"API\",}\n"),
        "1: not a JSON object: trailing comma at line 1 column 22 of the record"
    );
}

#[test]
fn an_unclosed_quote_affects_only_its_row() {
    let file = row(&[("EVENT_TYPE", "API"), ("CLIENT_NAME", "a"), ("ROWS_PROCESSED", "3")]);
    let good = file.lines().nth(1).unwrap();
    let broken = good.replacen("\"a\"", "\"a", 1);
    let parsed = read(&format!("{file}{broken}\n{good}\n{good}\n"));
    assert_eq!(parsed.activities.len(), 3);
    assert_eq!(parsed.rejects.iter().map(|r| r.line).collect::<Vec<_>>(), [3]);
}

#[test]
fn a_record_beyond_4_mib_is_rejected_and_the_rest_read() {
    let event = stored("ApiEvent", "");
    let huge = stored("ApiEvent", &format!(r#""Records":"{}""#, "x\\\"".repeat(MAX_RECORD / 3)));
    let lines = format!("{event}\n{huge}\n{event}\n");
    let array = format!("[{event},\n{huge}, {event}]");
    let header = row(&[("EVENT_TYPE", "API"), ("QUERY", "")]);
    let long_row = row(&[("EVENT_TYPE", "API"), ("QUERY", &"x".repeat(MAX_RECORD))]);
    let rows = format!("{header}{}\n{}\n", long_row.lines().nth(1).unwrap(), header.lines().nth(1).unwrap());
    for (text, format, line) in [(&lines, Format::JsonLines, 2), (&array, Format::Json, 2), (&rows, Format::Csv, 3)] {
        let parsed = read_as(text.as_bytes(), format);
        let rejects: Vec<_> = parsed.rejects.iter().map(|reject| (reject.line, reject.reason.to_string())).collect();
        assert_eq!((parsed.activities.len(), rejects), (2, vec![(line, "longer than 4 MiB".to_owned())]), "{format:?}");
    }
}

#[test]
fn chunks_are_bounded_and_lines_are_counted_across_them() {
    let mut text = String::new();
    for _ in 0..10_000 {
        writeln!(text, "{}", stored("ApiEvent", "")).unwrap();
    }
    text.push_str("nonsense\n");
    let mut chunks = Chunks::new(text.as_bytes(), Format::JsonLines);
    let (mut count, mut last) = (0, None);
    while let Some(chunk) = chunks.next_chunk().unwrap() {
        assert!(chunk.len() <= 512 << 10);
        let parsed = salesforce::parse(&chunk, &context());
        count += parsed.activities.len();
        last = parsed.rejects.last().map(|reject| reject.line).or(last);
    }
    assert_eq!((count, last), (10_000, Some(10_001)));
}

#[test]
fn a_failing_input_is_an_error_that_names_the_line() {
    struct Fails;
    impl std::io::Read for Fails {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("disk on fire"))
        }
    }
    let error = Chunks::new(Fails, Format::Csv).next_chunk().unwrap_err();
    assert_eq!(error.to_string(), "read failed at line 1");
    assert_eq!(std::error::Error::source(&error).map(ToString::to_string).as_deref(), Some("disk on fire"));
}
