//! Sessions of people and tokens of programs. The console opens and ends them by functions of the database, and cannot read
//! the table.

use super::Visit;
use crate::convert::text;
use crate::error::{Context, Result, StoreError};
use crate::{Store, audit};
use model::{OrgId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use uuid::Uuid;

/// What a session may do in an org; each role includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Decides on incidents and accounts.
    Analyst,
    /// Decides what holds for all accounts of the org.
    Responder,
    /// Changes settings, makes tokens, and reads the audit trail.
    Administrator,
}

impl Role {
    /// All roles, the least first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Analyst, Self::Responder, Self::Administrator];

    /// Returns the word that the database and JSON have.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Analyst => "analyst",
            Self::Responder => "responder",
            Self::Administrator => "administrator",
        }
    }

    fn of(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|role| role.as_str() == text);
        found.ok_or_else(|| StoreError::UnknownWord { field: "role", value: text.to_owned() })
    }
}

/// The session that a transaction names.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Session {
    /// Its id, which is no secret.
    pub session_id: Uuid,
    /// `person` or `token`.
    pub kind: String,
    /// What people see of who it is.
    pub name: String,
    /// Who it is for good.
    pub subject: String,
    /// When it was opened, by the database's clock.
    pub created_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// Whether its use was noted within the last minute: otherwise call [`Visit::touch`].
    pub is_noted: bool,
    /// Whether the identity provider has to be asked for the person's groups before anything is shown: see
    /// [`Visit::take_check`].
    pub is_check_due: bool,
    /// The role in each org; `*` stands for all orgs.
    pub roles: BTreeMap<String, Role>,
}

impl Session {
    /// Returns the role in an org: the higher one of that org and of all orgs.
    pub fn role_in(&self, org: &OrgId) -> Option<Role> {
        self.roles.get(org.as_str()).max(self.roles.get("*")).copied()
    }

    /// Returns the highest role in any org.
    pub fn highest_role(&self) -> Option<Role> {
        self.roles.values().max().copied()
    }
}

/// A session of a person to open.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Its id.
    pub session_id: Uuid,
    /// SHA-256 of its secret.
    pub secret_hash: [u8; 32],
    /// What people see of who it is.
    pub name: String,
    /// Who it is for good: issuer and subject of the identity provider.
    pub subject: String,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// After how many seconds without use it ends.
    pub idle_seconds: u32,
    /// The role in each org.
    pub roles: BTreeMap<String, Role>,
    /// What the console needs to ask the identity provider again, encrypted.
    pub sealed: Vec<u8>,
    /// Seconds between two checks of the person's groups.
    pub check_seconds: u32,
}

/// What [`Visit::take_check`] found.
#[derive(Clone, Debug, PartialEq)]
pub enum Check {
    /// It is due, and this caller has to make it within its lease.
    Taken {
        /// The session.
        session_id: Uuid,
        /// What is needed for it, encrypted.
        sealed: Vec<u8>,
    },
    /// Another caller makes it, and the session has to wait for its outcome.
    Awaited,
    /// It is not due, or another caller makes it and the session may go on meanwhile.
    NotDue,
}

/// A token to make.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Its id.
    pub session_id: Uuid,
    /// SHA-256 of its secret.
    pub secret_hash: [u8; 32],
    /// Its name.
    pub name: String,
    /// When it ends.
    pub expires_at: Timestamp,
    /// The role in each org; `*` stands for all orgs.
    pub roles: BTreeMap<String, Role>,
}

/// A session or token that is in force, without its secret.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OpenSession {
    /// Its id.
    pub session_id: Uuid,
    /// `person` or `token`.
    pub kind: String,
    /// What people see of who it is.
    pub name: String,
    /// Who opened or made it.
    pub created_by: String,
    /// When, by the database's clock.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub used_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
    /// The role in each org.
    pub roles: BTreeMap<String, Role>,
}

impl Store {
    /// Makes a token as an operator, and records that in the audit trail.
    ///
    /// # Errors
    /// If the database refuses, as to a login that is no operator.
    pub async fn create_token(&self, token: &NewToken) -> Result<()> {
        let mut transaction = self.pool.begin().await.context("begin to make a token")?;
        sqlx::query!(
            "SELECT orgwatch.create_token($1, $2, $3, orgwatch.from_ms($4), $5)",
            token.session_id,
            &token.secret_hash[..],
            &text(&token.name),
            token.expires_at.0,
            json!(token.roles)
        )
        .fetch_one(&mut *transaction)
        .await
        .context("make a token")?;
        let detail = json!({ "session_id": token.session_id, "roles": token.roles });
        audit::insert(&mut *transaction, None, "token made", &token.name, &detail).await?;
        transaction.commit().await.context("commit a token")
    }
}

impl Visit {
    /// Opens the session of a person for whom the identity provider has vouched. If the transaction names its secret, what
    /// follows is done in its name.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn open_session(&mut self, session: &NewSession) -> Result<()> {
        sqlx::query!(
            "SELECT orgwatch.open_session($1, $2, $3, $4, orgwatch.from_ms($5), make_interval(secs => $6), $7, $8,
                 make_interval(secs => $9))",
            session.session_id,
            &session.secret_hash[..],
            &text(&session.name),
            &text(&session.subject),
            session.expires_at.0,
            f64::from(session.idle_seconds),
            json!(session.roles),
            &session.sealed,
            f64::from(session.check_seconds)
        )
        .fetch_one(&mut *self.transaction)
        .await
        .context("open a session")
        .map(drop)
    }

    /// Takes the check of the session's groups for `lease_seconds`, if it is due. One caller of all replicas gets it.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn take_check(&mut self, lease_seconds: u32) -> Result<Check> {
        let row = sqlx::query!(
            r#"SELECT taken, tokens, is_awaited AS "is_awaited!" FROM orgwatch.take_check(make_interval(secs => $1))"#,
            f64::from(lease_seconds)
        )
        .fetch_one(&mut *self.transaction)
        .await
        .context("take the check of a session")?;
        Ok(match (row.taken, row.tokens) {
            (Some(session_id), Some(sealed)) => Check::Taken { session_id, sealed },
            _ if row.is_awaited => Check::Awaited,
            _ => Check::NotDue,
        })
    }

    /// Notes that the identity provider has answered, with what is needed to ask it the next time, encrypted.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn note_check(&mut self, sealed: &[u8]) -> Result<()> {
        sqlx::query!("SELECT orgwatch.note_check($1)", sealed)
            .fetch_one(&mut *self.transaction)
            .await
            .context("note the check of a session")
            .map(drop)
    }

    /// Notes that the identity provider did not answer. The next check is due after `retry_seconds`; the session ends
    /// `outage_seconds` after the first failure, unless the provider answers before that. What is needed to ask it may have
    /// changed all the same.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn note_failed_check(&mut self, sealed: &[u8], retry_seconds: u32, outage_seconds: u32) -> Result<()> {
        sqlx::query!(
            "SELECT orgwatch.note_failed_check($1, make_interval(secs => $2), make_interval(secs => $3))",
            sealed,
            f64::from(retry_seconds),
            f64::from(outage_seconds)
        )
        .fetch_one(&mut *self.transaction)
        .await
        .context("note that the check of a session failed")
        .map(drop)
    }

    /// Returns the session that the transaction names; `None` if its secret is unknown or it has ended.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn session(&mut self) -> Result<Option<Session>> {
        let row = sqlx::query!(
            r#"SELECT session_id AS "session_id!", kind AS "kind!", name AS "name!", subject AS "subject!",
                   orgwatch.to_ms(created_at) AS "created_at!", orgwatch.to_ms(expires_at) AS "expires_at!",
                   is_noted AS "is_noted!", is_check_due AS "is_check_due!", roles AS "roles!"
               FROM orgwatch.current_session()"#
        )
        .fetch_optional(&mut *self.transaction)
        .await
        .context("read a session")?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Session {
            session_id: row.session_id,
            kind: row.kind,
            name: row.name,
            subject: row.subject,
            created_at: Timestamp(row.created_at),
            expires_at: Timestamp(row.expires_at),
            is_noted: row.is_noted,
            is_check_due: row.is_check_due,
            roles: roles(&row.roles)?,
        }))
    }

    /// Notes that the session is in use.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn touch(&mut self) -> Result<()> {
        sqlx::query!("SELECT orgwatch.touch_session()")
            .fetch_one(&mut *self.transaction)
            .await
            .context("note the use of a session")
            .map(drop)
    }

    /// Gives the session other roles; without any it ends.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn renew(&mut self, roles: &BTreeMap<String, Role>) -> Result<()> {
        sqlx::query!("SELECT orgwatch.renew_session($1)", json!(roles))
            .fetch_one(&mut *self.transaction)
            .await
            .context("renew the roles of a session")
            .map(drop)
    }

    /// Makes a token with no more than the session's own rights.
    ///
    /// # Errors
    /// If the session is no administrator of all its orgs, see [`StoreError::is_forbidden`]; if the database refuses.
    pub async fn create_token(&mut self, token: &NewToken) -> Result<()> {
        let made = sqlx::query!(
            "SELECT orgwatch.create_token($1, $2, $3, orgwatch.from_ms($4), $5)",
            token.session_id,
            &token.secret_hash[..],
            &text(&token.name),
            token.expires_at.0,
            json!(token.roles)
        )
        .fetch_one(&mut *self.transaction)
        .await;
        made.context("make a token").map(drop)
    }

    /// Ends a session: one's own, or that of another as an administrator of all its orgs. `false` if there is none.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn end_session(&mut self, session_id: Uuid) -> Result<bool> {
        sqlx::query_scalar!(r#"SELECT orgwatch.end_session($1) AS "ended!""#, session_id)
            .fetch_one(&mut *self.transaction)
            .await
            .context("end a session")
    }

    /// Returns the sessions and tokens in force of which all orgs are administered by this session, the oldest first.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn sessions(&mut self) -> Result<Vec<OpenSession>> {
        let rows = sqlx::query!(
            r#"SELECT session_id AS "session_id!", kind AS "kind!", name AS "name!", created_by AS "created_by!",
                   orgwatch.to_ms(created_at) AS "created_at!", orgwatch.to_ms(used_at) AS "used_at!",
                   orgwatch.to_ms(expires_at) AS "expires_at!", roles AS "roles!"
               FROM orgwatch.other_sessions()"#
        )
        .fetch_all(&mut *self.transaction)
        .await
        .context("list sessions")?;
        let session = |row: (Uuid, String, String, String, [i64; 3], serde_json::Value)| {
            let (session_id, kind, name, created_by, [created_at, used_at, expires_at], of_orgs) = row;
            let (created_at, used_at, expires_at) = (Timestamp(created_at), Timestamp(used_at), Timestamp(expires_at));
            let roles = roles(&of_orgs)?;
            Ok(OpenSession { session_id, kind, name, created_by, created_at, used_at, expires_at, roles })
        };
        let rows = rows.into_iter().map(|row| {
            let times = [row.created_at, row.used_at, row.expires_at];
            (row.session_id, row.kind, row.name, row.created_by, times, row.roles)
        });
        rows.map(session).collect()
    }
}

fn roles(stored: &serde_json::Value) -> Result<BTreeMap<String, Role>> {
    let pairs = stored.as_object().into_iter().flatten();
    pairs.map(|(org, role)| Ok((org.clone(), Role::of(role.as_str().unwrap_or_default())?))).collect()
}
