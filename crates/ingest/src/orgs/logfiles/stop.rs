//! Why reading stops, and when it goes on.

use super::super::common::Common;
use crate::meter::Origin;
use crate::source::SourceError;
use model::Kind;
use runtime::retry::{Backoff, random};
use salesforce_client::{Trouble, Usage};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Why a round ended before its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stop {
    #[error(transparent)]
    Call(#[from] salesforce_client::Error),
    #[error("the user may not read the field {field} of {object}")]
    Hidden { object: &'static str, field: &'static str },
    #[error("the org's calls of the day are nearly used up ({} of {})", .0.used, .0.max)]
    Budget(Usage),
    /// Not to be tried again here.
    #[error(transparent)]
    Source(#[from] SourceError),
}

/// What is done again and again.
pub(super) trait Rounds: Send {
    const ORIGIN: Origin;
    /// For the operator, where Salesforce refuses.
    const ADVICE: &'static str;

    /// What it reads, and is not read where it stops.
    fn kinds(&self) -> Vec<Kind>;

    fn round(&mut self) -> impl Future<Output = Result<(), Stop>> + Send;
}

/// When the next round is after one that was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// As if it had not been.
    InTurn,
    /// The org's calls are used up.
    InAWhile,
    /// After a delay that grows.
    Soon,
}

const WHILE: Duration = Duration::from_secs(900);
const SHORTEST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(300);

/// Goes round until `shutdown`; what is under way then is begun again another time.
///
/// # Errors
/// If activities cannot be published or positions not be kept.
pub(super) async fn go_round<R: Rounds>(
    common: &Common,
    mut rounds: R,
    shutdown: &CancellationToken,
) -> Result<(), SourceError> {
    let turn = Duration::from_secs(common.settings.log_file_seconds.max(1).into());
    let mut delays = Backoff::new(SHORTEST, LONGEST, random);
    loop {
        let outcome = tokio::select! {
            biased;
            () = shutdown.cancelled() => return Ok(()),
            outcome = rounds.round() => outcome,
        };
        let pause = match outcome {
            Ok(()) => {
                delays.reset();
                turn
            }
            Err(Stop::Source(error)) => return Err(error),
            Err(stop) => {
                let (next, source) = (stop.next(), R::ORIGIN.as_str());
                if next != Next::Soon {
                    common.watch.failed(R::ORIGIN, &rounds.kinds(), stop.in_words(R::ADVICE));
                }
                tracing::warn!(org = %common.org, source, problem = %stop, ?next, "reading stopped for now");
                match next {
                    Next::InTurn => turn,
                    Next::InAWhile => WHILE,
                    Next::Soon => delays.next().unwrap_or(LONGEST),
                }
            }
        };
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return Ok(()),
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// # Errors
/// If no more calls of the day are left than are to be left to others.
pub(super) fn within_budget(common: &Common) -> Result<(), Stop> {
    common.used_up().map_or(Ok(()), |usage| Err(Stop::Budget(usage)))
}

impl Stop {
    fn next(&self) -> Next {
        match self {
            Self::Call(error) => match error.trouble() {
                Trouble::Limit => Next::InAWhile,
                Trouble::Login | Trouble::Denied | Trouble::Query => Next::InTurn,
                Trouble::Passing | Trouble::QueryTimeout | Trouble::Cursor | Trouble::Replay => Next::Soon,
            },
            Self::Hidden { .. } | Self::Budget(_) | Self::Source(_) => Next::InTurn,
        }
    }

    /// Whether Salesforce does not have what was asked for, or not for this user.
    pub(super) fn is_refused(&self) -> bool {
        match self {
            Self::Call(error) => matches!(error.trouble(), Trouble::Denied | Trouble::Query),
            Self::Hidden { .. } => true,
            Self::Budget(_) | Self::Source(_) => false,
        }
    }

    pub(super) fn in_words(&self, advice: &str) -> String {
        if self.is_refused() { format!("{self}: {advice}") } else { self.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use salesforce_client::Error;

    #[test]
    fn what_is_refused_comes_in_turn_and_what_passes_soon() {
        let check = |status, code: &str, expect| {
            let (code, message) = (code.to_owned(), String::new());
            let stop = Stop::Call(Error::Refused { call: "query", status, code, message });
            assert_eq!(stop.next(), expect, "{stop}");
        };
        check(403, "REQUEST_LIMIT_EXCEEDED", Next::InAWhile);
        check(403, "INSUFFICIENT_ACCESS", Next::InTurn);
        check(400, "INVALID_FIELD", Next::InTurn);
        check(401, "INVALID_SESSION_ID", Next::InTurn);
        check(503, "SERVER_UNAVAILABLE", Next::Soon);
        check(500, "QUERY_TIMEOUT", Next::Soon);
    }

    #[test]
    fn an_operator_is_told_what_to_do() {
        let hidden = Stop::Hidden { object: "EventLogFile", field: "CreatedDate" };
        assert_eq!(hidden.in_words("do this"), "the user may not read the field CreatedDate of EventLogFile: do this");
        let budget = Stop::Budget(Usage { used: 900, max: 1_000 });
        assert_eq!(budget.in_words("do this"), "the org's calls of the day are nearly used up (900 of 1000)");
    }
}
