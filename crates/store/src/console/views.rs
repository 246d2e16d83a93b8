//! Lists of incidents that the person of a session keeps under a name.

use super::Visit;
use crate::convert::text;
use crate::error::{Context, Result};

/// The most views of a person. A choice: more than a page shows with profit.
const MOST: i64 = 50;

/// A list that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptView {
    /// Its name, 1 to 80 characters.
    pub name: String,
    /// Its filters and order, as the query of the list: at most 2,000 bytes.
    pub query: String,
}

impl Visit {
    /// Returns the views of the person, by name.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn kept_views(&mut self) -> Result<Vec<KeptView>> {
        sqlx::query_as!(
            KeptView,
            "SELECT name, query FROM orgwatch.kept_views WHERE subject = orgwatch.session_subject() ORDER BY name"
        )
        .fetch_all(&mut *self.transaction)
        .await
        .context("read the views of a person")
    }

    /// Keeps a view, in place of the one of the same name. Returns whether it is kept: a person has at most 50.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn keep_view(&mut self, view: &KeptView) -> Result<bool> {
        let kept = sqlx::query!(
            "INSERT INTO orgwatch.kept_views (subject, name, query)
             SELECT orgwatch.session_subject(), $1, $2
             WHERE (SELECT count(*) FROM orgwatch.kept_views
                    WHERE subject = orgwatch.session_subject() AND name <> $1) < $3
             ON CONFLICT (subject, name) DO UPDATE SET query = EXCLUDED.query, kept_at = now()",
            &text(&view.name),
            &text(&view.query),
            MOST
        );
        let done = kept.execute(&mut *self.transaction).await.context("keep a view")?;
        Ok(done.rows_affected() > 0)
    }

    /// Forgets a view. Returns whether there was one of this name.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn forget_view(&mut self, name: &str) -> Result<bool> {
        let forgotten = sqlx::query!(
            "DELETE FROM orgwatch.kept_views WHERE subject = orgwatch.session_subject() AND name = $1",
            &text(name)
        );
        let done = forgotten.execute(&mut *self.transaction).await.context("forget a view")?;
        Ok(done.rows_affected() > 0)
    }
}
