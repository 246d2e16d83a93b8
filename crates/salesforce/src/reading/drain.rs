//! Which query to send next to read all events of one object in one stretch of time.

use model::Timestamp;
use model::time::SECOND;
use std::fmt;

/// Reads a stretch of time backwards from its end: stored events can be sorted by the latest first, and in no other
/// order.
///
/// Rows may be read twice, where events share a moment and where a query is answered only in part. No row is left out,
/// except at the moments that [`Drain::truncated`] lists.
#[derive(Debug)]
pub struct Drain {
    from: Timestamp,
    /// The end of the stretch that is not read yet.
    to: Timestamp,
    /// Milliseconds that one query may reach back from `to`.
    width: i64,
    /// The most milliseconds: queries over more time out.
    max_width: i64,
    /// An answer of this many rows may have been cut off.
    full: usize,
    is_sorted: bool,
    /// The query under way, and the pages, rows and earliest time that it has given so far.
    query: Query,
    pages: usize,
    rows: usize,
    oldest: Timestamp,
    /// How often in a row the query has lost its cursor.
    lost: u32,
    truncated: Vec<Timestamp>,
}

/// A query for the events of a stretch of time; both ends are included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query {
    /// The first moment.
    pub from: Timestamp,
    /// The last moment.
    pub to: Timestamp,
    /// How many of the latest rows to return, latest first; all rows in any order where absent.
    pub latest: Option<usize>,
}

/// The next request of a drain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Send a query.
    Query(Query),
    /// Ask for the next page of the query under way.
    Page,
    /// All rows are read.
    Done,
}

/// Why Salesforce refused a query, as far as asking otherwise may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The query took too long.
    Timeout,
    /// The object does not support the query.
    Query,
    /// The cursor of a further page has expired.
    Cursor,
}

/// The shortest query in milliseconds that is still halved after a timeout. A choice.
const SHORTEST: i64 = SECOND;
/// How often in a row a query may lose its cursor before the drain gives up. A choice.
const MAX_LOST: u32 = 4;

impl Drain {
    /// Makes a drain of `from` to `to`, both included. `full` is how many rows a sorted query asks for; an unsorted one
    /// may be cut off if its first page has as many rows and there is no second page.
    pub fn new(from: Timestamp, to: Timestamp, is_sorted: bool, full: usize) -> Self {
        let width = to.since(from).max(0);
        let query = Query { from, to, latest: None };
        Self {
            from,
            to,
            width,
            max_width: width,
            full,
            is_sorted,
            query,
            pages: 0,
            rows: 0,
            oldest: to,
            lost: 0,
            truncated: Vec::new(),
        }
    }

    /// Returns the first request, or the one that replaces the query under way.
    pub fn ask(&mut self) -> Next {
        if self.to < self.from {
            return Next::Done;
        }
        let from = self.to.plus(-self.width).max(self.from);
        self.start(Query { from, to: self.to, latest: self.is_sorted.then_some(self.full) })
    }

    /// Takes in a page of `rows` rows, the earliest of which happened at `oldest`, and returns the next request.
    pub fn page(&mut self, rows: usize, oldest: Option<Timestamp>, has_more: bool) -> Next {
        self.pages += 1;
        self.rows += rows;
        self.oldest = oldest.map_or(self.oldest, |oldest| self.oldest.min(oldest));
        if has_more {
            return Next::Page;
        }
        self.lost = 0;
        let Query { from, to, latest } = self.query;
        let is_cut_off = match latest {
            Some(latest) => self.rows >= latest,
            // An answer of several pages is complete: its last page has no successor.
            None => self.pages == 1 && self.rows >= self.full,
        };
        if !is_cut_off {
            return self.continue_before(from);
        }
        if latest.is_some() && self.oldest < to {
            // The moment of the oldest row is read again: not all of its rows need be in this answer.
            self.to = self.oldest.max(from);
            return self.ask();
        }
        if latest.is_some() {
            return self.start(Query { from: to, to, latest: None });
        }
        if from < to {
            self.width = to.since(from) / 2;
            return self.ask();
        }
        self.truncated.push(to);
        self.continue_before(to)
    }

    /// Takes in that the query under way was refused, and returns the next request; `None` if no other query may help.
    pub fn refused(&mut self, refusal: Refusal) -> Option<Next> {
        let reach = self.query.to.since(self.query.from);
        match refusal {
            Refusal::Timeout if reach >= SHORTEST => {
                self.width = reach / 2;
                self.max_width = self.width;
            }
            // Some objects accept a filter, but no order.
            Refusal::Query if self.query.latest.is_some() => self.is_sorted = false,
            Refusal::Cursor if self.lost < MAX_LOST => {
                self.lost += 1;
                if self.lost > 1 {
                    self.width = reach / 2;
                }
            }
            _ => return None,
        }
        Some(self.ask())
    }

    /// Returns whether the object can sort its rows, as far as its answers have shown.
    pub fn is_sorted(&self) -> bool {
        self.is_sorted
    }

    /// Returns the moments that may have more rows than could be read.
    pub fn truncated(&self) -> &[Timestamp] {
        &self.truncated
    }

    fn continue_before(&mut self, time: Timestamp) -> Next {
        if self.rows < self.full / 4 {
            self.width = self.width.saturating_mul(2).max(1).min(self.max_width);
        }
        self.to = time.plus(-1);
        self.ask()
    }

    fn start(&mut self, query: Query) -> Next {
        self.query = query;
        self.pages = 0;
        self.rows = 0;
        self.oldest = query.to;
        Next::Query(query)
    }
}

impl Query {
    /// Returns the query as SOQL.
    pub fn soql(&self, object: &str, fields: &[String]) -> String {
        format!("SELECT {} FROM {object} WHERE {self}", fields.join(","))
    }
}

/// Writes the condition after `WHERE`. It uses no `=`, which some objects refuse, and times end with `Z`, the only zone
/// that all objects accept.
impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventDate >= {} AND EventDate <= {}", self.from, self.to)?;
        match self.latest {
            Some(latest) => write!(f, " ORDER BY EventDate DESC LIMIT {latest}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
