//! Sessions, sources, and the audit trail.

use super::time;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use store::{AuditEntry, Gap, OpenSession, Session, StoredSource};
use utoipa::ToSchema;

/// A session or token, without its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct SessionBody {
    /// Its id.
    #[schema(format = Uuid)]
    pub(crate) session_id: String,
    /// person or token.
    pub(crate) kind: String,
    /// What people see of who it is.
    pub(crate) name: String,
    /// Who opened or made it; null for one's own.
    pub(crate) created_by: Option<String>,
    /// When, by the database's clock.
    #[schema(format = DateTime)]
    pub(crate) created_at: String,
    /// When it was last used, to the minute; null for one's own.
    #[schema(format = DateTime)]
    pub(crate) used_at: Option<String>,
    /// When it ends at the latest.
    #[schema(format = DateTime)]
    pub(crate) expires_at: String,
    /// viewer, analyst, responder or administrator by org; `*` stands for all orgs.
    pub(crate) roles: BTreeMap<String, String>,
}

impl From<&Session> for SessionBody {
    fn from(session: &Session) -> Self {
        Self {
            session_id: session.session_id.to_string(),
            kind: session.kind.clone(),
            name: session.name.clone(),
            created_by: None,
            created_at: time(session.created_at),
            used_at: None,
            expires_at: time(session.expires_at),
            roles: session.roles.iter().map(|(org, role)| (org.clone(), role.as_str().to_owned())).collect(),
        }
    }
}

impl From<OpenSession> for SessionBody {
    fn from(session: OpenSession) -> Self {
        Self {
            session_id: session.session_id.to_string(),
            kind: session.kind,
            name: session.name,
            created_by: Some(session.created_by),
            created_at: time(session.created_at),
            used_at: Some(time(session.used_at)),
            expires_at: time(session.expires_at),
            roles: session.roles.into_iter().map(|(org, role)| (org, role.as_str().to_owned())).collect(),
        }
    }
}

/// What a source sees of a kind of events.
#[derive(Serialize, ToSchema)]
pub(crate) struct Source {
    /// Salesforce id of the org.
    pub(crate) org_id: String,
    /// The source, such as push or streams.
    pub(crate) source: String,
    /// The kind of events, such as login or api.
    pub(crate) kind: String,
    /// leading, following, blind, missing or off.
    pub(crate) state: String,
    /// Time of the last event seen, by Salesforce's clock.
    #[schema(format = DateTime)]
    pub(crate) last_event_at: Option<String>,
    /// When the source last answered, with or without events.
    #[schema(format = DateTime)]
    pub(crate) last_heard_at: Option<String>,
    /// What is wrong, and what to do.
    pub(crate) detail: Option<String>,
    /// When this last changed, by the database's clock.
    #[schema(format = DateTime)]
    pub(crate) updated_at: String,
}

impl From<StoredSource> for Source {
    fn from(stored: StoredSource) -> Self {
        let StoredSource { org_id, state, updated_at } = stored;
        Self {
            org_id: org_id.to_string(),
            source: state.source,
            kind: state.kind,
            state: state.state,
            last_event_at: state.last_event_at.map(time),
            last_heard_at: state.last_heard_at.map(time),
            detail: state.detail,
            updated_at: time(updated_at),
        }
    }
}

/// A period of which a source has missed events.
#[derive(Serialize, ToSchema)]
pub(crate) struct SourceGap {
    /// Salesforce id of the org.
    pub(crate) org_id: String,
    /// The source.
    pub(crate) source: String,
    /// The kind of events.
    pub(crate) kind: String,
    /// Event time of the last event before it.
    #[schema(format = DateTime)]
    pub(crate) from: String,
    /// Event time of the first event after it.
    #[schema(format = DateTime)]
    pub(crate) to: String,
    /// Why events are missing.
    pub(crate) reason: String,
}

impl From<Gap> for SourceGap {
    fn from(gap: Gap) -> Self {
        Self {
            org_id: gap.org_id.to_string(),
            source: gap.source,
            kind: gap.kind,
            from: time(gap.from),
            to: time(gap.to),
            reason: gap.reason,
        }
    }
}

/// An action in the audit trail.
#[derive(Serialize, ToSchema)]
pub(crate) struct Action {
    /// When it was recorded, by the database's clock.
    #[schema(format = DateTime)]
    pub(crate) at: String,
    /// Who did it: the person or token, or the database login.
    pub(crate) actor: String,
    /// Who that says it acts for; nobody has checked it.
    pub(crate) claimed_by: Option<String>,
    /// What was done.
    pub(crate) action: String,
    /// To what.
    pub(crate) subject: String,
    /// More about it; its shape depends on the action.
    #[schema(value_type = Object)]
    pub(crate) detail: Value,
}

impl From<AuditEntry> for Action {
    fn from(entry: AuditEntry) -> Self {
        Self {
            at: time(entry.at),
            actor: entry.actor,
            claimed_by: entry.claimed_by,
            action: entry.action,
            subject: entry.subject,
            detail: entry.detail,
        }
    }
}
