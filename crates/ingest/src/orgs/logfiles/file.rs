//! One event log file, as `EventLogFile` lists it.

use super::super::catalog::CATALOG;
use super::super::leads::Leads;
use super::position::Issue;
use model::time::{DAY, HOUR};
use model::{Channel, Kind, Timestamp};
use serde::{Deserialize, Deserializer};
use store::Gap;

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct LogFile {
    pub(super) id: String,
    pub(super) event_type: String,
    /// Start of the hour or day whose events it has.
    #[serde(deserialize_with = "time")]
    pub(super) log_date: Timestamp,
    #[serde(rename = "CreatedDate", deserialize_with = "time")]
    pub(super) created: Timestamp,
    /// Bytes; 0 where that is not known.
    #[serde(rename = "LogFileLength", default, deserialize_with = "bytes")]
    pub(super) length: u64,
    /// Names of its columns, with commas between.
    #[serde(rename = "LogFileFieldNames")]
    pub(super) columns: Option<String>,
}

/// How much time one file is about. An org has its events in files of both kinds: only one may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interval {
    Hourly,
    Daily,
}

impl LogFile {
    /// Log files of one type have events of one kind.
    pub(super) fn kind(&self) -> Option<Kind> {
        let has = |types: &[&str]| types.contains(&self.event_type.as_str());
        CATALOG.iter().find(|watched| has(watched.log_files)).map(|watched| watched.kind)
    }

    /// Whether its rows are of use: log files lead for their kind, or are to fill what is missing in its time.
    pub(super) fn is_wanted(&self, interval: Interval, leads: &Leads, gaps: &[Gap]) -> bool {
        let Some(kind) = self.kind() else { return false };
        let end = self.log_date.plus(interval.length());
        let is_missed = |gap: &Gap| gap.kind == kind.as_str() && gap.from < end && gap.to >= self.log_date;
        leads.of(kind) == Some(Channel::LogFile) || leads.is_filled_by_log_files(kind) && gaps.iter().any(is_missed)
    }

    pub(super) fn issue(&self) -> Issue {
        Issue { created: self.created, id: self.id.clone(), length: self.length }
    }

    /// Where its rows are, on the org's host.
    pub(super) fn path(&self, api_version: &str) -> String {
        format!("/services/data/v{api_version}/sobjects/EventLogFile/{}/LogFile", self.id)
    }
}

impl Interval {
    /// In milliseconds.
    pub(super) fn length(self) -> i64 {
        match self {
            Self::Hourly => HOUR,
            Self::Daily => DAY,
        }
    }
}

/// Queries have times with a zone of `+0000`, which RFC 3339 does not know.
fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    let utc = text.strip_suffix("+0000").map(|local| format!("{local}Z"));
    Timestamp::parse(utc.as_deref().unwrap_or(&text))
        .ok_or_else(|| serde::de::Error::custom(format_args!("not a time: {text:?}")))
}

/// Lengths are doubles.
fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    Ok(Option::<f64>::deserialize(deserializer)?.map_or(0, |length| length as u64))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use model::{OrgId, Uuid};

    pub(in super::super) fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    pub(in super::super) fn file(id: &str, event_type: &str, log_date: &str, created: &str) -> LogFile {
        let (id, event_type) = (id.to_owned(), event_type.to_owned());
        LogFile { id, event_type, log_date: at(log_date), created: at(created), length: 20_000, columns: None }
    }

    #[test]
    fn read_as_a_query_gives_it() {
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
    fn a_file_is_wanted_where_log_files_lead_or_something_is_missing() {
        let file = file("1", "RestApi", "2026-03-02T10:00:00Z", "2026-03-02T14:00:00Z");
        let gap = |kind: &str, from: &str, to: &str| Gap {
            id: Uuid::nil(),
            org_id: OrgId::new("org"),
            source: "stream".to_owned(),
            kind: kind.to_owned(),
            from: at(from),
            to: at(to),
            reason: "lost".to_owned(),
            note: None,
        };
        let check = |lead, gaps: &[Gap], expect| {
            let leads = Leads::new([(Kind::Api, lead)].into(), [(Kind::Api, Channel::LogFile)].into());
            assert_eq!(file.is_wanted(Interval::Hourly, &leads, gaps), expect, "{lead} {gaps:?}");
        };
        check(Channel::LogFile, &[], true);
        check(Channel::Stream, &[], false);
        check(Channel::Stream, &[gap("api", "2026-03-02T10:59:00Z", "2026-03-02T12:00:00Z")], true);
        check(Channel::Stream, &[gap("api", "2026-03-02T09:00:00Z", "2026-03-02T10:00:00Z")], true);
        check(Channel::Stream, &[gap("api", "2026-03-02T11:00:00Z", "2026-03-02T12:00:00Z")], false);
        check(Channel::Stream, &[gap("login", "2026-03-02T10:00:00Z", "2026-03-02T11:00:00Z")], false);
        let unknown = LogFile { event_type: "ApexCallout".to_owned(), ..file.clone() };
        assert!(!unknown.is_wanted(Interval::Hourly, &Leads::default(), &[]));
    }
}
