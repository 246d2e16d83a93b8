//! One file as it is listed and read.

use super::{Interval, LogBody, LogFile, id};
use crate::body::Chunks;
use crate::log_rows::{self, LogTable};
use crate::org::Org;
use crate::value;
use bytes::Bytes;
use model::Timestamp;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// A file as it is listed.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) id: String,
    pub(crate) event_type: String,
    pub(super) interval: Interval,
    pub(super) sequence: u32,
    pub(super) log_date: Timestamp,
    pub(super) created: Timestamp,
    pub(super) columns: Vec<String>,
    pub(super) length: u64,
    pub(super) content: Content,
}

#[derive(Clone, Debug)]
pub(super) enum Content {
    Given(LogBody),
    /// Rows of a table.
    Rows {
        table: usize,
        rows: Vec<usize>,
    },
}

impl Listed {
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

    /// The file, in pieces of about 64 KiB.
    pub(crate) fn chunks(self, org: &Arc<Org>) -> Chunks {
        const PIECE: usize = 1 << 16;
        let lines: Box<dyn Iterator<Item = String> + Send> = match self.content {
            Content::Given(LogBody::Bytes(bytes)) => {
                let count = bytes.len().div_ceil(PIECE);
                return Box::new(
                    (0..count).map(move |number| bytes.slice(number * PIECE..bytes.len().min((number + 1) * PIECE))),
                );
            }
            Content::Given(LogBody::Generated { header, rows, row, .. }) => {
                Box::new(std::iter::once(header).chain((0..rows).map(move |number| row(number))))
            }
            Content::Rows { table, rows } => {
                let tables = Arc::clone(org);
                let header = org.files.tables(org).get(table).map(LogTable::header);
                let line = move |row: usize| {
                    let row = tables.files.tables(&tables).get(table)?.rows.get(row)?;
                    Some(format!("{}\n", row.line))
                };
                Box::new(header.into_iter().chain(rows.into_iter().filter_map(line)))
            }
        };
        let mut lines = lines;
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
