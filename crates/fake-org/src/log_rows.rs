//! Rows of event log files.

mod derive;
mod objects;

pub(crate) use derive::derive;
pub(crate) use objects::{fields, object, object_name};

use crate::value;
use model::Timestamp;

/// The rows of one event type.
#[derive(Clone, Debug)]
pub struct LogTable {
    /// As in the column `EVENT_TYPE`.
    pub event_type: String,
    pub columns: Vec<String>,
    /// In order of time.
    pub rows: Vec<LogRow>,
}

#[derive(Clone, Debug)]
pub struct LogRow {
    pub at: Timestamp,
    /// As in the file: every field quoted, without the line feed.
    pub line: Box<str>,
}

impl LogTable {
    /// The header, with its line feed.
    pub(crate) fn header(&self) -> String {
        line(&self.columns) + "\n"
    }
}

/// A row of a file.
pub(crate) fn line(fields: &[String]) -> String {
    let quoted: Vec<String> = fields.iter().map(|field| format!("\"{}\"", field.replace('"', "\"\""))).collect();
    quoted.join(",")
}

/// The fields of a row, every one of which is quoted.
pub(crate) fn split(line: &str) -> Vec<String> {
    let inner = line.strip_prefix('"').and_then(|line| line.strip_suffix('"')).unwrap_or(line);
    // What ends one field and begins the next cannot be within one: there, quotes are doubled.
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

/// Makes tables of the lines of files.
#[derive(Debug, Default)]
pub(crate) struct Splitter {
    columns: Vec<String>,
    /// The beginning of a row that goes on in the next line.
    open: String,
}

impl Splitter {
    pub(crate) fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Takes one more line.
    ///
    /// # Errors
    /// If a row is complete and has no type, or no time.
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
            let place = self.columns.iter().position(|column| column == name)?;
            fields.get(place).map(String::as_str)
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
