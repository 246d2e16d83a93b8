#![doc = include_str!("../README.md")]

mod audit;
mod console;
mod convert;
mod correlation;
mod coverage;
mod decisions;
mod deliveries;
mod erasure;
mod error;
mod facets;
mod health;
mod housekeeping;
mod incidents;
mod looks;
mod names;
mod outbox;
mod ownership;
mod positions;
mod readers;
mod replicas;
mod rules;
mod settings;
mod user_days;
mod words;

pub use audit::{AuditEntry, AuditPage, AuditPlace};
pub use console::{
    AccountRow, Anomalies, Anomaly, AnomalyEvent, AnomalyGroup, Check, Counted, Deleted, FirstDay, Group,
    IncidentOrder, IncidentPage, IncidentQuery, IncidentTimes, KeptView, ListedIncident, NewSession, NewToken,
    OpenSession, OrgRow, PeerDay, Place, Raised, Role, Session, Span, StreamPosition, StreamedChange, TimelineRow,
    Touched, TouchingAccount, UnraisedDay, UnraisedDays, Visit, WeakIncidents,
};
pub use correlation::{
    Correlation, HistoryWrite, IncidentWrite, LatestIncident, OtherIncidents, OutboxWrite, RiskWrite, UserSpan,
};
pub use coverage::{Gap, NewGap, SourceState, StoredSource};
pub use decisions::{DecisionFilter, Effect, Hidden, Purpose, RequestMark};
pub use deliveries::{Claim, DeliveryKey, SnoozedIncident};
pub use erasure::{Erased, ErasureRecord};
pub use error::{Result, StoreError};
pub use health::Schema;
pub use housekeeping::{HousekeepingCounts, Retention};
pub use incidents::{EndingAccount, FindingFilter, HistoryEntry, IncidentFilter, StoredFinding, StoredIncident};
pub use model::{Disposition, Status};
pub use outbox::{OutboxRow, RelayCounts};
pub use ownership::{Owner, Share, StateEntry, StateKey, quota};
pub use readers::Reader;
pub use replicas::{PlacedOrg, REPORT_SECONDS, Replica, StoredReplica};
pub use settings::Settings;
pub use user_days::{HeatMeasure, HeatRow, SurprisedDay};

use error::Context;
use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgConnection};
use std::time::Duration;

/// A pool of connections to orgwatch's database. Clones share the pool.
#[derive(Clone, Debug)]
pub struct Store {
    pool: PgPool,
    settings: Settings,
    /// The sessions' `application_name`.
    application: String,
}

/// The numbers of connections in the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolGauges {
    /// Open connections, in use or idle.
    pub size: u32,
    /// Open connections that are not in use.
    pub idle: u32,
}

impl Store {
    /// Connects, and opens the first connection of the pool. `application` becomes the sessions' `application_name`,
    /// which `pg_stat_activity` shows.
    ///
    /// # Errors
    /// If the settings name no database, or the database cannot be reached within
    /// [`Settings::acquire_timeout_ms`].
    pub async fn connect(settings: &Settings, application: &str) -> Result<Self> {
        let options = settings.session(application)?;
        let acquire_timeout = Duration::from_millis(settings.acquire_timeout_ms);
        let pool = PgPoolOptions::new()
            .max_connections(settings.max_connections)
            .acquire_timeout(acquire_timeout)
            .connect_with(options.clone())
            .await;
        let failed = |source| StoreError::connect(&options, source);
        // The pool retries while the server may be starting up, and then reports only that it timed out. One more
        // attempt outside the pool returns the cause, such as a refused connection or a wrong password.
        if let Err(sqlx::Error::PoolTimedOut) = pool {
            connect(&options, acquire_timeout).await?;
        }
        let pool = pool.map_err(failed)?;
        Ok(Self { pool, settings: settings.clone(), application: application.to_owned() })
    }

    /// Runs the migrations that have not run yet. Replicas that start together take turns by sqlx's advisory lock.
    ///
    /// # Errors
    /// If the server is older than Postgres 15, a migration fails, the file of one that ran before was changed since, or
    /// the database is newer than this executable. A role that may not migrate fails only if a migration is missing.
    pub async fn migrate(&self) -> Result<()> {
        // A separate connection: waiting for the lock must have no time limit, and closing the connection releases
        // the lock even after a failure.
        let options = self.settings.unlimited_session(&self.application)?;
        let mut connection = options.connect().await.map_err(|source| StoreError::connect(&options, source))?;
        let server = sqlx::query_scalar!(r#"SELECT current_setting('server_version_num')::integer AS "number!""#);
        check_server(server.fetch_one(&mut connection).await.context("read the version of the server")?)?;
        let mut migrator = sqlx::migrate!();
        migrator.create_schema("orgwatch");
        migrator.dangerous_set_table_name("orgwatch.migrations");
        let outcome = migrator.run_direct(None, &mut connection, false).await;
        let closed = connection.close().await;
        match outcome.map_err(|source| StoreError::migrate(&options, source)) {
            Ok(()) => {}
            Err(error @ StoreError::MayNotMigrate { .. }) => {
                if self.compare_schema().await? != Schema::Current {
                    return Err(error);
                }
            }
            Err(error @ StoreError::Migrate(MigrateError::VersionMissing(_))) => match self.compare_schema().await? {
                Schema::Newer { found, expected } => {
                    return Err(StoreError::Newer { place: error::place(&options), found, expected });
                }
                _ => return Err(error),
            },
            Err(error) => return Err(error),
        }
        closed.context("close the connection of the migrations")
    }

    /// Reads [`Settings::password_file`] again, if one is set. Connections that are opened afterwards use the new
    /// password; open ones stay open.
    ///
    /// # Errors
    /// If the file cannot be read. The pool then keeps the password that it has.
    pub fn reread_password(&self) -> Result<()> {
        if self.settings.password_file.is_some() {
            self.pool.set_connect_options(self.settings.session(&self.application)?);
        }
        Ok(())
    }

    /// Returns the present size of the pool, for metrics.
    pub fn pool_gauges(&self) -> PoolGauges {
        let idle = u32::try_from(self.pool.num_idle()).unwrap_or(u32::MAX);
        PoolGauges { size: self.pool.size(), idle }
    }

    /// Sends a query that reads no table, to see whether the database answers.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn ping(&self) -> Result<()> {
        sqlx::query!("SELECT 1 AS one").fetch_one(&self.pool).await.context("ping").map(drop)
    }

    /// Waits until running calls have finished, then closes the pool.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// Connects outside of the pool.
async fn connect(options: &PgConnectOptions, limit: Duration) -> Result<PgConnection> {
    let late = |_| {
        let text = format!("no answer within {} ms", limit.as_millis());
        sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, text))
    };
    let outcome = tokio::time::timeout(limit, options.connect()).await.map_err(late);
    outcome.flatten().map_err(|source| StoreError::connect(options, source))
}

/// Refuses a server that is too old: views that run with the rights of who asks came with Postgres 15. `version` is
/// Postgres' `server_version_num`, such as 150004.
fn check_server(version: i32) -> Result<()> {
    let major = version / 10_000;
    if major < 15 { Err(StoreError::OldServer { major }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_older_than_postgres_15_is_refused() {
        let check = |version| check_server(version).map_err(|error| error.to_string());
        assert_eq!(check(150_000), Ok(()));
        assert_eq!(check(180_006), Ok(()));
        let refused =
            "the server is Postgres 14, orgwatch needs Postgres 15 or later: upgrade the server, then migrate";
        assert_eq!(check(140_019), Err(refused.to_owned()));
    }
}
