//! A log file with its metadata, and the streaming of its content.

use super::{Interval, LogBody, LogFile, Period, id};
use crate::body::Chunks;
use crate::log_rows::{self, LogTable};
use crate::org::Org;
use crate::value;
use bytes::Bytes;
use model::Timestamp;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// A log file in the list.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) id: String,
    pub(crate) event_type: String,
    interval: Interval,
    sequence: u32,
    log_date: Timestamp,
    pub(super) created: Timestamp,
    columns: Vec<String>,
    length: u64,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    Given(LogBody),
    /// Rows of a table, by their indexes.
    Rows {
        table: usize,
        rows: Arc<[usize]>,
    },
}

impl Listed {
    /// Makes a file from rows of a table.
    pub(super) fn made(
        org: &Org,
        table: &LogTable,
        period: &Period,
        sequence: u32,
        created: Timestamp,
        rows: Arc<[usize]>,
    ) -> Self {
        let lines = rows.iter().filter_map(|row| table.rows.get(*row)).map(|row| row.line.len() + 1);
        Self {
            id: id(org, &table.event_type, period.interval, period.log_date, sequence),
            event_type: table.event_type.clone(),
            interval: period.interval,
            sequence,
            log_date: period.log_date,
            created,
            columns: table.columns.clone(),
            length: (table.header().len() + lines.sum::<usize>()) as u64,
            content: Content::Rows { table: period.table, rows },
        }
    }

    /// Makes a file from one that a test added.
    pub(super) fn given(org: &Org, file: &LogFile) -> Self {
        let (header, length) = match &file.body {
            LogBody::Bytes(bytes) => {
                let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
                (String::from_utf8_lossy(first).into_owned(), bytes.len() as u64)
            }
            LogBody::Generated { header, length, .. } => (header.trim_end().to_owned(), *length),
        };
        Self {
            id: id(org, &file.event_type, file.interval, file.log_date, file.sequence),
            event_type: file.event_type.clone(),
            interval: file.interval,
            sequence: file.sequence,
            log_date: file.log_date,
            created: file.created,
            columns: log_rows::split(&header),
            length,
            content: Content::Given(file.body.clone()),
        }
    }

    /// Returns the content in pieces of about 64 KiB, made when they are needed.
    pub(crate) fn chunks(self, org: &Arc<Org>) -> Chunks {
        const PIECE: usize = 1 << 16;
        let mut lines: Box<dyn Iterator<Item = String> + Send> = match self.content {
            Content::Given(LogBody::Bytes(mut bytes)) => {
                let pieces = std::iter::from_fn(move || Some(bytes.split_to(PIECE.min(bytes.len()))));
                return Box::new(pieces.take_while(|piece| !piece.is_empty()));
            }
            Content::Given(LogBody::Generated { header, rows, row, .. }) => {
                Box::new(std::iter::once(header).chain((0..rows).map(move |number| row(number))))
            }
            Content::Rows { table, rows } => {
                let org = Arc::clone(org);
                let header = org.files.tables(&org).get(table).map(LogTable::header);
                let line = move |number| {
                    let row = org.files.tables(&org).get(table)?.rows.get(*rows.get::<usize>(number)?)?;
                    Some(format!("{}\n", row.line))
                };
                Box::new(header.into_iter().chain((0..).map_while(line)))
            }
        };
        Box::new(std::iter::from_fn(move || {
            let mut piece = String::with_capacity(PIECE + 1_024);
            while piece.len() < PIECE
                && let Some(line) = lines.next()
            {
                piece.push_str(&line);
            }
            (!piece.is_empty()).then(|| Bytes::from(piece))
        }))
    }

    /// The file as a row of `EventLogFile`.
    pub(super) fn fields(&self) -> Map<String, Value> {
        let interval = match self.interval {
            Interval::Hourly => "Hourly",
            Interval::Daily => "Daily",
        };
        let created = value::stored_time(self.created);
        let fields = json!({
            "Id": self.id,
            "EventType": self.event_type,
            "Interval": interval,
            "Sequence": self.sequence,
            "LogDate": value::stored_time(self.log_date),
            "LogFile": format!("/services/data/v62.0/sobjects/EventLogFile/{}/LogFile", self.id),
            "LogFileContentType": "text/csv",
            "LogFileFieldNames": self.columns.join(","),
            "LogFileFieldTypes": vec!["String"; self.columns.len()].join(","),
            "LogFileLength": self.length as f64,
            "ApiVersion": 62.0,
            "CreatedDate": created,
            "LastModifiedDate": created,
            "SystemModstamp": created,
            "IsDeleted": false,
        });
        match fields {
            Value::Object(fields) => fields,
            _ => Map::new(),
        }
    }
}
