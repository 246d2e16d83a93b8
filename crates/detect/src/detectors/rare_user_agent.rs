//! A client the account does not use.

use super::detector;
use crate::judgement::Judgement;
use crate::{Settings, Unscoreable, score, text};
use model::{Observation, Rarity};
use profile::tail;

detector! {
    /// A kind of client, versions aside, that is new to the account: how often it brings a new one, and how odd this
    /// one is among those that people take up.
    RareUserAgent = "rare_user_agent", Identity, ceiling 6.0,
    Client => client
}

fn client(client: &Rarity, _: &Observation, settings: &Settings) -> Result<Judgement, Unscoreable> {
    if client.usual.evidence <= 0.0 {
        return Err(Unscoreable::NoBaseline);
    }
    let new = tail::count_at_least(&client.usual, 1.0);
    let this_one = client.peer_tail.clamp(0.0, 1.0);
    // Asked of every client of every user: what is odd in one way or the other.
    let surprise = tail::surprise(tail::any_of(new * this_one, 2.0));
    if surprise < settings.raise_at("rare_user_agent") {
        return Ok(Judgement::quiet(surprise));
    }
    Ok(Judgement {
        surprise,
        confidence: score::confidence(client.days),
        summary: format!(
            "{} used, where {} is usual; {:.1} % of the org's users have it",
            client.value,
            text::list(&client.known, client.known.len()),
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
        ..Judgement::default()
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{finding, usually, verdict};
    use super::*;
    use crate::Verdict;
    use model::Feature;

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
            known: vec!["Chrome on macOS".into()],
        })
    }

    #[test]
    fn a_script_on_an_employees_account() {
        let finding = finding(&RareUserAgent, rarity("python-requests", 0.005));
        assert!(finding.surprise > 4.0);
        insta::assert_snapshot!(finding.summary, @"python-requests used, where Chrome on macOS is usual; 0.5 % of the org's users have it");
    }

    #[test]
    fn a_new_laptop_is_let_be() {
        assert_eq!(verdict(&RareUserAgent, rarity("Chrome on Windows", 0.6)), Verdict::Normal);
    }
}
