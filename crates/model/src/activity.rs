//! One normalized Salesforce event.

use crate::{OrgId, Text, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use std::net::IpAddr;
use uuid::Uuid;

/// Who (org, user, session), when, what (kind, operation, objects, scope), how much, from where.
///
/// Only the org, the user and the event time are certain; Salesforce leaves out any of the rest.
#[derive(Clone, Debug, PartialEq)]
pub struct Activity {
    pub id: Uuid,
    pub org_id: OrgId,
    pub user_id: UserId,
    pub username: Option<Text>,
    pub event_time: Timestamp,
    /// When Salesforce wrote the record, or we received it.
    pub received_at: Option<Timestamp>,
    pub channel: Channel,
    pub kind: Kind,
    pub operation: Option<Text>,
    pub outcome: Outcome,
    pub objects: Objects,
    pub resource_id: Option<Text>,
    pub resource_name: Option<Text>,
    pub scope: Option<Scope>,
    /// Chunks of one execution, and the pages of one query, share a run.
    pub run: Option<u64>,
    /// Rows of the whole run, repeated on each of its chunks.
    pub rows: Option<u64>,
    /// Rows of this chunk alone.
    pub rows_returned: Option<u64>,
    pub columns: Option<u32>,
    pub bytes: Option<u64>,
    pub source_ip: Option<SourceIp>,
    pub asn: Option<u32>,
    /// ISO 3166 code where known, the country's name otherwise.
    pub country: Option<Text>,
    pub user_agent: Option<Text>,
    /// Kind of client, without versions: "Chrome on macOS".
    pub client: Option<Text>,
    pub application: Option<Text>,
    pub connected_app: Option<Text>,
    pub api_type: Option<Text>,
    pub session_key: Option<Text>,
    pub login_key: Option<Text>,
    pub request_id: Option<Text>,
    pub status: Option<Text>,
    pub login_type: Option<Text>,
    pub user_type: Option<Text>,
    pub profile_id: Option<Text>,
    pub role_id: Option<Text>,
    /// Whether the account may administer: view or modify all data, manage users or author Apex. No record says it: it
    /// is what was known when the record was received.
    pub administers: Option<bool>,
    pub delegate: Option<Box<Delegate>>,
    pub native: Option<Box<NativeAnomaly>>,
    /// Columns and fields that the dictionary does not know, as they came.
    pub attributes: Vec<Attribute>,
}

/// Names of the objects an activity touched; most touch one.
pub type Objects = SmallVec<[Text; 1]>;

impl Activity {
    /// An activity of which only what is certain is known.
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

    /// Whether a report left Salesforce as a file. `ExportFileFormat` is not to be trusted: it is null on real exports.
    pub fn is_report_export(&self) -> bool {
        match self.kind {
            Kind::ReportExport => true,
            Kind::Report => self.operation.as_ref().is_some_and(|operation| operation.starts_with("ReportExported")),
            _ => false,
        }
    }
}

/// A field's name and its value as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    pub name: Text,
    pub value: Text,
}

/// Declares an enum whose variants have one spelling in text and one number on the wire.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$variant_meta])* #[serde(rename = $text)] $variant),+ }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}
pub(crate) use words;

words! {
    /// The way a record reached us.
    Channel {
        Stream = "stream",
        Stored = "stored",
        LogFile = "log_file",
        LogObject = "log_object",
        SecurityCenter = "security_center",
    }
}

words! {
    /// What happened, whichever channel told of it.
    Kind {
        ListView = "list_view",
        Api = "api",
        Report = "report",
        /// A log file's record of an export: it has no rows and names the report in its URI.
        ReportExport = "report_export",
        Login = "login",
        LoginAs = "login_as",
        Logout = "logout",
        LightningUri = "lightning_uri",
        Uri = "uri",
        BulkApi = "bulk_api",
        BulkApiResult = "bulk_api_result",
        File = "file",
        PermissionSet = "permission_set",
        ApiAnomaly = "api_anomaly",
        ReportAnomaly = "report_anomaly",
        SessionHijacking = "session_hijacking",
        CredentialStuffing = "credential_stuffing",
        GuestUserAnomaly = "guest_user_anomaly",
        LoginAnomaly = "login_anomaly",
        TenantSecurityApiAnomaly = "tenant_security_api_anomaly",
    }
}

words! {
    Outcome {
        Unknown = "unknown",
        Success = "success",
        Failure = "failure",
        /// The first of the two records of a change; the second says how it ended.
        Initiated = "initiated",
    }
}

words! {
    /// How far a view or report reaches, narrowest first.
    Scope { Own = "own", Group = "group", Team = "team", All = "all" }
}

words! {
    /// Salesforce scores its own anomalies on two scales.
    ScoreScale { ZeroToOne = "0-1", ZeroToHundred = "0-100" }
}

/// Where a request came from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SourceIp {
    Address(IpAddr),
    /// The literal `Salesforce.com IP`: traffic from inside Salesforce.
    Salesforce,
    /// Text that is no address.
    Other(Text),
}

/// Who acts as the user after a LoginAs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delegate {
    pub username: Option<Text>,
    pub user_id: Option<Text>,
    pub org_id: Option<Text>,
}

/// What Salesforce's own Threat Detection said.
#[derive(Clone, Debug, PartialEq)]
pub struct NativeAnomaly {
    /// On `scale`.
    pub score: Option<f64>,
    pub scale: ScoreScale,
    pub summary: Option<Text>,
    pub features: Vec<NativeFeature>,
    /// The text of `SecurityEventData` where it could not be read.
    pub unread: Option<Text>,
}

impl NativeAnomaly {
    /// The score from 0 to 1, whichever scale it came on; `None` if absent or outside its scale.
    pub fn unit_score(&self) -> Option<f64> {
        let unit = match self.scale {
            ScoreScale::ZeroToOne => self.score?,
            ScoreScale::ZeroToHundred => self.score? / 100.0,
        };
        (0.0..=1.0).contains(&unit).then_some(unit)
    }
}

/// One element of `SecurityEventData`. Salesforce's percentages need not add up to 100.
#[derive(Clone, Debug, PartialEq)]
pub struct NativeFeature {
    pub name: Text,
    pub value: Text,
    pub percent: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_score_scales_are_not_mixed_up() {
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
