//! Which processes run: each replica of a service reports itself.

use crate::Store;
use crate::console::Visit;
use crate::convert::unsigned;
use crate::error::{Context, Result};
use model::{OrgId, Timestamp};

/// How often a replica reports itself, in seconds. Whoever has not for three times as long is silent.
pub const REPORT_SECONDS: u32 = 60;

/// What a replica of a service reports of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// The service, such as baseline.
    pub service: String,
    /// The host or pod, and the process.
    pub instance: String,
    /// The release that it runs.
    pub version: String,
    /// The hash of the rules in force; `None` in a service that follows none.
    pub settings_hash: Option<String>,
}

/// A replica that has reported itself, and has not stopped in order since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredReplica {
    /// What it reported.
    pub replica: Replica,
    /// When it started, by the database's clock.
    pub started_at: Timestamp,
    /// When it last reported itself.
    pub seen_at: Timestamp,
    /// Whether it has missed reports: it may have crashed, or not reach the database.
    pub is_silent: bool,
}

/// Where an org is, and how far that partition is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedOrg {
    /// The partition.
    pub partition: i32,
    /// The org.
    pub org_id: OrgId,
    /// Everything up to this sequence of the activity stream is stored; `None` before the first checkpoint.
    pub applied: Option<u64>,
    /// When the checkpoint was last written, by the database's clock.
    pub checkpoint_at: Option<Timestamp>,
}

impl Store {
    /// Writes the row of a replica, and returns when it started by the database's clock: now if `started_at` is `None`.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn put_replica(&self, replica: &Replica, started_at: Option<Timestamp>) -> Result<Timestamp> {
        let Replica { service, instance, version, settings_hash } = replica;
        let started_at = sqlx::query_scalar!(
            r#"INSERT INTO orgwatch.services AS s (service, instance, version, settings_hash, started_at)
               VALUES ($1, $2, $3, $4, coalesce(orgwatch.from_ms($5), now()))
               ON CONFLICT (service, instance) DO UPDATE SET version = EXCLUDED.version,
                   settings_hash = EXCLUDED.settings_hash, started_at = EXCLUDED.started_at, seen_at = now()
               RETURNING orgwatch.to_ms(started_at) AS "started_at!""#,
            service,
            instance,
            version,
            settings_hash.as_deref(),
            started_at.map(|at| at.0)
        );
        started_at.fetch_one(&self.pool).await.context("report a replica").map(Timestamp)
    }

    /// Removes the row of a replica that stops, unless one that started later has the same name.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn remove_replica(&self, replica: &Replica, started_at: Timestamp) -> Result<()> {
        let removed = sqlx::query!(
            "DELETE FROM orgwatch.services WHERE service = $1 AND instance = $2 AND orgwatch.to_ms(started_at) = $3",
            replica.service,
            replica.instance,
            started_at.0
        );
        removed.execute(&self.pool).await.context("remove a replica").map(drop)
    }
}

impl Visit {
    /// Lists the replicas of all services, by service and instance.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn replicas(&mut self) -> Result<Vec<StoredReplica>> {
        let rows = sqlx::query!(
            r#"SELECT service, instance, version, settings_hash, orgwatch.to_ms(started_at) AS "started_at!",
                   orgwatch.to_ms(seen_at) AS "seen_at!",
                   seen_at < now() - make_interval(secs => 3 * $1::integer) AS "is_silent!"
               FROM orgwatch.services ORDER BY service, instance"#,
            REPORT_SECONDS.cast_signed()
        );
        let rows = rows.fetch_all(&mut *self.transaction).await.context("list the replicas of services")?;
        let stored = rows.into_iter().map(|row| StoredReplica {
            replica: Replica {
                service: row.service,
                instance: row.instance,
                version: row.version,
                settings_hash: row.settings_hash,
            },
            started_at: Timestamp(row.started_at),
            seen_at: Timestamp(row.seen_at),
            is_silent: row.is_silent,
        });
        Ok(stored.collect())
    }

    /// Lists in which partitions the orgs of the session have state, by partition and org.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn placed_orgs(&mut self) -> Result<Vec<PlacedOrg>> {
        let rows = sqlx::query!(
            r#"SELECT partition AS "partition!", org_id AS "org_id!", applied AS "applied?",
                   orgwatch.to_ms(updated_at) AS checkpoint_at
               FROM orgwatch.partitions_of_session()"#
        );
        let rows = rows.fetch_all(&mut *self.transaction).await.context("list the partitions of orgs")?;
        let placed = rows.into_iter().map(|row| PlacedOrg {
            partition: row.partition,
            org_id: OrgId::new(&row.org_id),
            applied: row.applied.map(unsigned),
            checkpoint_at: row.checkpoint_at.map(Timestamp),
        });
        Ok(placed.collect())
    }
}
