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
    session_id: String,
    /// person or token.
    kind: String,
    /// What people see of who it is.
    name: String,
    /// Who opened or made it; null for one's own.
    created_by: Option<String>,
    /// When, by the database's clock.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it was last used, to the minute; null for one's own.
    #[schema(format = DateTime)]
    used_at: Option<String>,
    /// When it ends at the latest.
    #[schema(format = DateTime)]
    expires_at: String,
    /// viewer, analyst, responder or administrator by org; `*` stands for all orgs.
    roles: BTreeMap<String, String>,
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
    org_id: String,
    /// The source, such as push or streams.
    source: String,
    /// The kind of events, such as login or api.
    kind: String,
    /// leading, following, blind, missing or off.
    state: String,
    /// Time of the last event seen, by Salesforce's clock.
    #[schema(format = DateTime)]
    last_event_at: Option<String>,
    /// When the source last answered, with or without events.
    #[schema(format = DateTime)]
    last_heard_at: Option<String>,
    /// What is wrong, and what to do.
    detail: Option<String>,
    /// When this last changed, by the database's clock.
    #[schema(format = DateTime)]
    updated_at: String,
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
    org_id: String,
    /// The source.
    source: String,
    /// The kind of events.
    kind: String,
    /// Event time of the last event before it.
    #[schema(format = DateTime)]
    from: String,
    /// Event time of the first event after it.
    #[schema(format = DateTime)]
    to: String,
    /// Why events are missing.
    reason: String,
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
    at: String,
    /// Who did it: the person or token, or the database login.
    actor: String,
    /// Who that says it acts for; nobody has checked it.
    claimed_by: Option<String>,
    /// What was done.
    action: String,
    /// To what.
    subject: String,
    /// More about it; its shape depends on the action.
    #[schema(value_type = Object)]
    detail: Value,
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
