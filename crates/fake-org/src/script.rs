//! Scripts: the events that happen in the org.

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
    /// Its fields.
    pub record: Record,
}

/// The most by which an event may be published after one that happened later, in milliseconds. A choice within
/// orgwatch's default lateness of 10 minutes.
pub const DISORDER: i64 = 5 * model::time::MINUTE;

/// The fields of an event as the query API returns them, kept as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record(Box<str>);

/// An org and all events that happen in it.
#[derive(Clone, Debug)]
pub struct Script {
    /// The org.
    pub org_id: OrgId,
    /// The events in the order of publishing: by time, except for differences of at most [`DISORDER`].
    pub events: Vec<Event>,
    /// Rows of event log files. If empty, they are derived from `events`.
    pub log_tables: Vec<LogTable>,
    /// Permission sets in addition to those of profiles, which are derived from the events.
    pub permission_sets: Vec<PermissionSet>,
    /// How the org behaves.
    pub settings: Settings,
}

/// A permission set and its assignments.
#[derive(Clone, Debug, Default)]
pub struct PermissionSet {
    /// Its name. `X` and a profile's id name the set that the profile owns, which is assigned to all its users.
    pub name: String,
    /// Whether it is the aggregate of a permission set group.
    pub is_group: bool,
    /// Its permissions, such as `ModifyAllData`.
    pub permissions: Vec<String>,
    /// Accounts by id, each with the time during which the set is assigned to it.
    pub assigned: Vec<(String, Range<Timestamp>)>,
}

/// Why a script cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// A file cannot be read.
    #[error("{path}: cannot be read", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why it cannot be read.
        source: std::io::Error,
    },
    /// A line is not an event or a row.
    #[error("{path}: line {line}: {problem}", path = .path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1 on.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
}

impl Event {
    /// Reads an event as the query API returns it.
    ///
    /// # Errors
    /// If the text is not a JSON object, or lacks the object's name in `attributes.type` or a time in `EventDate`.
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
    /// Parses the fields.
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
    /// Creates a script with default settings.
    pub fn new(org_id: OrgId, events: Vec<Event>) -> Self {
        let (log_tables, permission_sets) = (Vec::new(), Vec::new());
        let mut script = Self { org_id, events, log_tables, permission_sets, settings: Settings::default() };
        script.sort();
        script
    }

    /// Reads files as `orgwatch simulate` writes them: stored events as JSON, one on each line, or rows of event log
    /// files as CSV. Events keep their order, unless it differs from the order of time by more than [`DISORDER`].
    ///
    /// # Errors
    /// If a file cannot be read, or a line is neither an event nor a row.
    pub fn read(paths: &[PathBuf], org_id: OrgId) -> Result<Self, ScriptError> {
        let mut script = Self::new(org_id, Vec::new());
        for path in paths {
            script.read_file(path)?;
        }
        script.sort();
        Ok(script)
    }

    /// Returns the time of the last event.
    pub fn end(&self) -> Timestamp {
        self.events.iter().map(|event| event.at).max().unwrap_or(self.settings.start)
    }

    /// Sorts the events by time, if they are out of order by more than [`DISORDER`].
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
