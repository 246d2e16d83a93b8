//! When decisions took effect on learning and settings.

use model::Timestamp;
use sqlx::{PgExecutor, postgres::PgQueryResult};
use uuid::Uuid;

/// A decision that took effect in a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effect {
    /// The decision.
    pub decision_id: Uuid,
    /// The start of the hour of event time with the close of which it took effect.
    pub hour: Timestamp,
}

/// Writes when decisions took effect in a partition. Those that are not stored, such as erased ones, are left out. No
/// decision may occur twice.
pub(crate) async fn put(
    executor: impl PgExecutor<'_>,
    partition: i32,
    effects: &[Effect],
) -> sqlx::Result<PgQueryResult> {
    let (ids, hours): (Vec<Uuid>, Vec<i64>) = effects.iter().map(|effect| (effect.decision_id, effect.hour.0)).unzip();
    // Where a partition learns once more from the start of its stream, the later hour is that of its present state.
    sqlx::query!(
        r#"INSERT INTO orgwatch.decision_effects (decision_id, partition, hour)
           SELECT t.decision_id, $1, t.hour FROM UNNEST($2::uuid[], $3::bigint[]) AS t (decision_id, hour)
           JOIN orgwatch.decisions d USING (decision_id)
           ON CONFLICT (decision_id, partition) DO UPDATE SET hour = EXCLUDED.hour"#,
        partition,
        &ids,
        &hours
    )
    .execute(executor)
    .await
}
