//! The same activities give the same findings and incidents for any format, packing and number of threads.

use crate::support::{Folder, canonical, options, run_path};
use flate2::{Compression, write::GzEncoder};
use orgwatch::{Options, Outcome};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::Value;
use simulator::{Attacks, Plan, Simulation, logfile};
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::LazyLock;

/// The lines of a small org with an attack of each family, by day and in order of time.
static DAYS: LazyLock<Vec<Vec<String>>> = LazyLock::new(|| {
    let mut lines: Vec<(String, String)> = plan_days()
        .flat_map(|day| day.events)
        .map(|event| {
            let mut line = Vec::new();
            event.write_json(&mut line);
            (event.at().to_rfc3339(), String::from_utf8(line).unwrap())
        })
        .collect();
    lines.sort_by(|(a, _), (b, _)| a.cmp(b));
    let of_one_day = |a: &(String, String), b: &(String, String)| a.0[..10] == b.0[..10];
    lines.chunk_by(of_one_day).map(|day| day.iter().map(|(_, line)| line.clone()).collect()).collect()
});

static EXPECTED: LazyLock<String> = LazyLock::new(|| canonical(&run_file("events.ndjson", text(), options())));

fn plan_days() -> Simulation {
    let plan = Plan { attacks: Attacks::PerFamily(1), ..Plan::new(60, 25, 5) };
    Simulation::new(plan).unwrap()
}

fn text() -> String {
    DAYS.concat().concat()
}

fn run_file(name: &str, content: impl AsRef<[u8]>, options: Options) -> Outcome {
    let folder = Folder::new();
    run_path(&folder.add(name, content), options)
}

fn check_file(name: &str, content: impl AsRef<[u8]>) {
    assert_same(&run_file(name, content, options()));
}

fn assert_same(outcome: &Outcome) {
    let found = canonical(outcome);
    let different = EXPECTED.lines().zip(found.lines()).find(|(a, b)| a != b);
    assert!(*EXPECTED == found, "{} lines, not {}: {different:#?}", found.lines().count(), EXPECTED.lines().count());
}

#[test]
fn there_is_something_to_compare() {
    assert!(EXPECTED.lines().filter(|line| line.contains("\"receipt\"")).count() >= 3, "{}", EXPECTED.lines().count());
}

#[test]
fn for_any_number_of_threads() {
    for threads in [1, 5] {
        assert_same(&run_file("events.ndjson", text(), Options { threads, ..options() }));
    }
}

#[test]
fn as_gzip() {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(text().as_bytes()).unwrap();
    check_file("events.ndjson.gz", packed.finish().unwrap());
}

#[test]
fn as_zstandard() {
    check_file("events.ndjson.zst", compress_to_vec(text().as_bytes(), CompressionLevel::Fastest));
}

#[test]
fn as_a_file_for_each_day() {
    let folder = Folder::new();
    // Named so that the order of names is not that of time.
    for (number, day) in DAYS.iter().enumerate() {
        folder.add(&format!("{}/day-{number}.ndjson", number % 3), day.concat());
    }
    assert_same(&run_path(folder.path(), options()));
}

#[test]
fn split_in_the_middle_of_days() {
    let folder = Folder::new();
    for (number, part) in DAYS.concat().chunks(3_001).enumerate() {
        folder.add(&format!("part-{number}.ndjson"), part.concat());
    }
    assert_same(&run_path(folder.path(), options()));
}

/// The reverse of what happened, what happened in one millisecond included.
#[test]
fn newest_first() {
    let mut lines = DAYS.concat();
    lines.reverse();
    check_file("events.ndjson", lines.concat());
}

#[test]
fn as_pages_of_a_query() {
    let lines = DAYS.concat();
    let pages = lines.chunks(2_000).map(|lines| {
        let records: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
        format!("{{\"totalSize\":{},\"done\":true,\"records\":[{}]}}\n", lines.len(), records.join(",\n"))
    });
    check_file("pages.json", pages.collect::<String>());
}

#[test]
fn as_streamed_envelopes() {
    let envelope = |line: &String| {
        let event: Value = serde_json::from_str(line).unwrap();
        let stored = event["attributes"]["type"].as_str().unwrap();
        let streamed = match stored.strip_suffix("Store") {
            Some(event) => event.to_owned(),
            None => format!("{stored}Stream"),
        };
        let payload = line.trim_end();
        format!(
            "{{\"channel\":\"/event/{streamed}\",\"data\":{{\"event\":{{\"replayId\":1}},\"payload\":{payload}}}}}\n"
        )
    };
    check_file("stream.ndjson", DAYS.concat().iter().map(envelope).collect::<String>());
}

#[test]
fn log_files_of_the_same_org_give_incidents() {
    let folder = Folder::new();
    for day in plan_days() {
        let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for event in &day.events {
            let Some(kind) = event.log_file() else { continue };
            let new = || logfile::csv_header(kind).into_bytes();
            event.write_csv(files.entry(kind.file_name(day.date)).or_insert_with(new));
        }
        files.into_iter().for_each(|(name, content)| drop(folder.add(&name, content)));
    }
    let outcome = run_path(folder.path(), options());
    assert_eq!((outcome.faults.total(), outcome.skipped.len()), (0, 0));
    let streamed = run_file("events.ndjson", text(), options());
    let users = |outcome: &Outcome| -> Vec<String> {
        outcome
            .finished
            .incidents
            .iter()
            .filter(|i| i.risk_score.to_f64() >= 60.0)
            .map(|i| i.user_id.to_string())
            .collect()
    };
    let (logged, streamed) = (users(&outcome), users(&streamed));
    assert!(logged.iter().any(|user| streamed.contains(user)), "{logged:?} of {streamed:?}");
}
