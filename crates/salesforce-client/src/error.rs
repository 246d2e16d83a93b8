//! What goes wrong between us and Salesforce.

pub type Result<T> = std::result::Result<T, Error>;

/// A call that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Salesforce has answered, with an error of its own.
    #[error("{call}: {code}: {message}")]
    Refused { call: &'static str, status: u16, code: String, message: String },
    /// An error of the Pub/Sub API, by the code of its trailer, or of gRPC where it has none.
    #[error("{call}: {code}: {message}")]
    Stream { call: &'static str, code: String, message: String },
    #[error("{call}: cannot be reached")]
    Transport { call: &'static str, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("{call}: no answer within {seconds} s")]
    Silent { call: &'static str, seconds: u32 },
    #[error("{call}: the answer is not as expected: {problem}")]
    Unexpected { call: &'static str, problem: String },
    #[error("no token: {0}")]
    Key(String),
}

/// What kind of failure it is, for whoever must decide what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// Comes and goes: the network, an outage, an answer that broke off. Worth waiting for.
    Passing,
    /// The token is not taken, even after a new one was minted; or none is given out.
    Login,
    /// The user may not do this, or what was asked for does not exist in this org.
    Denied,
    /// A field, object or query that this org does not understand.
    Query,
    /// The query took too long: ask for less.
    QueryTimeout,
    /// The cursor of a query has expired: ask from the start.
    Cursor,
    /// The org's calls of the day, or its subscriptions, are used up.
    Limit,
    /// The replay id is expired or another org's.
    Replay,
}

impl Error {
    pub fn trouble(&self) -> Trouble {
        Trouble::Passing
    }
}
