//! Decisions of people. They are only ever added.

mod due;
pub(crate) mod effects;
mod row;

pub use due::Purpose;
pub(crate) use due::is_due;
pub use effects::Effect;

use self::row::DecisionRow;
use crate::convert::{text, unsigned};
use crate::error::{Context, Result, StoreError};
use crate::{Correlation, Store};
use model::{Decision, OrgId, Timestamp, UserId};
use sqlx::{PgConnection, PgExecutor};
use std::borrow::Cow;
use uuid::Uuid;

/// Selects decisions by all given fields; the default selects all.
#[derive(Clone, Debug, Default)]
pub struct DecisionFilter {
    /// Those of this org.
    pub org_id: Option<OrgId>,
    /// Those of this account, without those of all accounts of the org.
    pub user_id: Option<UserId>,
    /// Those with these ids.
    pub ids: Option<Vec<Uuid>>,
    /// Those of these kinds, as [`model::Ruling::kind`] has them.
    pub kinds: Option<Vec<&'static str>>,
    /// Those about this incident, as it was called when they were recorded.
    pub incident_id: Option<Uuid>,
}

/// The request that records decisions, so that a repeated one records nothing new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestMark {
    /// Derived from who asks and the key that they gave.
    pub request_id: Uuid,
    /// SHA-256 of the body.
    pub hash: [u8; 32],
}

/// What a suppression or allowlist hides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hidden {
    /// The decision.
    pub decision_id: Uuid,
    /// The number of findings that count for nothing because of it.
    pub findings: u64,
    /// Event time at which the latest of them was first observed.
    pub latest_at: Timestamp,
}

impl Store {
    /// Adds a decision, and returns it as it is stored: with the login of the session as `decided_by` and the database's
    /// time as `decided_at`, whatever the given one says. If the id exists, the stored decision stays and is returned.
    ///
    /// # Errors
    /// [`StoreError::NoDecision`] if it ends or undoes a decision that its org and account do not have; if the database
    /// refuses.
    pub async fn record(&self, decision: &Decision) -> Result<Decision> {
        let mut connection = self.pool.acquire().await.context("take a connection to record a decision")?;
        record(&mut connection, decision, None).await
    }

    /// Returns the decisions that the filter selects, in the order in which they were recorded. One that this version cannot
    /// read is logged and left out.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn decisions(&self, filter: &DecisionFilter) -> Result<Vec<Decision>> {
        decisions(&self.pool, filter).await
    }

    /// Returns how many findings each of these decisions hides, and when the latest of them was observed; those that hide
    /// none are left out.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn hidden(&self, ids: &[Uuid]) -> Result<Vec<Hidden>> {
        hidden(&self.pool, ids).await
    }

    /// Returns at most `limit` accounts of the org that ever had a finding, by id: those after `after`.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn accounts(&self, org: &OrgId, after: Option<&UserId>, limit: u32) -> Result<Vec<UserId>> {
        let rows = sqlx::query_scalar!(
            r#"SELECT user_id FROM orgwatch.entity_risk
               WHERE org_id = $1 AND user_id > $2 ORDER BY user_id LIMIT $3"#,
            org.as_str(),
            after.map_or("", UserId::as_str),
            i64::from(limit)
        )
        .fetch_all(&self.pool)
        .await
        .context("list the accounts of an org")?;
        Ok(rows.iter().map(|user| UserId::new(user)).collect())
    }

    /// Returns the event time up to which the hours of an org are closed in the partition that is furthest; `None` while no
    /// partition has closed one.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn org_clock(&self, org: &OrgId) -> Result<Option<Timestamp>> {
        org_clock(&self.pool, org).await
    }
}

impl Correlation {
    /// Returns the decisions on how the incidents of the locked users stand: those of these users, and those of all
    /// accounts of their orgs, in the order in which they were recorded. Remarks and settings, which change no incident,
    /// are left out, and so are the hours with which they took effect.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn decisions(&mut self) -> Result<Vec<Decision>> {
        let (orgs, users) = self.columns();
        let rows = sqlx::query_as!(
            DecisionRow,
            r#"SELECT d.decision_id, d.org_id, d.user_id, d.payload, d.reason, d.valid_from, d.valid_until, d.decided_by,
                   d.claimed_by, orgwatch.to_ms(d.decided_at) AS "decided_at!",
                   '{}'::integer[] AS "partitions!", '{}'::bigint[] AS "hours!"
               FROM orgwatch.decisions d
               WHERE d.kind NOT IN ('comment', 'settings') AND d.sequence = ANY(ARRAY(
                   SELECT o.sequence FROM orgwatch.decisions o
                   JOIN UNNEST($1::text[], $2::text[]) AS u (org_id, user_id) USING (org_id, user_id)
                   UNION ALL
                   SELECT o.sequence FROM orgwatch.decisions o WHERE o.org_id = ANY($1) AND o.user_id IS NULL))
               ORDER BY d.sequence"#,
            &orgs as &[&str],
            &users as &[&str]
        )
        .fetch_all(&mut *self.transaction)
        .await
        .context("read the decisions on users")?;
        Ok(row::readable(rows))
    }
}

/// See [`Store::decisions`].
pub(crate) async fn decisions(executor: impl PgExecutor<'_>, filter: &DecisionFilter) -> Result<Vec<Decision>> {
    let kinds = filter.kinds.as_deref();
    let rows = sqlx::query_as!(
        DecisionRow,
        r#"SELECT d.decision_id, d.org_id, d.user_id, d.payload, d.reason, d.valid_from, d.valid_until, d.decided_by,
               d.claimed_by, orgwatch.to_ms(d.decided_at) AS "decided_at!",
               ARRAY(SELECT e.partition FROM orgwatch.decision_effects e WHERE e.decision_id = d.decision_id
                     ORDER BY e.partition) AS "partitions!",
               ARRAY(SELECT e.hour FROM orgwatch.decision_effects e WHERE e.decision_id = d.decision_id
                     ORDER BY e.partition) AS "hours!"
           FROM orgwatch.decisions d
           WHERE ($1::text IS NULL OR d.org_id = $1) AND ($2::text IS NULL OR d.user_id = $2)
             AND ($3::uuid[] IS NULL OR d.decision_id = ANY($3)) AND ($4::text[] IS NULL OR d.kind = ANY($4))
             AND ($5::uuid IS NULL OR d.incident_id = $5)
           ORDER BY d.sequence"#,
        filter.org_id.as_ref().map(OrgId::as_str),
        filter.user_id.as_ref().map(UserId::as_str),
        filter.ids.as_deref(),
        kinds as Option<&[&str]>,
        filter.incident_id
    )
    .fetch_all(executor)
    .await
    .context("read decisions")?;
    Ok(row::readable(rows))
}

/// See [`Store::hidden`].
pub(crate) async fn hidden(executor: impl PgExecutor<'_>, ids: &[Uuid]) -> Result<Vec<Hidden>> {
    let rows = sqlx::query!(
        r#"SELECT hidden_by AS "decision_id!", count(*) AS "findings!", max(observed_at) AS "latest!"
           FROM orgwatch.findings WHERE hidden_by = ANY($1) GROUP BY hidden_by ORDER BY hidden_by"#,
        ids
    )
    .fetch_all(executor)
    .await
    .context("count hidden findings")?;
    let hidden = rows.into_iter().map(|row| Hidden {
        decision_id: row.decision_id,
        findings: unsigned(row.findings),
        latest_at: Timestamp(row.latest),
    });
    Ok(hidden.collect())
}

/// See [`Store::org_clock`].
pub(crate) async fn org_clock(executor: impl PgExecutor<'_>, org: &OrgId) -> Result<Option<Timestamp>> {
    let clock = sqlx::query_scalar!("SELECT max(clock) FROM orgwatch.org_clocks WHERE org_id = $1", org.as_str());
    Ok(clock.fetch_one(executor).await.context("read the clock of an org")?.map(Timestamp))
}

/// See [`Store::record`].
pub(crate) async fn record(
    connection: &mut PgConnection,
    decision: &Decision,
    request: Option<&RequestMark>,
) -> Result<Decision> {
    let payload = row::payload(decision)?;
    let replaces = decision.ruling.replaces();
    let added = sqlx::query!(
        r#"INSERT INTO orgwatch.decisions (decision_id, org_id, user_id, kind, incident_id, replaces, payload, reason,
               valid_from, valid_until, claimed_by, request_id, request_hash)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (decision_id) DO NOTHING"#,
        decision.decision_id,
        decision.org_id.as_str(),
        decision.user_id.as_ref().map(UserId::as_str),
        decision.ruling.kind(),
        decision.ruling.incident_id(),
        replaces,
        payload,
        text(&decision.reason) as Cow<'_, str>,
        decision.from.0,
        decision.until.map(|until| until.0),
        decision.claimed_by.as_deref().map(text) as Option<Cow<'_, str>>,
        request.map(|request| request.request_id),
        request.map(|request| &request.hash[..])
    )
    .execute(&mut *connection)
    .await;
    match (added, replaces) {
        (Err(sqlx::Error::Database(error)), Some(decision_id)) if error.is_foreign_key_violation() => {
            return Err(StoreError::NoDecision { decision_id });
        }
        (added, _) => added.context("record a decision").map(drop)?,
    }
    let filter = DecisionFilter { ids: Some(vec![decision.decision_id]), ..DecisionFilter::default() };
    let stored = decisions(&mut *connection, &filter).await?.pop();
    stored.ok_or(StoreError::NoDecision { decision_id: decision.decision_id })
}

/// Returns the decisions that a request has recorded, with the hash of its body; `None` if it has recorded none.
///
/// # Errors
/// If the database cannot be read.
pub(crate) async fn recorded(
    connection: &mut PgConnection,
    request_id: Uuid,
) -> Result<Option<(Vec<u8>, Vec<Decision>)>> {
    let rows = sqlx::query!(
        r#"SELECT decision_id, request_hash AS "request_hash!" FROM orgwatch.decisions WHERE request_id = $1"#,
        request_id
    )
    .fetch_all(&mut *connection)
    .await
    .context("look for a repeated request")?;
    let Some(hash) = rows.first().map(|row| row.request_hash.clone()) else { return Ok(None) };
    let ids = rows.into_iter().map(|row| row.decision_id).collect();
    let filter = DecisionFilter { ids: Some(ids), ..DecisionFilter::default() };
    Ok(Some((hash, decisions(connection, &filter).await?)))
}
