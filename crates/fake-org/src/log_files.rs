//! Event log files: their list and their content.

mod listed;

use listed::Listed;

use crate::fault::Fault;
use crate::log_rows::{self, LogRow, LogTable};
use crate::objects::Object;
use crate::org::Org;
use crate::settings::millis;
use crate::value;
use bytes::Bytes;
use model::Timestamp;
use model::time::{DAY, HOUR};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

type Rows = Vec<Arc<Map<String, Value>>>;

/// An event log file that a test adds, in addition to those made from the script.
#[derive(Clone, Debug)]
pub struct LogFile {
    /// Its `EventType`, such as `Login`.
    pub event_type: String,
    /// The start of its hour or day.
    pub log_date: Timestamp,
    /// Whether it covers an hour or a day.
    pub interval: Interval,
    /// 0 for daily files, from 1 on for hourly ones.
    pub sequence: u32,
    /// When it appears.
    pub created: Timestamp,
    /// Its content.
    pub body: LogBody,
}

/// The period that a log file covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Interval {
    /// An hour.
    Hourly,
    /// A day.
    Daily,
}

/// The content of a log file.
#[derive(Clone)]
pub enum LogBody {
    /// The whole file.
    Bytes(Bytes),
    /// Rows that are generated while they are sent, so that the file is never in memory.
    Generated {
        /// The header, with its line feed.
        header: String,
        /// The number of rows.
        rows: u64,
        /// Returns a row by its number, from 0 on, with its line feed.
        row: Arc<dyn Fn(u64) -> String + Send + Sync>,
        /// The length of the file in bytes.
        length: u64,
    },
}

/// All event log files of the org.
#[derive(Debug)]
pub(crate) struct LogFiles {
    /// The tables of the script; if empty, tables are derived from its events.
    given: Vec<LogTable>,
    made: OnceLock<Made>,
    added: Mutex<Vec<LogFile>>,
    /// When files were issued again, by type, interval and date.
    reissued: Mutex<BTreeMap<(String, Interval, Timestamp), Timestamp>>,
    /// The rows of event log objects, by table.
    objects: OnceLock<Vec<Rows>>,
}

/// The tables, and the periods with a file.
#[derive(Debug)]
struct Made {
    tables: Vec<LogTable>,
    periods: Vec<Period>,
}

/// The rows of an hour or a day.
#[derive(Debug)]
struct Period {
    table: usize,
    interval: Interval,
    log_date: Timestamp,
    rows: Arc<[usize]>,
}

impl LogFiles {
    pub(crate) fn new(given: Vec<LogTable>) -> Self {
        Self {
            given,
            made: OnceLock::new(),
            added: Mutex::default(),
            reissued: Mutex::default(),
            objects: OnceLock::new(),
        }
    }

    /// Adds a file, and returns its id.
    pub(crate) fn add(&self, org: &Org, file: LogFile) -> String {
        let id = id(org, &file.event_type, file.interval, file.log_date, file.sequence);
        self.added.lock().unwrap_or_else(PoisonError::into_inner).push(file);
        id
    }

    /// Issues a file again at `now`: same id and content, later `CreatedDate`.
    pub(crate) fn reissue(&self, event_type: &str, interval: Interval, log_date: Timestamp, now: Timestamp) {
        let mut reissued = self.reissued.lock().unwrap_or_else(PoisonError::into_inner);
        reissued.insert((event_type.to_owned(), interval, log_date), now);
    }

    /// The present files, as rows of `EventLogFile`.
    pub(crate) fn rows(&self, org: &Org) -> Rows {
        self.list(org).iter().map(|file| Arc::new(file.fields())).collect()
    }

    pub(crate) fn find(&self, org: &Org, id: &str) -> Option<Listed> {
        let id = model::id::normalize(id);
        self.list(org).into_iter().find(|file| file.id == id)
    }

    /// Finds the event log object of this name, in any case.
    pub(crate) fn log_object(&self, org: &Org, name: &str) -> Option<Object> {
        name.to_ascii_lowercase().strip_suffix("eventlog")?;
        let mut tables = self.tables(org).iter();
        tables.find(|table| log_rows::object_name(&table.event_type).eq_ignore_ascii_case(name)).map(log_rows::object)
    }

    /// The visible rows of an event log object.
    pub(crate) fn log_rows(&self, org: &Org, name: &str) -> Rows {
        let tables = self.tables(org);
        let made = self.objects.get_or_init(|| {
            let of_table =
                |table: &LogTable| table.rows.iter().map(|row| Arc::new(log_rows::fields(table, &row.line))).collect();
            tables.iter().map(of_table).collect()
        });
        let visible = org.visible();
        let named = |(table, _): &(&LogTable, _)| log_rows::object_name(&table.event_type) == name;
        let Some((table, rows)) = tables.iter().zip(made).find(named) else { return Vec::new() };
        let rows = table.rows.iter().zip(rows).filter(|(row, _)| row.at <= visible);
        rows.map(|(_, fields)| Arc::clone(fields)).collect()
    }

    fn tables(&self, org: &Org) -> &[LogTable] {
        &self.made(org).tables
    }

    fn made(&self, org: &Org) -> &Made {
        self.made.get_or_init(|| {
            let given = self.given.clone();
            let tables = if given.is_empty() { log_rows::derive(&org.timeline, &org.id) } else { given };
            let periods = tables.iter().enumerate().flat_map(|(number, table)| periods(number, table)).collect();
            Made { tables, periods }
        })
    }

    /// The present files, unsorted.
    fn list(&self, org: &Org) -> Vec<Listed> {
        let now = org.clock.now();
        let oldest = now.plus(-millis(org.settings.files_kept));
        let mut files: Vec<Listed> = Vec::new();
        for period in &self.made(org).periods {
            self.list_period(org, period, &mut files);
        }
        let added = self.added.lock().unwrap_or_else(PoisonError::into_inner);
        files.extend(added.iter().map(|file| Listed::given(org, file)));
        files.retain(|file| (oldest..=now).contains(&file.created));
        files
    }

    /// Adds the file of a period to `files`, or the two files that a fault splits it into, unless it has not appeared
    /// yet.
    fn list_period(&self, org: &Org, period: &Period, files: &mut Vec<Listed>) {
        let Some(table) = self.tables(org).get(period.table) else { return };
        let delay = match period.interval {
            Interval::Hourly => HOUR + millis(org.settings.hourly_after),
            Interval::Daily => DAY + millis(org.settings.daily_after),
        };
        let due = period.log_date.plus(delay);
        if due > org.clock.now() {
            return;
        }
        let names = ["download", table.event_type.as_str()];
        let late = org.faults.peek(&names, |fault| match fault {
            Fault::FilesLate { by } => Some(millis(*by)),
            _ => None,
        });
        let split = org.faults.peek(&names, |fault| match fault {
            Fault::FilesSplit { every, by } if period.interval == Interval::Hourly => {
                Some(((*every).max(1), millis(*by)))
            }
            _ => None,
        });
        let created = due.plus(late.unwrap_or(0));
        let created = self.reissue_of(table, period).map_or(created, |again| again.max(created));
        let file = |sequence, created, rows| Listed::made(org, table, period, sequence, created, rows);
        match (period.interval, split) {
            (Interval::Daily, _) => files.push(file(0, created, Arc::clone(&period.rows))),
            (Interval::Hourly, None) => files.push(file(1, created, Arc::clone(&period.rows))),
            (Interval::Hourly, Some((every, by))) => {
                let straggles = |row: &usize| (row + 1).is_multiple_of(every);
                let (second, first): (Vec<usize>, Vec<usize>) = period.rows.iter().partition(|row| straggles(row));
                files.push(file(1, created, first.into()));
                if !second.is_empty() {
                    files.push(file(2, created.plus(by), second.into()));
                }
            }
        }
    }

    fn reissue_of(&self, table: &LogTable, period: &Period) -> Option<Timestamp> {
        let reissued = self.reissued.lock().unwrap_or_else(PoisonError::into_inner);
        reissued.get(&(table.event_type.clone(), period.interval, period.log_date)).copied()
    }
}

/// Groups the rows of a table by hour and by day.
fn periods(number: usize, table: &LogTable) -> impl Iterator<Item = Period> + use<> {
    let mut periods = BTreeMap::<_, Vec<usize>>::new();
    for (row, LogRow { at, .. }) in table.rows.iter().enumerate() {
        for (interval, length) in [(Interval::Hourly, HOUR), (Interval::Daily, DAY)] {
            periods.entry((interval, at.plus(-at.0.rem_euclid(length)))).or_default().push(row);
        }
    }
    periods.into_iter().map(move |((interval, log_date), rows)| Period {
        table: number,
        interval,
        log_date,
        rows: rows.into(),
    })
}

impl fmt::Debug for LogBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
            Self::Generated { rows, .. } => write!(f, "Generated({rows})"),
        }
    }
}

fn id(org: &Org, event_type: &str, interval: Interval, log_date: Timestamp, sequence: u32) -> String {
    value::id("0AT", &format!("{} {event_type} {interval:?} {log_date} {sequence}", org.id))
}
