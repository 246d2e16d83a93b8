//! The settings behind the hashes that findings and receipts carry.

use crate::error::{Context, Result};
use crate::{Correlation, Store, Visit};
use model::Text;
use sqlx::PgExecutor;

impl Store {
    /// Stores settings, as a text, under their hash. Does nothing if the hash is stored.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn put_settings(&self, hash: &str, toml: &str) -> Result<()> {
        put_settings(&self.pool, hash, toml).await
    }

    /// Returns those of the hashes that are stored, each with its text.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn settings(&self, hashes: &[Text]) -> Result<Vec<(Text, String)>> {
        settings(&self.pool, hashes).await
    }

    /// Returns the login of the sessions, as Postgres knows it.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn login(&self) -> Result<String> {
        sqlx::query_scalar!(r#"SELECT session_user::text AS "login!""#)
            .fetch_one(&self.pool)
            .await
            .context("read the name of the login")
    }
}

impl Correlation {
    /// Works as [`Store::settings`], within the transaction.
    ///
    /// # Errors
    /// As [`Store::settings`].
    pub async fn settings(&mut self, hashes: &[Text]) -> Result<Vec<(Text, String)>> {
        settings(&mut *self.transaction, hashes).await
    }

    /// Returns the hashes of all stored settings.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn settings_hashes(&mut self) -> Result<Vec<Text>> {
        let hashes = sqlx::query_scalar!("SELECT hash FROM orgwatch.settings").fetch_all(&mut *self.transaction).await;
        Ok(hashes.context("read settings")?.into_iter().map(Text::from).collect())
    }
}

impl Visit {
    /// Returns the settings behind these hashes, in TOML, without those that other orgs alone have decided.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn settings(&mut self, hashes: &[Text]) -> Result<Vec<(Text, String)>> {
        let rows = sqlx::query!(
            r#"SELECT hash AS "hash!", toml AS "toml!" FROM orgwatch.settings_of_session($1)"#,
            &valid(hashes) as &[&str]
        )
        .fetch_all(&mut *self.transaction)
        .await
        .context("read settings that the session sees")?;
        Ok(rows.into_iter().map(|row| (Text::from(row.hash), row.toml)).collect())
    }
}

/// See [`Store::put_settings`].
pub(crate) async fn put_settings(executor: impl PgExecutor<'_>, hash: &str, toml: &str) -> Result<()> {
    sqlx::query!("INSERT INTO orgwatch.settings (hash, toml) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING", hash, toml)
        .execute(executor)
        .await
        .context("store settings")
        .map(drop)
}

/// See [`Store::settings`].
pub(crate) async fn settings(executor: impl PgExecutor<'_>, hashes: &[Text]) -> Result<Vec<(Text, String)>> {
    let rows = sqlx::query!(
        "SELECT hash, toml FROM orgwatch.settings WHERE hash = ANY($1::text[])",
        &valid(hashes) as &[&str]
    )
    .fetch_all(executor)
    .await
    .context("read settings")?;
    Ok(rows.into_iter().map(|row| (Text::from(row.hash), row.toml)).collect())
}

/// Leaves out what is no hash and has a zero byte, which Postgres refuses.
fn valid(hashes: &[Text]) -> Vec<&str> {
    hashes.iter().map(Text::as_str).filter(|hash| !hash.contains('\0')).collect()
}
