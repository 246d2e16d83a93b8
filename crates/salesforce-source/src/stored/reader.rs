//! Reads windows of stored events, and publishes them.

use super::fields;
use super::rows::{PageRows, RowId, Rows, unreadable};
use super::stop::{ObjectStop, Stop};
use crate::common::{Common, Purpose};
use ingest::meter::{Counts, SourceKind};
use ingest::{SourceError, Unread};
use model::{Activity, Channel, Timestamp};
use runtime::retry::{Backoff, random};
use salesforce::reading::drain::{Drain, Next, Refusal};
use salesforce::reading::source_name;
use salesforce::reading::sweep::{Object, Part, Span, Sweep};
use salesforce_client::{Error, Page, Trouble};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use store::NewGap;

/// Reads stored events of one org.
pub(super) struct Reader {
    pub(super) common: Common,
    /// The described objects, by name.
    objects: BTreeMap<&'static str, Arc<Described>>,
    /// The acknowledged rows of each object, as far back as they are read again.
    known: BTreeMap<&'static str, BTreeSet<RowId>>,
    pub(super) delays: Backoff<fn() -> f64>,
    /// The number of passing failures in a row.
    failures: u32,
}

/// One window, published and acknowledged.
#[derive(Debug, Default)]
pub(super) struct Delivered {
    pub(super) read: Vec<ReadPart>,
    /// The parts that could not be read, each with the problem for an operator.
    pub(super) failed: Vec<(Part, String)>,
    pub(super) activities: usize,
}

/// A part of a window that was read.
#[derive(Debug)]
pub(super) struct ReadPart {
    pub(super) part: Part,
    pub(super) ids: BTreeSet<RowId>,
    /// The moments that may have more rows than could be read.
    pub(super) truncated: Vec<Timestamp>,
}

/// About how many rows are held at once. A choice that bounds memory.
pub(super) const MAX_ROWS: usize = if cfg!(test) { 4_000 } else { 50_000 };
/// Rows of a page, and of a sorted query: the most that Salesforce returns at once.
const BATCH: u16 = 2_000;
/// How many passing failures in a row are waited out. A choice.
const MAX_FAILURES: u32 = 6;

/// A described object.
struct Described {
    fields: Vec<String>,
    is_sorted: bool,
}

const SOURCE: SourceKind = SourceKind::Salesforce(Channel::Stored);

enum Call<'a> {
    Query(&'a str),
    More(&'a str),
}

impl Reader {
    pub(super) fn new(common: Common) -> Self {
        let delays = Backoff::new(Duration::from_secs(1), Duration::from_secs(60), random as fn() -> f64);
        Self { common, objects: BTreeMap::new(), known: BTreeMap::new(), delays, failures: 0 }
    }

    /// Asks the org for its time.
    pub(super) async fn clock(&self) -> Result<Timestamp, Stop> {
        match self.common.client.limits().await {
            // A user may lack the permission to read limits, but any answer has the time.
            Ok(_) => {}
            Err(error) if error.trouble() == Trouble::Denied => {}
            Err(error) => return Err(Stop::of(&error)),
        }
        self.common.client.server_time().ok_or_else(|| Stop::because("the org's answers have no time"))
    }

    /// Reads the next window of a sweep; `None` once all is read. Skips the rest of spans that cannot be read.
    pub(super) async fn step(&mut self, sweep: &mut Sweep, purpose: Purpose) -> Result<Option<Delivered>, Stop> {
        loop {
            let (parts, max_rows) = sweep.next();
            if parts.is_empty() {
                return Ok(None);
            }
            let Some((delivered, rows)) = self.window(&parts, max_rows, purpose).await? else {
                sweep.narrow();
                continue;
            };
            delivered.read.iter().for_each(|read| sweep.read(&read.part));
            for (part, problem) in &delivered.failed {
                sweep.leave(part.index);
                self.common.watch.failed(Channel::Stored, &[part.span.object.kind], problem.clone());
            }
            sweep.held(rows);
            return Ok(Some(delivered));
        }
    }

    /// Remembers acknowledged rows, and forgets those before `from`, which will not be read again.
    pub(super) fn remember(&mut self, object: Object, ids: BTreeSet<RowId>, from: Timestamp) {
        let known = self.known.entry(object.name).or_default();
        known.extend(ids);
        *known = known.split_off(&(from, model::Uuid::nil()));
    }

    /// Reads one window; `None` if it holds more than `max_rows` rows.
    async fn window(
        &mut self,
        parts: &[Part],
        max_rows: usize,
        purpose: Purpose,
    ) -> Result<Option<(Delivered, usize)>, Stop> {
        let mut delivered = Delivered::default();
        let mut activities: Vec<Activity> = Vec::new();
        let (mut rows, mut rejected, mut counts) = (0, 0, salesforce::Counts::default());
        for part in parts {
            match self.drain(part.span, max_rows.saturating_sub(rows)).await {
                Ok((read, truncated)) => {
                    rows += read.ids.len();
                    rejected += read.rejected;
                    counts.append(read.counts);
                    activities.extend(read.activities);
                    delivered.read.push(ReadPart { part: *part, ids: read.ids, truncated });
                }
                Err(ObjectStop::Object(problem)) => delivered.failed.push((*part, problem)),
                Err(ObjectStop::TooManyRows) => return Ok(None),
                Err(ObjectStop::All(stop)) => return Err(stop),
            }
        }
        for read in &delivered.read {
            self.report_truncated(read).await?;
        }
        activities.sort_unstable_by_key(|activity| (activity.event_time, activity.id));
        // Spans of one object may overlap.
        activities.dedup_by_key(|activity| activity.id);
        delivered.activities = activities.len();
        if purpose == Purpose::Watch {
            // Not every API version has the time at which a row was written.
            let now = self.common.client.server_time();
            activities.iter_mut().for_each(|activity| activity.received_at = activity.received_at.or(now));
        }
        if !activities.is_empty() {
            let ticket = self.common.publish(Channel::Stored, activities, purpose).await?;
            ticket.await.map_err(SourceError::from)?;
        }
        self.common.meter.records(SOURCE, Counts { rejected, ignored: counts.ignored(), ..Counts::default() });
        self.common.meter.unread(SOURCE, &counts);
        Ok(Some((delivered, rows)))
    }

    /// Reads all rows of a span that are not known; returns them with the moments that may have more.
    async fn drain(&mut self, span: Span, max_rows: usize) -> Result<(Rows, Vec<Timestamp>), ObjectStop> {
        let name = span.object.name;
        let mut object = self.described(span.object).await?;
        let mut drain = Drain::new(span.from, span.to, object.is_sorted, BATCH.into());
        let mut rows = Rows::default();
        let mut cursor = String::new();
        let mut is_described_again = false;
        let mut next = drain.ask();
        loop {
            let answer = match next {
                Next::Done => break,
                Next::Query(query) => self.call(Call::Query(&query.soql(name, &object.fields))).await?,
                Next::Page => self.call(Call::More(&cursor)).await?,
            };
            next = match answer {
                Ok(page) => {
                    let read = self.read(&page, &mut rows, span.object).await?;
                    if rows.ids.len() > max_rows {
                        return Err(ObjectStop::TooManyRows);
                    }
                    let has_more = page.next.is_some();
                    cursor = page.next.unwrap_or_default();
                    drain.page(read.rows, read.oldest, has_more)
                }
                Err(error) if is_unknown_field(&error) && !is_described_again => {
                    is_described_again = true;
                    self.objects.remove(name);
                    object = self.described(span.object).await?;
                    drain.ask()
                }
                Err(error) => refusal(error.trouble())
                    .and_then(|refusal| drain.refused(refusal))
                    .ok_or_else(|| ObjectStop::of(name, &error))?,
            };
        }
        if object.is_sorted && !drain.is_sorted() {
            let described = Described { fields: object.fields.clone(), is_sorted: false };
            self.objects.insert(name, Arc::new(described));
        }
        Ok((rows, drain.truncated().to_vec()))
    }

    async fn read(&self, page: &Page, rows: &mut Rows, object: Object) -> Result<PageSummary, ObjectStop> {
        let broken = |problem| ObjectStop::Object(format!("{}: {problem}", object.name));
        self.common.meter.bytes(SOURCE, page.body.len() as u64);
        let org = &self.common.org;
        let read = PageRows::read(page, org).map_err(broken)?;
        let summary = PageSummary { rows: read.ids.len(), oldest: read.oldest() };
        if summary.rows > 0 && summary.oldest.is_none() {
            return Err(broken("its rows have no time".to_owned()));
        }
        let none = BTreeSet::new();
        let unused = rows.add(read, self.known.get(object.name).unwrap_or(&none));
        let unreadable = unreadable(page, unused, org).map_err(broken)?;
        rows.rejected += unreadable.len();
        for row in unreadable {
            let unread = Unread {
                org: org.clone(),
                source: format!("stored/{}", object.name),
                position: row.identifier,
                reason: row.reason,
                record: row.text.into(),
            };
            self.common.sink.set_aside(unread).await;
        }
        Ok(summary)
    }

    async fn described(&mut self, object: Object) -> Result<Arc<Described>, ObjectStop> {
        if let Some(described) = self.objects.get(object.name) {
            return Ok(Arc::clone(described));
        }
        let description = loop {
            self.check_calls()?;
            match self.common.client.describe(object.name).await {
                Ok(description) => break description,
                Err(error) => {
                    if let Some(error) = self.wait(error).await? {
                        return Err(ObjectStop::of(object.name, &error));
                    }
                }
            }
        };
        self.answered();
        let fields = fields::select(&description).map_err(ObjectStop::Object)?;
        let described = Arc::new(Described { fields, is_sorted: true });
        self.objects.insert(object.name, Arc::clone(&described));
        Ok(described)
    }

    /// Asks for one page, and waits out passing failures.
    async fn call(&mut self, call: Call<'_>) -> Result<Result<Page, Error>, Stop> {
        loop {
            self.check_calls()?;
            let client = &self.common.client;
            let answer = match call {
                Call::Query(soql) => client.query(soql, BATCH).await,
                Call::More(next) => client.more(next).await,
            };
            match answer {
                Ok(page) => {
                    self.answered();
                    return Ok(Ok(page));
                }
                Err(error) => {
                    if let Some(error) = self.wait(error).await? {
                        return Ok(Err(error));
                    }
                }
            }
        }
    }

    /// Waits after a passing failure, at growing intervals, and returns `None`. Returns any other failure, and a passing
    /// one that lasts although the org answers.
    async fn wait(&mut self, error: Error) -> Result<Option<Error>, Stop> {
        if error.trouble() != Trouble::Passing {
            return Ok(Some(error));
        }
        if self.failures < MAX_FAILURES {
            self.failures += 1;
            tokio::time::sleep(self.delays.next().unwrap_or_default()).await;
            return Ok(None);
        }
        self.clock().await?;
        self.answered();
        Ok(Some(error))
    }

    fn answered(&mut self) {
        self.failures = 0;
        self.delays.reset();
    }

    /// Never spends the reserve of the org's API calls.
    fn check_calls(&self) -> Result<(), Stop> {
        self.common.used_up().map_or(Ok(()), |_| Err(Stop::budget(self.common.settings.calls_floor)))
    }

    /// Stores a gap for each moment that may have more rows than could be read.
    async fn report_truncated(&self, read: &ReadPart) -> Result<(), Stop> {
        let Object { kind, name } = read.part.span.object;
        for moment in &read.truncated {
            tracing::warn!(object = name, %moment, "a moment may have more events than can be read");
            let gap = NewGap {
                source: source_name(Channel::Stored).to_owned(),
                kind: kind.as_str().to_owned(),
                from: *moment,
                to: *moment,
                reason: "a moment has more events than a query returns".to_owned(),
            };
            self.common.watch.open_gap(gap).await?;
        }
        Ok(())
    }
}

/// What a drain needs to know of a page.
struct PageSummary {
    rows: usize,
    oldest: Option<Timestamp>,
}

/// Returns the refusal of a query after which another query may help.
fn refusal(trouble: Trouble) -> Option<Refusal> {
    match trouble {
        Trouble::QueryTimeout => Some(Refusal::Timeout),
        Trouble::Query => Some(Refusal::Query),
        Trouble::Cursor => Some(Refusal::Cursor),
        Trouble::Passing | Trouble::Login | Trouble::Denied | Trouble::Limit | Trouble::Replay => None,
    }
}

fn is_unknown_field(error: &Error) -> bool {
    matches!(error, Error::Refused { code, .. } if code == "INVALID_FIELD")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_refusals_of_the_query_call_for_another_query() {
        let check = |trouble, expect| assert_eq!(refusal(trouble), expect, "{trouble:?}");
        check(Trouble::QueryTimeout, Some(Refusal::Timeout));
        check(Trouble::Query, Some(Refusal::Query));
        check(Trouble::Cursor, Some(Refusal::Cursor));
        for trouble in [Trouble::Passing, Trouble::Login, Trouble::Denied, Trouble::Limit, Trouble::Replay] {
            check(trouble, None);
        }
    }
}
