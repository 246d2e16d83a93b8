//! Reads windows of stored events and puts them on the stream.

use super::drain::{Drain, Step};
use super::fields;
use super::halt::{Halt, Stop};
use super::rows::{PageRows, RowId, Rows, unusable};
use super::sweep::{Object, Part, Span, Sweep};
use crate::aside::Unread;
use crate::meter::{Counts, Origin};
use crate::orgs::common::{Common, Purpose};
use crate::source::SourceError;
use model::{Activity, Timestamp};
use runtime::retry::{Backoff, random};
use salesforce_client::{Error, Page, Trouble};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use store::NewGap;

pub(super) struct Reader {
    pub(super) common: Common,
    /// By name.
    objects: BTreeMap<&'static str, Arc<Described>>,
    /// Rows of each object that JetStream has, as far back as they are asked for again.
    known: BTreeMap<&'static str, BTreeSet<RowId>>,
    pub(super) delays: Backoff<fn() -> f64>,
    /// Passing failures in a row.
    failures: u32,
}

/// One window, on the stream and acknowledged.
#[derive(Debug, Default)]
pub(super) struct Delivered {
    pub(super) read: Vec<ReadPart>,
    /// What could not be read, in words for an operator.
    pub(super) failed: Vec<(Part, String)>,
    pub(super) activities: usize,
}

#[derive(Debug)]
pub(super) struct ReadPart {
    pub(super) part: Part,
    pub(super) ids: BTreeSet<RowId>,
    /// Moments of which there may be more rows than could be read.
    pub(super) truncated: Vec<Timestamp>,
}

/// Rows of a page, and of a sorted query: the most that Salesforce gives at once.
const BATCH: u16 = 2_000;
/// Passing failures in a row that are waited for.
const MOST_FAILURES: u32 = 6;

struct Described {
    fields: Vec<String>,
    is_sorted: bool,
}

enum Call<'a> {
    Query(&'a str),
    More(&'a str),
}

impl Reader {
    pub(super) fn new(common: Common) -> Self {
        let delays = Backoff::new(Duration::from_secs(1), Duration::from_secs(60), random as fn() -> f64);
        Self { common, objects: BTreeMap::new(), known: BTreeMap::new(), delays, failures: 0 }
    }

    /// The org's clock, asked now.
    pub(super) async fn clock(&self) -> Result<Timestamp, Halt> {
        match self.common.client.limits().await {
            // Not every user may ask for limits, yet any answer has the time.
            Ok(_) => {}
            Err(error) if error.trouble() == Trouble::Denied => {}
            Err(error) => return Err(Halt::of(&error)),
        }
        self.common.client.server_time().ok_or_else(|| Halt::because("the org's answers carry no time"))
    }

    /// Reads the next window of a sweep; `None` once all is read. Spans that cannot be read are left out from then on.
    pub(super) async fn step(&mut self, sweep: &mut Sweep, purpose: Purpose) -> Result<Option<Delivered>, Halt> {
        loop {
            let (parts, most) = sweep.next();
            if parts.is_empty() {
                return Ok(None);
            }
            let Some((delivered, rows)) = self.window(&parts, most, purpose).await? else {
                sweep.narrow();
                continue;
            };
            delivered.read.iter().for_each(|read| sweep.read(&read.part));
            for (part, problem) in &delivered.failed {
                sweep.leave(part.index);
                self.common.watch.failed(Origin::Stored, &[part.span.object.kind], problem.clone());
            }
            sweep.held(rows);
            return Ok(Some(delivered));
        }
    }

    /// These rows are on the stream; those before `from` will not be asked for again.
    pub(super) fn remember(&mut self, object: Object, ids: BTreeSet<RowId>, from: Timestamp) {
        let known = self.known.entry(object.name).or_default();
        known.extend(ids);
        *known = known.split_off(&(from, model::Uuid::nil()));
    }

    /// `None` if the window holds more than `most` rows.
    async fn window(
        &mut self,
        parts: &[Part],
        most: usize,
        purpose: Purpose,
    ) -> Result<Option<(Delivered, usize)>, Halt> {
        let mut delivered = Delivered::default();
        let mut activities: Vec<Activity> = Vec::new();
        let (mut rows, mut counts) = (0, Counts::default());
        for part in parts {
            match self.drain(part.span, most.saturating_sub(rows)).await {
                Ok((read, truncated)) => {
                    rows += read.ids.len();
                    counts.rejected += read.rejected;
                    counts.ignored += read.ignored;
                    activities.extend(read.activities);
                    delivered.read.push(ReadPart { part: *part, ids: read.ids, truncated });
                }
                Err(Stop::Object(problem)) => delivered.failed.push((*part, problem)),
                Err(Stop::TooMany) => return Ok(None),
                Err(Stop::Halt(halt)) => return Err(halt),
            }
        }
        for read in &delivered.read {
            self.report(read).await?;
        }
        activities.sort_unstable_by_key(|activity| (activity.event_time, activity.id));
        // Spans of one object may overlap.
        activities.dedup_by_key(|activity| activity.id);
        delivered.activities = activities.len();
        if purpose == Purpose::Watch {
            // Not every version of the API says when a row was written.
            let now = self.common.client.server_time();
            activities.iter_mut().for_each(|activity| activity.received_at = activity.received_at.or(now));
        }
        if !activities.is_empty() {
            let ticket = self.common.publish(Origin::Stored, activities, purpose).await?;
            ticket.await.map_err(SourceError::from)?;
        }
        self.common.meter.records(Origin::Stored, counts);
        Ok(Some((delivered, rows)))
    }

    /// All rows of a span that are not known, with the moments of which there may be more.
    async fn drain(&mut self, span: Span, most: usize) -> Result<(Rows, Vec<Timestamp>), Stop> {
        let name = span.object.name;
        let mut object = self.described(span.object).await?;
        let mut drain = Drain::new(span.from, span.to, object.is_sorted, BATCH.into());
        let mut rows = Rows::default();
        let mut next = String::new();
        let mut is_described_anew = false;
        let mut step = drain.ask();
        loop {
            let answer = match step {
                Step::Done => break,
                Step::Ask(query) => self.call(Call::Query(&query.soql(name, &object.fields))).await?,
                Step::More => self.call(Call::More(&next)).await?,
            };
            step = match answer {
                Ok(page) => {
                    let read = self.read(&page, &mut rows, span.object).await?;
                    if rows.ids.len() > most {
                        return Err(Stop::TooMany);
                    }
                    let has_more = page.next.is_some();
                    next = page.next.unwrap_or_default();
                    drain.page(read.rows, read.oldest, has_more)
                }
                Err(error) if is_unknown_field(&error) && !is_described_anew => {
                    is_described_anew = true;
                    self.objects.remove(name);
                    object = self.described(span.object).await?;
                    drain.ask()
                }
                Err(error) => drain.refused(error.trouble()).ok_or_else(|| Stop::of(name, &error))?,
            };
        }
        if object.is_sorted && !drain.is_sorted() {
            let described = Described { fields: object.fields.clone(), is_sorted: false };
            self.objects.insert(name, Arc::new(described));
        }
        Ok((rows, drain.truncated().to_vec()))
    }

    async fn read(&self, page: &Page, rows: &mut Rows, object: Object) -> Result<Progress, Stop> {
        let broken = |problem| Stop::Object(format!("{}: {problem}", object.name));
        self.common.meter.bytes(Origin::Stored, page.body.len() as u64);
        let org = &self.common.org;
        let read = PageRows::read(page, org).map_err(broken)?;
        let progress = Progress { rows: read.ids.len(), oldest: read.oldest() };
        if progress.rows > 0 && progress.oldest.is_none() {
            return Err(broken("its rows carry no time".to_owned()));
        }
        let none = BTreeSet::new();
        let unused = rows.add(read, self.known.get(object.name).unwrap_or(&none));
        let unusable = unusable(page, unused, org).map_err(broken)?;
        rows.rejected += unusable.len();
        for row in unusable {
            let unread = Unread {
                org: org.clone(),
                source: format!("stored/{}", object.name),
                place: row.identifier,
                reason: row.reason,
                record: row.text.into(),
            };
            self.common.sink.set_aside(unread).await;
        }
        Ok(progress)
    }

    async fn described(&mut self, object: Object) -> Result<Arc<Described>, Stop> {
        if let Some(described) = self.objects.get(object.name) {
            return Ok(Arc::clone(described));
        }
        let description = loop {
            self.afford()?;
            match self.common.client.describe(object.name).await {
                Ok(description) => break description,
                Err(error) => {
                    if let Some(error) = self.wait(error).await? {
                        return Err(Stop::of(object.name, &error));
                    }
                }
            }
        };
        self.answered();
        let fields = fields::select(&description).map_err(Stop::Object)?;
        let described = Arc::new(Described { fields, is_sorted: true });
        self.objects.insert(object.name, Arc::clone(&described));
        Ok(described)
    }

    /// One page.
    async fn call(&mut self, call: Call<'_>) -> Result<Result<Page, Error>, Halt> {
        loop {
            self.afford()?;
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

    /// Waits for what passes, at growing intervals; gives back what does not, or not for a while though the org answers.
    async fn wait(&mut self, error: Error) -> Result<Option<Error>, Halt> {
        if error.trouble() != Trouble::Passing {
            return Ok(Some(error));
        }
        if self.failures < MOST_FAILURES {
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

    /// The calls that are left to others are not ours.
    fn afford(&self) -> Result<(), Halt> {
        self.common.used_up().map_or(Ok(()), |_| Err(Halt::budget(self.common.settings.calls_floor)))
    }

    /// What may have been cut off is recorded as missed.
    async fn report(&self, read: &ReadPart) -> Result<(), Halt> {
        let Object { kind, name } = read.part.span.object;
        for moment in &read.truncated {
            tracing::warn!(object = name, %moment, "more events may have happened at one moment than can be read");
            let gap = NewGap {
                source: Origin::Stored.as_str().to_owned(),
                kind: kind.as_str().to_owned(),
                from: *moment,
                to: *moment,
                reason: "more events at one moment than a query gives".to_owned(),
            };
            self.common.watch.missed(gap).await?;
        }
        Ok(())
    }
}

struct Progress {
    rows: usize,
    oldest: Option<Timestamp>,
}

fn is_unknown_field(error: &Error) -> bool {
    matches!(error, Error::Refused { code, .. } if code == "INVALID_FIELD")
}
