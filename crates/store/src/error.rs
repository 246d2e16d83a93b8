//! Errors of this crate.

use model::codec::WireError;
use sqlx::error::ErrorKind;
use sqlx::migrate::MigrateError;
use sqlx::postgres::PgConnectOptions;
use std::path::PathBuf;
use thiserror::Error;
use uuid::Uuid;

/// The result of a call to the store.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Why a call to the store failed.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The settings have no URL.
    #[error("no database url is set; set postgres.url, ORGWATCH_POSTGRES__URL or ORGWATCH_POSTGRES__URL_FILE")]
    NoUrl,
    /// The URL is malformed. Neither text nor source quotes it, since it may hold a password.
    #[error("the database url cannot be parsed")]
    Url(#[source] sqlx::Error),
    /// The password file cannot be read.
    #[error("cannot read {}", path.display())]
    Password {
        /// The file, as configured.
        path: PathBuf,
        /// Why it cannot be read.
        #[source]
        source: std::io::Error,
    },
    /// A migration failed, or its file was changed after it ran.
    #[error("cannot migrate the database")]
    Migrate(#[source] MigrateError),
    /// The role lacks the rights of the schema's owner.
    #[error(
        "role {session} may not migrate the schema: run `orgwatchd migrate` as its owner, and set postgres.migrate = \
         false for services"
    )]
    MayNotMigrate {
        /// Role and database.
        session: String,
        /// What the server reported.
        #[source]
        source: sqlx::Error,
    },
    /// The database has no schema of orgwatch.
    #[error("{place} has no schema of orgwatch: run `orgwatchd migrate`")]
    Empty {
        /// The database.
        place: String,
    },
    /// The schema is older than this executable.
    #[error(
        "{place} is older than this executable, at migration {found} where {expected} is needed: run `orgwatchd migrate`"
    )]
    Older {
        /// The database.
        place: String,
        /// The latest migration that ran.
        found: i64,
        /// The latest migration of this executable.
        expected: i64,
    },
    /// The schema is newer than this executable.
    #[error(
        "{place} is newer than this executable, at migration {found} where {expected} is the latest known: run the \
         executable of the newer release"
    )]
    Newer {
        /// The database.
        place: String,
        /// The latest migration that ran.
        found: i64,
        /// The latest migration of this executable.
        expected: i64,
    },
    /// A table, column or function is missing.
    #[error("cannot {what}: the schema is not the one of this executable, run `orgwatchd migrate`")]
    Schema {
        /// What was attempted, as a verb phrase.
        what: &'static str,
        /// What the server reported.
        #[source]
        source: sqlx::Error,
    },
    /// No connection can be made.
    #[error("cannot connect as {session}")]
    Connect {
        /// Role and database.
        session: String,
        /// What the driver or the server reported.
        #[source]
        source: sqlx::Error,
    },
    /// The server is older than Postgres 15.
    #[error("the server is Postgres {major}, orgwatch needs Postgres 15 or later: upgrade the server, then migrate")]
    OldServer {
        /// The server's major version.
        major: i32,
    },
    /// The row policies would not hold a login to its orgs.
    #[error("login {login} cannot be bound to an org: {problem}")]
    Reader {
        /// The name of the login.
        login: String,
        /// Why, and what to do.
        problem: String,
    },
    /// A connection or a query failed.
    #[error("cannot {what}")]
    Query {
        /// What was attempted, as a verb phrase.
        what: &'static str,
        /// What the driver or the server reported.
        #[source]
        source: sqlx::Error,
    },
    /// The server did not answer in time. The session may be lost without either side noticing: connect again.
    #[error("cannot {what}: no answer within {waited_ms} ms")]
    NoAnswer {
        /// What was attempted, as a verb phrase.
        what: &'static str,
        /// How long the caller waited, in milliseconds.
        waited_ms: u128,
    },
    /// Another session holds the lock of this member number.
    #[error("member {member} exists already")]
    MemberTaken {
        /// The member number that was asked for.
        member: i32,
    },
    /// This session must not write the partition: it does not hold the lock, or a later checkpoint is stored already.
    #[error("checkpoint of partition {partition} at {applied} refused: not held by this session, or behind")]
    Fenced {
        /// The partition.
        partition: i32,
        /// The stream sequence of the refused checkpoint; 0 for a deletion.
        applied: u64,
    },
    /// The correlation tried to write an account that it has not locked.
    #[error("account {user_id} of org {org_id} is not locked by this correlation")]
    NotLocked {
        /// The account's org.
        org_id: String,
        /// The account.
        user_id: String,
    },
    /// A number exceeds the range of its column, `bigint`.
    #[error("{field} {value} does not fit the database")]
    Range {
        /// The field's name.
        field: &'static str,
        /// The number.
        value: u64,
    },
    /// A column holds a word that this version does not know.
    #[error("unknown {field} in the database: {value}")]
    UnknownWord {
        /// The column's meaning, such as `status`.
        field: &'static str,
        /// The stored word.
        value: String,
    },
    /// A stored protobuf message cannot be decoded.
    #[error("the message of {what} {id} cannot be decoded")]
    Message {
        /// `incident` or `finding`.
        what: &'static str,
        /// Its id.
        id: String,
        /// Why it cannot be decoded.
        #[source]
        source: WireError,
    },
    /// The decision to end or undo does not exist, or is not one of the same org and account.
    #[error(
        "no decision {decision_id} of this org and account: `orgwatchd decisions list` prints those that there are"
    )]
    NoDecision {
        /// The id that was named.
        decision_id: Uuid,
    },
    /// A decision cannot be read from its JSON, or written as JSON.
    #[error("decision {decision_id} is not the json of this version")]
    Decision {
        /// The decision.
        decision_id: Uuid,
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
    /// A receipt cannot be serialized.
    #[error("cannot write the receipt of incident {incident_id} as json")]
    Receipt {
        /// The incident.
        incident_id: String,
        /// Why it cannot be serialized.
        #[source]
        source: serde_json::Error,
    },
}

impl StoreError {
    /// Whether the same call may succeed later, perhaps on a new connection.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Query { source, .. } | Self::Connect { source, .. } => is_transient(source),
            Self::Migrate(MigrateError::Execute(source)) => is_transient(source),
            // An unreadable password file may be in the middle of being replaced.
            Self::NoAnswer { .. } | Self::Password { .. } => true,
            _ => false,
        }
    }

    /// Whether the database refused for lack of rights, such as a decision that the session may not make.
    pub fn is_forbidden(&self) -> bool {
        matches!(self, Self::Query { source, .. } if code(source).as_deref() == Some(INSUFFICIENT_PRIVILEGE))
    }

    /// Makes the error of a connection from its cause.
    pub(crate) fn connect(options: &PgConnectOptions, source: sqlx::Error) -> Self {
        Self::Connect { session: session(options), source }
    }

    /// Makes the error of a migration from its cause.
    pub(crate) fn migrate(options: &PgConnectOptions, source: MigrateError) -> Self {
        match source {
            MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _)
                if code(&source).as_deref() == Some(INSUFFICIENT_PRIVILEGE) =>
            {
                Self::MayNotMigrate { session: session(options), source }
            }
            source => Self::Migrate(source),
        }
    }
}

/// Returns `ROLE at postgres HOST:PORT/DATABASE`, for errors.
fn session(options: &PgConnectOptions) -> String {
    format!("{} at {}", options.get_username(), place(options))
}

/// Returns `postgres HOST:PORT/DATABASE`, for errors.
pub(crate) fn place(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or_else(|| options.get_username());
    match options.get_socket() {
        Some(socket) => format!("postgres {}/{database}", socket.display()),
        None => format!("postgres {}:{}/{database}", options.get_host(), options.get_port()),
    }
}

/// Adds what was attempted to a driver error.
pub(crate) trait Context<T> {
    /// Turns the error into [`StoreError::Query`]; `what` completes the sentence "cannot …".
    fn context(self, what: &'static str) -> Result<T>;
}

impl<T> Context<T> for std::result::Result<T, sqlx::Error> {
    fn context(self, what: &'static str) -> Result<T> {
        self.map_err(|source| match code(&source).as_deref() {
            Some(code) if UNDEFINED.contains(&code) => StoreError::Schema { what, source },
            _ => StoreError::Query { what, source },
        })
    }
}

/// SQLSTATE of an action that the role may not take (PostgreSQL documentation, appendix A).
const INSUFFICIENT_PRIVILEGE: &str = "42501";
/// SQLSTATEs of a missing table, column, schema and function.
const UNDEFINED: [&str; 4] = ["42P01", "42703", "3F000", "42883"];

fn code(error: &sqlx::Error) -> Option<String> {
    error.as_database_error().and_then(|error| error.code()).map(|code| code.into_owned())
}

fn is_transient(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut | sqlx::Error::WorkerCrashed => true,
        // An aborted connection leaves half a message behind.
        sqlx::Error::Protocol(_) => true,
        sqlx::Error::Database(error) => {
            matches!(error.kind(), ErrorKind::Other) && error.code().is_some_and(|code| is_transient_code(&code))
        }
        _ => false,
    }
}

/// Whether an error with this SQLSTATE may pass by itself (PostgreSQL documentation, appendix A).
///
/// Classes: 08 connection exception, 40 transaction rollback (serialization failure, deadlock), 53 insufficient
/// resources, 57 operator intervention (cancellation, shutdown). Codes: 55P03 lock not available, 25P03 and 25P04
/// transaction time limits, 25006 read-only transaction, as on a primary that has become a standby.
fn is_transient_code(code: &str) -> bool {
    matches!(code.get(..2), Some("08" | "40" | "53" | "57")) || matches!(code, "55P03" | "25P03" | "25P04" | "25006")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_errors_that_may_pass_are_transient() {
        for code in ["08006", "40P01", "40001", "53300", "57P01", "57014", "55P03", "25P03", "25006"] {
            assert!(is_transient_code(code), "{code}");
        }
        for code in ["23505", "42P01", "22021", "25001", "5", ""] {
            assert!(!is_transient_code(code), "{code}");
        }
        let query = |source| StoreError::Query { what: "test", source };
        assert!(query(sqlx::Error::PoolTimedOut).is_transient());
        assert!(!query(sqlx::Error::RowNotFound).is_transient());
        assert!(!StoreError::Fenced { partition: 1, applied: 2 }.is_transient());
    }
}
