//! Writes events as rows of event log files, with all fields quoted and ids of 15 characters.
//!
//! Log files contain less than stored events: list views, permission changes and detections have no log file, and a run
//! with several stored events has one row.

use chrono::NaiveDate;

use crate::event::{Body, Event, LoginKind};
use crate::ids;
use crate::record::{push_iso, push_stamp};

/// A type of event log file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogFile {
    /// SOAP API calls.
    Api,
    /// REST API calls.
    RestApi,
    /// Bulk API 2.0 jobs.
    BulkApi2,
    /// Uploads, downloads and previews of files.
    ContentTransfer,
    /// Pages in Lightning Experience.
    LightningPageView,
    /// Logins.
    Login,
    /// Logins of administrators as other users.
    LoginAs,
    /// Logouts.
    Logout,
    /// Report runs.
    Report,
    /// Report exports.
    ReportExport,
    /// Pages in Salesforce Classic.
    Uri,
}

/// The first columns of all types.
const COMMON: [&str; 10] = [
    "EVENT_TYPE",
    "TIMESTAMP",
    "REQUEST_ID",
    "ORGANIZATION_ID",
    "USER_ID",
    "RUN_TIME",
    "CPU_TIME",
    "URI",
    "SESSION_KEY",
    "LOGIN_KEY",
];
/// Columns that follow in some types.
const STATUS: [&str; 3] = ["USER_TYPE", "REQUEST_STATUS", "DB_TOTAL_TIME"];
/// Columns after those of the type.
const DERIVED: [&str; 4] = ["TIMESTAMP_DERIVED", "USER_ID_DERIVED", "CLIENT_IP", "URI_ID_DERIVED"];

impl LogFile {
    /// All types.
    pub const ALL: [LogFile; 11] = [
        LogFile::Api,
        LogFile::RestApi,
        LogFile::BulkApi2,
        LogFile::ContentTransfer,
        LogFile::LightningPageView,
        LogFile::Login,
        LogFile::LoginAs,
        LogFile::Logout,
        LogFile::Report,
        LogFile::ReportExport,
        LogFile::Uri,
    ];

    /// Returns the value of `EVENT_TYPE`.
    pub fn event_type(self) -> &'static str {
        match self {
            LogFile::Api => "API",
            LogFile::RestApi => "RestApi",
            LogFile::BulkApi2 => "BulkApi2",
            LogFile::ContentTransfer => "ContentTransfer",
            LogFile::LightningPageView => "LightningPageView",
            LogFile::Login => "Login",
            LogFile::LoginAs => "LoginAs",
            LogFile::Logout => "Logout",
            LogFile::Report => "Report",
            LogFile::ReportExport => "ReportExport",
            LogFile::Uri => "URI",
        }
    }

    /// Returns the name of the file of a day: `Login_2026-01-05.csv`.
    pub fn file_name(self, date: NaiveDate) -> String {
        format!("{}_{date}.csv", self.event_type())
    }

    /// Returns the names of the columns in their order.
    pub fn columns(self) -> Vec<&'static str> {
        let own: &[&str] = match self {
            LogFile::Api => &[
                "API_TYPE",
                "API_VERSION",
                "CLIENT_NAME",
                "METHOD_NAME",
                "ENTITY_NAME",
                "ROWS_PROCESSED",
                "REQUEST_SIZE",
                "RESPONSE_SIZE",
                "DB_BLOCKS",
                "DB_CPU_TIME",
                "EXCEPTION_MESSAGE",
                "QUERY",
            ],
            LogFile::RestApi => &[
                "METHOD",
                "MEDIA_TYPE",
                "STATUS_CODE",
                "USER_AGENT",
                "ROWS_PROCESSED",
                "NUMBER_FIELDS",
                "DB_BLOCKS",
                "DB_CPU_TIME",
                "REQUEST_SIZE",
                "RESPONSE_SIZE",
                "ENTITY_NAME",
                "CONNECTED_APP_ID",
                "CLIENT_NAME",
                "EXCEPTION_MESSAGE",
                "QUERY",
            ],
            LogFile::BulkApi2 => &[
                "JOB_ID",
                "OPERATION_TYPE",
                "ENTITY_TYPE",
                "JOB_STATUS",
                "RECORDS_PROCESSED",
                "RECORDS_FAILED",
                "RESULT_SIZE_MB",
                "ERROR_MESSAGE",
            ],
            LogFile::ContentTransfer => &[
                "TRANSACTION_TYPE",
                "DOCUMENT_ID",
                "VERSION_ID",
                "FILE_TYPE",
                "FILE_PREVIEW_TYPE",
                "SIZE_BYTES",
                "DOCUMENT_ID_DERIVED",
                "VERSION_ID_DERIVED",
            ],
            LogFile::LightningPageView => &[
                "APP_NAME",
                "DEVICE_PLATFORM",
                "OS_NAME",
                "USER_AGENT",
                "PAGE_START_TIME",
                "PAGE_ENTITY_ID",
                "PAGE_ENTITY_TYPE",
                "PAGE_URL",
                "DURATION",
            ],
            LogFile::Login => &[
                "LOGIN_TYPE",
                "BROWSER_TYPE",
                "API_TYPE",
                "API_VERSION",
                "USER_NAME",
                "TLS_PROTOCOL",
                "CIPHER_SUITE",
                "COUNTRY_CODE",
                "LOGIN_SUB_TYPE",
            ],
            LogFile::LoginAs => &["DELEGATED_USER_NAME", "DELEGATED_USER_ID"],
            LogFile::Logout => &["USER_TYPE", "SESSION_TYPE", "SESSION_LEVEL", "BROWSER_TYPE", "USER_INITIATED_LOGOUT"],
            LogFile::Report => &[
                "ENTITY_NAME",
                "DISPLAY_TYPE",
                "RENDERING_TYPE",
                "REPORT_ID",
                "ROW_COUNT",
                "NUMBER_EXCEPTION_FILTERS",
                "NUMBER_COLUMNS",
                "AVERAGE_ROW_SIZE",
            ],
            LogFile::ReportExport => &["CLIENT_INFO", "REPORT_DESCRIPTION"],
            LogFile::Uri => &["DB_BLOCKS", "DB_CPU_TIME", "REFERRER_URI"],
        };
        let status: &[&str] = match self {
            LogFile::Api | LogFile::RestApi | LogFile::Report | LogFile::Login | LogFile::Uri => &STATUS,
            _ => &[],
        };
        let last: &[&str] = match self {
            LogFile::Login => &["LOGIN_STATUS", "SOURCE_IP", "FORWARDED_FOR_IP"],
            LogFile::LoginAs => &["DELEGATED_USER_ID_DERIVED"],
            LogFile::Report => &["REPORT_ID_DERIVED", "ORIGIN"],
            _ => &[],
        };
        [&COMMON, status, own, &DERIVED, last].concat()
    }
}

/// Returns the header row with a line feed.
pub fn csv_header(kind: LogFile) -> String {
    format!("\"{}\"\n", kind.columns().join("\",\""))
}

/// Returns the log file that has a row for the event.
pub(crate) fn of(event: &Event) -> Option<LogFile> {
    let kind = match &event.body {
        Body::Report { sequence: 2.., .. } => return None,
        Body::Report { operation, .. } if operation.starts_with("ReportExported") => LogFile::ReportExport,
        Body::Report { .. } => LogFile::Report,
        Body::Api { api, .. } => match api.api_type {
            "REST" => LogFile::RestApi,
            "Bulk" => return None,
            _ => LogFile::Api,
        },
        Body::Write { api, .. } => match api.api_type {
            "REST" => LogFile::RestApi,
            "Bulk" => LogFile::BulkApi2,
            _ => LogFile::Api,
        },
        Body::Login { .. } => LogFile::Login,
        Body::LoginAs { .. } => LogFile::LoginAs,
        Body::Logout => LogFile::Logout,
        Body::LightningUri { .. } => LogFile::LightningPageView,
        Body::Uri { .. } => LogFile::Uri,
        Body::BulkApiResult { .. } => LogFile::BulkApi2,
        Body::File { .. } => LogFile::ContentTransfer,
        Body::ListView { .. } | Body::PermissionSet { .. } | Body::Threat(_) => return None,
    };
    Some(kind)
}

/// Appends the row of the event, if it has one.
pub(crate) fn write_row(event: &Event, out: &mut Vec<u8>) {
    let Some(kind) = of(event) else { return };
    for (index, column) in kind.columns().into_iter().enumerate() {
        out.extend_from_slice(if index == 0 { b"\"" } else { b",\"" });
        let value = common(event, kind, column).unwrap_or_else(|| specific(event, column));
        out.extend_from_slice(value.replace('"', "\"\"").as_bytes());
        out.push(b'"');
    }
    out.push(b'\n');
}

/// Returns the value of a column that means the same in all types.
fn common(event: &Event, kind: LogFile, column: &str) -> Option<String> {
    let session = &event.session;
    let attended = |text: &str| if event.is_detached() { String::new() } else { text.to_owned() };
    let value = match column {
        "EVENT_TYPE" => kind.event_type().to_owned(),
        "TIMESTAMP" => stamped(|out| push_stamp(out, event.at)),
        "TIMESTAMP_DERIVED" => stamped(|out| push_iso(out, event.at, "Z")),
        "REQUEST_ID" => ids::key(event.id as u64, 22),
        "ORGANIZATION_ID" => ids::short(&event.identity.org_id).to_owned(),
        "USER_ID" => ids::short(&event.identity.user_id).to_owned(),
        "USER_ID_DERIVED" => event.identity.user_id.clone(),
        "RUN_TIME" => (20 + event.id % 900).to_string(),
        "CPU_TIME" => (5 + event.id % 90).to_string(),
        "DB_TOTAL_TIME" => (1_000_000 + event.id % 90_000_000).to_string(),
        "SESSION_KEY" if kind == LogFile::Login => String::new(),
        "SESSION_KEY" => attended(&session.session_key),
        "LOGIN_KEY" => attended(&session.login_key),
        "CLIENT_IP" if event.internal => "Salesforce.com IP".to_owned(),
        "CLIENT_IP" | "SOURCE_IP" => attended(&session.ip),
        "USER_TYPE" => event.identity.user_type.to_owned(),
        "USER_AGENT" | "BROWSER_TYPE" => session.client.user_agent.clone(),
        "REQUEST_STATUS" if kind != LogFile::Login => "S".to_owned(),
        "API_VERSION" => "62.0".to_owned(),
        _ => return None,
    };
    Some(value)
}

/// Returns the value of a column of one type; empty if the event has none.
fn specific(event: &Event, column: &str) -> String {
    let rows = |rows: Option<f64>| rows.map_or(String::new(), |rows| format!("{rows:.0}"));
    let text = match (&event.body, column) {
        (Body::Report { report, .. }, "ENTITY_NAME") => report.objects,
        (Body::Report { .. }, "DISPLAY_TYPE") => "D",
        (Body::Report { .. }, "RENDERING_TYPE") => "W",
        (Body::Report { report, .. }, "REPORT_ID") => ids::short(&report.id),
        (Body::Report { report, .. }, "REPORT_ID_DERIVED" | "URI_ID_DERIVED") => &report.id,
        (Body::Report { report, .. }, "URI") => return format!("/{}", ids::short(&report.id)),
        (Body::Report { rows: count, .. }, "ROW_COUNT") => return rows(*count),
        (Body::Report { report, .. }, "NUMBER_COLUMNS") => return report.column_count.to_string(),
        (Body::Report { operation, .. }, "ORIGIN") => operation,
        (Body::Report { report, .. }, "REPORT_DESCRIPTION") => &report.name,
        (Body::Report { .. }, "CLIENT_INFO") => &event.session.client.user_agent,
        (Body::Api { api, .. }, "CLIENT_NAME") => api.client,
        (Body::Api { .. }, "API_TYPE") => "P",
        (Body::Api { operation, .. }, "METHOD_NAME") => {
            if *operation == "Query" {
                "query"
            } else {
                "queryMore"
            }
        }
        (Body::Api { .. }, "METHOD") => "GET",
        (Body::Api { .. }, "MEDIA_TYPE") => "application/json",
        (Body::Api { .. }, "STATUS_CODE") => "200",
        (Body::Api { .. }, "URI") => "/services/data/v62.0/query",
        (Body::Api { query, .. }, "ENTITY_NAME") => query.objects,
        (Body::Api { query, .. }, "QUERY") => &query.text,
        (Body::Api { returned, .. }, "ROWS_PROCESSED") => return rows(Some(*returned)),
        (Body::Api { api, .. }, "CONNECTED_APP_ID") => {
            return api.connected_app.map_or(String::new(), |number| ids::salesforce_id("0H4", number));
        }
        (Body::Write { api, .. }, "CLIENT_NAME") => api.client,
        (Body::Write { .. }, "API_TYPE") => "P",
        (Body::Write { operation, .. }, "METHOD_NAME") => operation.words()[1],
        (Body::Write { operation, .. }, "METHOD") => operation.words()[2],
        (Body::Write { operation, .. }, "OPERATION_TYPE") => operation.words()[3],
        (Body::Write { .. }, "STATUS_CODE") => "200",
        (Body::Write { .. }, "URI") => "/services/data/v62.0/composite/sobjects",
        (Body::Write { object, .. }, "ENTITY_NAME" | "ENTITY_TYPE") => object,
        (Body::Write { rows: count, .. }, "ROWS_PROCESSED" | "RECORDS_PROCESSED") => return rows(Some(*count)),
        (Body::Write { request, .. }, "JOB_ID") => return ids::salesforce_id("750", *request >> 16),
        (Body::Write { .. }, "JOB_STATUS") => "JobComplete",
        (Body::Write { .. }, "RECORDS_FAILED") => "0",
        (Body::Login { kind: LoginKind::Oauth | LoginKind::App(_), .. }, "LOGIN_TYPE") => "i",
        (Body::Login { .. }, "LOGIN_TYPE") => "A",
        (Body::Login { .. }, "USER_NAME") => &event.identity.username,
        (Body::Login { .. }, "TLS_PROTOCOL") => "TLSv1.3",
        (Body::Login { .. }, "CIPHER_SUITE") => "ECDHE-RSA-AES256-GCM-SHA384",
        (Body::Login { .. }, "COUNTRY_CODE") => event.session.location.iso,
        (Body::Login { status: "Success", .. }, "LOGIN_STATUS") => "LOGIN_NO_ERROR",
        (Body::Login { .. }, "LOGIN_STATUS") => "LOGIN_ERROR_INVALID_PASSWORD",
        (Body::LoginAs { admin }, "DELEGATED_USER_NAME") => &admin.username,
        (Body::LoginAs { admin }, "DELEGATED_USER_ID") => ids::short(&admin.user_id),
        (Body::LoginAs { admin }, "DELEGATED_USER_ID_DERIVED") => &admin.user_id,
        (Body::Logout, "SESSION_TYPE") => "UI",
        (Body::Logout, "SESSION_LEVEL") => event.session.level,
        (Body::Logout, "USER_INITIATED_LOGOUT") => "1",
        (Body::LightningUri { .. }, "APP_NAME") => "one:one",
        (Body::LightningUri { .. }, "DEVICE_PLATFORM") => "SFX:BROWSER:DESKTOP",
        (Body::LightningUri { .. }, "OS_NAME") => event.session.client.platform,
        (Body::LightningUri { duration, .. }, "PAGE_START_TIME") => {
            return (event.at - i64::from(*duration)).to_string();
        }
        (Body::LightningUri { object, .. }, "PAGE_ENTITY_TYPE") => object,
        (Body::LightningUri { record, .. }, "PAGE_ENTITY_ID") => return ids::salesforce_id("a01", *record),
        (Body::LightningUri { object, record, .. }, "PAGE_URL") => {
            return format!("/lightning/r/{object}/{}/view", ids::salesforce_id("a01", *record));
        }
        (Body::LightningUri { duration, .. }, "DURATION") => return duration.to_string(),
        (Body::Uri { record, .. }, "URI") => return format!("/{}", ids::short(&ids::salesforce_id("a01", *record))),
        (Body::Uri { record, .. }, "URI_ID_DERIVED") => return ids::salesforce_id("a01", *record),
        (Body::BulkApiResult { request, .. }, "JOB_ID") => return ids::salesforce_id("750", *request >> 16),
        (Body::BulkApiResult { .. }, "OPERATION_TYPE") => "query",
        (Body::BulkApiResult { query, .. }, "ENTITY_TYPE") => query.objects,
        (Body::BulkApiResult { .. }, "JOB_STATUS") => "JobComplete",
        (Body::BulkApiResult { rows: count, .. }, "RECORDS_PROCESSED") => return rows(Some(*count)),
        (Body::BulkApiResult { .. }, "RECORDS_FAILED") => "0",
        (Body::File { action, .. }, "TRANSACTION_TYPE") => match *action {
            "PREVIEW" => "VersionRenditionDownload",
            "UPLOAD" => "VersionUpload",
            _ => "VersionDownload",
        },
        (Body::File { document, .. }, "DOCUMENT_ID" | "DOCUMENT_ID_DERIVED") => {
            return ids::salesforce_id("069", *document);
        }
        (Body::File { document, .. }, "VERSION_ID" | "VERSION_ID_DERIVED") => {
            return ids::salesforce_id("068", *document);
        }
        (Body::File { file_type, .. }, "FILE_TYPE") => file_type,
        (Body::File { bytes, .. }, "SIZE_BYTES") => return bytes.to_string(),
        _ => "",
    };
    text.to_owned()
}

fn stamped(write: impl Fn(&mut Vec<u8>)) -> String {
    let mut out = Vec::with_capacity(24);
    write(&mut out);
    out.into_iter().map(char::from).collect()
}
