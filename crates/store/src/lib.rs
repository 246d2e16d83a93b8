//! Postgres: the schema and its migrations, what each stage keeps, and who owns what.
//!
//! | who | what |
//! |---|---|
//! | baseline | [`Share`], [`Owner`]: partitions by advisory lock, behavioral state and checkpoints on the same session |
//! | correlator | [`Correlation`]: findings, incidents, risk, history and outbox of some users in one transaction |
//! | relay | [`Store::relay`]: from the outbox to the bus, in order |
//! | notifier | [`Store::claim`] and what follows: one delivery per incident, revision and channel |
//! | ingest | [`Store::position`], [`Store::put_position`], [`Store::put_source_states`], [`Store::open_gap`], [`Share`] |
//! | people | [`Store::suppress`], [`Store::dispose`], [`Store::record`], [`Store::incidents`] |
//! | operators | [`Store::erase`], [`Owner::claim`]: a partition whose owner is asked for it |
//!
//! The only crate that knows sqlx. Every query is static and checked when it is compiled: against a database if
//! `DATABASE_URL` is set and `SQLX_OFFLINE=false`, otherwise against `.sqlx/`, which `cargo xtask sqlx` regenerates.
//!
//! Times are [`model::Timestamp`], milliseconds since 1970, for events and for the wall clock alike. The wall clock is
//! that of the database, so that replicas agree.

mod audit;
mod convert;
mod correlation;
mod coverage;
mod decisions;
mod deliveries;
mod erasure;
mod error;
mod health;
mod housekeeping;
mod incidents;
mod outbox;
mod ownership;
mod positions;
mod settings;
mod words;

pub use audit::AuditEntry;
pub use correlation::{Correlation, HistoryWrite, IncidentWrite, OutboxWrite, RiskWrite};
pub use coverage::{Gap, NewGap, SourceState, StoredSource};
pub use decisions::{Decision, Suppression};
pub use deliveries::{Claim, DeliveryKey};
pub use erasure::{Erased, Minutes};
pub use error::{Result, StoreError};
pub use housekeeping::{Housekept, Retention};
pub use incidents::{Ending, FindingFilter, HistoryEntry, IncidentFilter, StoredFinding, StoredIncident};
pub use outbox::{OutboxRow, Relayed};
pub use ownership::{Owner, Share, StateEntry, StateKey, quota};
pub use settings::Settings;
pub use words::{Disposition, Status};

use error::Doing;
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection};
use std::time::Duration;

/// A pool of connections to the database of orgwatch. Clones share the pool.
#[derive(Clone, Debug)]
pub struct Store {
    pool: PgPool,
    settings: Settings,
    application: String,
}

/// How many connections the pool has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolGauges {
    /// Open, in use or not.
    pub size: u32,
    pub idle: u32,
}

impl Store {
    /// Connects; `application` is what the server's lists of sessions show.
    ///
    /// # Errors
    /// If the settings name no database, or it cannot be reached.
    pub async fn connect(settings: &Settings, application: &str) -> Result<Self> {
        let options = settings.session(application)?;
        let patience = Duration::from_millis(settings.acquire_timeout_ms);
        let pool = PgPoolOptions::new()
            .max_connections(settings.max_connections)
            .acquire_timeout(patience)
            .connect_with(options.clone())
            .await;
        // The pool waits for a server that may just be starting, and does not say what it had waited for.
        if let Err(sqlx::Error::PoolTimedOut) = pool {
            ownership::answer(patience, "connect", options.connect()).await?;
        }
        let pool = pool.doing("connect")?;
        Ok(Self { pool, settings: settings.clone(), application: application.to_owned() })
    }

    /// Runs the migrations that are missing, one replica at a time.
    ///
    /// # Errors
    /// If one fails, or one that ran before has another content by now.
    pub async fn migrate(&self) -> Result<()> {
        // A connection of its own: waiting for the lock has no time limit, and closing it gives the lock back even
        // after a failure.
        let options = self.settings.endless_session(&self.application)?;
        let mut connection = options.connect().await.doing("connect")?;
        let mut migrator = sqlx::migrate!();
        migrator.create_schema("orgwatch");
        migrator.dangerous_set_table_name("orgwatch.migrations");
        let outcome = migrator.run_direct(None, &mut connection, false).await;
        let closed = connection.close().await;
        outcome.map_err(StoreError::Migrate)?;
        closed.doing("close the connection of the migrations")
    }

    /// Reads the file of the password again, where there is one: connections that are opened from here on use it.
    ///
    /// # Errors
    /// If it cannot be read; what was read before is used on.
    pub fn reread_password(&self) -> Result<()> {
        if self.settings.password_file.is_some() {
            self.pool.set_connect_options(self.settings.session(&self.application)?);
        }
        Ok(())
    }

    /// For metrics.
    pub fn pool_gauges(&self) -> PoolGauges {
        let idle = u32::try_from(self.pool.num_idle()).unwrap_or(u32::MAX);
        PoolGauges { size: self.pool.size(), idle }
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// If it does not.
    pub async fn ping(&self) -> Result<()> {
        sqlx::query!("SELECT 1 AS one").fetch_one(&self.pool).await.doing("ping").map(drop)
    }

    /// Closes the pool, after what is running has ended.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}
