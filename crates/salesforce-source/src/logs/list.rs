//! Lists the log files of an org.

use super::stop::Stop;
use crate::settings::{ConnectedOrg, Files};
use model::Timestamp;
use salesforce::reading::log_file::{Interval, LogFile};
use salesforce::reading::plan::asked_for;
use salesforce_client::{Client, Description};

/// The object that lists log files.
pub(super) const OBJECT: &str = "EventLogFile";

/// How to query [`OBJECT`] in one org.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listing {
    pub(super) interval: Interval,
    columns: Vec<&'static str>,
    filter: String,
}

/// Fields that listing needs.
const REQUIRED: [&str; 4] = ["Id", "EventType", "LogDate", "CreatedDate"];
/// Fields that listing uses if the user may read them.
const OPTIONAL: [&str; 2] = ["LogFileLength", "LogFileFieldNames"];
/// Rows of a page: the most that Salesforce returns at once.
const PAGE: u16 = 2_000;

impl Listing {
    /// Makes the query from the fields that the user may read.
    ///
    /// # Errors
    /// If a required field is hidden from the user.
    pub(super) fn new(description: &Description, settings: &ConnectedOrg) -> Result<Self, Stop> {
        let has = |name: &str| description.fields.iter().any(|field| field.name.eq_ignore_ascii_case(name));
        if let Some(field) = REQUIRED.into_iter().find(|name| !has(name)) {
            return Err(Stop::Hidden { object: OBJECT, field });
        }
        let columns = REQUIRED.into_iter().chain(OPTIONAL.into_iter().filter(|name| has(name))).collect();
        // Only orgs with hourly files have the field `Interval`.
        let (interval, of_interval) = match settings.log_files {
            Files::Hourly if has("Interval") => (Interval::Hourly, " AND Interval = 'Hourly'"),
            _ if has("Interval") => (Interval::Daily, " AND Interval = 'Daily'"),
            _ if has("Sequence") => (Interval::Daily, " AND Sequence = 0"),
            _ => (Interval::Daily, ""),
        };
        let filter = format!("EventType IN ({}){of_interval}", types(settings));
        Ok(Self { interval, columns, filter })
    }

    /// Returns the query for files created since a time.
    pub(super) fn created_since(&self, time: Timestamp) -> String {
        self.query("CreatedDate", time)
    }

    /// Returns the query for files that cover the time since.
    pub(super) fn about_time_since(&self, time: Timestamp) -> String {
        self.query("LogDate", time)
    }

    fn query(&self, field: &str, since: Timestamp) -> String {
        let (columns, filter) = (self.columns.join(","), &self.filter);
        format!("SELECT {columns} FROM {OBJECT} WHERE {field} >= {since} AND {filter} ORDER BY {field} ASC, Id ASC")
    }
}

/// Returns the files of a query, of all pages.
pub(super) async fn list(client: &Client, soql: &str) -> salesforce_client::Result<Vec<LogFile>> {
    let mut page = client.query(soql, PAGE).await?;
    let mut files: Vec<LogFile> = page.rows()?;
    while let Some(next) = page.next {
        page = client.more(&next).await?;
        files.extend(page.rows::<LogFile>()?);
    }
    Ok(files)
}

/// Returns the file types of the kinds that are read, as a list in SOQL.
fn types(settings: &ConnectedOrg) -> String {
    let asked = asked_for(settings.kinds.as_deref());
    let quoted: Vec<String> = asked.flat_map(|entry| entry.log_files).map(|name| format!("'{name}'")).collect();
    quoted.join(",")
}

#[cfg(test)]
mod tests {
    use super::super::tests::at;
    use super::*;
    use model::Kind;
    use salesforce_client::Field;

    fn listing(fields: &[&str], log_files: Files) -> Result<Listing, Stop> {
        let field = |name: &&str| Field { name: (*name).to_owned(), kind: "string".to_owned() };
        let fields = REQUIRED.iter().chain(fields).map(field).collect();
        let description = Description { name: OBJECT.to_owned(), is_queryable: true, fields };
        let kinds = Some(vec![Kind::Login, Kind::BulkApi]);
        Listing::new(&description, &ConnectedOrg { log_files, kinds, ..ConnectedOrg::default() })
    }

    #[test]
    fn r3_files_of_one_interval_are_listed_in_order_of_creation() {
        let listing = listing(&["Interval", "Sequence", "LogFileLength"], Files::Hourly).unwrap();
        assert_eq!(listing.interval, Interval::Hourly);
        assert_eq!(
            listing.created_since(at("2026-03-02T10:00:00.250Z")),
            "SELECT Id,EventType,LogDate,CreatedDate,LogFileLength FROM EventLogFile \
             WHERE CreatedDate >= 2026-03-02T10:00:00.250Z \
             AND EventType IN ('Login','BulkApi','BulkApi2') AND Interval = 'Hourly' ORDER BY CreatedDate ASC, Id ASC"
        );
    }

    #[test]
    fn r8_no_interval_column() {
        let check = |fields: &[&str], log_files, interval, filter: &str| {
            let listing = listing(fields, log_files).unwrap();
            assert_eq!(listing.interval, interval);
            let types = "EventType IN ('Login','BulkApi','BulkApi2')";
            assert_eq!(listing.filter, format!("{types}{filter}"));
        };
        check(&["interval"], Files::Hourly, Interval::Hourly, " AND Interval = 'Hourly'");
        check(&["Interval"], Files::Daily, Interval::Daily, " AND Interval = 'Daily'");
        check(&["Sequence"], Files::Hourly, Interval::Daily, " AND Sequence = 0");
        check(&[], Files::Hourly, Interval::Daily, "");
    }

    #[test]
    fn a_hidden_field_is_named() {
        let description = Description { name: OBJECT.to_owned(), is_queryable: true, fields: Vec::new() };
        let stop = Listing::new(&description, &ConnectedOrg::default()).unwrap_err();
        assert_eq!(stop.to_string(), "the user may not read the field Id of EventLogFile");
    }
}
