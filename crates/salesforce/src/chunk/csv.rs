//! Finds the rows of tables. A quoted field may contain line breaks.

use super::{Cut, Records};
use crate::csv::dialect::Line;
use crate::csv::{Header, row_end};
use crate::format::BOM;
use std::sync::Arc;

/// Finds rows, and keeps the latest header.
#[derive(Default)]
pub(super) struct Splitter {
    header: Option<Arc<Header>>,
    /// The delimiter that a line before the header names.
    separator: Option<u8>,
}

impl Splitter {
    pub(super) fn header(&self) -> Option<Arc<Header>> {
        self.header.clone()
    }

    /// Cuts rows that share a header: the chunk ends before the next header.
    pub(super) fn cut(&mut self, buffer: &[u8], has_ended: bool) -> Cut {
        let mut rows = Vec::new();
        let (mut skip, mut end) = (0, 0);
        while let Some(rest) = buffer.get(end..).filter(|rest| !rest.is_empty()) {
            let Some(length) = row_end(rest, has_ended, self.delimiter()) else { break };
            let row = rest.get(..length).unwrap_or(rest);
            if self.is_header(row) {
                if end > skip {
                    break;
                }
                self.take_header(row.strip_prefix(BOM).unwrap_or(row), rest.get(length..).unwrap_or_default());
                skip = end + length;
            } else {
                rows.push(end - skip..end - skip + length);
            }
            end += length;
        }
        Cut { skip, end, records: Records::Spans(rows), hints: Arc::default() }
    }

    /// Takes in a header, or a line before it. `rows` are those behind it.
    fn take_header(&mut self, row: &[u8], rows: &[u8]) {
        match Line::of(row) {
            Line::PassedOver => {}
            Line::Separator(delimiter) => self.separator = Some(delimiter),
            // A repeated header is kept, so that where a chunk ends makes no difference.
            Line::Header if self.header.as_ref().is_some_and(|header| header.is_written_as(row)) => {}
            Line::Header => self.header = Some(Arc::new(Header::new(row, self.separator.take(), rows))),
        }
    }

    fn delimiter(&self) -> u8 {
        self.header.as_ref().map_or(b',', |header| header.delimiter())
    }

    /// Returns whether the row is a header. Concatenated files have several.
    fn is_header(&self, row: &[u8]) -> bool {
        let Some(header) = &self.header else { return true };
        let row = row.strip_prefix(BOM).unwrap_or(row);
        let name = row.strip_prefix(b"\"").unwrap_or(row);
        name.starts_with(b"EVENT_TYPE") || header.is_written_as(row)
    }
}
