//! `session_hijack`: one session that continues from another network or another client.

use super::detector;
use crate::judgement::{Explanation, Judgement};
use crate::{Settings, Unscoreable, score, text};
use model::{Observation, SessionChange};
use profile::tail;

detector! {
    /// Judges a session that changed its network or its client, against how often the account's sessions change
    /// network.
    SessionHijack = "session_hijack", Identity, ceiling 9.0,
    next "End the session now, then reset the password and ask the user.",
    Session => moved
}

/// Probability that a session changes its kind of client within a day. It cannot; user agents that are parsed wrongly
/// are what remains. A choice.
const OTHER_CLIENT: f64 = 1e-3;
/// Share of changes of network that lead to a network which the account does not know. A choice.
const UNKNOWN_NETWORK: f64 = 0.3;
/// Further factor on the p-value if client and network change at once: a wrong user agent does not change the network.
/// A choice.
const BOTH_AT_ONCE: f64 = 0.03;

fn moved<'a>(change: &'a SessionChange, _: &'a Observation, _: &'a Settings) -> Result<Judgement<'a>, Unscoreable> {
    if change.usual.evidence <= 0.0 {
        return Err(Unscoreable::NoBaseline);
    }
    let switched = change.to_network.is_some();
    let network = match (switched, change.known_network) {
        (true, true) => tail::count_at_least(&change.usual, 1.0),
        (true, false) => tail::count_at_least(&change.usual, 1.0) * UNKNOWN_NETWORK,
        (false, _) => 1.0,
    };
    let client = match (change.to_client.is_some(), switched) {
        (true, true) => OTHER_CLIENT * BOTH_AT_ONCE,
        (true, false) => OTHER_CLIENT,
        (false, _) => 1.0,
    };
    let mut changes = Vec::new();
    let mut features = Vec::new();
    if let (Some(from), Some(to)) = (&change.from_network, &change.to_network) {
        changes.push(format!("from network {from} to {to}"));
        features.push(("network", to.to_string(), tail::surprise(network)));
    }
    if let (Some(from), Some(to)) = (&change.from_client, &change.to_client) {
        changes.push(format!("from {from} to {to}"));
        features.push(("userAgent", to.to_string(), tail::surprise(client)));
    }
    Ok(Judgement::new(tail::surprise(network * client), "", move || Explanation {
        confidence: score::confidence(change.usual.evidence),
        summary: format!(
            "One session moved {} within {}; its sessions usually change network {}",
            changes.join(" and "),
            span(change.elapsed),
            text::how_often(change.usual.mean()),
        ),
        features,
        measures: vec![("seconds", change.elapsed as f64 / 1_000.0), ("network_changes_a_day", change.usual.mean())],
        ..Explanation::default()
    }))
}

/// Writes a duration of either sign: a late event dates from before the session was last seen.
fn span(milliseconds: i64) -> String {
    match milliseconds.saturating_abs() / 60_000 {
        0 => "a minute".to_owned(),
        minutes if minutes < 120 => format!("{minutes} min"),
        minutes => format!("{} h", minutes / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{finding, usually, verdict};
    use super::*;
    use crate::Verdict;
    use model::{Feature, Text};

    fn change(to_network: Option<&str>, to_client: Option<&str>, a_day: f64) -> Feature {
        Feature::Session(SessionChange {
            from_network: to_network.map(|_| "198.51.100.0/24".into()),
            to_network: to_network.map(Text::from),
            from_client: to_client.map(|_| "Chrome on macOS".into()),
            to_client: to_client.map(Text::from),
            usual: usually(a_day),
            known_network: false,
            elapsed: 300_000,
        })
    }

    #[test]
    fn another_network_and_client_are_anomalous() {
        let finding = finding(&SessionHijack, change(Some("203.0.113.0/24"), Some("python-requests"), 0.02));
        assert_eq!(finding.score, 9.0);
        insta::assert_snapshot!(finding.summary, @"One session moved from network 198.51.100.0/24 to 203.0.113.0/24 and from Chrome on macOS to python-requests within 5 min; its sessions usually change network once in 50 days");
    }

    #[test]
    fn a_late_event_has_the_same_distance() {
        let check = |milliseconds, expect| assert_eq!(span(milliseconds), expect);
        check(300_000, "5 min");
        check(-300_000, "5 min");
        check(-59_000, "a minute");
        check(-7_200_000, "2 h");
    }

    #[test]
    fn a_roaming_phone_is_normal() {
        assert_eq!(verdict(&SessionHijack, change(Some("203.0.113.0/24"), None, 0.5)), Verdict::Normal);
    }
}
