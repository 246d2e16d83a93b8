//! What stands between an org and its events.

use super::context::permissions_are_seen;
use super::plan::{Offer, Plan};
use super::settings::ConnectedOrg;
use model::{Channel, Timestamp};
use salesforce_client::{Client, Error, Trouble};
use serde::Serialize;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    pub what: String,
    pub health: Health,
    pub found: String,
    /// What to do about it.
    pub advice: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    Good,
    /// Works, and something is missing.
    Poor,
    Bad,
}

/// The most that clocks may differ, milliseconds: events dated later than this beyond their receipt are set aside.
pub const MOST_SKEW: i64 = 5 * model::time::MINUTE;

impl Check {
    pub fn good(what: impl Into<String>, found: impl Into<String>) -> Self {
        Self { what: what.into(), health: Health::Good, found: found.into(), advice: None }
    }

    pub fn poor(what: impl Into<String>, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { what: what.into(), health: Health::Poor, found: found.into(), advice: Some(advice.into()) }
    }

    pub fn bad(what: impl Into<String>, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { health: Health::Bad, ..Self::poor(what, found, advice) }
    }

    /// How far another's clock is from ours.
    pub fn clock(what: impl Into<String>, theirs: Timestamp, ours: Timestamp) -> Self {
        let skew = theirs.since(ours);
        let found = format!("{:+.1} s from ours", skew as f64 / 1_000.0);
        match skew.abs() {
            0..=5_000 => Self::good(what, found),
            skew if skew <= MOST_SKEW => Self::poor(what, found, "let both clocks follow NTP"),
            _ => Self::bad(what, found, "let both clocks follow NTP: events will be taken for ones of the future"),
        }
    }
}

/// Looks at everything that reading an org needs. `now` is our clock.
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
            let found = format!("the user is of org {}, not {}", identity.org_id, settings.org_id);
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
            let found = format!("{} of {} calls of the day are left", limits.daily_remaining, limits.daily_max);
            let floor = settings.calls_floor * limits.daily_max as f64;
            checks.push(if limits.daily_remaining as f64 > floor {
                Check::good(what("calls"), found)
            } else {
                Check::poor(what("calls"), found, "polling waits while calls are below calls_floor")
            });
        }
        Err(error) => checks.push(Check::bad(what("calls"), chain(&error), "give the user API Enabled")),
    }
    checks.extend(client.server_time().map(|theirs| Check::clock(what("clock"), theirs, now())));
    match Plan::discover(&client, settings).await {
        Ok(plan) => checks.extend(channels(name, &plan)),
        Err(error) => {
            checks.push(Check::bad(
                what("events"),
                chain(&error),
                "look whether api.pubsub.salesforce.com:7443 is reachable",
            ));
        }
    }
    if settings.context_seconds > 0 {
        checks.push(permissions(what("permission sets"), permissions_are_seen(&client).await));
    }
    checks
}

fn permissions(what: String, are_seen: Result<bool, Error>) -> Check {
    let advice = "give the user View Setup and Configuration: without it it is not known who may administer";
    match are_seen {
        Ok(true) => Check::good(what, "can be read"),
        Ok(false) => Check::poor(what, "there are none to be seen", advice),
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
            (None, None) => Check::bad(what, "no channel is to be read", "turn on streams, stored or log_files"),
        });
    }
    checks
}

fn login_advice(error: &Error) -> &'static str {
    match error.trouble() {
        Trouble::Login => "check the app's consumer key, the secret or certificate, and that the user may use the app",
        _ => "check login_url, and that this machine may reach it",
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::plan::KindPlan;
    use super::*;
    use model::Kind;

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
    fn permission_sets_that_are_not_shown_are_missed() {
        let check = |are_seen, health, found: &str| {
            let check = permissions("permission sets".to_owned(), are_seen);
            assert_eq!((check.health, check.found.as_str()), (health, found));
        };
        check(Ok(true), Health::Good, "can be read");
        check(Ok(false), Health::Poor, "there are none to be seen");
        let code = "INVALID_TYPE".to_owned();
        let refused = Error::Refused { call: "query", status: 400, code, message: "not supported".to_owned() };
        check(Err(refused), Health::Poor, "query: INVALID_TYPE: not supported");
    }

    #[test]
    fn what_is_missing_is_told_with_what_to_do() {
        let missing = || Offer::Missing("there is no X: turn it on".to_owned());
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
        check(Offer::Has("A"), missing(), Health::Poor, "by stream; there is no X, so gaps cannot be filled");
        check(missing(), Offer::Has("B"), Health::Poor, "only by stored; there is no X");
        check(missing(), missing(), Health::Bad, "there is no X");
        check(Offer::None, Offer::None, Health::Bad, "no channel is to be read");
    }
}
