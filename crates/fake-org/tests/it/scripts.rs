//! Tests of scripts that are read from files.

use crate::support::{Client, set};
use fake_org::{Event, FakeOrg, Script, ScriptError, Speed};
use model::time::DAY;
use model::{OrgId, Timestamp};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Writes a day as the simulator does: its events and its log files.
fn written(folder: &std::path::Path) -> Vec<PathBuf> {
    let plan = simulator::Plan { attacks: simulator::Attacks::None, ..simulator::Plan::new(20, 2, 7) };
    let day = simulator::Simulation::new(plan).unwrap().nth(1).unwrap();
    let mut files = BTreeMap::<String, Vec<u8>>::new();
    for event in &day.events {
        event.write_json(files.entry("events.ndjson".to_owned()).or_default());
        if let Some(kind) = event.log_file() {
            let file = files.entry(kind.file_name(day.date));
            event.write_csv(file.or_insert_with(|| simulator::logfile::csv_header(kind).into_bytes()));
        }
    }
    let write = |(name, content): (&String, &Vec<u8>)| {
        let path = folder.join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    files.iter().map(write).collect()
}

#[tokio::test]
async fn log_files_of_a_script_are_served_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let paths = written(folder.path());
    let script = Script::read(&paths, OrgId::new("00Dhn0000007ZsRUAU")).unwrap();
    assert!(!script.events.is_empty());
    let later = Timestamp(script.end().0 + 2 * DAY);
    let org = FakeOrg::start(set(script, |settings| settings.speed = Speed::Manual)).await.unwrap();
    org.control().advance_to(later);
    let client = Client::of(&org).await;
    let files = client.records("SELECT EventType, LogFile FROM EventLogFile WHERE Interval = 'Daily'").await;
    let csv: Vec<&PathBuf> = paths.iter().filter(|path| path.extension().unwrap() == "csv").collect();
    assert_eq!(files.len(), csv.len());
    for file in files {
        let answer = client.get(file["LogFile"].as_str().unwrap()).send().await.unwrap();
        let name = format!("{}_2026-01-06.csv", file["EventType"].as_str().unwrap());
        assert_eq!(answer.text().await.unwrap(), std::fs::read_to_string(folder.path().join(name)).unwrap());
    }
}

#[test]
fn errors_of_a_script_name_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.ndjson");
    let check = |content: &str, expected: &str| {
        std::fs::write(&path, content).unwrap();
        let error = Script::read(std::slice::from_ref(&path), OrgId::new("00D")).unwrap_err();
        assert!(matches!(error, ScriptError::Line { .. }));
        let text = error.to_string();
        assert!(text.ends_with(expected), "{text}");
    };
    check("\n{\"attributes\":{\"type\":\"LoginEvent\"},\"EventDate\":\"today\"}", "line 2: EventDate is \"today\"");
    check("\"EVENT_TYPE\",\"TIMESTAMP_DERIVED\"\n\"Login\",\"\"", "line 2: no time in TIMESTAMP_DERIVED");
    let missing = Script::read(&[folder.path().join("nothing")], OrgId::new("00D")).unwrap_err();
    assert!(matches!(missing, ScriptError::File { .. }));
}

#[tokio::test]
async fn events_of_unknown_objects_are_refused() {
    let event = Event::read(r#"{"attributes":{"type":"Weather"},"EventDate":"2026-01-05T00:00:00.000+0000"}"#).unwrap();
    let error = FakeOrg::start(Script::new(OrgId::new("00D"), vec![event])).await.err().unwrap();
    assert_eq!(error.to_string(), "Weather is not an object that stores events");
}
