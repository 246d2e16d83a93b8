//! Events of the simulated org.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::account::Identity;
use crate::catalog::{Query, Report, View};
use crate::location::{Client, Location};
use crate::logfile::{self, LogFile};
use crate::record;

/// One record as Salesforce stores it.
#[derive(Debug, Clone)]
pub struct Event {
    /// Event time, in milliseconds since 1970.
    pub(crate) at: i64,
    /// Time of delivery, by which the events of a day are sorted: `at`, or up to two seconds later.
    pub(crate) arrival: i64,
    pub(crate) id: u128,
    pub(crate) identity: Arc<Identity>,
    pub(crate) session: Arc<Session>,
    /// The source address is the literal `Salesforce.com IP`.
    pub(crate) internal: bool,
    pub(crate) body: Body,
}

/// A session in one network.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) session_key: String,
    pub(crate) login_key: String,
    pub(crate) login_history_id: String,
    pub(crate) ip: String,
    pub(crate) location: &'static Location,
    pub(crate) client: Client,
    pub(crate) level: &'static str,
}

/// The fields of one type of event.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    ListView {
        view: Arc<View>,
        rows: Option<f64>,
        execution: u128,
        sequence: u32,
        lower_scope: bool,
    },
    Report {
        report: Arc<Report>,
        operation: &'static str,
        rows: Option<f64>,
        execution: u128,
        sequence: u32,
    },
    Api {
        query: Arc<Query>,
        operation: &'static str,
        rows: Option<f64>,
        returned: f64,
        shows_returned: bool,
        request: u64,
        api: &'static Api,
    },
    Write {
        operation: WriteOperation,
        object: &'static str,
        rows: f64,
        request: u64,
        api: &'static Api,
    },
    Login {
        status: &'static str,
        kind: LoginKind,
    },
    LoginAs {
        admin: Arc<Identity>,
    },
    Logout,
    LightningUri {
        object: &'static str,
        record: u64,
        operation: &'static str,
        duration: u32,
    },
    Uri {
        object: &'static str,
        record: u64,
        operation: &'static str,
    },
    BulkApiResult {
        query: Arc<Query>,
        rows: f64,
        request: u64,
    },
    File {
        action: &'static str,
        document: u64,
        bytes: u64,
        file_type: &'static str,
    },
    PermissionSet {
        operation: &'static str,
        permission: &'static str,
        impacted: Arc<Identity>,
    },
    Threat(Box<Threat>),
}

/// A kind of write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WriteOperation {
    Insert,
    Update,
    Upsert,
    Delete,
    /// Deletes for good; only the Bulk API can.
    HardDelete,
}

impl WriteOperation {
    /// Returns the words for the operation: of stored events, of SOAP, of REST, of the Bulk API.
    pub(crate) fn words(self) -> [&'static str; 4] {
        match self {
            Self::Insert => ["Insert", "create", "POST", "insert"],
            Self::Update => ["Update", "update", "PATCH", "update"],
            Self::Upsert => ["Upsert", "upsert", "PATCH", "upsert"],
            Self::Delete => ["DeleteSoft", "delete", "DELETE", "delete"],
            Self::HardDelete => ["DeleteHard", "delete", "DELETE", "hardDelete"],
        }
    }
}

/// How a login is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LoginKind {
    Application,
    /// The usual program of integrations.
    Oauth,
    /// Another connected app, with its name.
    App(&'static str),
}

/// A type of API client.
#[derive(Debug)]
pub(crate) struct Api {
    /// `ApiEvent.ApiType`.
    pub(crate) api_type: &'static str,
    pub(crate) application: &'static str,
    pub(crate) client: &'static str,
    pub(crate) connected_app: Option<u64>,
}

/// A detection by Salesforce's Threat Detection.
#[derive(Debug, Clone)]
pub(crate) struct Threat {
    pub(crate) kind: ThreatKind,
    /// 0 to 1.
    pub(crate) score: f64,
    pub(crate) summary: String,
    /// JSON text, not always valid.
    pub(crate) data: String,
    pub(crate) rows: f64,
    pub(crate) objects: String,
    pub(crate) previous: Option<Arc<Session>>,
}

/// The type of a detection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ThreatKind {
    ApiAnomaly,
    ReportAnomaly,
    SessionHijacking,
}

impl Event {
    /// Returns the event time.
    pub fn at(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.at).unwrap_or_default()
    }

    /// Returns the id of the account, 18 characters.
    pub fn user_id(&self) -> &str {
        &self.identity.user_id
    }

    /// Returns the username of the account.
    pub fn username(&self) -> &str {
        &self.identity.username
    }

    /// Returns the `EventIdentifier`, a UUID. A record that is delivered twice keeps it.
    pub fn identifier(&self) -> String {
        record::uuid_text(self.id)
    }

    /// Returns the name of the object that stores the event, such as `ListViewEvent`.
    pub fn object(&self) -> &'static str {
        match &self.body {
            Body::ListView { .. } => "ListViewEvent",
            Body::Report { .. } => "ReportEvent",
            Body::Api { .. } | Body::Write { .. } => "ApiEvent",
            Body::Login { .. } => "LoginEvent",
            Body::LoginAs { .. } => "LoginAsEvent",
            Body::Logout => "LogoutEvent",
            Body::LightningUri { .. } => "LightningUriEvent",
            Body::Uri { .. } => "UriEvent",
            Body::BulkApiResult { .. } => "BulkApiResultEventStore",
            Body::File { .. } => "FileEventStore",
            Body::PermissionSet { .. } => "PermissionSetEventStore",
            Body::Threat(threat) => match threat.kind {
                ThreatKind::ApiAnomaly => "ApiAnomalyEventStore",
                ThreatKind::ReportAnomaly => "ReportAnomalyEventStore",
                ThreatKind::SessionHijacking => "SessionHijackingEventStore",
            },
        }
    }

    /// Appends the record as the query API returns it: one line of JSON with a line feed.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        record::write(self, out);
    }

    /// Returns the event log file that has a row for the event, if any.
    pub fn log_file(&self) -> Option<LogFile> {
        logfile::of(self)
    }

    /// Appends the row in [`Event::log_file`], or nothing if there is none.
    pub fn write_csv(&self, out: &mut Vec<u8>) {
        logfile::write_row(self, out);
    }

    /// Returns whether the event happened without a session: it then has no keys and no address.
    pub(crate) fn is_detached(&self) -> bool {
        matches!(&self.body, Body::Report { operation, .. } if operation.contains("synchronously") || *operation == "ReportScheduled")
    }
}
