//! Event log objects: the rows of log files as query results.

use super::{LogTable, split};
use crate::objects::{Class, Field, Kind, NO_ID, Object};
use crate::value;
use serde_json::{Map, Value};

/// Columns with whole numbers.
const NUMBERS: &[&str] = &[
    "RUN_TIME",
    "CPU_TIME",
    "DB_TOTAL_TIME",
    "ROWS_PROCESSED",
    "ROW_COUNT",
    "RECORDS_PROCESSED",
    "RECORDS_FAILED",
    "NUMBER_FIELDS",
    "NUMBER_COLUMNS",
    "STATUS_CODE",
    "REQUEST_SIZE",
    "RESPONSE_SIZE",
    "SIZE_BYTES",
];

/// The name of a type's event log object: `RestApiEventLog` for `RestApi`.
pub(crate) fn object_name(event_type: &str) -> String {
    match event_type {
        "API" => "ApiEventLog".to_owned(),
        "URI" => "UriEventLog".to_owned(),
        other => format!("{other}EventLog"),
    }
}

/// Describes the event log object of a table.
pub(crate) fn object(table: &LogTable) -> Object {
    let fields = table.columns.iter().filter_map(|column| {
        let name = field_name(column, &table.columns)?;
        let kind = match column.as_str() {
            "TIMESTAMP_DERIVED" => Kind::Time,
            column if NUMBERS.contains(&column) => Kind::Int,
            _ => Kind::Text,
        };
        Some(Field { name, kind, stored_only: true })
    });
    let id = Field::read("Id:r");
    Object::new(&object_name(&table.event_type), Class::EventLog, std::iter::once(id).chain(fields).collect())
}

/// Converts a row of a log file to the fields of a record.
pub(crate) fn fields(table: &LogTable, line: &str) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("Id".to_owned(), NO_ID.into());
    for (column, text) in table.columns.iter().zip(split(line)) {
        let Some(name) = field_name(column, &table.columns) else { continue };
        let value = match column.as_str() {
            _ if text.is_empty() => Value::Null,
            "TIMESTAMP_DERIVED" => value::time(&text).map(value::stored_time).into(),
            column if NUMBERS.contains(&column) => text.parse::<i64>().ok().into(),
            _ => text.into(),
        };
        fields.insert(name, value);
    }
    fields
}

/// The field of a column: `RowsProcessed` for `ROWS_PROCESSED`; `None` for columns that objects do not have.
fn field_name(column: &str, columns: &[String]) -> Option<String> {
    let derived = format!("{column}_DERIVED");
    match column {
        "EVENT_TYPE" => None,
        _ if columns.contains(&derived) => None,
        "DB_TOTAL_TIME" => Some("DatabaseTotalTime".to_owned()),
        column => {
            let column = column.strip_suffix("_DERIVED").unwrap_or(column);
            Some(match column.strip_suffix("_ID") {
                Some(what) => format!("{}Identifier", camel(what)),
                None => camel(column),
            })
        }
    }
}

fn camel(column: &str) -> String {
    let word = |word: &str| {
        let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
        first.to_owned() + &rest.to_lowercase()
    };
    column.split('_').map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_mapped_to_fields() {
        let columns: Vec<String> =
            ["USER_ID", "USER_ID_DERIVED", "TIMESTAMP", "TIMESTAMP_DERIVED"].map(str::to_owned).into();
        let check = |column: &str, name: Option<&str>| assert_eq!(field_name(column, &columns).as_deref(), name);
        check("ROWS_PROCESSED", Some("RowsProcessed"));
        check("USER_ID", None);
        check("USER_ID_DERIVED", Some("UserIdentifier"));
        check("TIMESTAMP_DERIVED", Some("Timestamp"));
        check("CONNECTED_APP_ID", Some("ConnectedAppIdentifier"));
        check("REQUEST_ID", Some("RequestIdentifier"));
        check("URI", Some("Uri"));
    }
}
