//! What says the type of records that do not say it themselves.

use crate::normalize::known_type;
use serde::Serialize;

/// What said of which type an event is, the most reliable first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TypeSource {
    /// The record.
    Record,
    /// An envelope around it.
    Envelope,
    /// The name of the file.
    FileName,
    /// Columns that only one type has.
    Columns,
    /// The caller.
    Asked,
}

impl TypeSource {
    /// Returns it in words, for a sentence that begins with "type from".
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Record => "the record",
            Self::Envelope => "its envelope",
            Self::FileName => "the name of the file",
            Self::Columns => "its columns",
            Self::Asked => "--type",
        }
    }
}

/// The type that the name of a file suggests, and the one that the caller gives, as Salesforce names them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TypeNames {
    file: Option<&'static str>,
    asked: Option<&'static str>,
}

/// Parts of a file's name that are looked at. A choice.
const MOST_PARTS: usize = 16;

impl TypeNames {
    /// Returns the type that the caller gives, if it is one that is known, in any case.
    pub fn asked(name: &str) -> Option<Self> {
        Some(Self { file: None, asked: Some(known_type(name)?) })
    }

    /// Returns the same with the type that is part of a file's name: `ListViewEvent-2026-03.csv`,
    /// `2026-03-02_Login.csv`, `LoginHistory1772442000000.csv`.
    #[must_use]
    pub fn with_file(self, name: &str) -> Self {
        let stem = name.rsplit(['/', '\\']).next().unwrap_or_default();
        let parts: Vec<&str> = stem.split(|c: char| !c.is_ascii_alphanumeric()).take(MOST_PARTS).collect();
        // Neighbors may be words of one name: `login_as_event.csv`. The longer name says more: `ApiEvent_api.csv`.
        let runs =
            (0..parts.len()).flat_map(|start| (start + 1..=parts.len().min(start + 5)).map(move |end| start..end));
        let known = runs.filter_map(|run| {
            let joined = parts.get(run)?.concat();
            known_type(joined.trim_matches(|c: char| c.is_ascii_digit()))
        });
        Self { file: known.max_by_key(|name| name.len()), ..self }
    }

    /// Returns whether the name of the file or the caller says a type.
    pub(crate) fn says_any(&self) -> bool {
        self.file.is_some() || self.asked.is_some()
    }

    /// Returns the same without a file's name that may mean something else.
    pub(crate) fn without_word(self) -> Self {
        Self { file: self.file.filter(|name| !is_word(name)), ..self }
    }

    /// Returns the type that the name of the file says.
    pub(crate) fn file(&self) -> Option<&'static str> {
        self.file
    }
}

/// All that suggests the type of one record.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Suggested {
    pub(crate) envelope: Option<&'static str>,
    pub(crate) columns: Option<&'static str>,
    pub(crate) names: TypeNames,
}

impl Suggested {
    /// Returns the suggestions, the most reliable first. Columns are more reliable than a word in an envelope or in the
    /// name of a file: `quarterly-report.csv` may hold list views.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = (&'static str, TypeSource)> {
        let of = |name: Option<&'static str>, is_wanted: fn(&'static str) -> bool| name.filter(|name| is_wanted(name));
        let is_name = |name| !is_word(name);
        [
            (of(self.envelope, is_name), TypeSource::Envelope),
            (of(self.names.file, is_name), TypeSource::FileName),
            (self.columns, TypeSource::Columns),
            (of(self.envelope, is_word), TypeSource::Envelope),
            (of(self.names.file, is_word), TypeSource::FileName),
            (self.names.asked, TypeSource::Asked),
        ]
        .into_iter()
        .filter_map(|(name, source)| Some((name?, source)))
    }
}

/// Returns whether the name of a type is a word that people use for other things, too: `Report`, `Login`, `API`.
fn is_word(name: &'static str) -> bool {
    !["Event", "Stream", "Store", "History", "Trail", "Log"].iter().any(|ending| name.ends_with(ending))
}

/// Sets of columns, as [`crate::field::fold`] writes them, that only one type has. From the field tables of Salesforce's
/// Platform Events guide; a set is as small as it can be, because people select few columns.
const COLUMNS: &[(&[&str], &str)] = &[
    (&["listviewid"], "ListViewEvent"),
    (&["filtercriteria"], "ListViewEvent"),
    (&["developername", "rowsprocessed"], "ListViewEvent"),
    (&["reportid", "rowsprocessed"], "ReportEvent"),
    (&["displayedfieldentities"], "ReportEvent"),
    (&["groupedcolumnheaders"], "ReportEvent"),
    (&["dashboardid", "eventdate"], "ReportEvent"),
    (&["rowsreturned", "eventdate"], "ApiEvent"),
    (&["elapsedtime", "eventdate"], "ApiEvent"),
    (&["connectedappid", "eventdate", "queriedentities"], "ApiEvent"),
    (&["apitype", "queriedentities", "eventdate"], "ApiEvent"),
    (&["delegatedusername"], "LoginAsEvent"),
    (&["loginascategory"], "LoginAsEvent"),
    (&["loginhistoryid", "logingeoid"], "LoginEvent"),
    (&["authserviceid", "eventdate"], "LoginEvent"),
    (&["logintype", "eventdate", "status"], "LoginEvent"),
    (&["loginurl", "eventdate", "status"], "LoginEvent"),
    (&["pageurl", "eventdate"], "LightningUriEvent"),
    (&["effectivepagetime"], "LightningUriEvent"),
    (&["fileaction"], "FileEventStore"),
    (&["documentid", "contentsize", "eventdate"], "FileEventStore"),
    (&["permissionlist"], "PermissionSetEventStore"),
    (&["impacteduserids"], "PermissionSetEventStore"),
    (&["currentip", "previousip"], "SessionHijackingEventStore"),
    (&["acceptlanguage", "score"], "CredentialStuffingEventStore"),
    (&["requestedentities", "score"], "GuestUserAnomalyEventStore"),
    (&["featurename", "score"], "LoginAnomalyEventStore"),
    (&["apianomalyeventnumber"], "ApiAnomalyEventStore"),
    (&["reportanomalyeventnumber"], "ReportAnomalyEventStore"),
    (&["logintime", "sourceip"], "LoginHistory"),
    (&["logintime", "logintype"], "LoginHistory"),
    (&["logintime", "status"], "LoginHistory"),
    (&["delegateuser", "section"], "SetupAuditTrail"),
    (&["action", "createddate", "display"], "SetupAuditTrail"),
    (&["action", "createddate", "section"], "SetupAuditTrail"),
    (&["action", "date", "section", "user"], "SetupAuditTrail"),
];

/// Returns the type that alone has these columns; `None` if no set is complete, or sets of several types are. `has`
/// returns whether a record has a column.
pub(crate) fn by_columns(has: impl Fn(&str) -> bool) -> Option<&'static str> {
    let mut complete = COLUMNS.iter().filter(|(columns, _)| columns.iter().all(|column| has(column)));
    let (_, name) = complete.next()?;
    complete.all(|(_, other)| other == name).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_file_says_the_type() {
        let check =
            |name: &str, expect: Option<&str>| assert_eq!(TypeNames::default().with_file(name).file, expect, "{name}");
        check("out/ListViewEvent-2026-03.csv", Some("ListViewEvent"));
        check("2026-03-02_Login.csv", Some("Login"));
        check("ELF_RestApi_2026.csv.gz", Some("RestApi"));
        check("listviewevent.ndjson", Some("ListViewEvent"));
        check("LoginHistory1772442000000.csv", Some("LoginHistory"));
        check("LoginEventStream-pubsub.json", Some("LoginEventStream"));
        check("ApiEvent-api.csv", Some("ApiEvent"));
        check("logs.zip/Login.csv", Some("Login"));
        check("Login/part-1.json", None);
        check("login_as_event.csv", Some("LoginAsEvent"));
        check("sf-api_anomaly_event_store-2026.csv", Some("ApiAnomalyEventStore"));
        check("events.ndjson", None);
    }

    #[test]
    fn columns_say_more_than_a_word_in_the_name_of_a_file() {
        let first = |file: &str, columns| {
            let names = TypeNames::default().with_file(file);
            Suggested { envelope: None, columns, names }.in_order().next().unwrap()
        };
        assert_eq!(first("quarterly-report.csv", Some("ListViewEvent")), ("ListViewEvent", TypeSource::Columns));
        assert_eq!(first("quarterly-report.csv", None), ("Report", TypeSource::FileName));
        assert_eq!(first("ReportEvent.csv", Some("ListViewEvent")), ("ReportEvent", TypeSource::FileName));
    }

    #[test]
    fn columns_of_one_type_say_it() {
        let check =
            |columns: &[&str], expect| assert_eq!(by_columns(|name| columns.contains(&name)), expect, "{columns:?}");
        check(&["eventdate", "userid", "listviewid"], Some("ListViewEvent"));
        check(&["eventdate", "userid", "logintype", "status"], Some("LoginEvent"));
        check(&["eventdate", "apitype", "queriedentities", "query"], Some("ApiEvent"));
        check(&["eventdate", "userid"], None);
        check(&["listviewid", "fileaction"], None);
    }
}
