//! Rounds of event log objects: the newest rows of each, by time.

use super::super::catalog::CATALOG;
use super::super::common::Common;
use super::rows::{Batch, cut};
use super::sending::Sending;
use super::stop::{Rounds, Stop, within_budget};
use super::{begin, keep, kept};
use crate::meter::Origin;
use crate::source::SourceError;
use model::time::{HOUR, MINUTE, SECOND};
use model::{Channel, Kind, OrgId, Timestamp};
use salesforce::{Format, Occurrences, ReadError};
use salesforce_client::{Error, Trouble};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Reads those of the org's event log objects that lead.
pub(super) struct LogObjects {
    common: Common,
    objects: Vec<Object>,
}

struct Object {
    name: &'static str,
    kind: Kind,
    /// What can be asked for; `None` before the object is described.
    fields: Option<String>,
    position: Position,
    step: Step,
}

/// Everything before is read and acknowledged; what became visible later is found by reading it again.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Position {
    to: Timestamp,
}

/// How much time is asked for at once, in milliseconds: less while queries take too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step(i64);

const SHORTEST: i64 = MINUTE;
const LONGEST: i64 = HOUR;
const PAGE: u16 = 2_000;
const TIME: &str = "Timestamp";

impl LogObjects {
    /// # Errors
    /// If what is kept cannot be read.
    pub(super) async fn resume(common: Common) -> Result<Self, SourceError> {
        let mut objects = Vec::new();
        for watched in CATALOG.iter().filter(|watched| common.leads.of(watched.kind) == Some(Channel::LogObject)) {
            for name in watched.log_objects {
                let position = match kept(&common, &place(name)).await? {
                    Some(position) => position,
                    None => Position { to: begin(&common) },
                };
                objects.push(Object { name, kind: watched.kind, fields: None, position, step: Step(LONGEST) });
            }
        }
        Ok(Self { common, objects })
    }
}

impl Rounds for LogObjects {
    const ORIGIN: Origin = Origin::LogObjects;
    const ADVICE: &'static str = "give the user View Event Log Object Data and API Enabled";

    fn kinds(&self) -> Vec<Kind> {
        self.objects.iter().map(|object| object.kind).collect()
    }

    async fn round(&mut self) -> Result<(), Stop> {
        if self.objects.is_empty() {
            return Ok(());
        }
        // For the clock.
        self.common.client.limits().await?;
        let now = self.common.clock();
        let (mut heard, mut refused) = (BTreeSet::new(), BTreeMap::new());
        for object in &mut self.objects {
            match object.catch_up(&self.common, now).await {
                // An org need not have all objects of a kind.
                Err(stop) if stop.is_refused() => {
                    object.fields = None;
                    refused.insert(object.kind, stop.in_words(Self::ADVICE));
                }
                outcome => {
                    outcome?;
                    heard.insert(object.kind);
                }
            }
        }
        for (kind, problem) in refused.into_iter().filter(|(kind, _)| !heard.contains(kind)) {
            self.common.watch.failed(Self::ORIGIN, &[kind], problem);
        }
        self.common.watch.heard(Self::ORIGIN, &Vec::from_iter(heard), now);
        Ok(())
    }
}

impl Object {
    /// Reads all up to `now`.
    async fn catch_up(&mut self, common: &Common, now: Timestamp) -> Result<(), Stop> {
        let fields = match &self.fields {
            Some(fields) => fields.clone(),
            None => self.fields.insert(describe(common, self.name).await?).clone(),
        };
        let mut from = self.position.to.plus(-i64::from(common.settings.overlap_seconds) * SECOND);
        while from < now {
            within_budget(common)?;
            let to = from.plus(self.step.0).min(now);
            let soql = format!(
                "SELECT {fields} FROM {} WHERE {TIME} >= {from} AND {TIME} < {to} ORDER BY {TIME} ASC",
                self.name
            );
            match publish(common, self.name, &soql).await {
                Err(Stop::Call(error)) if error.trouble() == Trouble::QueryTimeout => {
                    self.step = self.step.shorter().ok_or(Stop::Call(error))?;
                    continue;
                }
                outcome => outcome?,
            }
            self.step = self.step.longer();
            self.position.to = self.position.to.max(to);
            keep(common, &place(self.name), &self.position).await?;
            from = to;
        }
        Ok(())
    }
}

impl Step {
    fn shorter(self) -> Option<Self> {
        (self.0 > SHORTEST).then(|| Self((self.0 / 2).max(SHORTEST)))
    }

    fn longer(self) -> Self {
        Self(self.0.saturating_mul(2).min(LONGEST))
    }
}

/// All fields that the user may read.
async fn describe(common: &Common, object: &'static str) -> Result<String, Stop> {
    let fields = common.client.describe(object).await?.fields;
    if !fields.iter().any(|field| field.name == TIME) {
        return Err(Stop::Hidden { object, field: TIME });
    }
    let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
    Ok(names.join(","))
}

/// Publishes the rows that a query gives, and waits until all are acknowledged.
///
/// Rows have no identity but their content and their number among those that are alike. These have the same time, and
/// no window parts rows of one time: so they are numbered alike whichever window they are read in.
async fn publish(common: &Common, name: &str, soql: &str) -> Result<(), Stop> {
    let mut sending = Sending::new(common, LogObjects::ORIGIN, name, name);
    let mut occurrences = Occurrences::new();
    let mut page = common.client.query(soql, PAGE).await?;
    loop {
        common.meter.bytes(LogObjects::ORIGIN, page.body.len() as u64);
        for batch in batches(&page.body, &common.org, &mut occurrences)? {
            sending.send(batch).await?;
        }
        let Some(next) = page.next else { break };
        page = common.client.more(&next).await?;
    }
    sending.finish().await?;
    Ok(())
}

fn batches(body: &[u8], org: &OrgId, occurrences: &mut Occurrences) -> Result<Vec<Batch>, Error> {
    let mut batches = Vec::new();
    let take = |batch| {
        batches.push(batch);
        true
    };
    let unexpected = |error: ReadError| Error::Unexpected { call: "query", problem: error.to_string() };
    cut(body, Format::Json, org, occurrences, take).map_err(unexpected)?;
    Ok(batches)
}

/// Under which a position is kept.
fn place(name: &str) -> String {
    format!("log_objects/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ORG;

    #[test]
    fn steps_halve_down_to_a_minute_and_grow_again() {
        let shorter = std::iter::successors(Some(Step(LONGEST)), |step| step.shorter());
        assert_eq!(shorter.map(|step| step.0 / MINUTE).collect::<Vec<_>>(), [60, 30, 15, 7, 3, 1, 1]);
        assert_eq!(Step(SHORTEST).shorter(), None);
        assert_eq!(Step(SHORTEST).longer(), Step(2 * MINUTE));
        assert_eq!(Step(LONGEST).longer(), Step(LONGEST));
    }

    fn page(times: &[&str]) -> String {
        let row = |time: &&str| {
            format!(
                r#"{{"attributes":{{"type":"RestApiEventLog"}},"Id":"000000000000000AAA","Timestamp":"{time}+0000",
                   "UserIdentifier":"0055f00000CyENtAAN","RequestIdentifier":"r"}}"#
            )
        };
        let rows: Vec<String> = times.iter().map(row).collect();
        format!(r#"{{"totalSize":{},"done":true,"records":[{}]}}"#, rows.len(), rows.join(","))
    }

    fn ids(pages: &[String]) -> Vec<model::Uuid> {
        let mut occurrences = Occurrences::new();
        let batches =
            pages.iter().flat_map(|page| batches(page.as_bytes(), &OrgId::new(ORG), &mut occurrences).unwrap());
        batches.flat_map(|batch| batch.activities).map(|activity| activity.id).collect()
    }

    #[test]
    fn twins_have_the_same_ids_in_windows_that_overlap() {
        let (a, b, c) = ("2026-03-02T10:00:00.000", "2026-03-02T10:00:00.001", "2026-03-02T10:00:00.002");
        // A page may end between twins.
        let first = ids(&[page(&[a, b]), page(&[b])]);
        let second = ids(&[page(&[b, b, b, c])]);
        assert_eq!((first.len(), second.len()), (3, 4));
        assert_eq!(first[1..], second[..2]);
        assert_eq!(first.iter().chain(&second).collect::<BTreeSet<_>>().len(), 5);
        assert!(ids(&[page(&[])]).is_empty());
    }
}
