//! Records and log files have Salesforce's formats.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{days, json};
use crate::logfile::csv_header;
use crate::{Attacks, Event, LogFile, Plan};

fn attacked() -> Vec<crate::Day> {
    days(Plan { attacks: Attacks::PerFamily(1), ..Plan::new(60, 12, 7) })
}

#[test]
fn every_line_is_json_with_the_required_fields() {
    for day in attacked() {
        let text = json(&day);
        assert!(text.ends_with('\n'));
        for (line, event) in text.lines().zip(&day.events) {
            let record: Value = serde_json::from_str(line).unwrap();
            assert_eq!(record["attributes"]["type"], event.object());
            assert_eq!(record["EventIdentifier"], event.identifier());
            assert_eq!(record["UserId"].as_str().unwrap().len(), 18);
            let date = record["EventDate"].as_str().unwrap();
            let parsed = DateTime::parse_from_str(date, "%Y-%m-%dT%H:%M:%S%.3f%z").unwrap();
            assert_eq!(parsed.with_timezone(&Utc), event.at());
            if let Some(rows) = record.get("RowsProcessed").filter(|rows| !rows.is_null()) {
                assert!(rows.is_f64(), "{line}");
            }
            let names = line.matches("\":").count();
            assert!(names >= record.as_object().unwrap().len(), "{line}");
        }
    }
}

#[test]
fn one_record_of_each_kind() {
    let days = attacked();
    let mut first: BTreeMap<&str, &Event> = BTreeMap::new();
    let events = days.iter().flat_map(|day| &day.events);
    for event in events.filter(|event| !event.internal) {
        first.entry(event.object()).or_insert(event);
    }
    let mut lines = Vec::new();
    first.values().for_each(|event| event.write_json(&mut lines));
    insta::assert_snapshot!(String::from_utf8(lines).unwrap());
}

#[test]
fn one_row_of_each_log_file() {
    let days = attacked();
    let mut first: BTreeMap<LogFile, &Event> = BTreeMap::new();
    for event in days.iter().flat_map(|day| &day.events) {
        if let Some(kind) = event.log_file() {
            first.entry(kind).or_insert(event);
        }
    }
    assert_eq!(first.keys().copied().collect::<Vec<_>>(), LogFile::ALL);
    let mut text = Vec::new();
    for (kind, event) in first {
        text.extend_from_slice(csv_header(kind).as_bytes());
        event.write_csv(&mut text);
    }
    insta::assert_snapshot!(String::from_utf8(text).unwrap());
}

#[test]
fn log_files_parse_back() {
    let day = attacked().remove(8);
    let mut files: BTreeMap<LogFile, (Vec<u8>, usize)> = BTreeMap::new();
    for event in &day.events {
        let mut row = Vec::new();
        event.write_csv(&mut row);
        let Some(kind) = event.log_file() else {
            assert!(row.is_empty());
            continue;
        };
        let (file, rows) = files.entry(kind).or_insert_with(|| (csv_header(kind).into_bytes(), 0));
        file.extend_from_slice(&row);
        *rows += 1;
    }
    assert!(files.len() >= 8);
    for (kind, (file, rows)) in files {
        let mut reader = csv::Reader::from_reader(file.as_slice());
        assert_eq!(reader.headers().unwrap(), kind.columns());
        let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert_eq!(records.len(), rows, "{kind:?}");
        let column = |name: &str| kind.columns().iter().position(|column| *column == name).unwrap();
        for record in records {
            assert_eq!(&record[column("EVENT_TYPE")], kind.event_type());
            assert_eq!(record[column("USER_ID")].len(), 15);
            assert!(record[column("USER_ID_DERIVED")].starts_with(&record[column("USER_ID")]));
            assert!(record[column("TIMESTAMP_DERIVED")].parse::<DateTime<Utc>>().is_ok());
        }
    }
    assert_eq!(LogFile::Login.file_name(day.date), "Login_2026-01-13.csv");
}
