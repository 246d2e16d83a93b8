//! An event log file, as the object `EventLogFile` lists it.

use super::Gap;
use super::catalog::CATALOG;
use super::leads::Leads;
use super::log_position::Issue;
use model::time::{DAY, HOUR};
use model::{Channel, Kind, Timestamp};
use serde::{Deserialize, Deserializer};

/// A listed log file: its rows are downloaded separately.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct LogFile {
    /// Its record id.
    pub id: String,
    /// The type of its events.
    pub event_type: String,
    /// Start of the hour or day that it covers.
    #[serde(deserialize_with = "time")]
    pub log_date: Timestamp,
    /// When Salesforce created it.
    #[serde(rename = "CreatedDate", deserialize_with = "time")]
    pub created: Timestamp,
    /// Bytes; 0 if not known.
    #[serde(rename = "LogFileLength", default, deserialize_with = "bytes")]
    pub length: u64,
    /// Names of its columns, separated by commas.
    #[serde(rename = "LogFileFieldNames")]
    pub columns: Option<String>,
}

/// How much time one file covers. An org has every event in files of both intervals, so only one may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interval {
    /// An hour.
    Hourly,
    /// A day.
    Daily,
}

impl LogFile {
    /// Returns the kind of its events; `None` if its type is not read.
    pub fn kind(&self) -> Option<Kind> {
        let has = |types: &[&str]| types.contains(&self.event_type.as_str());
        CATALOG.iter().find(|entry| has(entry.log_files)).map(|entry| entry.kind)
    }

    /// Returns whether to read it: log files lead for its kind, or they fill a gap that overlaps its time.
    pub fn is_wanted(&self, interval: Interval, leads: &Leads, gaps: &[Gap]) -> bool {
        let Some(kind) = self.kind() else { return false };
        let end = self.log_date.plus(interval.length());
        let is_missed = |gap: &Gap| gap.kind == kind && gap.from < end && gap.to >= self.log_date;
        leads.of(kind) == Some(Channel::LogFile) || leads.is_filled_by_log_files(kind) && gaps.iter().any(is_missed)
    }

    /// Returns its identity: Salesforce may issue a file again under the same id.
    pub fn issue(&self) -> Issue {
        Issue { created: self.created, id: self.id.clone(), length: self.length }
    }

    /// Returns the path of its rows on the org's host.
    pub fn path(&self, api_version: &str) -> String {
        format!("/services/data/v{api_version}/sobjects/EventLogFile/{}/LogFile", self.id)
    }
}

impl Interval {
    /// Returns its length in milliseconds.
    pub fn length(self) -> i64 {
        match self {
            Self::Hourly => HOUR,
            Self::Daily => DAY,
        }
    }
}

/// Reads a time of a query, which has the zone `+0000` that RFC 3339 does not allow.
fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    let utc = text.strip_suffix("+0000").map(|local| format!("{local}Z"));
    Timestamp::parse(utc.as_deref().unwrap_or(&text))
        .ok_or_else(|| serde::de::Error::custom(format_args!("not a time: {text:?}")))
}

/// Reads a length, which Salesforce sends as a double.
fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    Ok(Option::<f64>::deserialize(deserializer)?.map_or(0, |length| length as u64))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    pub(crate) fn file(id: &str, event_type: &str, log_date: &str, created: &str) -> LogFile {
        let (id, event_type) = (id.to_owned(), event_type.to_owned());
        LogFile { id, event_type, log_date: at(log_date), created: at(created), length: 20_000, columns: None }
    }

    #[test]
    fn a_row_of_a_query_is_read() {
        let file: LogFile = serde_json::from_str(
            r#"{"attributes":{"type":"EventLogFile"},"Id":"0AT5j00002LqQTxGAN","EventType":"RestApi",
                "LogDate":"2023-12-18T05:00:00.000+0000","CreatedDate":"2023-12-19T21:04:35.000+0000",
                "LogFileLength":1234.0}"#,
        )
        .unwrap();
        assert_eq!(file.log_date, at("2023-12-18T05:00:00Z"));
        assert_eq!(file.created, at("2023-12-19T21:04:35Z"));
        assert_eq!((file.length, file.kind()), (1234, Some(Kind::Api)));
        assert_eq!(file.path("64.0"), "/services/data/v64.0/sobjects/EventLogFile/0AT5j00002LqQTxGAN/LogFile");
    }

    #[test]
    fn a_file_is_wanted_where_log_files_lead_or_a_gap_is_open() {
        let file = file("1", "RestApi", "2026-03-02T10:00:00Z", "2026-03-02T14:00:00Z");
        let gap = |kind, from: &str, to: &str| Gap { kind, from: at(from), to: at(to), reason: String::new() };
        let check = |lead, gaps: &[Gap], expect| {
            let leads = Leads::new([(Kind::Api, lead)].into(), [(Kind::Api, Channel::LogFile)].into());
            assert_eq!(file.is_wanted(Interval::Hourly, &leads, gaps), expect, "{lead} {gaps:?}");
        };
        check(Channel::LogFile, &[], true);
        check(Channel::Stream, &[], false);
        check(Channel::Stream, &[gap(Kind::Api, "2026-03-02T10:59:00Z", "2026-03-02T12:00:00Z")], true);
        check(Channel::Stream, &[gap(Kind::Api, "2026-03-02T09:00:00Z", "2026-03-02T10:00:00Z")], true);
        check(Channel::Stream, &[gap(Kind::Api, "2026-03-02T11:00:00Z", "2026-03-02T12:00:00Z")], false);
        check(Channel::Stream, &[gap(Kind::Login, "2026-03-02T10:00:00Z", "2026-03-02T11:00:00Z")], false);
        let unknown = LogFile { event_type: "ApexCallout".to_owned(), ..file.clone() };
        assert!(!unknown.is_wanted(Interval::Hourly, &Leads::default(), &[]));
    }
}
