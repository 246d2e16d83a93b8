//! Why reading stops, in words for an operator.

use super::fields::ENABLE;
use crate::source::SourceError;
use salesforce_client::{Error, Trouble};
use std::time::Duration;

/// Nothing more can be read for now.
#[derive(Debug)]
pub(super) enum Halt {
    /// The stream or the database.
    Failed(SourceError),
    /// The org; to be asked again after a round, or later.
    Org { problem: String, wait: Duration },
}

/// Why one object is not read any further.
#[derive(Debug)]
pub(super) enum Stop {
    Halt(Halt),
    /// It alone cannot be read for now.
    Object(String),
    /// It has more rows than are to be held.
    TooMany,
}

/// How long an org whose calls are used up is left alone.
const LIMIT: Duration = Duration::from_secs(15 * 60);

impl Halt {
    pub(super) fn because(problem: &str) -> Self {
        Self::Org { problem: problem.to_owned(), wait: Duration::ZERO }
    }

    /// The rest of the org's calls is not to be used: `floor`, from 0 to 1.
    pub(super) fn budget(floor: f64) -> Self {
        let percent = floor * 100.0;
        Self::Org {
            problem: format!("call budget: the last {percent:.0} % of the day's calls are left to others"),
            wait: LIMIT,
        }
    }

    pub(super) fn of(error: &Error) -> Self {
        let what = what(error);
        match error.trouble() {
            Trouble::Limit => {
                Self::Org { problem: format!("the org's calls of the day are used up ({what})"), wait: LIMIT }
            }
            Trouble::Login => Self::because(&format!("the org does not accept the app or its user ({what})")),
            _ => Self::because(&what),
        }
    }
}

impl Stop {
    pub(super) fn of(object: &str, error: &Error) -> Self {
        let what = what(error);
        Self::Object(match error.trouble() {
            Trouble::Limit | Trouble::Login => return Self::Halt(Halt::of(error)),
            Trouble::Denied => format!("{object} cannot be read ({what}): {ENABLE}"),
            Trouble::Query if what == "INVALID_TYPE" => format!("the org has no {object} for this user: {ENABLE}"),
            Trouble::Query => format!("{object}: the org does not take the query ({what})"),
            Trouble::QueryTimeout => format!("{object}: a query over the shortest time takes too long ({what})"),
            Trouble::Cursor => format!("{object}: pages are lost before they are read ({what})"),
            Trouble::Passing | Trouble::Replay => format!("{object}: {what}"),
        })
    }
}

impl From<Halt> for Stop {
    fn from(halt: Halt) -> Self {
        Self::Halt(halt)
    }
}

impl From<SourceError> for Halt {
    fn from(error: SourceError) -> Self {
        Self::Failed(error)
    }
}

/// Salesforce's own words may quote the query; its code does not.
fn what(error: &Error) -> String {
    match error {
        Error::Refused { code, .. } | Error::Stream { code, .. } => code.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, code: &str) -> Error {
        let message = "SELECT Query FROM ApiEvent ^ ERROR".to_owned();
        Error::Refused { call: "query", status, code: code.to_owned(), message }
    }

    #[test]
    fn an_operator_is_told_what_to_do_and_never_the_query() {
        let check = |status, code, part: &str| match Stop::of("ApiEvent", &refused(status, code)) {
            Stop::Object(problem) => assert!(problem.contains(part) && !problem.contains("SELECT"), "{problem}"),
            other => panic!("{other:?}"),
        };
        check(404, "NOT_FOUND", "Event Manager");
        check(403, "INSUFFICIENT_ACCESS", "View Real-Time Event Monitoring Data");
        check(400, "INVALID_TYPE", "no ApiEvent");
        check(400, "MALFORMED_QUERY", "MALFORMED_QUERY");
        check(500, "QUERY_TIMEOUT", "too long");
        check(400, "INVALID_QUERY_LOCATOR", "pages");
        check(503, "SERVER_UNAVAILABLE", "SERVER_UNAVAILABLE");
    }

    #[test]
    fn what_concerns_the_org_ends_the_round() {
        let check = |status, code, expect| match Stop::of("ApiEvent", &refused(status, code)) {
            Stop::Halt(Halt::Org { wait, .. }) => assert_eq!(wait, expect, "{code}"),
            other => panic!("{other:?}"),
        };
        check(403, "REQUEST_LIMIT_EXCEEDED", LIMIT);
        check(401, "INVALID_SESSION_ID", Duration::ZERO);
    }
}
