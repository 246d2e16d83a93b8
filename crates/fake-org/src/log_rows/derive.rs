//! Derives rows of log files from the script's events. A report run that is stored in several events has one row;
//! events of kinds without log files have none.

use super::{LogRow, LogTable, line};
use crate::timeline::{Entry, Timeline, Topic};
use crate::value;
use model::OrgId;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The columns that all types start with, as `COLUMN:expression`.
///
/// An expression is the name of a field; `A|B` is the first of them with a value; `=text` is a constant; a leading `#`
/// formats a whole number and a leading `'` an id of 15 characters. Columns without an expression are computed in
/// [`RowBuilder::value`], or empty. The columns are those of Salesforce's "EventLogFile Supported Event Types" where it
/// documents them, otherwise those of published samples.
const COMMON: &str = "EVENT_TYPE TIMESTAMP REQUEST_ID ORGANIZATION_ID USER_ID:'UserId RUN_TIME:=25 \
                      CPU_TIME:=5 URI SESSION_KEY:SessionKey LOGIN_KEY:LoginKey";
const STATUS: &str = "USER_TYPE:UserType|=Standard REQUEST_STATUS:=S DB_TOTAL_TIME:=1000000";
const DERIVED: &str = "TIMESTAMP_DERIVED USER_ID_DERIVED:UserId CLIENT_IP:SourceIp URI_ID_DERIVED";

/// Event type, columns of the status if it has them, own columns before the derived ones, and columns after them.
const TYPES: &[(&str, &str, &str, &str)] = &[
    (
        "API",
        STATUS,
        "API_TYPE:=P API_VERSION:ApiVersion CLIENT_NAME:Client METHOD_NAME:=query ENTITY_NAME:QueriedEntities \
         ROWS_PROCESSED:#RowsReturned|RowsProcessed REQUEST_SIZE RESPONSE_SIZE DB_BLOCKS DB_CPU_TIME \
         EXCEPTION_MESSAGE QUERY:Query",
        "",
    ),
    (
        "RestApi",
        STATUS,
        "METHOD:=GET MEDIA_TYPE:=application/json STATUS_CODE:=200 USER_AGENT:UserAgent \
         ROWS_PROCESSED:#RowsReturned|RowsProcessed NUMBER_FIELDS DB_BLOCKS DB_CPU_TIME REQUEST_SIZE RESPONSE_SIZE \
         ENTITY_NAME:QueriedEntities CONNECTED_APP_ID:ConnectedAppId CLIENT_NAME:Client EXCEPTION_MESSAGE QUERY:Query \
         BOT_ID BOT_SESSION_ID PLANNER_ID",
        "",
    ),
    (
        "Report",
        STATUS,
        "ENTITY_NAME:QueriedEntities DISPLAY_TYPE:=D RENDERING_TYPE:=W REPORT_ID:'ReportId ROW_COUNT:#RowsProcessed \
         NUMBER_EXCEPTION_FILTERS NUMBER_COLUMNS:#NumberOfColumns UI_NUMBER_COLUMNS AVERAGE_ROW_SIZE SORT DB_BLOCKS \
         DB_CPU_TIME NUMBER_BUCKETS",
        "REPORT_ID_DERIVED:ReportId ORIGIN:Operation",
    ),
    ("ReportExport", "", "CLIENT_INFO REPORT_DESCRIPTION:Name", ""),
    (
        "Login",
        STATUS,
        "LOGIN_TYPE BROWSER_TYPE:Browser API_TYPE API_VERSION:ApiVersion USER_NAME:Username TLS_PROTOCOL:=TLSv1.3 \
         CIPHER_SUITE:CipherSuite USE_API_TOKEN:=0 HTTP_REFERER LOGIN_URL:LoginUrl COUNTRY_CODE:CountryIso \
         AUTHENTICATION_METHOD_REFERENCE LOGIN_SUB_TYPE AUTHENTICATION_SERVICE_ID",
        "LOGIN_STATUS SOURCE_IP:SourceIp FORWARDED_FOR_IP",
    ),
    ("LoginAs", "", "DELEGATED_USER_NAME:DelegatedUsername DELEGATED_USER_ID", "DELEGATED_USER_ID_DERIVED"),
    (
        "Logout",
        "",
        "USER_TYPE:=Standard SESSION_TYPE:=UI SESSION_LEVEL:SessionLevel BROWSER_TYPE PLATFORM_TYPE RESOLUTION_TYPE \
         APP_TYPE CLIENT_VERSION API_TYPE API_VERSION USER_INITIATED_LOGOUT:=1",
        "",
    ),
    ("URI", STATUS, "DB_BLOCKS DB_CPU_TIME REFERRER_URI", ""),
    (
        "LightningPageView",
        "",
        "CLIENT_ID APP_NAME:AppName DEVICE_PLATFORM:DevicePlatform OS_NAME:OsName USER_AGENT:UserAgent PAGE_START_TIME \
         DEVICE_SESSION_ID:DeviceSessionId PAGE_ENTITY_ID:RecordId PAGE_ENTITY_TYPE:QueriedEntities PAGE_URL:PageUrl \
         DURATION:#Duration EFFECTIVE_PAGE_TIME:#EffectivePageTime PREVPAGE_URL:PreviousPageUrl",
        "",
    ),
    (
        "ContentTransfer",
        "",
        "TRANSACTION_TYPE DOCUMENT_ID:'DocumentId VERSION_ID:'VersionId FILE_TYPE:FileType FILE_PREVIEW_TYPE \
         SIZE_BYTES:#ContentSize",
        "DOCUMENT_ID_DERIVED:DocumentId VERSION_ID_DERIVED:VersionId",
    ),
];

/// Derives the tables of all types that have rows.
pub(crate) fn derive(timeline: &Timeline, org: &OrgId) -> Vec<LogTable> {
    let ids: BTreeMap<&str, &str> =
        timeline.users.iter().map(|(id, account)| (account.username.as_str(), id.as_str())).collect();
    let columns: BTreeMap<&str, Vec<(&str, &str)>> = TYPES.iter().map(|table| (table.0, columns(table))).collect();
    let mut tables = BTreeMap::<&str, LogTable>::new();
    for entry in &timeline.events {
        let Some(topic) = timeline.topics.get(entry.topic) else { continue };
        let fields = entry.record.fields();
        let Some(event_type) = event_type(topic, &fields) else { continue };
        let Some(columns) = columns.get(event_type) else { continue };
        let row = RowBuilder { event_type, entry, fields: &fields, org, ids: &ids };
        let values: Vec<String> = columns.iter().map(|(column, source)| row.value(column, source)).collect();
        let table = tables.entry(event_type).or_insert_with(|| LogTable {
            event_type: event_type.to_owned(),
            columns: columns.iter().map(|(column, _)| (*column).to_owned()).collect(),
            rows: Vec::new(),
        });
        table.rows.push(LogRow { at: entry.at, line: line(&values).into() });
    }
    tables.into_values().collect()
}

fn columns(
    &(_, status, own, last): &(&str, &'static str, &'static str, &'static str),
) -> Vec<(&'static str, &'static str)> {
    let all = [COMMON, status, own, DERIVED, last];
    let words = all.into_iter().flat_map(str::split_whitespace);
    words.map(|word| word.split_once(':').unwrap_or((word, ""))).collect()
}

fn event_type(topic: &Topic, fields: &Map<String, Value>) -> Option<&'static str> {
    match topic.stored.name.as_str() {
        "ApiEvent" if value::text(fields, "ApiType") == "REST" => Some("RestApi"),
        "ApiEvent" if value::text(fields, "ApiType").starts_with("SOAP") => Some("API"),
        "ReportEvent" if fields.get("Sequence").and_then(Value::as_f64).is_some_and(|number| number > 1.0) => None,
        "ReportEvent" if value::text(fields, "Operation").starts_with("ReportExported") => Some("ReportExport"),
        "ReportEvent" => Some("Report"),
        "LoginEvent" => Some("Login"),
        "LoginAsEvent" => Some("LoginAs"),
        "LogoutEvent" => Some("Logout"),
        "UriEvent" => Some("URI"),
        "LightningUriEvent" => Some("LightningPageView"),
        "FileEventStore" => Some("ContentTransfer"),
        _ => None,
    }
}

/// The event of a row, and what is needed to compute its values.
struct RowBuilder<'a> {
    event_type: &'a str,
    entry: &'a Entry,
    fields: &'a Map<String, Value>,
    org: &'a OrgId,
    /// Ids of users by username.
    ids: &'a BTreeMap<&'a str, &'a str>,
}

impl RowBuilder<'_> {
    fn value(&self, column: &str, source: &str) -> String {
        let text = |name: &str| value::text(self.fields, name);
        let delegate = || self.ids.get(text("DelegatedUsername")).copied().unwrap_or_default();
        let target = || if self.event_type.starts_with("Report") { text("ReportId") } else { text("RecordId") };
        let time = self.entry.at.to_utc();
        match column {
            _ if !source.is_empty() => self.from(source),
            "EVENT_TYPE" => self.event_type.to_owned(),
            "TIMESTAMP" => time.format("%Y%m%d%H%M%S%.3f").to_string(),
            "TIMESTAMP_DERIVED" => self.entry.at.to_string(),
            "REQUEST_ID" if !text("RequestIdentifier").is_empty() => text("RequestIdentifier").to_owned(),
            "REQUEST_ID" => text("EventIdentifier").replace('-', "").chars().take(22).collect(),
            "ORGANIZATION_ID" => short(self.org.as_str()),
            "URI" if !target().is_empty() => format!("/{}", short(target())),
            "URI" if self.event_type == "RestApi" => "/services/data/v62.0/query".to_owned(),
            "URI_ID_DERIVED" => target().to_owned(),
            "LOGIN_TYPE" => login_type(text("LoginType")).to_owned(),
            "LOGIN_STATUS" if text("Status").eq_ignore_ascii_case("success") => "LOGIN_NO_ERROR".to_owned(),
            "LOGIN_STATUS" => "LOGIN_ERROR_INVALID_PASSWORD".to_owned(),
            "DELEGATED_USER_ID" => short(delegate()),
            "DELEGATED_USER_ID_DERIVED" => delegate().to_owned(),
            "PAGE_START_TIME" => value::time(text("PageStartTime")).map_or(String::new(), |time| time.0.to_string()),
            "TRANSACTION_TYPE" => match text("FileAction") {
                "PREVIEW" => "VersionRenditionDownload".to_owned(),
                "UPLOAD" => "VersionUpload".to_owned(),
                _ => "VersionDownload".to_owned(),
            },
            _ => String::new(),
        }
    }

    fn from(&self, source: &str) -> String {
        if let Some(names) = source.strip_prefix('#') {
            let mut values = names.split('|').filter_map(|name| self.fields.get(name)?.as_f64());
            return values.next().map_or(String::new(), |number| format!("{number:.0}"));
        }
        if let Some(name) = source.strip_prefix('\'') {
            return short(value::text(self.fields, name));
        }
        let mut values = source.split('|').map(|source| match source.strip_prefix('=') {
            Some(text) => text.to_owned(),
            None => match self.fields.get(source) {
                Some(Value::String(text)) => text.clone(),
                Some(Value::Null) | None => String::new(),
                Some(other) => other.to_string(),
            },
        });
        values.find(|text| !text.is_empty()).unwrap_or_default()
    }
}

/// Returns the first 15 characters, the form of ids in log files.
fn short(id: &str) -> String {
    id.get(..15).unwrap_or(id).to_owned()
}

/// Returns the code of a login type in log files.
fn login_type(text: &str) -> &str {
    match text {
        "Application" => "A",
        "Remote Access 2.0" => "i",
        "Other Apex API" => "I",
        "SAML Sfdc Initiated SSO" => "8",
        other => other,
    }
}
