//! What to ask next for all events of one object in one stretch of time.

use model::Timestamp;
use model::time::SECOND;
use salesforce_client::Trouble;
use std::fmt;

/// Reads backwards from the end: objects can be sorted by the latest first, and by nothing else.
///
/// Events that share a moment, and queries that are answered in part, make rows come twice. None is left out but those
/// of [`Drain::truncated`].
#[derive(Debug)]
pub(super) struct Drain {
    from: Timestamp,
    /// The end of what is still to be read.
    to: Timestamp,
    /// Milliseconds that one query may reach back from `to`.
    width: i64,
    /// The most of them: over more, queries take too long.
    most: i64,
    /// So many rows may be a part only.
    full: usize,
    is_sorted: bool,
    /// The query under way, and what it has given so far.
    query: Query,
    pages: usize,
    rows: usize,
    oldest: Timestamp,
    /// How often the query has lost its cursor in a row.
    lost: u32,
    truncated: Vec<Timestamp>,
}

/// Both ends are included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    /// The latest so many rows; where absent all, in whatever order.
    pub(super) latest: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Ask(Query),
    /// The next page of the query under way.
    More,
    Done,
}

/// A query over less than this is not made smaller because it takes too long.
const LEAST: i64 = SECOND;
/// How often in a row a query may lose its cursor.
const MOST_LOST: u32 = 4;

impl Drain {
    /// A drain of `from` to `to`, both included. A query is given `full` rows at most where it is sorted; where it is
    /// not, a first page of as many without a next one may be cut off.
    pub(super) fn new(from: Timestamp, to: Timestamp, is_sorted: bool, full: usize) -> Self {
        let width = to.since(from).max(0);
        let query = Query { from, to, latest: None };
        Self {
            from,
            to,
            width,
            most: width,
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

    /// The first step, and the next after a query that is to be asked otherwise.
    pub(super) fn ask(&mut self) -> Step {
        if self.to < self.from {
            return Step::Done;
        }
        let from = self.to.plus(-self.width).max(self.from);
        self.start(Query { from, to: self.to, latest: self.is_sorted.then_some(self.full) })
    }

    /// A page has come, of so many rows; `oldest` is their earliest time.
    pub(super) fn page(&mut self, rows: usize, oldest: Option<Timestamp>, has_more: bool) -> Step {
        self.pages += 1;
        self.rows += rows;
        self.oldest = oldest.map_or(self.oldest, |oldest| self.oldest.min(oldest));
        if has_more {
            return Step::More;
        }
        self.lost = 0;
        let Query { from, to, latest } = self.query;
        let is_cut_off = match latest {
            Some(latest) => self.rows >= latest,
            // Pages that lead from one to the next end with the last.
            None => self.pages == 1 && self.rows >= self.full,
        };
        if !is_cut_off {
            return self.go_on_before(from);
        }
        if latest.is_some() && self.oldest < to {
            // Included: not all rows of that moment need be here.
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
        self.go_on_before(to)
    }

    /// The query under way has failed: the next step, unless nothing can be asked otherwise.
    pub(super) fn refused(&mut self, trouble: Trouble) -> Option<Step> {
        let reach = self.query.to.since(self.query.from);
        match trouble {
            Trouble::QueryTimeout if reach >= LEAST => {
                self.width = reach / 2;
                self.most = self.width;
            }
            // Some objects take a filter and nothing else.
            Trouble::Query if self.query.latest.is_some() => self.is_sorted = false,
            Trouble::Cursor if self.lost < MOST_LOST => {
                self.lost += 1;
                if self.lost > 1 {
                    self.width = reach / 2;
                }
            }
            _ => return None,
        }
        Some(self.ask())
    }

    /// Whether the object lets its rows be sorted, as far as is known.
    pub(super) fn is_sorted(&self) -> bool {
        self.is_sorted
    }

    /// Moments of which there may be more rows than could be read.
    pub(super) fn truncated(&self) -> &[Timestamp] {
        &self.truncated
    }

    fn go_on_before(&mut self, time: Timestamp) -> Step {
        if self.rows < self.full / 4 {
            self.width = self.width.saturating_mul(2).max(1).min(self.most);
        }
        self.to = time.plus(-1);
        self.ask()
    }

    fn start(&mut self, query: Query) -> Step {
        self.query = query;
        self.pages = 0;
        self.rows = 0;
        self.oldest = query.to;
        Step::Ask(query)
    }
}

impl Query {
    pub(super) fn soql(&self, object: &str, fields: &[String]) -> String {
        format!("SELECT {} FROM {object} WHERE {self}", fields.join(","))
    }
}

/// What follows `WHERE`. No `=`, which some objects refuse; times end with `Z`, the one zone that all take.
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
