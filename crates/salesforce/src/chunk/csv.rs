//! Finds the rows of log files. A quoted field may contain line breaks.

use super::{Cut, Records};
use crate::csv::{Header, row_end};
use crate::format::BOM;
use std::sync::Arc;

/// Finds rows, and keeps the latest header.
#[derive(Default)]
pub(super) struct Splitter {
    header: Option<Arc<Header>>,
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
            let Some(length) = row_end(rest, has_ended) else { break };
            let row = rest.get(..length).unwrap_or(rest);
            if self.is_header(row) {
                if end > skip {
                    break;
                }
                let row = row.strip_prefix(BOM).unwrap_or(row);
                self.header = (!row.trim_ascii().is_empty()).then(|| Arc::new(Header::new(row)));
                skip = end + length;
            } else {
                rows.push(end - skip..end - skip + length);
            }
            end += length;
        }
        Cut { skip, end, records: Records::Spans(rows) }
    }

    /// Returns whether the row is a header. Concatenated files have several.
    fn is_header(&self, row: &[u8]) -> bool {
        let Some(header) = &self.header else { return true };
        let row = row.strip_prefix(BOM).unwrap_or(row);
        let name = row.strip_prefix(b"\"").unwrap_or(row);
        name.starts_with(b"EVENT_TYPE") || header.is_written_as(row)
    }
}
