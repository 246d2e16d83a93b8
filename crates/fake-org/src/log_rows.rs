//! Rows of event log files, as CSV.

mod derive;
mod objects;

pub(crate) use derive::derive;
pub(crate) use objects::{fields, object, object_name};

use crate::value;
use model::Timestamp;

/// The rows of one event type.
#[derive(Clone, Debug)]
pub struct LogTable {
    /// The value of the column `EVENT_TYPE`.
    pub event_type: String,
    /// The names of the columns, in order.
    pub columns: Vec<String>,
    /// The rows, by time.
    pub rows: Vec<LogRow>,
}

/// A row of an event log file.
#[derive(Clone, Debug)]
pub struct LogRow {
    /// The time in `TIMESTAMP_DERIVED`.
    pub at: Timestamp,
    /// The row's CSV text: every field quoted, without the line feed.
    pub line: Box<str>,
}

impl LogTable {
    /// Formats the header, with its line feed.
    pub(crate) fn header(&self) -> String {
        line(&self.columns) + "\n"
    }
}

/// Formats a row, with every field quoted, without a line feed.
pub(crate) fn line(fields: &[String]) -> String {
    let quoted: Vec<String> = fields.iter().map(|field| format!("\"{}\"", field.replace('"', "\"\""))).collect();
    quoted.join(",")
}

/// Splits a row into its fields; all must be quoted.
pub(crate) fn split(line: &str) -> Vec<String> {
    let inner = line.strip_prefix('"').and_then(|line| line.strip_suffix('"')).unwrap_or(line);
    // A single quote ends a field, since quotes within one are doubled.
    let mut fields = vec![String::new()];
    let mut characters = inner.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if characters.next_if_eq(&'"').is_some() => {
                fields.iter_mut().last().into_iter().for_each(|f| f.push('"'))
            }
            '"' => {
                characters.next_if_eq(&',');
                characters.next_if_eq(&'"');
                fields.push(String::new());
            }
            other => fields.iter_mut().last().into_iter().for_each(|field| field.push(other)),
        }
    }
    fields
}

/// Collects lines of files into tables.
#[derive(Debug, Default)]
pub(crate) struct Splitter {
    columns: Vec<String>,
    /// The start of a row that continues in the next line.
    open: String,
}

impl Splitter {
    /// Whether the next line continues a row.
    pub(crate) fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Adds a line.
    ///
    /// # Errors
    /// If it completes a row without a type or a time.
    pub(crate) fn push(&mut self, text: &str, tables: &mut Vec<LogTable>) -> Result<(), String> {
        if self.is_open() {
            self.open.push('\n');
        }
        self.open.push_str(text);
        if !self.open.matches('"').count().is_multiple_of(2) {
            return Ok(());
        }
        let row = std::mem::take(&mut self.open);
        let fields = split(&row);
        if fields.first().is_some_and(|first| first == "EVENT_TYPE") {
            self.columns = fields;
            return Ok(());
        }
        let field = |name: &str| {
            let index = self.columns.iter().position(|column| column == name)?;
            fields.get(index).map(String::as_str)
        };
        let event_type = field("EVENT_TYPE").ok_or("no EVENT_TYPE")?;
        let time = field("TIMESTAMP_DERIVED").and_then(value::time).ok_or("no time in TIMESTAMP_DERIVED")?;
        let row = LogRow { at: time, line: row.into() };
        match tables.iter_mut().find(|table| table.event_type == event_type && table.columns == self.columns) {
            Some(table) => table.rows.push(row),
            None => tables.push(LogTable {
                event_type: event_type.to_owned(),
                columns: self.columns.clone(),
                rows: vec![row],
            }),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_survive_being_written_and_read() {
        let fields: Vec<String> = ["", "a,b", "he said \"no\"", "\"\"", "two\nlines", "end"].map(str::to_owned).into();
        assert_eq!(split(&line(&fields)), fields);
    }
}
