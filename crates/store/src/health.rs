//! Queries of `orgwatchd doctor`, and of every process when it starts.

use crate::Store;
use crate::error::{self, Context, Result, StoreError};
use model::{OrgId, Timestamp};
use sqlx::migrate::Migrate;

impl Store {
    /// Returns the time of the database's clock.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn clock(&self) -> Result<Timestamp> {
        let milliseconds =
            sqlx::query_scalar!(r#"SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS "milliseconds!""#);
        milliseconds.fetch_one(&self.pool).await.context("read the time").map(Timestamp)
    }

    /// Lists the pairs of partition and org for which behavioral state is stored, by partition and org.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn placements(&self) -> Result<Vec<(i32, OrgId)>> {
        // A loose index scan: one index look-up for each pair, however many records it has.
        let found = sqlx::query!(
            r#"WITH RECURSIVE places AS (
                   (SELECT partition, org_id FROM orgwatch.baseline_state ORDER BY partition, org_id LIMIT 1)
                   UNION ALL
                   SELECT next.partition, next.org_id
                   FROM places p CROSS JOIN LATERAL (
                       SELECT s.partition, s.org_id FROM orgwatch.baseline_state s
                       WHERE (s.partition, s.org_id) > (p.partition, p.org_id)
                       ORDER BY s.partition, s.org_id LIMIT 1) next)
               SELECT partition AS "partition!", org_id AS "org_id!" FROM places"#
        )
        .fetch_all(&self.pool)
        .await
        .context("list the partitions of orgs")?;
        Ok(found.into_iter().map(|row| (row.partition, OrgId::new(&row.org_id))).collect())
    }

    /// Returns under how many keys that start with `prefix` an org has state in these partitions.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn count_state(&self, org: &OrgId, partitions: &[i32], prefix: &str) -> Result<u64> {
        let count = sqlx::query_scalar!(
            r#"SELECT count(*) AS "count!" FROM orgwatch.baseline_state
               WHERE partition = ANY($1) AND org_id = $2 AND starts_with(key, $3)"#,
            partitions,
            org.as_str(),
            prefix
        );
        let count = count.fetch_one(&self.pool).await.context("count the state of an org")?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Checks that this executable can use the schema. A newer one is logged: migrations add before they remove, so the
    /// previous release works with it.
    ///
    /// # Errors
    /// [`StoreError::Empty`] and [`StoreError::Older`]; if the database does not answer, or the role may not read the
    /// table of migrations.
    pub async fn check_schema(&self) -> Result<()> {
        let place = || self.settings.session(&self.application).map(|options| error::place(&options));
        match self.compare_schema().await? {
            Schema::Current => Ok(()),
            Schema::Empty => Err(StoreError::Empty { place: place()? }),
            Schema::Older { found, expected } => Err(StoreError::Older { place: place()?, found, expected }),
            Schema::Newer { found, expected } => {
                tracing::warn!(found, expected, "the database is newer than this executable");
                Ok(())
            }
        }
    }

    /// Compares the migrations that ran with those of this executable.
    ///
    /// # Errors
    /// If the database does not answer, or the role may not read the table of migrations.
    pub async fn compare_schema(&self) -> Result<Schema> {
        let known: Vec<i64> = sqlx::migrate!().iter().map(|migration| migration.version).collect();
        let exists = sqlx::query_scalar!(r#"SELECT to_regclass('orgwatch.migrations') IS NOT NULL AS "exists!""#);
        if !exists.fetch_one(&self.pool).await.context("look for migrations")? {
            return Ok(Schema::Empty);
        }
        let mut connection = self.pool.acquire().await.context("connect")?;
        let ran = connection.list_applied_migrations("orgwatch.migrations").await.map_err(StoreError::Migrate)?;
        let ran: Vec<i64> = ran.iter().map(|migration| migration.version).collect();
        Ok(Schema::of(&ran, &known))
    }
}

/// How the schema of the database compares with the one that this executable uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// They are the same.
    Current,
    /// No migration has run.
    Empty,
    /// A migration of this executable has not run.
    Older {
        /// The latest migration that ran.
        found: i64,
        /// The latest migration of this executable.
        expected: i64,
    },
    /// A migration ran that this executable does not know.
    Newer {
        /// The latest migration that ran.
        found: i64,
        /// The latest migration of this executable.
        expected: i64,
    },
}

impl Schema {
    fn of(ran: &[i64], known: &[i64]) -> Self {
        let latest = |versions: &[i64]| versions.iter().max().copied().unwrap_or(0);
        let (found, expected) = (latest(ran), latest(known));
        if ran.is_empty() {
            Self::Empty
        } else if known.iter().any(|version| !ran.contains(version)) {
            Self::Older { found, expected }
        } else if found > expected {
            Self::Newer { found, expected }
        } else {
            Self::Current
        }
    }
}
