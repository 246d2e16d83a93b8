//! Tests of event log files and event log objects.

use crate::support::{Client, MONDAY, event, script, set, simulated};
use bytes::Bytes;
use fake_org::{FakeOrg, Fault, Interval, LogBody, LogFile, Script, Speed};
use futures::StreamExt;
use model::OrgId;
use model::time::{DAY, HOUR};
use salesforce::{Chunks, Context, Format, parse};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const LIST: &str = "SELECT Id, EventType, Interval, Sequence, LogDate, CreatedDate, LogFile, LogFileLength, \
                    LogFileFieldNames FROM EventLogFile";

fn manual(script: Script) -> Script {
    set(script, |settings| settings.speed = Speed::Manual)
}

async fn text(client: &Client, file: &Value) -> String {
    client.get(file["LogFile"].as_str().unwrap()).send().await.unwrap().text().await.unwrap()
}

async fn list(client: &Client, filter: &str) -> Vec<Value> {
    client.records(&format!("{LIST} WHERE {filter} ORDER BY CreatedDate ASC, Id ASC")).await
}

#[tokio::test]
async fn hourly_files_appear_hours_later_and_daily_ones_the_next_day() {
    let logins = [0, HOUR / 2, HOUR + 1, 2 * HOUR - 1].map(|after| event("LoginEvent", after, after as usize));
    let org = FakeOrg::start(manual(script(logins.into()))).await.unwrap();
    let client = Client::of(&org).await;
    let control = org.control();
    control.advance_to(MONDAY.plus(4 * HOUR - 1));
    assert!(list(&client, "EventType = 'Login'").await.is_empty());
    control.advance_to(MONDAY.plus(4 * HOUR));
    let files = list(&client, "EventType = 'Login'").await;
    assert_eq!(files.len(), 1);
    assert_eq!((&files[0]["Interval"], &files[0]["Sequence"]), (&"Hourly".into(), &1.into()));
    assert_eq!(files[0]["LogDate"], "2026-01-05T00:00:00.000+0000");
    assert_eq!(files[0]["CreatedDate"], "2026-01-05T04:00:00.000+0000");
    let content = text(&client, &files[0]).await;
    assert_eq!(content.len() as f64, files[0]["LogFileLength"].as_f64().unwrap());
    assert_eq!(content.lines().count(), 3);
    let header = content.lines().next().unwrap().replace('"', "");
    assert_eq!(files[0]["LogFileFieldNames"], header);
    control.advance_to(MONDAY.plus(DAY + 3 * HOUR));
    let files = list(&client, "Interval = 'Daily' AND Sequence = 0").await;
    assert_eq!(files.len(), 1);
    assert_eq!(text(&client, &files[0]).await.lines().count(), 5);
    assert_eq!(list(&client, "CreatedDate >= 2026-01-05T05:00:00Z").await.len(), 2);
    control.advance_to(MONDAY.plus(40 * DAY));
    assert!(list(&client, "EventType = 'Login'").await.is_empty());
}

#[tokio::test]
async fn every_row_of_every_type_is_an_activity() {
    let script = simulated(3);
    let counts = |object: &str| script.events.iter().filter(|event| event.object == object).count();
    let expected = [("Login", counts("LoginEvent")), ("URI", counts("UriEvent"))];
    let last = script.end();
    let org = FakeOrg::start(manual(script)).await.unwrap();
    org.control().advance_to(last.plus(2 * DAY));
    let client = Client::of(&org).await;
    let mut rows = BTreeMap::<String, usize>::new();
    for file in list(&client, "Interval = 'Hourly'").await {
        let content = text(&client, &file).await;
        let mut chunks = Chunks::new(content.as_bytes(), Format::Csv);
        while let Some(chunk) = chunks.next_chunk().unwrap() {
            let parsed = parse(&chunk, &Context::default());
            assert!(parsed.rejects.is_empty() && parsed.ignored() == 0, "{:?}", parsed.rejects);
            *rows.entry(file["EventType"].as_str().unwrap().to_owned()).or_default() += parsed.activities.len();
        }
    }
    let types: Vec<&str> = rows.keys().map(String::as_str).collect();
    let all = "API ContentTransfer LightningPageView Login LoginAs Logout Report ReportExport RestApi URI";
    assert_eq!(types.join(" "), all);
    for (event_type, count) in expected {
        assert_eq!(rows[event_type], count, "{event_type}");
    }
}

#[tokio::test]
async fn log_objects_have_the_rows_of_log_files() {
    let script = simulated(1);
    let end = script.end();
    let org = FakeOrg::start(manual(script)).await.unwrap();
    org.control().advance_to(end);
    let client = Client::of(&org).await;
    let (status, description) = client.json("/services/data/v62.0/sobjects/RestApiEventLog/describe").await;
    assert_eq!(status, 200);
    let fields = description["fields"].as_array().unwrap();
    assert!(fields.iter().any(|field| field["name"] == "Timestamp" && field["type"] == "datetime"));
    let day = end.plus(-end.0.rem_euclid(DAY));
    let soql = format!("SELECT FIELDS(STANDARD) FROM RestApiEventLog WHERE Timestamp >= {day} ORDER BY Timestamp ASC");
    let (_, page) = client.query(&soql).await;
    let records = page["records"].as_array().unwrap();
    assert!(records.len() > 10);
    assert!(records.iter().any(|record| record["RowsProcessed"].is_i64()));
    assert!(records.is_sorted_by_key(|record| record["Timestamp"].as_str().unwrap()));
    assert!(records.iter().all(|record| record["Id"] == "000000000000000AAA"));
    let body = page.to_string();
    let mut chunks = Chunks::new(body.as_bytes(), Format::Json);
    let chunk = chunks.next_chunk().unwrap().unwrap();
    let parsed = parse(&chunk, &Context { org: Some(OrgId::new("00Dhn0000007ZsRUAU")), ..Context::default() });
    assert!(parsed.rejects.is_empty(), "{:?}", parsed.rejects);
    assert!(!parsed.activities.is_empty());
    assert_eq!(client.refused("SELECT Id FROM NothingEventLog").await, "INVALID_TYPE");
}

#[tokio::test]
async fn files_are_split_delayed_and_issued_again() {
    let logins = (0..10).map(|number| event("LoginEvent", number * 1_000, number as usize)).collect();
    let org = FakeOrg::start(manual(script(logins))).await.unwrap();
    let client = Client::of(&org).await;
    let control = org.control();
    control.misbehave(Fault::FilesSplit { every: 5, by: Duration::from_secs(7_200) });
    control.advance_to(MONDAY.plus(4 * HOUR));
    let first = list(&client, "Interval = 'Hourly'").await;
    assert_eq!((first.len(), text(&client, &first[0]).await.lines().count()), (1, 9));
    control.advance_to(MONDAY.plus(6 * HOUR));
    let both = list(&client, "Interval = 'Hourly'").await;
    assert_eq!((both.len(), &both[1]["Sequence"]), (2, &2.into()));
    assert_eq!(both[0]["LogDate"], both[1]["LogDate"]);
    assert_eq!(text(&client, &both[1]).await.lines().count(), 3);
    control.calm();
    control.misbehave(Fault::FilesLate { by: Duration::from_secs(86_400) }.on("Login"));
    assert!(list(&client, "Interval = 'Hourly'").await.is_empty());
    control.calm();

    control.advance_to(MONDAY.plus(3 * DAY));
    let before = list(&client, "Interval = 'Daily'").await;
    control.reissue_log_file("Login", Interval::Daily, MONDAY);
    let after = list(&client, "Interval = 'Daily'").await;
    assert_eq!(before[0]["Id"], after[0]["Id"]);
    assert_eq!(after[0]["CreatedDate"], "2026-01-08T00:00:00.000+0000");
    assert_eq!(text(&client, &before[0]).await, text(&client, &after[0]).await);
}

#[tokio::test]
async fn an_org_without_hourly_files_has_no_interval() {
    let org = FakeOrg::start(manual(script(vec![event("LoginEvent", 0, 0)]))).await.unwrap();
    let client = Client::of(&org).await;
    org.control().misbehave(Fault::FieldHidden { field: "Interval".into() }.on("EventLogFile"));
    assert_eq!(client.refused("SELECT Id, Interval FROM EventLogFile").await, "INVALID_FIELD");
    assert_eq!(client.refused("SELECT Id FROM EventLogFile WHERE Interval = 'Daily'").await, "INVALID_FIELD");
    let (_, description) = client.json("/services/data/v62.0/sobjects/EventLogFile/describe").await;
    assert!(!description.to_string().contains("Interval"));
}

#[tokio::test]
async fn any_file_can_be_added() {
    let org = FakeOrg::start(manual(script(vec![event("LoginEvent", 0, 0)]))).await.unwrap();
    let client = Client::of(&org).await;
    let body = Bytes::from_static(b"\"EVENT_TYPE\",\"JOB_ID\"\n\"BulkApi2\",\"750fk0\"\n");
    let id = org.control().add_log_file(LogFile {
        event_type: "BulkApi2".to_owned(),
        log_date: MONDAY,
        interval: Interval::Hourly,
        sequence: 1,
        created: MONDAY.plus(HOUR),
        body: LogBody::Bytes(body.clone()),
    });
    let path = format!("/services/data/v62.0/sobjects/EventLogFile/{id}/LogFile");
    assert_eq!(client.get(&path).send().await.unwrap().status(), 404);
    org.control().advance_to(MONDAY.plus(HOUR));
    let answer = client.get(&path).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/csv");
    assert_eq!(answer.bytes().await.unwrap(), body);
    assert_eq!(list(&client, "EventType = 'BulkApi2'").await[0]["LogFileFieldNames"], "EVENT_TYPE,JOB_ID");
    org.control().misbehave(Fault::BodyCut { after: 10 }.on("download").times(1));
    assert!(client.get(&path).send().await.unwrap().bytes().await.is_err());
}

/// Adds a file of 64 MiB, which records the number of the latest generated row in `made`.
fn large(org: &FakeOrg, made: Arc<std::sync::atomic::AtomicU64>) -> (String, u64) {
    let row = |number: u64| format!("\"Login\",\"{number:0>1000}\"\n");
    let header = "\"EVENT_TYPE\",\"REQUEST_ID\"\n".to_owned();
    let rows = (64 << 20) / row(0).len() as u64;
    let length = header.len() as u64 + rows * row(0).len() as u64;
    let row = Arc::new(move |number: u64| {
        made.store(number, std::sync::atomic::Ordering::Relaxed);
        row(number)
    });
    let id = org.control().add_log_file(LogFile {
        event_type: "Login".to_owned(),
        log_date: MONDAY,
        interval: Interval::Daily,
        sequence: 0,
        created: MONDAY,
        body: LogBody::Generated { header, rows, row, length },
    });
    (format!("/services/data/v62.0/sobjects/EventLogFile/{id}/LogFile"), length)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_file_is_generated_no_faster_than_it_is_read() {
    let script = set(manual(script(vec![event("LoginEvent", 0, 0)])), |settings| settings.gzip = false);
    let org = FakeOrg::start(script).await.unwrap();
    let client = Client::of(&org).await;
    let made = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let (path, length) = large(&org, Arc::clone(&made));
    let mut stream = client.get(&path).send().await.unwrap().bytes_stream();
    let (mut read, mut most) = (0_u64, 0_u64);
    while let Some(piece) = stream.next().await {
        read += piece.unwrap().len() as u64;
        most = most.max((made.load(std::sync::atomic::Ordering::Relaxed) * 1_011).saturating_sub(read));
    }
    assert_eq!(read, length);
    // The difference is in the connection's buffers.
    assert!(most < 16 << 20, "{most}");
}

#[tokio::test]
async fn files_are_compressed_for_clients_that_accept_it() {
    let org = FakeOrg::start(manual(script(vec![event("LoginEvent", 0, 0)]))).await.unwrap();
    let client = Client::of(&org).await;
    org.control().advance_to(MONDAY.plus(4 * HOUR));
    let file = list(&client, "Interval = 'Hourly'").await.remove(0);
    let path = file["LogFile"].as_str().unwrap();
    // The client accepts gzip and decompresses it by itself.
    let unpacked = client.get(path).send().await.unwrap().text().await.unwrap();
    assert_eq!(unpacked.len() as f64, file["LogFileLength"].as_f64().unwrap());
    let mut plain = client;
    plain.http = reqwest::Client::builder().gzip(false).build().unwrap();
    let raw = plain.get(path).header("accept-encoding", "gzip").send().await.unwrap();
    assert_eq!(raw.headers()["content-encoding"], "gzip");
    let plain = plain.get(path).send().await.unwrap();
    assert!(plain.headers().get("content-encoding").is_none());
    assert_eq!(plain.text().await.unwrap(), unpacked);
}
