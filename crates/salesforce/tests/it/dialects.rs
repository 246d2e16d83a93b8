//! The same events as tables of every dialect, and as JSON in every arrangement.

use crate::support::{context, read, read_as, row, stored};
use model::Activity;
use proptest::prelude::*;
use salesforce::{Chunks, Format, Parsed, detect, parse};

const COLUMNS: [&str; 6] = ["EVENT_TYPE", "TIMESTAMP", "ORGANIZATION_ID", "USER_ID", "QUERY", "ROWS_PROCESSED"];

/// Rows of a log file. A query may contain delimiters, quotes and line breaks.
fn values(queries: &[String]) -> Vec<[String; 6]> {
    let row = |(number, query): (usize, &String)| {
        let time = format!("20260302143{:03}.867", number % 600);
        ["API", &time, "00Dhn0000018hrc", "005hn00000EmmaM", query, &number.to_string()].map(str::to_owned)
    };
    queries.iter().enumerate().map(row).collect()
}

/// How a table is written.
#[derive(Clone, Debug)]
struct Dialect {
    before: &'static str,
    delimiter: &'static str,
    line_break: &'static str,
    /// Behind the last field.
    trailing: &'static str,
    repeats_header: bool,
}

impl Dialect {
    fn write(&self, rows: &[[String; 6]]) -> String {
        let line = |fields: &[&str]| {
            let quoted: Vec<_> = fields.iter().map(|field| format!("\"{}\"", field.replace('"', "\"\""))).collect();
            quoted.join(self.delimiter) + self.trailing + self.line_break
        };
        let header = line(&COLUMNS);
        let mut text = self.before.to_owned() + &header;
        for row in rows {
            text += &line(&row.each_ref().map(String::as_str));
            if self.repeats_header {
                text += &header;
            }
        }
        text
    }
}

fn dialects() -> impl Strategy<Value = Dialect> {
    let before = prop::sample::select(vec!["", "\n\n", "# exported\n", "\u{feff}", "\u{feff}\r\n"]);
    let delimiter = prop::sample::select(vec![",", ";", "\t", "|", ", ", ";  "]);
    let line_break = prop::sample::select(vec!["\n", "\r\n"]);
    (before, delimiter, line_break, any::<bool>(), any::<bool>()).prop_map(
        |(before, delimiter, line_break, is_trailing, repeats_header)| {
            let trailing = if is_trailing { &delimiter[..1] } else { "" };
            Dialect { before, delimiter, line_break, trailing, repeats_header }
        },
    )
}

proptest! {
    #[test]
    fn tables_of_all_dialects_give_the_same(
        queries in prop::collection::vec("[a-z,;|\t \"\n]{0,12}[a-z]", 1..30),
        dialect in dialects(),
    ) {
        let rows = values(&queries);
        let plain = Dialect { before: "", delimiter: ",", line_break: "\n", trailing: "", repeats_header: false };
        let expected = read(&plain.write(&rows)).activities;
        prop_assert_eq!(expected.len(), rows.len());
        let parsed = read(&dialect.write(&rows));
        prop_assert_eq!(parsed.rejects, []);
        prop_assert_eq!(parsed.activities, expected);
    }

    #[test]
    fn json_in_all_arrangements_gives_the_same(
        count in 2_usize..40,
        arrangement in prop::collection::vec(0_usize..PAGES.len(), 1..4),
        is_pretty: bool,
        separator in prop::sample::select(vec!["", " ", "\n", ",\n", "\r\n\u{feff}"]),
        size in 64_usize..20_000,
    ) {
        let events: Vec<String> = (0..count).map(event).collect();
        let expected = read(&(events.join("\n") + "\n")).activities;
        prop_assert_eq!(expected.len(), count);
        let break_up = |text: String| if is_pretty { text.replace(":{", ": {\n  ").replace("},", "},\r\n") } else { text };
        let parts = events.chunks(count.div_ceil(arrangement.len()));
        let pages = parts.zip(&arrangement).map(|(part, page)| break_up(PAGES[*page].replace("EVENTS", &part.join(","))));
        let text = pages.collect::<Vec<_>>().join(separator);
        let parsed = in_chunks(&text, size);
        prop_assert_eq!(parsed.rejects, []);
        prop_assert_eq!(parsed.activities, expected);
    }
}

/// Documents that hold records.
const PAGES: [&str; 14] = [
    "[EVENTS]",
    r#"{"totalSize":2,"done":true,"records":[EVENTS],"nextRecordsUrl":"/q-2000"}"#,
    r#"{"status":0,"result":{"records" : [EVENTS],"totalSize":2,"done":true},"warnings":[]}"#,
    r#"{"status":0,"result":[EVENTS],"warnings":[{"a":1}]}"#,
    r#"{"data":{"records":[EVENTS]},"errors":[]}"#,
    r#"{"value":[EVENTS],"@odata.nextLink":"x"}"#,
    r#"{"took":3,"hits":{"total":{"value":2},"hits":[EVENTS]}}"#,
    r#"{"statusCode":200,"headers":{"a":["b"]},"body":{"items":[EVENTS]}}"#,
    r#"{"compositeResponse":[{"body":{"totalSize":2,"records":[EVENTS]},"httpStatusCode":200,"referenceId":"a"}]}"#,
    r#"[{"common":{"attributes":{"a":"b"}},"logs":[EVENTS]}]"#,
    r#"{"messageType":"DATA_MESSAGE","subscriptionFilters":["a"],"logEvents":[EVENTS]}"#,
    r#"{"Records":[EVENTS]}"#,
    r#"{"preview":false,"messages":[],"fields":[{"name":"_raw"}],"results":[EVENTS]}"#,
    r#"{"exported":{"by":"x"},"views":[EVENTS],"more":{"views":[]}}"#,
];

fn event(number: usize) -> String {
    let entities = r#""Records":{"totalSize":1,"records":[{"attributes":{"type":"Account"},"Id":"1"}]}"#;
    stored("ListViewEvent", &format!(r#""RowsProcessed":{number},{entities}"#))
        .replace("000000000001", &format!("{number:012}"))
}

fn in_chunks(text: &str, size: usize) -> Parsed {
    let mut chunks = Chunks::new(text.as_bytes(), detect(text.as_bytes()).unwrap()).with_size(size);
    let mut all = Parsed::default();
    while let Some(chunk) = chunks.next_chunk().unwrap() {
        let parsed = parse(&chunk, &context());
        all.activities.extend(parsed.activities);
        all.rejects.extend(parsed.rejects);
    }
    all
}

fn rejects(text: &str) -> (usize, Vec<(u64, String)>) {
    let parsed = read(text);
    (parsed.activities.len(), parsed.rejects.iter().map(|reject| (reject.line, reject.reason.to_string())).collect())
}

#[test]
fn a_delimiter_that_a_line_names_goes_before_that_of_the_header() {
    let text = "sep=;\r\nEVENT_TYPE;TIMESTAMP;USER_ID;\"a,b,c,d,e,f\"\r\nAPI;20260302143152.867;005hn00000EmmaM;x\r\n";
    assert_eq!(rejects(text), (1, vec![]));
    assert_eq!(rejects(&format!("{text}{text}")).0, 2, "joined files name it again");
}

#[test]
fn rows_that_lack_empty_columns_are_read_and_others_set_aside() {
    let header = "EVENT_TYPE,TIMESTAMP,USER_ID,ORGANIZATION_ID,ROWS_PROCESSED,A,B\n";
    let start = "API,20260302143152.867,005hn00000EmmaM,00Dhn0000018hrc";
    let text = format!("{header}{start},5,,\n{start},5\n{start}\n{start},5,,,,\n{start},5,,,x\n");
    let reasons = [(4, "4 fields, but the header has 7".to_owned()), (6, "8 fields, but the header has 7".to_owned())];
    assert_eq!(rejects(&text), (3, reasons.into()));
}

#[test]
fn odd_quotes_are_set_aside_with_a_reason_that_says_so() {
    let good = row(&[("EVENT_TYPE", "API"), ("QUERY", "q")]);
    let escaped = good.lines().nth(1).unwrap().replace("\"q\"", r#""a \"b, c\" d""#);
    let (count, reasons) = rejects(&format!("{good}{escaped}\n"));
    assert_eq!((count, reasons.len()), (1, 1));
    assert!(reasons[0].1.ends_with("quotes within a field must be doubled, not behind a backslash"), "{reasons:?}");
    // A line of a row of which the rest follows is no row without its last columns.
    let header = "EVENT_TYPE,TIMESTAMP,USER_ID,QUERY,A,B\n";
    let broken = "API,20260302143152.867,005hn00000EmmaM,\"a\r\nb \\\"c\\\" d\",,\n";
    let (count, reasons) = rejects(&format!("{header}{broken}{broken}"));
    assert_eq!((count, reasons.len()), (0, 4), "{reasons:?}");
    let single = good.replace('"', "'");
    assert_eq!(rejects(&single), (0, vec![(2, "the table is quoted with ' instead of \"".to_owned())]));
}

#[test]
fn lines_before_json_are_passed_over_and_counted() {
    let page = format!(r#"{{"result":{{"records":[{},17]}}}}"#, event(1));
    for warning in ["Warning: update available, 2.1\n", " ›   Warning: update\n\n › see [docs]\n"] {
        let line = 1 + warning.matches('\n').count() as u64;
        let (count, reasons) = rejects(&format!("{warning}{page}"));
        assert_eq!((count, reasons.len(), reasons[0].0), (1, 1, line), "{reasons:?}");
    }
}

#[test]
fn a_page_of_any_length_is_cut_in_constant_memory() {
    let event = event(1);
    let count = (20 << 20) / event.len();
    for (before, after) in [("{\"data\":{\"records\":[", "]}}"), ("", "")] {
        let separator = if before.is_empty() { "" } else { "," };
        let text = format!("{before}{}{after}", vec![event.as_str(); count].join(separator));
        let mut chunks = Chunks::new(text.as_bytes(), detect(&text.as_bytes()[..256 << 10]).unwrap());
        let mut activities = 0;
        while let Some(chunk) = chunks.next_chunk().unwrap() {
            assert!(chunk.len() <= 512 << 10);
            let parsed = parse(&chunk, &context());
            assert_eq!((parsed.rejects.as_slice(), chunk.first_line()), (&[][..], 1));
            activities += parsed.activities.len();
        }
        assert_eq!(activities, count);
    }
}

#[test]
fn text_lines_are_records_of_one_line() {
    let text = "<134>Mar  2 h: {\"EVENT_TYPE\":\"API\"}\n<134>Mar  2 h: {\"EVENT_TYPE\":\"API\"}\n";
    assert_eq!(detect(text.as_bytes()), Ok(Format::Text));
    let parsed = read_as(text.as_bytes(), Format::Text);
    let activities: Vec<Activity> = parsed.activities;
    assert_eq!(activities.len() + parsed.rejects.len(), 2);
}
