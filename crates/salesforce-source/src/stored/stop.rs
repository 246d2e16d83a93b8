//! Why reading stored events stops, as texts for an operator.

use super::fields::ENABLE;
use crate::common::CALLS_PAUSE;
use ingest::SourceError;
use runtime::error::chain;
use salesforce_client::{Error, Trouble};
use std::time::Duration;

/// Why no object is read any further for now.
#[derive(Debug)]
pub(super) enum Stop {
    /// The stream or the database failed.
    Failed(SourceError),
    /// The org failed; it is asked again after `wait`, or in the next round.
    Org { problem: String, wait: Duration },
}

/// Why one object is not read any further for now.
#[derive(Debug)]
pub(super) enum ObjectStop {
    /// Reading stops altogether.
    All(Stop),
    /// Only this object cannot be read.
    Object(String),
    /// It has more rows than may be held at once.
    TooManyRows,
}

impl Stop {
    pub(super) fn because(problem: &str) -> Self {
        Self::Org { problem: problem.to_owned(), wait: Duration::ZERO }
    }

    /// Only the reserve of API calls is left: `floor`, from 0 to 1 of the day's calls.
    pub(super) fn budget(floor: f64) -> Self {
        let percent = floor * 100.0;
        let problem = format!("only the reserve of {percent:.0} % of the day's API calls is left (calls_floor)");
        Self::Org { problem, wait: CALLS_PAUSE }
    }

    pub(super) fn of(error: &Error) -> Self {
        let what = what(error);
        match error.trouble() {
            Trouble::Limit => {
                let problem = format!("the org's API calls of the day are used up ({what})");
                Self::Org { problem, wait: CALLS_PAUSE }
            }
            Trouble::Login => Self::because(&format!("the org does not accept the app or its user ({what})")),
            _ => Self::because(&what),
        }
    }
}

impl ObjectStop {
    pub(super) fn of(object: &str, error: &Error) -> Self {
        let what = what(error);
        Self::Object(match error.trouble() {
            Trouble::Limit | Trouble::Login => return Self::All(Stop::of(error)),
            Trouble::Denied => format!("{object} cannot be read ({what}): {ENABLE}"),
            Trouble::Query if what == "INVALID_TYPE" => format!("the org has no {object} for this user: {ENABLE}"),
            Trouble::Query => format!("{object}: the org refuses the query ({what})"),
            Trouble::QueryTimeout => format!("{object}: even a query over the shortest time times out ({what})"),
            Trouble::Cursor => format!("{object}: cursors expire before all pages are read ({what})"),
            Trouble::Passing | Trouble::Replay => format!("{object}: {what}"),
        })
    }
}

impl From<Stop> for ObjectStop {
    fn from(stop: Stop) -> Self {
        Self::All(stop)
    }
}

impl From<SourceError> for Stop {
    fn from(error: SourceError) -> Self {
        Self::Failed(error)
    }
}

/// Returns the error without the query: Salesforce's message may quote it, and its code does not.
fn what(error: &Error) -> String {
    match error {
        Error::Refused { code, .. } | Error::Stream { code, .. } => code.clone(),
        other => chain(other),
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
    fn a_problem_of_an_object_has_advice_and_never_the_query() {
        let check = |status, code, part: &str| match ObjectStop::of("ApiEvent", &refused(status, code)) {
            ObjectStop::Object(problem) => assert!(problem.contains(part) && !problem.contains("SELECT"), "{problem}"),
            other => panic!("{other:?}"),
        };
        check(404, "NOT_FOUND", "Event Manager");
        check(403, "INSUFFICIENT_ACCESS", "View Real-Time Event Monitoring Data");
        check(400, "INVALID_TYPE", "no ApiEvent");
        check(400, "MALFORMED_QUERY", "MALFORMED_QUERY");
        check(500, "QUERY_TIMEOUT", "times out");
        check(400, "INVALID_QUERY_LOCATOR", "cursors");
        check(503, "SERVER_UNAVAILABLE", "SERVER_UNAVAILABLE");
    }

    #[test]
    fn a_problem_of_the_org_stops_the_round() {
        let check = |status, code, expect| match ObjectStop::of("ApiEvent", &refused(status, code)) {
            ObjectStop::All(Stop::Org { wait, .. }) => assert_eq!(wait, expect, "{code}"),
            other => panic!("{other:?}"),
        };
        check(403, "REQUEST_LIMIT_EXCEEDED", CALLS_PAUSE);
        check(401, "INVALID_SESSION_ID", Duration::ZERO);
    }
}
