//! How the records of a file are written: for people who want to know what is read of it.

use crate::envelope::{self, Found};
use crate::{Chunk, Context};
use serde::Serialize;

/// How a record is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shape {
    /// Names of the envelopes around it, the outermost first. Elements of arrays have no name.
    pub envelope: Vec<String>,
    /// Its columns or members, in their order, and what is done with each.
    pub columns: Vec<(String, ColumnUse)>,
}

/// What is done with a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnUse {
    /// It is read as this field.
    Field(&'static str),
    /// It is known and passed over: orgwatch does not use it.
    Passed,
    /// It is kept as an attribute of the activity, as it came.
    Attribute,
}

/// Returns how the first record of a chunk is written; `None` if there is none.
pub fn shape(chunk: &Chunk, context: &Context) -> Option<Shape> {
    let mut shape = None;
    let mut see = |found: Found<'_, '_>| {
        shape.get_or_insert_with(|| Shape {
            envelope: found.path.to_vec(),
            columns: envelope::uses(&found, context.types).map(|(name, column)| (name.to_owned(), column)).collect(),
        });
    };
    chunk.records().find(|(_, record)| {
        let opened = match &chunk.header {
            Some(header) => envelope::open_row(header.members(record), context.types, &mut see),
            None => envelope::open(&String::from_utf8_lossy(record), context.types, &chunk.hints, &mut see),
        };
        opened.records > 0
    });
    shape
}
