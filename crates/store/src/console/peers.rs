//! What the accounts of an org did on a day, by class.

use super::Visit;
use crate::convert::{text, unsigned};
use crate::error::{Context, Result};
use model::{OrgId, Timestamp};

/// What accounts read through a surface on a day.
#[derive(Clone, Debug, PartialEq)]
pub struct PeerDay {
    /// Their class; `None`: all accounts of the org.
    pub user_class: Option<String>,
    /// The surface.
    pub surface: String,
    /// How many accounts used it.
    pub accounts: u64,
    /// The median of their rows.
    pub median_rows: f64,
    /// The rows that one account in 20 exceeded.
    pub high_rows: f64,
}

impl Visit {
    /// Returns what accounts of an org did on closed days that begin from `from` on and before `to`, by surface and class.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn peer_days(&mut self, org: &OrgId, (from, to): (Timestamp, Timestamp)) -> Result<Vec<PeerDay>> {
        let rows = sqlx::query!(
            r#"SELECT user_class, surface AS "surface!", accounts AS "accounts!", median_rows AS "median_rows!",
                   high_rows AS "high_rows!"
               FROM orgwatch.days_of_classes($1, orgwatch.from_ms($2), orgwatch.from_ms($3))"#,
            &text(org.as_str()),
            from.0,
            to.0
        )
        .fetch_all(&mut *self.transaction)
        .await
        .context("read what classes of accounts did on a day")?;
        let peers = rows.into_iter().map(|row| PeerDay {
            user_class: row.user_class,
            surface: row.surface,
            accounts: unsigned(row.accounts),
            median_rows: row.median_rows,
            high_rows: row.high_rows,
        });
        Ok(peers.collect())
    }
}
