//! Collects the rows of one object in one window, each once.

use model::{Activity, OrgId, Timestamp, Uuid, id};
use salesforce::{Chunks, Context, Counts, Format, Parsed, ReadError};
use salesforce_client::Page;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeSet;

/// The time of a row, and its identity.
pub(super) type RowId = (Timestamp, Uuid);

/// The rows of one page.
#[derive(Debug)]
pub(super) struct PageRows {
    /// The id of every row, including those that give no activity.
    pub(super) ids: Vec<RowId>,
    activities: Vec<Activity>,
    counts: Counts,
}

/// The rows of any number of pages, each once.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) activities: Vec<Activity>,
    pub(super) ids: BTreeSet<RowId>,
    /// Unreadable rows.
    pub(super) rejected: usize,
    /// What else the rows held, in numbers.
    pub(super) counts: Counts,
}

/// An unreadable row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UnreadableRow {
    /// Empty if it has none.
    pub(super) identifier: String,
    pub(super) reason: String,
    pub(super) text: String,
}

impl PageRows {
    /// Reads a page.
    ///
    /// # Errors
    /// If the page has no events.
    pub(super) fn read(page: &Page, org: &OrgId) -> Result<Self, String> {
        let rows: Vec<Row> = page.rows().map_err(|error| error.to_string())?;
        let parsed = parse(&page.body, org).map_err(|error| error.to_string())?;
        let Parsed { activities, counts, .. } = parsed;
        Ok(Self { ids: rows.iter().map(Row::id).collect(), activities, counts })
    }

    /// Returns the earliest time of a row; `None` if no time can be read.
    pub(super) fn oldest(&self) -> Option<Timestamp> {
        self.ids.iter().map(|(time, _)| *time).filter(|time| *time != UNREAD).min()
    }
}

impl Rows {
    /// Adds the rows that are neither added yet nor `known`; returns the new rows that give no activity.
    pub(super) fn add(&mut self, page: PageRows, known: &BTreeSet<RowId>) -> BTreeSet<RowId> {
        let mut new: BTreeSet<RowId> = page.ids.into_iter().filter(|id| !known.contains(id)).collect();
        new.retain(|id| self.ids.insert(*id));
        let mut activities = page.activities;
        activities.retain(|activity| new.remove(&(activity.event_time, activity.id)));
        self.activities.extend(activities);
        self.counts.append(page.counts);
        new
    }
}

/// Returns the unreadable ones among these rows of a page, with the reason. The others are of kinds that orgwatch does not
/// watch.
///
/// # Errors
/// If the page has no events.
pub(super) fn unreadable(page: &Page, mut rows: BTreeSet<RowId>, org: &OrgId) -> Result<Vec<UnreadableRow>, String> {
    let mut unreadable = Vec::new();
    if rows.is_empty() {
        return Ok(unreadable);
    }
    let texts: Vec<Box<RawValue>> = page.rows().map_err(|error| error.to_string())?;
    for text in texts.iter().map(|text| text.get()) {
        let row: Row = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if !rows.remove(&row.id()) {
            continue;
        }
        let parsed = parse(text.as_bytes(), org).map_err(|error| error.to_string())?;
        let (ignored, rejects) = (parsed.ignored(), parsed.rejects);
        if ignored > 0 {
            continue;
        }
        let reason = rejects.first().map_or_else(|| NO_IDENTITY.to_owned(), |reject| reject.reason.to_string());
        let identifier = row.identifier.unwrap_or_default();
        unreadable.push(UnreadableRow { identifier, reason, text: text.to_owned() });
    }
    Ok(unreadable)
}

const NO_IDENTITY: &str = "no EventIdentifier";

/// Stands for a time that cannot be read.
const UNREAD: Timestamp = Timestamp(i64::MIN);

#[derive(Deserialize)]
struct Row {
    #[serde(rename = "EventDate")]
    time: Option<String>,
    #[serde(rename = "EventIdentifier")]
    identifier: Option<String>,
}

impl Row {
    fn id(&self) -> RowId {
        let time = self.time.as_deref().and_then(salesforce::read_time).unwrap_or(UNREAD);
        (time, id::activity_id(self.identifier.as_deref().unwrap_or_default()))
    }
}

fn parse(json: &[u8], org: &OrgId) -> Result<Parsed, ReadError> {
    let context = Context { org: Some(org.clone()), ..Context::default() };
    let mut chunks = Chunks::new(json, Format::Json);
    let mut all = Parsed::default();
    while let Some(chunk) = chunks.next_chunk()? {
        let parsed = salesforce::parse(&chunk, &context);
        chunks.recycle(chunk);
        all.append(parsed);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ingest::testing::{ORG, record};

    fn body(records: &[String]) -> Page {
        let body = format!(r#"{{"totalSize":9,"done":true,"records":[{}]}}"#, records.join(","));
        Page { body: body.into(), records: records.len(), next: None }
    }

    fn page(records: &[String]) -> PageRows {
        PageRows::read(&body(records), &OrgId::new(ORG)).unwrap()
    }

    fn without_user(number: u32) -> String {
        record(number, "", "").replace(r#""UserId":"""#, r#""UserId":null"#)
    }

    #[test]
    fn every_row_counts_once_even_if_it_is_unreadable() {
        let (known, mut rows) = (BTreeSet::new(), Rows::default());
        assert_eq!(rows.add(page(&[record(3, "u", ""), without_user(2), record(3, "u", "")]), &known).len(), 1);
        assert_eq!(rows.add(page(&[without_user(2), record(1, "u", "")]), &known).len(), 0);
        let minutes: Vec<i64> = rows.activities.iter().map(|a| a.event_time.0 / 60_000 % 60).collect();
        assert_eq!((minutes, rows.ids.len()), (vec![3, 1], 3));
        assert!(rows.activities.iter().all(|activity| activity.channel == model::Channel::Stored));

        let mut again = Rows::default();
        let unused = again.add(page(&[record(3, "u", ""), without_user(2), record(4, "u", "")]), &rows.ids);
        assert_eq!((again.activities.len(), unused.len()), (1, 0));
    }

    #[test]
    fn rows_without_time_or_identity_do_not_hold_up_others() {
        let untimed = record(1, "u", "").replace("2026-03-02T00:01:00.000Z", "soon");
        let unnamed = record(2, "u", "").replace(&ingest::testing::id(2), "");
        let whole = body(&[untimed.clone(), unnamed.clone(), record(5, "u", "")]);
        let org = OrgId::new(ORG);
        let read = PageRows::read(&whole, &org).unwrap();
        assert_eq!(read.oldest(), Timestamp::parse("2026-03-02T00:02:00Z"));
        let mut rows = Rows::default();
        let unused = rows.add(read, &BTreeSet::new());
        assert_eq!(rows.activities.len(), 1);
        let found = unreadable(&whole, unused, &org).unwrap();
        let found: Vec<_> = found.iter().map(|row| (row.identifier.as_str(), row.reason.as_str(), &row.text)).collect();
        let no_time = r#"no time: EventDate is not a time: "soon""#;
        let first = ingest::testing::id(1);
        assert_eq!(found, [(first.as_str(), no_time, &untimed), ("", NO_IDENTITY, &unnamed)]);
        assert_eq!(page(&[untimed]).oldest(), None);
        assert_eq!(page(&[]).oldest(), None);
    }

    #[test]
    fn a_row_of_an_unwatched_kind_is_not_unreadable() {
        let unwatched = record(1, "u", "").replace("ListViewEvent", "ConcurLongRunApexErrEvent");
        let whole = body(&[unwatched, without_user(2)]);
        let org = OrgId::new(ORG);
        let mut rows = Rows::default();
        let unused = rows.add(PageRows::read(&whole, &org).unwrap(), &BTreeSet::new());
        assert_eq!((unused.len(), rows.counts.ignored()), (2, 1));
        assert_eq!(unreadable(&whole, unused, &org).unwrap().len(), 1);
    }
}
