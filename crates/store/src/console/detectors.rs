//! What a detector has raised, and how often it was surprised.

use super::Visit;
use crate::Disposition;
use crate::convert::unsigned;
use crate::error::{Context, Result};
use crate::words;
use model::{OrgId, Timestamp};
use std::collections::BTreeMap;

/// What a detector raised in a span, and how often it was surprised on days that closed in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Raised {
    /// Incidents with findings of it, by what people decided that they were; `None`: nothing yet.
    pub incidents: BTreeMap<Option<Disposition>, u64>,
    /// Closed days of all accounts.
    pub user_days: u64,
    /// Those on which its calibrated surprise was at least 1, 2, 3, 4, 5 and 6.
    pub surprised: [u64; 6],
}

impl Visit {
    /// Returns what a detector raised in an org in a span of event time.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn raised(&mut self, org: &OrgId, detector: &str, (from, to): (Timestamp, Timestamp)) -> Result<Raised> {
        let found = sqlx::query!(
            r#"SELECT disposition, count(*) AS "incidents!" FROM orgwatch.incidents
               WHERE org_id = $1 AND last_event_at >= $3 AND last_event_at < $4 AND status <> 'merged'
                 AND $2 = ANY(detectors)
               GROUP BY disposition"#,
            org.as_str(),
            detector,
            from.0,
            to.0
        )
        .fetch_all(&mut *self.transaction)
        .await
        .context("count the incidents of a detector")?;
        let of = |word: Option<String>| word.as_deref().map(words::disposition).transpose();
        let incidents = found.into_iter().map(|row| Ok((of(row.disposition)?, unsigned(row.incidents))));
        let user_days = sqlx::query_scalar!(
            r#"SELECT orgwatch.count_user_days($1, orgwatch.from_ms($2), orgwatch.from_ms($3)) AS "days!""#,
            org.as_str(),
            from.0,
            to.0
        )
        .fetch_one(&mut *self.transaction)
        .await
        .context("count the days of an org")?;
        // Few days have surprises, and an index finds these. OFFSET: so that a surprise is read once, not for each count.
        let counts = sqlx::query_scalar!(
            r#"SELECT ARRAY[count(*) FILTER (WHERE s >= 1), count(*) FILTER (WHERE s >= 2),
                   count(*) FILTER (WHERE s >= 3), count(*) FILTER (WHERE s >= 4), count(*) FILTER (WHERE s >= 5),
                   count(*) FILTER (WHERE s >= 6)] AS "surprised!"
               FROM (SELECT (surprises ->> $2)::double precision AS s FROM orgwatch.user_days
                     WHERE org_id = $1 AND day >= orgwatch.from_ms($3) AND day < orgwatch.from_ms($4)
                       AND surprises IS NOT NULL AND surprises ? $2
                     OFFSET 0) days"#,
            org.as_str(),
            detector,
            from.0,
            to.0
        )
        .fetch_one(&mut *self.transaction)
        .await
        .context("count the surprises of a detector")?;
        let mut surprised = [0; 6];
        surprised.iter_mut().zip(counts).for_each(|(slot, count)| *slot = unsigned(count));
        Ok(Raised { incidents: incidents.collect::<Result<_>>()?, user_days: unsigned(user_days), surprised })
    }
}
