//! Why a round stops, and when the next one begins.

use crate::common::{CALLS_PAUSE, Common};
use ingest::SourceError;
use model::{Channel, Kind};
use runtime::error::chain;
use runtime::retry::{Backoff, random};
use salesforce::reading::source_name;
use salesforce_client::{Trouble, Usage};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Why a round stopped before its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stop {
    #[error(transparent)]
    Call(#[from] salesforce_client::Error),
    #[error("the user may not read the field {field} of {object}")]
    Hidden { object: &'static str, field: &'static str },
    #[error("only the reserve of the org's API calls of the day is left ({} of {} used)", .0.used, .0.max)]
    Budget(Usage),
    /// The stream or the database failed; it is not tried again here.
    #[error(transparent)]
    Source(#[from] SourceError),
}

/// A reader that works in rounds.
pub(super) trait Rounds: Send {
    /// The channel that it reads.
    const CHANNEL: Channel;
    /// What an operator must do if Salesforce refuses.
    const ADVICE: &'static str;

    /// Returns the kinds that it reads.
    fn kinds(&self) -> Vec<Kind>;

    /// Runs one round.
    fn round(&mut self) -> impl Future<Output = Result<(), Stop>> + Send;
}

/// When the next round begins after one that stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// After the usual interval.
    Interval,
    /// After [`CALLS_PAUSE`].
    CallsPause,
    /// After a backoff.
    Backoff,
}

/// The shortest and the longest backoff. A choice.
const SHORTEST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(300);

/// Runs rounds until `shutdown`. A round that shutdown interrupts is read again later.
///
/// # Errors
/// If activities cannot be published or positions cannot be stored.
pub(super) async fn run_rounds<R: Rounds>(
    common: &Common,
    mut rounds: R,
    shutdown: &CancellationToken,
) -> Result<(), SourceError> {
    let interval = Duration::from_secs(common.settings.log_file_seconds.max(1).into());
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
                interval
            }
            Err(Stop::Source(error)) => return Err(error),
            Err(stop) => {
                let (next, source) = (stop.next(), source_name(R::CHANNEL));
                if next != Next::Backoff {
                    common.watch.failed(R::CHANNEL, &rounds.kinds(), stop.explain(R::ADVICE));
                }
                tracing::warn!(org = %common.org, source, problem = %stop, ?next, "the round stopped");
                match next {
                    Next::Interval => interval,
                    Next::CallsPause => CALLS_PAUSE,
                    Next::Backoff => delays.next().unwrap_or(LONGEST),
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

/// Fails if only the reserve of the org's API calls is left.
///
/// # Errors
/// If only the reserve of the day's calls is left.
pub(super) fn check_calls(common: &Common) -> Result<(), Stop> {
    common.used_up().map_or(Ok(()), |usage| Err(Stop::Budget(usage)))
}

impl Stop {
    fn next(&self) -> Next {
        match self {
            Self::Call(error) => match error.trouble() {
                Trouble::Limit => Next::CallsPause,
                Trouble::Login | Trouble::Denied | Trouble::Query => Next::Interval,
                Trouble::Passing | Trouble::QueryTimeout | Trouble::Cursor | Trouble::Replay => Next::Backoff,
            },
            Self::Hidden { .. } | Self::Budget(_) | Self::Source(_) => Next::Interval,
        }
    }

    /// Returns whether the org or its user lacks what was asked for.
    pub(super) fn is_refused(&self) -> bool {
        match self {
            Self::Call(error) => matches!(error.trouble(), Trouble::Denied | Trouble::Query),
            Self::Hidden { .. } => true,
            Self::Budget(_) | Self::Source(_) => false,
        }
    }

    /// Returns the reason for an operator, with the advice if the org or its user lacks something.
    pub(super) fn explain(&self, advice: &str) -> String {
        if self.is_refused() { format!("{self}: {advice}") } else { chain(self) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use salesforce_client::Error;

    #[test]
    fn the_next_round_depends_on_the_reason() {
        let check = |status, code: &str, expect| {
            let (code, message) = (code.to_owned(), String::new());
            let stop = Stop::Call(Error::Refused { call: "query", status, code, message });
            assert_eq!(stop.next(), expect, "{stop}");
        };
        check(403, "REQUEST_LIMIT_EXCEEDED", Next::CallsPause);
        check(403, "INSUFFICIENT_ACCESS", Next::Interval);
        check(400, "INVALID_FIELD", Next::Interval);
        check(401, "INVALID_SESSION_ID", Next::Interval);
        check(503, "SERVER_UNAVAILABLE", Next::Backoff);
        check(500, "QUERY_TIMEOUT", Next::Backoff);
    }

    #[test]
    fn a_refusal_is_explained_with_advice() {
        let hidden = Stop::Hidden { object: "EventLogFile", field: "CreatedDate" };
        assert_eq!(hidden.explain("do this"), "the user may not read the field CreatedDate of EventLogFile: do this");
        let budget = Stop::Budget(Usage { used: 900, max: 1_000 });
        assert_eq!(
            budget.explain("do this"),
            "only the reserve of the org's API calls of the day is left (900 of 1000 used)"
        );
    }
}
