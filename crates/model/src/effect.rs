//! What an activity does to data, read from Salesforce's word for its operation.

use crate::words::words;
use crate::{Kind, Surface, Text, Usual};
use serde::Serialize;
use uuid::Uuid;

words! {
    /// What an activity does to data. What is read or exported leaves Salesforce; what is written does not.
    Effect {
        /// Data was shown or returned.
        Read = "read",
        /// Data was created, changed or deleted.
        Write = "write",
        /// Data left Salesforce as a file or as the result of a job.
        Export = "export",
        /// A page showed a picture of a file.
        Preview = "preview",
        /// No data was touched: a login, say.
        None = "none",
    }
}

words! {
    /// How a write changes records.
    WriteKind {
        /// Records that did not exist before.
        Created = "created",
        /// Values of existing records. An upsert counts here, because it may change any.
        Updated = "updated",
        /// Records that the recycle bin keeps for a while.
        Deleted = "deleted",
        /// Records that the recycle bin does not keep.
        Erased = "erased",
    }
}

/// Records that one surface wrote in one way in the day so far.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Writes {
    /// The surface: the API or the Bulk API.
    pub surface: Surface,
    /// What was done to the records.
    pub kind: WriteKind,
    /// Rows of the day.
    pub rows: f64,
    /// Rows of the largest clock hour so far.
    pub hour_rows: f64,
    /// Requests of the day.
    pub requests: u32,
    /// Usual rows of a day that has such writes. Its evidence counts these days only.
    pub day: Usual,
    /// Usual rows of the largest clock hour of such a day.
    pub hour: Usual,
    /// Probability that an active day of the account has such writes at all, 0 to 1.
    pub chance: f64,
    /// Active days of the account.
    pub days: f64,
    /// Active days of the org that ended lately, at most those of `identity_hours` and three more: an account that is new
    /// to the org did not write on them.
    pub org_days: f64,
    /// Objects that were written.
    pub objects: Vec<Text>,
    /// The activities with most of the rows.
    pub evidence: Vec<Uuid>,
    /// Days some weeks ago with about as many rows: a monthly job, say.
    pub recurrences: u32,
}

impl Effect {
    /// Returns the effect of an operation, in the spelling of any channel and any case.
    ///
    /// A word that no rule knows counts as what its kind usually does: as a read, or for a job of the Bulk API as an
    /// export. A read that is taken for a write would be hidden from the detectors of reading; the reverse is noise.
    pub fn of(kind: Kind, operation: Option<&str>) -> Self {
        let word = operation.unwrap_or_default();
        let unless_written = |usual| if WriteKind::of(word).is_some() { Self::Write } else { usual };
        match kind {
            Kind::ListView => Self::Read,
            Kind::Report if begins(word, "ReportExported") => Self::Export,
            Kind::Report => Self::Read,
            Kind::ReportExport | Kind::BulkApiResult | Kind::Attachment | Kind::AnalyticsDownload => Self::Export,
            Kind::Api | Kind::ApiUsage | Kind::LightningUri | Kind::Uri => unless_written(Self::Read),
            Kind::AuraRequest => Self::Read,
            Kind::Search => Self::Preview,
            Kind::BulkApi => unless_written(Self::Export),
            Kind::File => of_file(word),
            Kind::Login
            | Kind::LoginAs
            | Kind::Logout
            | Kind::PermissionSet
            | Kind::SetupChange
            | Kind::ApiAnomaly
            | Kind::ReportAnomaly
            | Kind::SessionHijacking
            | Kind::CredentialStuffing
            | Kind::GuestUserAnomaly
            | Kind::LoginAnomaly
            | Kind::TenantSecurityApiAnomaly => Self::None,
        }
    }

    /// Whether data leaves Salesforce.
    pub fn leaves(self) -> bool {
        matches!(self, Self::Read | Self::Export)
    }
}

/// Returns the effect of `TRANSACTION_TYPE` or `FileAction`. A rendition is the picture that a page shows of a file,
/// although its word says that it is downloaded (reference of the Content Transfer event type).
fn of_file(word: &str) -> Effect {
    let contains = |part: &str| word.as_bytes().windows(part.len()).any(|w| w.eq_ignore_ascii_case(part.as_bytes()));
    if contains("rendition") || contains("preview") || contains("thumb") {
        Effect::Preview
    } else if contains("download") {
        Effect::Export
    } else if contains("save") || contains("upload") || WriteKind::of(word).is_some() {
        Effect::Write
    } else {
        Effect::Read
    }
}

impl WriteKind {
    /// Beginnings of the words for writes: `METHOD_NAME` of SOAP, `METHOD` of REST, `OPERATION_TYPE` of the Bulk API,
    /// `Operation` of stored and streamed events. The longer of two comes first.
    const WORDS: [(&str, Self); 14] = [
        ("insert", Self::Created),
        ("create", Self::Created),
        ("post", Self::Created),
        ("upsert", Self::Updated),
        ("update", Self::Updated),
        ("patch", Self::Updated),
        ("put", Self::Updated),
        ("merge", Self::Updated),
        ("convertlead", Self::Updated),
        ("undelete", Self::Updated),
        ("deletehard", Self::Erased),
        ("delete", Self::Deleted),
        ("harddelete", Self::Erased),
        ("emptyrecyclebin", Self::Erased),
    ];

    /// Returns how an operation changes records, or `None` if it is no write.
    pub(crate) fn of(word: &str) -> Option<Self> {
        // Most words are reads, and `Query`, `Read` and `GET` begin like no write.
        if matches!(word.as_bytes().first(), None | Some(b'Q' | b'q' | b'R' | b'r' | b'G' | b'g')) {
            return None;
        }
        Self::WORDS.iter().find(|(with, _)| begins(word, with)).map(|(_, change)| *change)
    }
}

/// Whether a word begins with another, in any case.
fn begins(word: &str, with: &str) -> bool {
    word.as_bytes().get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_have_their_effects() {
        let check = |kind, words: &[&str], expect| {
            for word in words {
                assert_eq!(Effect::of(kind, Some(word)), expect, "{kind} {word}");
            }
        };
        let reads =
            ["query", "QueryMore", "QUERYALL", "search", "retrieve", "getUpdated", "describeSObject", "GET", "?"];
        check(Kind::Api, &reads, Effect::Read);
        let writes = ["create", "update", "upsert", "merge", "convertLead", "delete", "undelete", "emptyRecycleBin"];
        check(Kind::Api, &writes, Effect::Write);
        check(Kind::Api, &["POST", "PATCH", "put", "DELETE", "DeleteHard", "DeleteSoft", "Insert"], Effect::Write);
        check(Kind::BulkApi, &["query", "queryAll", "?"], Effect::Export);
        check(Kind::BulkApi, &["INSERT", "update", "upsert", "delete", "hardDelete"], Effect::Write);
        let downloads = ["VersionDownloadAction", "VersionDownloadApi", "UI_DOWNLOAD", "API_DOWNLOAD"];
        check(Kind::File, &downloads, Effect::Export);
        check(Kind::File, &["VersionRenditionDownload", "PREVIEW"], Effect::Preview);
        check(Kind::File, &["saveVersion", "UPLOAD"], Effect::Write);
        check(Kind::Report, &["ReportRunFromLightning", "ReportPreviewed"], Effect::Read);
        check(Kind::Report, &["ReportExported", "ReportExportedAsynchronously", "reportexported"], Effect::Export);
        check(Kind::LightningUri, &["Read"], Effect::Read);
        check(Kind::LightningUri, &["Update", "Delete"], Effect::Write);
        check(Kind::PermissionSet, &["AssignedToUsers"], Effect::None);
    }

    #[test]
    fn without_an_operation_the_kind_decides() {
        let check = |kind, expect| assert_eq!(Effect::of(kind, None), expect);
        check(Kind::Api, Effect::Read);
        check(Kind::BulkApi, Effect::Export);
        check(Kind::BulkApiResult, Effect::Export);
        check(Kind::Login, Effect::None);
    }

    #[test]
    fn writes_change_records_in_four_ways() {
        let check = |words: &[&str], expect| {
            words.iter().for_each(|word| assert_eq!(WriteKind::of(word), expect, "{word}"));
        };
        check(&["create", "Insert", "POST"], Some(WriteKind::Created));
        check(&["upsert", "UPDATE", "merge", "undelete"], Some(WriteKind::Updated));
        check(&["delete", "DeleteSoft", "DELETE"], Some(WriteKind::Deleted));
        check(&["DeleteHard", "hardDelete", "emptyRecycleBin"], Some(WriteKind::Erased));
        check(&["query", "getDeleted", "", "de", "é"], None);
    }
}
