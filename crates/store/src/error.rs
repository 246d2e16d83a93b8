//! What can go wrong with the database.

use model::codec::WireError;
use sqlx::error::ErrorKind;
use std::path::PathBuf;
use thiserror::Error;

pub type Result<T> = std::result::Result<T, StoreError>;

#[derive(Debug, Error)]
pub enum StoreError {
    #[error("no url of the database is set")]
    NoUrl,
    #[error("the url of the database cannot be read")]
    Url(#[source] sqlx::Error),
    #[error("cannot read {}", path.display())]
    Password {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot migrate the database")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    #[error("cannot {what}")]
    Query {
        what: &'static str,
        #[source]
        source: sqlx::Error,
    },
    /// The session may be lost without either side knowing: connect anew.
    #[error("cannot {what}: no answer within {waited_ms} ms")]
    NoAnswer { what: &'static str, waited_ms: u128 },
    #[error("member {member} exists already")]
    MemberTaken { member: i32 },
    /// This session must not write the partition: it does not hold it, or a later checkpoint is there already.
    #[error("checkpoint of partition {partition} at {applied} refused: not held by this session, or behind")]
    Fenced { partition: i32, applied: u64 },
    #[error("account {user_id} of org {org_id} is not locked by this correlation")]
    NotLocked { org_id: String, user_id: String },
    #[error("{field} {value} does not fit the database")]
    Range { field: &'static str, value: u64 },
    #[error("unknown {field} in the database: {value}")]
    UnknownWord { field: &'static str, value: String },
    #[error("the message of {what} {id} cannot be read")]
    Message {
        what: &'static str,
        id: String,
        #[source]
        source: WireError,
    },
    #[error("cannot write the receipt of incident {incident_id} as json")]
    Receipt {
        incident_id: String,
        #[source]
        source: serde_json::Error,
    },
}

impl StoreError {
    /// Whether the same call may succeed later, maybe on a new connection.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Query { source, .. } => is_transient(source),
            Self::Migrate(sqlx::migrate::MigrateError::Execute(source)) => is_transient(source),
            // A file that is just being replaced.
            Self::NoAnswer { .. } | Self::Password { .. } => true,
            _ => false,
        }
    }
}

/// Says what was being done when a query failed.
pub(crate) trait Doing<T> {
    fn doing(self, what: &'static str) -> Result<T>;
}

impl<T> Doing<T> for std::result::Result<T, sqlx::Error> {
    fn doing(self, what: &'static str) -> Result<T> {
        self.map_err(|source| StoreError::Query { what, source })
    }
}

fn is_transient(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut | sqlx::Error::WorkerCrashed => true,
        // What an aborted connection leaves behind.
        sqlx::Error::Protocol(_) => true,
        sqlx::Error::Database(error) => {
            matches!(error.kind(), ErrorKind::Other) && error.code().is_some_and(|code| is_transient_code(&code))
        }
        _ => false,
    }
}

/// By SQLSTATE: lost connections, serialization failures and deadlocks, too few resources, cancellations and
/// shutdowns, locks that were not free, time limits of transactions, and a primary that has become a standby.
fn is_transient_code(code: &str) -> bool {
    matches!(code.get(..2), Some("08" | "40" | "53" | "57")) || matches!(code, "55P03" | "25P03" | "25P04" | "25006")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_transient_and_what_is_wrong_is_not() {
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
