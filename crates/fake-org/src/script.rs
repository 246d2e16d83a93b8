//! What happens in the org.

use crate::log_rows::{LogTable, Splitter};
use crate::settings::Settings;
use crate::value;
use model::{OrgId, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// One stored event.
#[derive(Clone, Debug)]
pub struct Event {
    /// When it happened: the record's `EventDate`.
    pub at: Timestamp,
    /// The name of the object that stores it, such as `ListViewEvent`.
    pub object: String,
    pub record: Record,
}

/// How much later an event may be published than one that happened after it, milliseconds.
pub const DISORDER: i64 = 5 * model::time::MINUTE;

/// The fields of an event as the query API returns them, kept as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record(Box<str>);

/// An org, and all that will have happened in it.
#[derive(Clone, Debug)]
pub struct Script {
    pub org_id: OrgId,
    /// In the order in which they are published: in order of time, but for less than [`DISORDER`].
    pub events: Vec<Event>,
    /// Rows of event log files. Where there are none, they are made from `events`.
    pub log_tables: Vec<LogTable>,
    /// Beside those of profiles, which the events tell of.
    pub permission_sets: Vec<PermissionSet>,
    pub settings: Settings,
}

/// What accounts are assigned, and when.
#[derive(Clone, Debug, Default)]
pub struct PermissionSet {
    /// What a profile may do is in a set named `X` and its id, which all who have the profile are assigned.
    pub name: String,
    /// Whether it is what a group of permission sets amounts to.
    pub is_group: bool,
    /// Such as `ModifyAllData`. Unless told otherwise, nobody may do anything.
    pub permissions: Vec<String>,
    /// Accounts by id, and the org's time from which and until which they have it.
    pub assigned: Vec<(String, Range<Timestamp>)>,
}

#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    #[error("{path}: cannot be read", path = .path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("{path}: line {line}: {problem}", path = .path.display())]
    Line { path: PathBuf, line: usize, problem: String },
}

impl Event {
    /// # Errors
    /// If the text is no JSON object, or says neither its object by `attributes.type` nor a time by `EventDate`.
    pub fn read(json: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Head {
            attributes: Attributes,
            #[serde(rename = "EventDate")]
            event_date: String,
        }
        #[derive(Deserialize)]
        struct Attributes {
            r#type: String,
        }
        let head: Head = serde_json::from_str(json).map_err(|error| error.to_string())?;
        let at = value::time(&head.event_date).ok_or_else(|| format!("EventDate is {:?}", head.event_date))?;
        Ok(Self { at, object: head.attributes.r#type, record: Record(json.into()) })
    }
}

impl Record {
    pub fn fields(&self) -> Map<String, Value> {
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

impl From<Map<String, Value>> for Record {
    fn from(fields: Map<String, Value>) -> Self {
        Self(Value::Object(fields).to_string().into())
    }
}

impl Script {
    /// With settings as they are by default.
    pub fn new(org_id: OrgId, events: Vec<Event>) -> Self {
        let (log_tables, permission_sets) = (Vec::new(), Vec::new());
        let mut script = Self { org_id, events, log_tables, permission_sets, settings: Settings::default() };
        script.sort();
        script
    }

    /// Reads files as `orgwatch simulate` writes them: a stored event in JSON on each line, or rows of an event log
    /// file. The order of the files is kept, unless it is none.
    ///
    /// # Errors
    /// If a file cannot be read, or a line of it is no event.
    pub fn read(paths: &[PathBuf], org_id: OrgId) -> Result<Self, ScriptError> {
        let mut script = Self::new(org_id, Vec::new());
        for path in paths {
            script.read_file(path)?;
        }
        script.sort();
        Ok(script)
    }

    /// When its last event happens.
    pub fn end(&self) -> Timestamp {
        self.events.iter().map(|event| event.at).max().unwrap_or(self.settings.start)
    }

    /// What is more out of order than events are published in is put in order.
    fn sort(&mut self) {
        let mut latest = Timestamp(i64::MIN);
        let is_in_order = self.events.iter().all(|event| {
            latest = latest.max(event.at);
            latest.since(event.at) <= DISORDER
        });
        if !is_in_order {
            self.events.sort_by_key(|event| event.at);
        }
    }

    fn read_file(&mut self, path: &Path) -> Result<(), ScriptError> {
        let failed = |source| ScriptError::File { path: path.to_owned(), source };
        let reader = BufReader::new(File::open(path).map_err(failed)?);
        let mut rows = Splitter::default();
        for (number, line) in reader.lines().enumerate() {
            let line = line.map_err(failed)?;
            let problem = |problem| ScriptError::Line { path: path.to_owned(), line: number + 1, problem };
            if rows.is_open() || line.starts_with('"') {
                rows.push(&line, &mut self.log_tables).map_err(problem)?;
            } else if !line.trim().is_empty() {
                self.events.push(Event::read(&line).map_err(problem)?);
            }
        }
        Ok(())
    }
}
