//! The rules of `promtool check metrics`, without promtool.

use std::collections::BTreeMap;
use std::path::Path;

/// Endings of names that are not Prometheus' base units, or abbreviate one.
const NOT_BASE_UNITS: [&str; 16] = [
    "milliseconds",
    "microseconds",
    "nanoseconds",
    "minutes",
    "hours",
    "days",
    "kilobytes",
    "megabytes",
    "kibibytes",
    "mebibytes",
    "bits",
    "percent",
    "ms",
    "s",
    "sec",
    "mb",
];

/// Returns what is wrong with a scrape, a line for each problem.
pub(crate) fn problems(scraped: &str) -> Vec<String> {
    let (mut helps, mut types) = (BTreeMap::new(), BTreeMap::new());
    let mut problems = Vec::new();
    for line in scraped.lines().filter_map(|line| line.strip_prefix("# ")) {
        let mut words = line.splitn(3, ' ');
        let (Some(keyword), Some(name)) = (words.next(), words.next()) else { continue };
        let known = if keyword == "HELP" { &mut helps } else { &mut types };
        known.insert(name, words.next().unwrap_or_default());
    }
    for (name, kind) in &types {
        let mut wrong = |problem: &str| problems.push(format!("{name}: {problem}"));
        if helps.get(name).is_none_or(|help| help.trim().is_empty()) {
            wrong("no help text");
        }
        match (*kind == "counter", name.ends_with("_total")) {
            (true, false) => wrong("a counter must end in _total"),
            (false, true) => wrong("only a counter may end in _total"),
            _ => {}
        }
        if ["_bucket", "_count", "_sum"].iter().any(|ending| name.ends_with(ending)) {
            wrong("ends as a series of a histogram does");
        }
        let words: Vec<&str> = name.trim_end_matches("_total").split('_').collect();
        if words.last().is_some_and(|last| NOT_BASE_UNITS.contains(last)) {
            wrong("not in a base unit");
        }
        if ["gauge", "counter", "histogram", "summary"].iter().any(|word| words.contains(word)) {
            wrong("names its type");
        }
        if !name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_') {
            wrong("is not in snake case");
        }
    }
    problems
}

/// Asserts that a scrape has these metrics, and that nothing is wrong with any.
pub(crate) fn assert_clean(scraped: &str, expected: &[&str]) {
    for name in expected {
        assert!(scraped.contains(&format!("# TYPE {name} ")), "no {name} in {scraped}");
    }
    assert_eq!(problems(scraped), [""; 0]);
}

#[test]
fn each_rule_finds_what_breaks_it() {
    let of = |kind: &str, name: &str| problems(&format!("# HELP {name} Something\n# TYPE {name} {kind}\n{name} 1\n"));
    assert_eq!(of("counter", "orgwatch_things_total"), [""; 0]);
    assert_eq!(of("gauge", "orgwatch_age_seconds"), [""; 0]);
    assert_eq!(of("gauge", "orgwatch_things_total"), ["orgwatch_things_total: only a counter may end in _total"]);
    assert_eq!(of("counter", "orgwatch_things"), ["orgwatch_things: a counter must end in _total"]);
    assert_eq!(of("counter", "orgwatch_hours_total"), ["orgwatch_hours_total: not in a base unit"]);
    assert_eq!(of("gauge", "orgwatch_age_ms"), ["orgwatch_age_ms: not in a base unit"]);
    assert_eq!(of("gauge", "orgwatch_gauge_size"), ["orgwatch_gauge_size: names its type"]);
    assert_eq!(of("gauge", "orgwatch_count"), ["orgwatch_count: ends as a series of a histogram does"]);
    assert_eq!(of("gauge", "orgwatchSize"), ["orgwatchSize: is not in snake case"]);
    assert_eq!(
        problems("# HELP a \n# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n"),
        ["a: no help text", "b: no help text"]
    );
}

/// Instruments that a test does not move are not exported, so their declarations are counted.
#[test]
fn every_instrument_has_a_description() {
    const BUILDERS: [&str; 9] = [
        ".u64_counter(",
        ".f64_counter(",
        ".u64_gauge(",
        ".i64_gauge(",
        ".f64_gauge(",
        ".u64_histogram(",
        ".f64_histogram(",
        ".i64_up_down_counter(",
        "_observable_",
    ];
    let mut declared = 0;
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join("..").join("crates")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() && name != "tests" {
                folders.push(path);
            } else if name.ends_with(".rs") && name != "tests.rs" {
                let text = std::fs::read_to_string(&path).unwrap();
                let shipped = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
                let instruments: usize = BUILDERS.iter().map(|builder| shipped.matches(builder).count()).sum();
                let described = shipped.matches(".with_description(").count();
                assert!(instruments <= described, "{}: {instruments}, {described} described", path.display());
                assert!(!shipped.contains(".total\")"), "{}: only counters get _total", path.display());
                declared += instruments;
            }
        }
    }
    assert!(declared > 25, "{declared}");
}
