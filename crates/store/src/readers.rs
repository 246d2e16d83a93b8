//! Readers: which database login may read which org in SQL. The row policies enforce it, by the login of the session.

use crate::error::{Context, Result, StoreError};
use crate::{Store, audit};
use model::{OrgId, Timestamp};
use serde::Serialize;
use serde_json::json;

/// A login that is bound to an org.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reader {
    /// The name of the login.
    pub login: String,
    /// The org that it reads.
    pub org_id: OrgId,
    /// The login that bound it.
    pub granted_by: String,
    /// When, by the database's clock.
    pub granted_at: Timestamp,
    /// What keeps it from reading its orgs and nothing else, such as a further role that sees every org.
    pub problem: Option<String>,
}

impl Store {
    /// Binds a login to an org, and records it in the audit trail. `false` if it was bound already.
    ///
    /// # Errors
    /// [`StoreError::Reader`] if the row policies would not hold the login to its orgs; if the database refuses.
    pub async fn grant_reader(&self, login: &str, org: &OrgId) -> Result<bool> {
        let mut transaction = self.pool.begin().await.context("begin to bind a reader")?;
        let problem = sqlx::query_scalar!("SELECT orgwatch.reader_problem($1)", login)
            .fetch_one(&mut *transaction)
            .await
            .context("look at a login")?;
        if let Some(problem) = problem {
            return Err(StoreError::Reader { login: login.to_owned(), problem });
        }
        let granted = sqlx::query_scalar!(
            "INSERT INTO orgwatch.readers (login, org_id) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING granted_by",
            login,
            org.as_str()
        )
        .fetch_optional(&mut *transaction)
        .await
        .context("bind a reader")?;
        if granted.is_some() {
            audit::insert(&mut *transaction, None, "reader granted", login, &json!({ "org": org })).await?;
        }
        transaction.commit().await.context("commit the binding of a reader")?;
        Ok(granted.is_some())
    }

    /// Ends the binding of a login to an org, and records it in the audit trail. `false` if it was not bound. Queries
    /// that run go on to their end.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn revoke_reader(&self, login: &str, org: &OrgId) -> Result<bool> {
        let mut transaction = self.pool.begin().await.context("begin to unbind a reader")?;
        let revoked = sqlx::query_scalar!(
            r#"DELETE FROM orgwatch.readers WHERE login = $1 AND org_id = $2 RETURNING session_user::text AS "actor!""#,
            login,
            org.as_str()
        )
        .fetch_optional(&mut *transaction)
        .await
        .context("unbind a reader")?;
        if revoked.is_some() {
            audit::insert(&mut *transaction, None, "reader revoked", login, &json!({ "org": org })).await?;
        }
        transaction.commit().await.context("commit the end of a binding")?;
        Ok(revoked.is_some())
    }

    /// Lists the bindings, by login and org.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn readers(&self) -> Result<Vec<Reader>> {
        let rows = sqlx::query!(
            r#"SELECT login, org_id, granted_by, orgwatch.to_ms(granted_at) AS "granted_at!",
                   orgwatch.reader_problem(login) AS problem
               FROM orgwatch.readers ORDER BY login, org_id"#
        )
        .fetch_all(&self.pool)
        .await
        .context("list readers")?;
        let readers = rows.into_iter().map(|row| Reader {
            login: row.login,
            org_id: OrgId::new(&row.org_id),
            granted_by: row.granted_by,
            granted_at: Timestamp(row.granted_at),
            problem: row.problem,
        });
        Ok(readers.collect())
    }
}
