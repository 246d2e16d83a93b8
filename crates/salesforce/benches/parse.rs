//! Measures how many records per second one core parses: `cargo bench -p orgwatch-salesforce`.
#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]

use divan::counter::{BytesCount, ItemsCount};
use salesforce::{Chunks, Context, Format, parse};
use std::fmt::Write;

const LINES: usize = 100_000;

fn main() {
    divan::main();
}

#[divan::bench(sample_count = 20)]
fn list_view_events_as_json_lines(bencher: divan::Bencher<'_, '_>) {
    let mut text = String::new();
    for i in 0..LINES {
        list_view(&mut text, i);
    }
    run(bencher, &text, Format::JsonLines);
}

#[divan::bench(sample_count = 20)]
fn mixed_events_as_json_lines(bencher: divan::Bencher<'_, '_>) {
    let mut text = String::new();
    for i in 0..LINES {
        if i % 3 == 0 { api(&mut text, i) } else { list_view(&mut text, i) }
    }
    run(bencher, &text, Format::JsonLines);
}

#[divan::bench(sample_count = 20)]
fn list_view_events_as_an_array(bencher: divan::Bencher<'_, '_>) {
    let mut text = String::new();
    for i in 0..LINES {
        list_view(&mut text, i);
    }
    let text = format!("[{}]", text.trim_end().replace('\n', ",\n"));
    run(bencher, &text, Format::Json);
}

#[divan::bench(sample_count = 20)]
fn api_rows_of_a_log_file(bencher: divan::Bencher<'_, '_>) {
    let mut text = String::from(
        "\"EVENT_TYPE\",\"TIMESTAMP\",\"REQUEST_ID\",\"ORGANIZATION_ID\",\"USER_ID\",\"RUN_TIME\",\"CPU_TIME\",\"URI\",\"SESSION_KEY\",\
         \"LOGIN_KEY\",\"USER_TYPE\",\"REQUEST_STATUS\",\"DB_TOTAL_TIME\",\"API_TYPE\",\"API_VERSION\",\"CLIENT_NAME\",\"METHOD_NAME\",\
         \"ENTITY_NAME\",\"ROWS_PROCESSED\",\"REQUEST_SIZE\",\"RESPONSE_SIZE\",\"TIMESTAMP_DERIVED\",\"USER_ID_DERIVED\",\"CLIENT_IP\"\n",
    );
    for i in 0..LINES {
        writeln!(
            text,
            "\"API\",\"20230320145933.{:03}\",\"TID:{i:019}\",\"00Dhn0000018hrc\",\"005hn00000Emma{:x}\",\"97\",\"48\",\"Api\",\"lUqjLPQTWRdvRG4\",\
             \"vMASKIU6AxEr\",\"Standard\",\"\",\"46672557\",\"P\",\"54.0\",\"\",\"query\",\"Account\",\"{}\",\"1382\",\"38019\",\
             \"2023-03-20T14:59:33.{:03}Z\",\"\",\"198.51.100.23\"",
            i % 1000,
            i % 16,
            i % 977,
            i % 1000
        )
    .unwrap();
    }
    run(bencher, &text, Format::Csv);
}

fn run(bencher: divan::Bencher<'_, '_>, text: &str, format: Format) {
    let context = Context { org: Some(model::OrgId::new("00Dhn0000018hrc")), ..Context::default() };
    bencher.counter(ItemsCount::new(LINES)).counter(BytesCount::of_str(text)).bench(|| {
        let mut chunks = Chunks::new(text.as_bytes(), format);
        let mut count = 0;
        while let Some(chunk) = chunks.next_chunk().unwrap() {
            count += parse(&chunk, &context).activities.len();
        }
        assert_eq!(count, LINES);
    });
}

fn list_view(text: &mut String, i: usize) {
    writeln!(
        text,
        r#"{{"attributes":{{"type":"ListViewEvent","url":"/services/data/v62.0/sobjects/ListViewEvent/000000000000000AAA"}},"EventIdentifier":"3fba8475-dd9e-4009-80f7-{i:012x}","EventDate":"2026-01-19T09:59:00.{:03}+0000","CreatedDate":"2026-01-19T09:59:04.000+0000","ExecutionIdentifier":"643ce7f5-b5d5-48a3-acc6-{i:012x}","Sequence":1,"QueriedEntities":"Opportunity","DeveloperName":"MyOpportunities","Name":"MyOpportunities","ListViewId":null,"RowsProcessed":{}.0,"NumberOfColumns":6,"EventSource":"Lightning","Scope":"Mine","SessionKey":"lUqjLPQTWRdvRG4","LoginKey":"vMASKIU6AxEr","SessionLevel":"STANDARD","PolicyOutcome":null,"EvaluationTime":0.0,"UserId":"005hn00000EmmaMAAU","Username":"emma.martin","SourceIp":"198.51.100.23"}}"#,
        i % 1000,
        i % 977
    )
    .unwrap();
}

fn api(text: &mut String, i: usize) {
    writeln!(
        text,
        r#"{{"attributes":{{"type":"ApiEvent","url":"/services/data/v62.0/sobjects/ApiEvent/000000000000000AAA"}},"EventIdentifier":"3fba8475-dd9e-4009-80f7-{i:012x}","EventDate":"2026-01-19T09:59:00.{:03}+0000","CreatedDate":"2026-01-19T09:59:04.000+0000","ApiType":"REST","ApiVersion":62.0,"Operation":"Query","QueriedEntities":"Account, Contact","Query":"SELECT Id, Name FROM Account","RowsProcessed":{}.0,"RowsReturned":200.0,"SessionKey":"lUqjLPQTWRdvRG4","LoginKey":"vMASKIU6AxEr","UserAgent":"python-requests/2.28.2","UserId":"005hn00000EmmaMAAU","Username":"emma.martin","SourceIp":"198.51.100.23"}}"#,
        i % 1000,
        i % 977
    )
    .unwrap();
}
