//! Every format and event type, compared field by field.

use crate::support;
use std::fmt::Write;
use std::fs;
use std::path::Path;

fn check(name: &str) {
    let bytes = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)).unwrap();
    let parsed = support::read_bytes(&bytes);
    let mut shown = String::new();
    for activity in &parsed.activities {
        writeln!(shown, "{}", support::show(activity)).unwrap();
    }
    let (count, ignored) = (parsed.activities.len(), parsed.ignored());
    writeln!(shown, "{count} activities, {ignored} ignored, rejects: {:?}", parsed.rejects).unwrap();
    insta::assert_snapshot!(name, shown);
}

macro_rules! fixtures {
    ($($test:ident: $($name:literal)+;)+) => {
        $(#[test]
        fn $test() {
            $(check($name);)+
        })+

        #[test]
        fn every_fixture_is_checked() {
            let named = [$($($name),+),+];
            for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")).unwrap() {
                let name = file.unwrap().file_name().into_string().unwrap();
                assert!(named.contains(&name.as_str()), "{name}");
            }
        }
    };
}

fixtures! {
    stored_events: "stored.ndjson";
    streamed_events_in_envelopes: "streamed.json";
    anomalies_in_a_page_of_query_results: "anomalies.json";
    event_log_objects: "log_objects.json";
    log_rows_as_json: "log_rows.ndjson";
    log_files_of_calls: "api.csv" "rest_api.csv" "bulk_api.csv" "bulk_api2.csv";
    log_files_of_reports: "report.csv" "report_export.csv";
    log_files_of_logins: "login.csv" "login_as.csv" "logout.csv";
    log_files_of_pages_and_files: "uri.csv" "lightning_page_view.csv" "content_transfer.csv" "attachments.csv";
    log_files_of_further_kinds: "analytics_download.csv" "api_usage.csv" "aura_request.csv" "search.csv";
    downloads_of_setup: "login_history.csv" "setup_audit_trail.csv";
    objects_of_setup: "login_history.json" "setup_audit_trail.json";
}
