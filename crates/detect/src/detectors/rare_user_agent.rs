//! `rare_user_agent`: a client that is new to the account.

use super::detector;
use crate::judgement::{Explanation, Judgement};
use crate::{Settings, Unscoreable, score, text};
use model::{Observation, Rarity};
use profile::tail;

detector! {
    /// Judges a kind of client, versions aside, that is new to the account: how often the account starts to use a new
    /// one, and how rare this one is among the clients that the org's users have.
    RareUserAgent = "rare_user_agent", Identity, ceiling 6.0,
    next "Ask the user whether the client is theirs; if not, end its sessions and revoke its connected app.",
    Client => client
}

/// Ways in which a client can be unusual, by its novelty or by its rarity: the p-value is corrected for both
/// (1 − (1 − p)², [`tail::any_of`]). A choice.
const WAYS: f64 = 2.0;

fn client<'a>(client: &'a Rarity, observation: &'a Observation, _: &'a Settings) -> Result<Judgement<'a>, Unscoreable> {
    if client.usual.evidence <= 0.0 {
        return Err(Unscoreable::NoBaseline);
    }
    let new = tail::count_at_least(&client.usual, 1.0);
    let this_one = client.peer_tail.clamp(0.0, 1.0);
    let surprise = tail::surprise(tail::any_of(new * this_one, WAYS));
    Ok(Judgement::new(surprise, "", move || {
        let known = match client.known.as_slice() {
            [] => String::new(),
            known => format!(" (usual: {})", text::list(known, known.len())),
        };
        Explanation {
            confidence: score::confidence(client.days),
            summary: format!(
                "Used {}, {}{known}; {:.1} % of the org's users have it",
                client.value,
                if client.seen > 0.0 { "rarely used before" } else { "new to the account" },
                100.0 * client.peer_share,
            ),
            features: vec![
                ("userAgent", client.value.to_string(), tail::surprise(new)),
                ("peersWithUserAgent", format!("{:.1} %", 100.0 * client.peer_share), tail::surprise(this_one)),
            ],
            measures: vec![
                ("new_clients_a_day", client.usual.mean()),
                ("peer_share", client.peer_share),
                ("baseline_days", client.days),
            ],
            evidence: Vec::new(),
            ..Explanation::default()
        }
    })
    .weightier_for_programs(observation))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{finding, observation, usually, verdict};
    use super::*;
    use crate::{Detector, Verdict};
    use model::{Feature, UserClass};

    fn rarity(value: &str, peer_share: f64) -> Feature {
        Feature::Client(Rarity {
            value: value.into(),
            seen: 0.0,
            days: 40.0,
            peer_share,
            peer_tail: peer_share,
            usual: usually(0.01),
            country: None,
            new_country: false,
            anonymizer: None,
            known: vec!["Chrome on macOS".into()],
        })
    }

    #[test]
    fn a_script_on_an_employees_account_is_anomalous() {
        let finding = finding(&RareUserAgent, rarity("python-requests", 0.005));
        assert!(finding.surprise > 4.0);
        insta::assert_snapshot!(finding.summary, @"Used python-requests, new to the account (usual: Chrome on macOS); 0.5 % of the org's users have it");
    }

    /// After the thefts with tokens of an integration in August 2025 (Google Threat Intelligence on UNC6395).
    #[test]
    fn a_script_that_uses_an_integrations_token_weighs_more_than_one_of_a_person() {
        let score = |user_class| {
            let observation = Observation { user_class, ..observation(rarity("python-requests", 0.005)) };
            let [Verdict::Anomalous(finding)] =
                &(&RareUserAgent as &dyn Detector).judge(&observation, &Settings::default())[..]
            else {
                panic!("no finding of {user_class}");
            };
            finding.score
        };
        let [person, program] = [UserClass::Normal, UserClass::Integration].map(score);
        assert!(person < 6.0 && program > 6.0 && program < 9.0, "{person} {program}");
    }

    #[test]
    fn a_new_laptop_is_normal() {
        assert_eq!(verdict(&RareUserAgent, rarity("Chrome on Windows", 0.6)), Verdict::Normal);
    }
}
