//! Activities: normalized Salesforce events.

use crate::effect::{Effect, WriteKind};
use crate::time::MINUTE;
use crate::words::words;
use crate::{OrgId, Text, Timestamp, UserId};
use serde::Serialize;
use smallvec::SmallVec;
use std::net::IpAddr;
use uuid::Uuid;

/// One normalized Salesforce event: who, when, what, how much, and from where.
///
/// The id, org, user, event time, channel and kind are always present. Salesforce may omit any other field.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Activity {
    /// `EventIdentifier`, or an id derived from the record where Salesforce gives none.
    pub id: Uuid,
    /// The org in which the event happened.
    pub org_id: OrgId,
    /// The account that acted.
    pub user_id: UserId,
    /// The account's username.
    pub username: Option<Text>,
    /// When the event happened at Salesforce.
    pub event_time: Timestamp,
    /// When Salesforce wrote the record (`CreatedDate`), or when ingest received it.
    pub received_at: Option<Timestamp>,
    /// How Salesforce delivered the event.
    pub channel: Channel,
    /// What happened.
    pub kind: Kind,
    /// The operation within the kind, as Salesforce spells it: `ReportExported`, `Query`, `UI_DOWNLOAD`.
    pub operation: Option<Text>,
    /// What the activity did to data.
    pub effect: Effect,
    /// Whether the request succeeded.
    pub outcome: Outcome,
    /// Salesforce objects that the event read or wrote, each once.
    pub objects: Objects,
    /// Salesforce id of the list view, report, file, job or page.
    pub resource_id: Option<Text>,
    /// Name of the list view, report, file or page. For a change in Setup, Salesforce's sentence on it.
    pub resource_name: Option<Text>,
    /// How far the list view, report or query reaches.
    pub scope: Option<Scope>,
    /// Hash that the chunks of one execution share, and the pages of one query.
    pub run: Option<u64>,
    /// Rows of the whole run, repeated on each of its chunks.
    pub rows: Option<u64>,
    /// Rows of this chunk alone.
    pub rows_returned: Option<u64>,
    /// Columns of the list view or report.
    pub columns: Option<u32>,
    /// Size of the file or of the response, in bytes.
    pub bytes: Option<u64>,
    /// Where the request came from.
    pub source_ip: Option<SourceIp>,
    /// Autonomous system that announces the address.
    pub asn: Option<u32>,
    /// ISO 3166 code where known, the country's name otherwise.
    pub country: Option<Text>,
    /// The user agent as sent.
    pub user_agent: Option<Text>,
    /// Type of client without versions: "Chrome on macOS".
    pub client: Option<Text>,
    /// Application as Salesforce names it.
    pub application: Option<Text>,
    /// Salesforce id of the connected app.
    pub connected_app: Option<Text>,
    /// API that was called: `REST`, `Bulk`, `SOAP Partner`.
    pub api_type: Option<Text>,
    /// Key that all events of one session share.
    pub session_key: Option<Text>,
    /// Key that all events after one login share.
    pub login_key: Option<Text>,
    /// Salesforce's id of the request.
    pub request_id: Option<Text>,
    /// Login, job or HTTP status, as it came.
    pub status: Option<Text>,
    /// Type of login: `Application`, `Remote Access 2.0`.
    pub login_type: Option<Text>,
    /// License type of the account: `Standard`, `Guest`.
    pub user_type: Option<Text>,
    /// Salesforce id of the account's profile.
    pub profile_id: Option<Text>,
    /// Salesforce id of the account's role.
    pub role_id: Option<Text>,
    /// Whether the account may view or modify all data, manage users or author Apex.
    ///
    /// No Salesforce event carries this. Ingest adds what the org's user list said when it received the event.
    pub administers: Option<bool>,
    /// Who acts as the account after a LoginAs.
    pub delegate: Option<Box<Delegate>>,
    /// The payload of a Threat Detection event.
    pub native: Option<Box<NativeAnomaly>>,
    /// Columns and fields that the dictionary does not know, as they came.
    pub attributes: Vec<Attribute>,
}

/// Names of the objects that an activity touched; most activities touch one.
pub type Objects = SmallVec<[Text; 1]>;

impl Activity {
    /// Milliseconds that an event may be dated after its receipt; beyond them it is set aside. A choice, which allows for
    /// clocks that differ.
    const MOST_AHEAD: i64 = 5 * MINUTE;

    /// Whether the event is dated so far after its receipt that it is set aside.
    pub fn is_ahead_of(&self, received_at: Timestamp) -> bool {
        self.event_time.since(received_at) > Self::MOST_AHEAD
    }

    /// Creates an activity from its required fields. All others are empty, the outcome is unknown, and the effect is that
    /// of the kind without an operation.
    pub fn new(id: Uuid, org_id: OrgId, user_id: UserId, event_time: Timestamp, channel: Channel, kind: Kind) -> Self {
        Self {
            id,
            org_id,
            user_id,
            username: None,
            event_time,
            received_at: None,
            channel,
            kind,
            operation: None,
            effect: Effect::of(kind, None),
            outcome: Outcome::Unknown,
            objects: Objects::new(),
            resource_id: None,
            resource_name: None,
            scope: None,
            run: None,
            rows: None,
            rows_returned: None,
            columns: None,
            bytes: None,
            source_ip: None,
            asn: None,
            country: None,
            user_agent: None,
            client: None,
            application: None,
            connected_app: None,
            api_type: None,
            session_key: None,
            login_key: None,
            request_id: None,
            status: None,
            login_type: None,
            user_type: None,
            profile_id: None,
            role_id: None,
            administers: None,
            delegate: None,
            native: None,
            attributes: Vec::new(),
        }
    }

    /// Returns whether a report, or data of CRM Analytics, left Salesforce as a file.
    ///
    /// The effect decides: `ExportFileFormat` is null on real exports.
    pub fn is_report_export(&self) -> bool {
        let is_report = matches!(self.kind, Kind::Report | Kind::ReportExport | Kind::AnalyticsDownload);
        is_report && self.effect == Effect::Export
    }

    /// Returns how the activity changes records; `None` if it does not write.
    pub fn write_kind(&self) -> Option<WriteKind> {
        if self.effect != Effect::Write {
            return None;
        }
        self.operation.as_deref().and_then(WriteKind::of)
    }
}

/// A field that orgwatch has no name for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attribute {
    /// The field's name, as it came.
    pub name: Text,
    /// The field's value, as text.
    pub value: Text,
}

words! {
    /// How Salesforce delivers an event.
    Channel {
        /// Pub/Sub API, within seconds.
        Stream = "stream",
        /// Big objects and event stores, by query.
        Stored = "stored",
        /// Event log files, hourly or daily.
        LogFile = "log_file",
        /// Event log objects, by query.
        LogObject = "log_object",
        /// Security Center of a tenant that monitors the org.
        SecurityCenter = "security_center",
        /// Setup: its downloads, and queries of the objects behind them.
        Setup = "setup",
    }
}

words! {
    /// What happened. The channel does not matter: a streamed, a stored and a logged report are all `Report`.
    Kind {
        /// A list view was opened or paged.
        ListView = "list_view",
        /// A SOAP or REST API call.
        Api = "api",
        /// A report was run, previewed or exported.
        Report = "report",
        /// An export of a report, from a log file: it has no rows, and its URI holds the report's id.
        ReportExport = "report_export",
        /// A login that succeeded or failed.
        Login = "login",
        /// An administrator logged in as another user.
        LoginAs = "login_as",
        /// A session ended.
        Logout = "logout",
        /// A page in Lightning Experience was opened.
        LightningUri = "lightning_uri",
        /// A page in Salesforce Classic was opened.
        Uri = "uri",
        /// A batch of a Bulk API job.
        BulkApi = "bulk_api",
        /// The result of a Bulk API job was downloaded.
        BulkApiResult = "bulk_api_result",
        /// A file was uploaded, downloaded or previewed.
        File = "file",
        /// Permissions were granted or revoked.
        PermissionSet = "permission_set",
        /// Threat Detection: unusual API calls.
        ApiAnomaly = "api_anomaly",
        /// Threat Detection: unusual report runs or exports.
        ReportAnomaly = "report_anomaly",
        /// Threat Detection: a session continues from another client or address.
        SessionHijacking = "session_hijacking",
        /// Threat Detection: a login with stolen credentials.
        CredentialStuffing = "credential_stuffing",
        /// Threat Detection: unusual access by a guest user.
        GuestUserAnomaly = "guest_user_anomaly",
        /// Threat Detection: an unusual login.
        LoginAnomaly = "login_anomaly",
        /// Security Center's copy of an API anomaly in a monitored org.
        TenantSecurityApiAnomaly = "tenant_security_api_anomaly",
        /// A setting or a right was changed in Setup.
        SetupChange = "setup_change",
        /// An attachment or a document of Salesforce Classic was downloaded.
        Attachment = "attachment",
        /// Data was downloaded from CRM Analytics.
        AnalyticsDownload = "analytics_download",
        /// An API call in the log that counts all of them. It has no rows, and the logs of the APIs have the same calls.
        ApiUsage = "api_usage",
        /// A guest's request for actions of Aura components.
        AuraRequest = "aura_request",
        /// A search. Its results are shown, and nothing leaves Salesforce.
        Search = "search",
    }
}

words! {
    /// How a request ended.
    Outcome {
        /// The record does not say.
        Unknown = "unknown",
        /// The request succeeded.
        Success = "success",
        /// The request failed, or a policy blocked it.
        Failure = "failure",
        /// The first of the two records of a change; the second one carries the result.
        Initiated = "initiated",
    }
}

words! {
    /// How far a list view, report or query reaches. Views and reports have the first four, narrowest first.
    Scope {
        /// Records that the user owns.
        Own = "own",
        /// Records of the user's groups and queues.
        Group = "group",
        /// Records of the user's team or territory.
        Team = "team",
        /// All records of the org.
        All = "all",
        /// Records that a query selects by an id, an owner, a date or another indexed field, or only a few.
        Selected = "selected",
        /// No records: a query for their number.
        Count = "count",
    }
}

words! {
    /// The scale of a Threat Detection score. Salesforce uses two.
    ScoreScale {
        /// 0 to 1: every Threat Detection event but Security Center's.
        ZeroToOne = "0-1",
        /// 0 to 100: `TenantSecurityApiAnomaly`.
        ZeroToHundred = "0-100",
    }
}

/// Where a request came from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum SourceIp {
    /// An IPv4 or IPv6 address.
    Address(IpAddr),
    /// The literal `Salesforce.com IP`: traffic from inside Salesforce.
    Salesforce,
    /// Text that is not an address.
    Other(Text),
}

/// Who acts as the user after a LoginAs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Delegate {
    /// The delegate's username.
    pub username: Option<Text>,
    /// The delegate's Salesforce id.
    pub user_id: Option<Text>,
    /// The delegate's org: another one for Salesforce support.
    pub org_id: Option<Text>,
}

/// A detection by Salesforce's own Threat Detection.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NativeAnomaly {
    /// The score on `scale`.
    pub score: Option<f64>,
    /// The scale of `score`.
    pub scale: ScoreScale,
    /// Salesforce's summary.
    pub summary: Option<Text>,
    /// The elements of `SecurityEventData`.
    pub features: Vec<NativeFeature>,
    /// The text of `SecurityEventData` if it could not be parsed.
    pub unread: Option<Text>,
}

impl NativeAnomaly {
    /// Returns the score on a scale of 0 to 1; `None` if it is absent or outside its scale.
    pub fn unit_score(&self) -> Option<f64> {
        let unit = match self.scale {
            ScoreScale::ZeroToOne => self.score?,
            ScoreScale::ZeroToHundred => self.score? / 100.0,
        };
        (0.0..=1.0).contains(&unit).then_some(unit)
    }
}

/// One element of `SecurityEventData`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NativeFeature {
    /// `featureName`.
    pub name: Text,
    /// `featureValue`.
    pub value: Text,
    /// `featureContribution` in percent. Salesforce's percentages need not add up to 100.
    pub percent: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_of_both_scales_convert_to_unit_scores() {
        let check = |score, scale, expect| {
            let native = NativeAnomaly { score, scale, summary: None, features: vec![], unread: None };
            assert_eq!(native.unit_score(), expect);
        };
        check(Some(0.9), ScoreScale::ZeroToOne, Some(0.9));
        check(Some(90.0), ScoreScale::ZeroToHundred, Some(0.9));
        check(Some(85.5), ScoreScale::ZeroToOne, None);
        check(Some(-1.0), ScoreScale::ZeroToHundred, None);
        check(None, ScoreScale::ZeroToOne, None);
    }
}
