//! The clocks of orgs: how far event time has gone, for services that have no behavioral state.

use super::{Owner, with_timeout};
use crate::convert::bigint;
use crate::error::{Result, StoreError};
use model::{OrgId, Timestamp};

impl Owner {
    /// Writes the event time up to which the hours of orgs are closed in a partition that has applied the stream up to
    /// `sequence`. A stored clock never goes back.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] if this session does not hold the partition; if the session is lost.
    pub async fn put_clocks(&self, partition: i32, sequence: u64, clocks: &[(OrgId, Timestamp)]) -> Result<()> {
        let applied = bigint("sequence", sequence)?;
        let mut session = self.session.lock().await;
        if !session.held.contains(&partition) {
            return Err(StoreError::Fenced { partition, applied: sequence });
        }
        let (orgs, clocks): (Vec<&str>, Vec<i64>) = clocks.iter().map(|(org, clock)| (org.as_str(), clock.0)).unzip();
        let written = sqlx::query!(
            r#"INSERT INTO orgwatch.org_clocks AS c (partition, org_id, clock, passed, sequence)
               SELECT $1, org_id, clock, clock, $4 FROM UNNEST($2::text[], $3::bigint[]) AS t (org_id, clock)
               ON CONFLICT (partition, org_id) DO UPDATE
               SET clock = EXCLUDED.clock, passed = EXCLUDED.passed, sequence = EXCLUDED.sequence
               WHERE c.clock < EXCLUDED.clock"#,
            partition,
            &orgs as &[&str],
            &clocks,
            applied
        )
        .execute(&mut session.connection);
        with_timeout(self.answer_timeout, "write the clocks of orgs", written).await.map(drop)
    }
}
