//! Coverage: what each source of each org has read, and which stretches it missed.

use crate::Store;
use crate::convert::text;
use crate::error::{Context, Result};
use model::{OrgId, Timestamp, Uuid, id};
use sqlx::PgExecutor;
use std::borrow::Cow;

/// The state of one kind of event in one source of an org.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceState {
    /// The source: `stream`, `stored`, `log_files`, `log_objects` or `push`.
    pub source: String,
    /// The kind, as [`model::Kind`] is written.
    pub kind: String,
    /// `leading` (its copies are published), `following` (read beside a leading one), `blind` (silent, refused or with
    /// an open gap), `missing` (the org does not offer it to this user) or `off`.
    pub state: String,
    /// Event time of the latest event.
    pub last_event_at: Option<Timestamp>,
    /// When the source last answered, by the org's clock.
    pub last_heard_at: Option<Timestamp>,
    /// For an operator: what is wrong, and what to do.
    pub detail: Option<String>,
}

/// A state as it was last written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSource {
    /// The org.
    pub org_id: OrgId,
    /// The state.
    pub state: SourceState,
    /// When it was written, by the database's clock.
    pub updated_at: Timestamp,
}

/// A stretch of event time that a source missed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewGap {
    /// The source, as in [`SourceState::source`].
    pub source: String,
    /// The kind, as [`model::Kind`] is written.
    pub kind: String,
    /// Event time of the last event before the gap.
    pub from: Timestamp,
    /// Event time of the first event after the gap.
    pub to: Timestamp,
    /// Why it was missed, for an operator.
    pub reason: String,
}

/// A recorded gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Derived from org, source, kind and beginning.
    pub id: Uuid,
    /// The org.
    pub org_id: OrgId,
    /// The source, as in [`SourceState::source`].
    pub source: String,
    /// The kind, as [`model::Kind`] is written.
    pub kind: String,
    /// Event time of the last event before the gap.
    pub from: Timestamp,
    /// Event time of the first event after the gap.
    pub to: Timestamp,
    /// Why it was missed.
    pub reason: String,
    /// How it was closed, such as `3 events`; `None` while it is open.
    pub note: Option<String>,
}

impl Store {
    /// Writes states in one statement, so no pair of source and kind may occur twice. `last_event_at` and
    /// `last_heard_at` never move back.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn put_source_states(&self, org: &OrgId, states: &[SourceState]) -> Result<()> {
        if states.is_empty() {
            return Ok(());
        }
        let sources: Vec<&str> = states.iter().map(|state| state.source.as_str()).collect();
        let kinds: Vec<&str> = states.iter().map(|state| state.kind.as_str()).collect();
        let words: Vec<&str> = states.iter().map(|state| state.state.as_str()).collect();
        let events: Vec<Option<i64>> = states.iter().map(|state| state.last_event_at.map(|at| at.0)).collect();
        let heard: Vec<Option<i64>> = states.iter().map(|state| state.last_heard_at.map(|at| at.0)).collect();
        let details: Vec<Option<Cow<'_, str>>> = states.iter().map(|state| state.detail.as_deref().map(text)).collect();
        sqlx::query!(
            r#"INSERT INTO orgwatch.source_states AS s
                   (org_id, source, kind, state, last_event_at, last_heard_at, detail)
               SELECT $1, u.* FROM UNNEST($2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::text[]) u
               ON CONFLICT (org_id, source, kind) DO UPDATE SET
                   state = EXCLUDED.state, detail = EXCLUDED.detail, updated_at = now(),
                   last_event_at = GREATEST(s.last_event_at, EXCLUDED.last_event_at),
                   last_heard_at = GREATEST(s.last_heard_at, EXCLUDED.last_heard_at)"#,
            org.as_str(),
            &sources as &[&str],
            &kinds as &[&str],
            &words as &[&str],
            &events as &[Option<i64>],
            &heard as &[Option<i64>],
            &details as &[Option<Cow<'_, str>>]
        )
        .execute(&self.pool)
        .await
        .context("write the states of sources")
        .map(drop)
    }

    /// Returns the states of an org's sources, or of all orgs', by org, kind and source.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn source_states(&self, org: Option<&OrgId>) -> Result<Vec<StoredSource>> {
        source_states(&self.pool, org).await
    }

    /// Records a gap. A gap with the same source, kind and beginning is the same gap; if its end moves further, it is
    /// opened again.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn open_gap(&self, org: &OrgId, gap: &NewGap) -> Result<()> {
        let NewGap { source, kind, from, to, reason } = gap;
        let id = id::derive(&["gap", org.as_str(), source, kind, &from.0.to_string()]);
        sqlx::query!(
            r#"INSERT INTO orgwatch.source_gaps AS g (id, org_id, source, kind, from_at, to_at, reason)
               VALUES ($1, $2, $3, $4, $5, $6, $7)
               ON CONFLICT (id) DO UPDATE SET
                   to_at = EXCLUDED.to_at, reason = EXCLUDED.reason, closed_at = NULL, note = NULL
               WHERE EXCLUDED.to_at > g.to_at"#,
            id,
            org.as_str(),
            source,
            kind,
            from.0,
            to.0,
            &text(reason) as &str
        )
        .execute(&self.pool)
        .await
        .context("record a gap")
        .map(drop)
    }

    /// Returns the open gaps of an org, oldest first.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn open_gaps(&self, org: &OrgId) -> Result<Vec<Gap>> {
        self.all_gaps(Some(org), None).await
    }

    /// Returns the gaps of an org, or of all orgs, that are open or were closed at or after `closed_since` (wall
    /// clock), oldest first. With `None` only open ones.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn all_gaps(&self, org: Option<&OrgId>, closed_since: Option<Timestamp>) -> Result<Vec<Gap>> {
        all_gaps(&self.pool, org, closed_since).await
    }

    /// Closes a gap with a note. A gap that has meanwhile grown beyond `gap.to` stays open.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn close_gap(&self, gap: &Gap, note: &str) -> Result<()> {
        sqlx::query!(
            r#"UPDATE orgwatch.source_gaps SET closed_at = now(), note = $3
               WHERE id = $1 AND to_at <= $2 AND closed_at IS NULL"#,
            gap.id,
            gap.to.0,
            &text(note) as &str
        )
        .execute(&self.pool)
        .await
        .context("close a gap")
        .map(drop)
    }
}

/// See [`Store::source_states`].
pub(crate) async fn source_states(executor: impl PgExecutor<'_>, org: Option<&OrgId>) -> Result<Vec<StoredSource>> {
    let rows = sqlx::query!(
        r#"SELECT org_id, source, kind, state, last_event_at, last_heard_at, detail,
               orgwatch.to_ms(updated_at) AS "updated_at!"
           FROM orgwatch.source_states WHERE $1::text IS NULL OR org_id = $1 ORDER BY org_id, kind, source"#,
        org.map(OrgId::as_str)
    )
    .fetch_all(executor)
    .await
    .context("read the states of sources")?;
    let states = rows.into_iter().map(|row| StoredSource {
        org_id: OrgId::new(&row.org_id),
        state: SourceState {
            source: row.source,
            kind: row.kind,
            state: row.state,
            last_event_at: row.last_event_at.map(Timestamp),
            last_heard_at: row.last_heard_at.map(Timestamp),
            detail: row.detail,
        },
        updated_at: Timestamp(row.updated_at),
    });
    Ok(states.collect())
}

/// See [`Store::all_gaps`].
pub(crate) async fn all_gaps(
    executor: impl PgExecutor<'_>,
    org: Option<&OrgId>,
    closed_since: Option<Timestamp>,
) -> Result<Vec<Gap>> {
    let rows = sqlx::query!(
        r#"SELECT id, org_id, source, kind, from_at, to_at, reason, note FROM orgwatch.source_gaps
           WHERE ($1::text IS NULL OR org_id = $1)
             AND (closed_at IS NULL OR closed_at >= orgwatch.from_ms($2))
           ORDER BY from_at, id"#,
        org.map(OrgId::as_str),
        closed_since.map(|since| since.0)
    )
    .fetch_all(executor)
    .await
    .context("read gaps")?;
    let gaps = rows.into_iter().map(|row| Gap {
        id: row.id,
        org_id: OrgId::new(&row.org_id),
        source: row.source,
        kind: row.kind,
        from: Timestamp(row.from_at),
        to: Timestamp(row.to_at),
        reason: row.reason,
        note: row.note,
    });
    Ok(gaps.collect())
}
