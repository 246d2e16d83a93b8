//! Checks what an org needs so that its events can be read.

use crate::context::permissions_are_visible;
use crate::plan;
use crate::settings::ConnectedOrg;
use model::{Channel, Timestamp};
use runtime::error::chain;
use salesforce::reading::plan::{Offer, Plan};
use salesforce_client::{Client, Error, Trouble};
use serde::Serialize;

/// The outcome of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// The subject.
    pub what: String,
    /// Its state.
    pub health: Health,
    /// What was found.
    pub found: String,
    /// What to do about it.
    pub advice: Option<String>,
}

/// The state of a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    /// It works.
    Good,
    /// It works in part.
    Poor,
    /// It does not work.
    Bad,
}

/// The most that clocks may differ, in milliseconds: events dated further ahead than this are set aside.
pub const MAX_SKEW: i64 = 5 * model::time::MINUTE;

impl Check {
    /// Returns a check of a subject that works.
    pub fn good(what: impl Into<String>, found: impl Into<String>) -> Self {
        Self { what: what.into(), health: Health::Good, found: found.into(), advice: None }
    }

    /// Returns a check of a subject that works in part.
    pub fn poor(what: impl Into<String>, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { what: what.into(), health: Health::Poor, found: found.into(), advice: Some(advice.into()) }
    }

    /// Returns a check of a subject that does not work.
    pub fn bad(what: impl Into<String>, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { health: Health::Bad, ..Self::poor(what, found, advice) }
    }

    /// Compares another machine's clock with ours.
    pub fn clock(what: impl Into<String>, theirs: Timestamp, ours: Timestamp) -> Self {
        let skew = theirs.since(ours);
        let found = format!("{:+.1} s from ours", skew as f64 / 1_000.0);
        match skew.abs() {
            0..=5_000 => Self::good(what, found),
            skew if skew <= MAX_SKEW => Self::poor(what, found, "let both clocks follow NTP"),
            _ => Self::bad(what, found, "let both clocks follow NTP: events would count as dated in the future"),
        }
    }
}

/// Checks everything that reading an org needs. `now` is our clock.
pub async fn examine(name: &str, settings: &ConnectedOrg, now: impl Fn() -> Timestamp) -> Vec<Check> {
    let what = |of: &str| format!("{name}: {of}");
    let client = match Client::new(&settings.connection) {
        Ok(client) => client,
        Err(error) => return vec![Check::bad(what("settings"), chain(&error), "correct the configuration")],
    };
    let mut checks = Vec::new();
    match client.identity().await {
        Ok(identity) if identity.org_id == settings.org_id => {
            checks.push(Check::good(what("login"), format!("org {}", identity.org_id)));
        }
        Ok(identity) => {
            let found = format!("the user belongs to org {}, not {}", identity.org_id, settings.org_id);
            checks.push(Check::bad(what("login"), found, "correct org_id, or log in to the right org"));
            return checks;
        }
        Err(error) => {
            checks.push(Check::bad(what("login"), chain(&error), login_advice(&error)));
            return checks;
        }
    }
    match client.limits().await {
        Ok(limits) => {
            let found = format!("{} of {} API calls of the day are left", limits.daily_remaining, limits.daily_max);
            let floor = settings.calls_floor * limits.daily_max as f64;
            checks.push(if limits.daily_remaining as f64 > floor {
                Check::good(what("calls"), found)
            } else {
                Check::poor(what("calls"), found, "queries wait while the calls left are below calls_floor")
            });
        }
        Err(error) => checks.push(Check::bad(what("calls"), chain(&error), "give the user API Enabled")),
    }
    checks.extend(client.server_time().map(|theirs| Check::clock(what("clock"), theirs, now())));
    match plan::discover(&client, settings).await {
        Ok(plan) => checks.extend(channels(name, &plan)),
        Err(error) => {
            checks.push(Check::bad(
                what("events"),
                chain(&error),
                "check that this machine can reach api.pubsub.salesforce.com:7443",
            ));
        }
    }
    if settings.context_seconds > 0 {
        checks.push(permissions(what("permission sets"), permissions_are_visible(&client).await));
    }
    checks
}

fn permissions(what: String, are_visible: Result<bool, Error>) -> Check {
    let advice = "give the user View Setup and Configuration: without it administrators are not known";
    match are_visible {
        Ok(true) => Check::good(what, "can be read"),
        Ok(false) => Check::poor(what, "none is visible to the user", advice),
        Err(error) => Check::poor(what, chain(&error), advice),
    }
}

fn channels(name: &str, plan: &Plan) -> Vec<Check> {
    let mut checks = Vec::new();
    for kind in &plan.kinds {
        let what = format!("{name}: {} events", kind.kind);
        let missing = kind.offers().into_iter().find_map(|(_, offer)| match offer {
            Offer::Missing(problem) => problem.split_once(": "),
            Offer::Has(_) | Offer::None => None,
        });
        checks.push(match (kind.lead(), missing) {
            (Some(lead), None) => Check::good(what, format!("by {lead}")),
            (Some(Channel::Stream), Some((problem, advice))) => {
                Check::poor(what, format!("by stream; {problem}, so gaps cannot be filled"), advice)
            }
            (Some(lead), Some((problem, advice))) => Check::poor(what, format!("only by {lead}; {problem}"), advice),
            (None, Some((problem, advice))) => Check::bad(what, problem, advice),
            (None, None) => Check::bad(what, "every channel is turned off", "turn on streams, stored or log_files"),
        });
    }
    checks
}

fn login_advice(error: &Error) -> &'static str {
    match error.trouble() {
        Trouble::Login => "check the app's consumer key, the secret or certificate, and that the user may use the app",
        _ => "check login_url, and that this machine can reach it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Kind;
    use salesforce::reading::plan::KindPlan;

    #[test]
    fn clocks_may_differ_a_little() {
        let check = |skew: i64, health| {
            let found = Check::clock("clock", Timestamp(1_000_000 + skew), Timestamp(1_000_000));
            assert_eq!(found.health, health, "{found:?}");
        };
        check(0, Health::Good);
        check(-5_000, Health::Good);
        check(60_000, Health::Poor);
        check(-300_001, Health::Bad);
    }

    #[test]
    fn invisible_permission_sets_are_reported() {
        let check = |are_visible, health, found: &str| {
            let check = permissions("permission sets".to_owned(), are_visible);
            assert_eq!((check.health, check.found.as_str()), (health, found));
        };
        check(Ok(true), Health::Good, "can be read");
        check(Ok(false), Health::Poor, "none is visible to the user");
        let code = "INVALID_TYPE".to_owned();
        let refused = Error::Refused { call: "query", status: 400, code, message: "not supported".to_owned() };
        check(Err(refused), Health::Poor, "query: INVALID_TYPE: not supported");
    }

    #[test]
    fn a_missing_channel_is_reported_with_advice() {
        let missing = || Offer::Missing("the org has no X: turn it on".to_owned());
        let of = |stream, stored| KindPlan {
            kind: Kind::Login,
            stream,
            stored,
            log_objects: Offer::None,
            log_files: Offer::None,
        };
        let check = |stream, stored, health, found: &str| {
            let checks = channels("prod", &Plan { kinds: vec![of(stream, stored)] });
            assert_eq!((checks[0].health, checks[0].found.as_str()), (health, found));
        };
        check(Offer::Has("A"), Offer::Has("B"), Health::Good, "by stream");
        check(Offer::Has("A"), missing(), Health::Poor, "by stream; the org has no X, so gaps cannot be filled");
        check(missing(), Offer::Has("B"), Health::Poor, "only by stored; the org has no X");
        check(missing(), missing(), Health::Bad, "the org has no X");
        check(Offer::None, Offer::None, Health::Bad, "every channel is turned off");
    }
}
