//! Rounds of event log objects: reads the newest rows of each, by time.

use super::rows::{Batch, read_batches};
use super::sending::Sending;
use super::stop::{Rounds, Stop, check_calls};
use super::{begin, load, save};
use crate::common::Common;
use ingest::SourceError;
use ingest::meter::SourceKind;
use model::time::SECOND;
use model::{Channel, Kind, OrgId, Timestamp};
use salesforce::reading::catalog::CATALOG;
use salesforce::reading::step::Step;
use salesforce::{Format, Occurrences, ReadError};
use salesforce_client::{Error, Trouble};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Reads the event log objects of kinds for which they lead.
pub(super) struct LogObjects {
    common: Common,
    objects: Vec<Object>,
}

struct Object {
    name: &'static str,
    kind: Kind,
    /// The fields to select; `None` before the object is described.
    fields: Option<String>,
    position: Position,
    step: Step,
}

/// How far an object was read, as it is stored. Rows before it that became visible later are found by reading an overlap.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Position {
    to: Timestamp,
}

/// Rows of a page: the most that Salesforce returns at once.
const PAGE: u16 = 2_000;
const TIME: &str = "Timestamp";

impl LogObjects {
    /// Continues at the stored positions.
    ///
    /// # Errors
    /// If a position cannot be read.
    pub(super) async fn resume(common: Common) -> Result<Self, SourceError> {
        let mut objects = Vec::new();
        for entry in CATALOG.iter().filter(|entry| common.leads.of(entry.kind) == Some(Channel::LogObject)) {
            for name in entry.log_objects {
                let position = match load(&common, &position_name(name)).await? {
                    Some(position) => position,
                    None => Position { to: begin(&common) },
                };
                objects.push(Object { name, kind: entry.kind, fields: None, position, step: Step::default() });
            }
        }
        Ok(Self { common, objects })
    }
}

impl Rounds for LogObjects {
    const CHANNEL: Channel = Channel::LogObject;
    const ADVICE: &'static str = "give the user View Event Log Object Data and API Enabled";

    fn kinds(&self) -> Vec<Kind> {
        self.objects.iter().map(|object| object.kind).collect()
    }

    async fn round(&mut self) -> Result<(), Stop> {
        if self.objects.is_empty() {
            return Ok(());
        }
        // Any answer has the org's time.
        self.common.client.limits().await?;
        let now = self.common.clock();
        let (mut heard, mut refused) = (BTreeSet::new(), BTreeMap::new());
        for object in &mut self.objects {
            match object.catch_up(&self.common, now).await {
                // An org may lack some objects of a kind.
                Err(stop) if stop.is_refused() => {
                    object.fields = None;
                    refused.insert(object.kind, stop.explain(Self::ADVICE));
                }
                outcome => {
                    outcome?;
                    heard.insert(object.kind);
                }
            }
        }
        for (kind, problem) in refused.into_iter().filter(|(kind, _)| !heard.contains(kind)) {
            self.common.watch.failed(Self::CHANNEL, &[kind], problem);
        }
        self.common.watch.heard(Self::CHANNEL, &Vec::from_iter(heard), now);
        Ok(())
    }
}

impl Object {
    /// Reads all rows up to `now`.
    async fn catch_up(&mut self, common: &Common, now: Timestamp) -> Result<(), Stop> {
        let fields = match &self.fields {
            Some(fields) => fields.clone(),
            None => self.fields.insert(describe(common, self.name).await?).clone(),
        };
        let mut from = self.position.to.plus(-i64::from(common.settings.overlap_seconds) * SECOND);
        while from < now {
            check_calls(common)?;
            let to = from.plus(self.step.milliseconds()).min(now);
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
            save(common, &position_name(self.name), &self.position).await?;
            from = to;
        }
        Ok(())
    }
}

/// Returns all fields that the user may read.
async fn describe(common: &Common, object: &'static str) -> Result<String, Stop> {
    let fields = common.client.describe(object).await?.fields;
    if !fields.iter().any(|field| field.name == TIME) {
        return Err(Stop::Hidden { object, field: TIME });
    }
    let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
    Ok(names.join(","))
}

/// Publishes the rows of a query, and waits until all are acknowledged.
///
/// The identity of a row is its content, and its number among equal rows. Equal rows have the same time, and no window
/// separates rows of one time, so they get the same numbers in every window.
async fn publish(common: &Common, name: &str, soql: &str) -> Result<(), Stop> {
    let mut sending = Sending::new(common, LogObjects::CHANNEL, name, name);
    let mut occurrences = Occurrences::new();
    let mut page = common.client.query(soql, PAGE).await?;
    loop {
        common.meter.bytes(SourceKind::Salesforce(LogObjects::CHANNEL), page.body.len() as u64);
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
    read_batches(body, Format::Json, org, occurrences, take).map_err(unexpected)?;
    Ok(batches)
}

/// Returns the name under which the position of an object is stored.
fn position_name(name: &str) -> String {
    format!("log_objects/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ingest::testing::ORG;

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
    fn equal_rows_have_the_same_ids_in_overlapping_windows() {
        let (a, b, c) = ("2026-03-02T10:00:00.000", "2026-03-02T10:00:00.001", "2026-03-02T10:00:00.002");
        // A page may end between equal rows.
        let first = ids(&[page(&[a, b]), page(&[b])]);
        let second = ids(&[page(&[b, b, b, c])]);
        assert_eq!((first.len(), second.len()), (3, 4));
        assert_eq!(first[1..], second[..2]);
        assert_eq!(first.iter().chain(&second).collect::<BTreeSet<_>>().len(), 5);
        assert!(ids(&[page(&[])]).is_empty());
    }
}
