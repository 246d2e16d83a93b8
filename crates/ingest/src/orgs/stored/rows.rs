//! The rows of one object in one window.

use model::{Activity, OrgId, Timestamp, Uuid, id};
use salesforce::{Chunks, Context, Format, Reject};
use salesforce_client::Page;
use serde::Deserialize;
use std::collections::BTreeSet;

/// When it happened, and its identity.
pub(super) type RowId = (Timestamp, Uuid);

/// What one page holds.
#[derive(Debug)]
pub(super) struct PageRows {
    /// Of each row, also of those that make no activity.
    pub(super) ids: Vec<RowId>,
    activities: Vec<Activity>,
    pub(super) rejects: Vec<Reject>,
    ignored: u64,
}

/// Rows of any number of pages, each once.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) activities: Vec<Activity>,
    pub(super) ids: BTreeSet<RowId>,
    /// Rows that make no activity.
    pub(super) rejected: usize,
    pub(super) ignored: u64,
}

impl PageRows {
    /// # Errors
    /// If the page is not one of events.
    pub(super) fn read(page: &Page, org: &OrgId) -> Result<Self, String> {
        let rows: Vec<Row> = page.rows().map_err(|error| error.to_string())?;
        let context = Context { org: Some(org.clone()) };
        let mut chunks = Chunks::new(page.body.as_ref(), Format::Json);
        let ids = rows.iter().map(Row::id).collect();
        let mut read = Self { ids, activities: Vec::new(), rejects: Vec::new(), ignored: 0 };
        while let Some(chunk) = chunks.next_chunk().map_err(|error| error.to_string())? {
            let parsed = salesforce::parse(&chunk, &context);
            chunks.recycle(chunk);
            read.activities.extend(parsed.activities);
            read.rejects.extend(parsed.rejects);
            read.ignored += parsed.ignored;
        }
        Ok(read)
    }

    /// The earliest time of a row; `None` if no time can be read.
    pub(super) fn oldest(&self) -> Option<Timestamp> {
        self.ids.iter().map(|(time, _)| *time).filter(|time| *time != UNREAD).min()
    }
}

impl Rows {
    /// Adds what is neither here yet nor `known`; gives how many of the new rows make no activity.
    pub(super) fn add(&mut self, page: PageRows, known: &BTreeSet<RowId>) -> usize {
        let mut new: BTreeSet<RowId> = page.ids.into_iter().filter(|id| !known.contains(id)).collect();
        new.retain(|id| self.ids.insert(*id));
        let mut activities = page.activities;
        activities.retain(|activity| new.remove(&(activity.event_time, activity.id)));
        self.activities.extend(activities);
        let rejected = new.len().saturating_sub(usize::try_from(page.ignored).unwrap_or(usize::MAX));
        self.rejected += rejected;
        self.ignored += page.ignored;
        rejected
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ORG, record};

    fn page(records: &[String]) -> PageRows {
        let body = format!(r#"{{"totalSize":9,"done":true,"records":[{}]}}"#, records.join(","));
        let page = Page { body: body.into(), records: records.len(), next: None };
        PageRows::read(&page, &OrgId::new(ORG)).unwrap()
    }

    fn without_user(number: u32) -> String {
        record(number, "", "").replace(r#""UserId":"""#, r#""UserId":null"#)
    }

    #[test]
    fn every_row_counts_once_whether_or_not_it_can_be_used() {
        let (known, mut rows) = (BTreeSet::new(), Rows::default());
        assert_eq!(rows.add(page(&[record(3, "u", ""), without_user(2), record(3, "u", "")]), &known), 1);
        assert_eq!(rows.add(page(&[without_user(2), record(1, "u", "")]), &known), 0);
        let minutes: Vec<i64> = rows.activities.iter().map(|a| a.event_time.0 / 60_000 % 60).collect();
        assert_eq!((minutes, rows.rejected, rows.ids.len()), (vec![3, 1], 1, 3));
        assert!(rows.activities.iter().all(|activity| activity.channel == model::Channel::Stored));

        let mut again = Rows::default();
        again.add(page(&[record(3, "u", ""), without_user(2), record(4, "u", "")]), &rows.ids);
        assert_eq!((again.activities.len(), again.rejected), (1, 0));
    }

    #[test]
    fn rows_without_time_or_identity_are_set_aside_and_hold_up_nothing() {
        let untimed = record(1, "u", "").replace("2026-03-02T00:01:00.000Z", "soon");
        let unnamed = record(2, "u", "").replace(&crate::testing::id(2), "");
        let read = page(&[untimed.clone(), unnamed, record(5, "u", "")]);
        assert_eq!(read.oldest(), Timestamp::parse("2026-03-02T00:02:00Z"));
        let mut rows = Rows::default();
        assert_eq!(rows.add(read, &BTreeSet::new()), 2);
        assert_eq!(rows.activities.len(), 1);
        assert_eq!(page(&[untimed]).oldest(), None);
        assert_eq!(page(&[]).oldest(), None);
    }
}
