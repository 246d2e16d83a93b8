//! `rare_network`: a network that is new to the account.

use super::detector;
use crate::judgement::{Explanation, Judgement};
use crate::{Settings, Unscoreable, score, text};
use model::{Anonymized, Anonymizer, Observation, Rarity};
use profile::tail;

detector! {
    /// Judges a network (autonomous system, or prefix of the address) that is new to the account, and its country.
    RareNetwork = "rare_network", Identity, ceiling 6.0,
    next "Ask the user by phone where they were; if it was not them, end the sessions and reset the password.",
    Network => network
}

/// Share of networks new to a user that are also in a country new to it: one in twenty, a choice.
const NEW_COUNTRY: f64 = 0.05;
/// Share of the org's users from which on a network is the org's own, such as a new office. A choice.
const COMMON: f64 = 0.05;
/// Factor on the p-value of a network that hardly anybody in the org has. Only a half, because most networks that are
/// new to somebody are new to all: homes, hotels, phones. A choice.
const UNCOMMON: f64 = 0.5;

/// Returns the share of networks new to an account that are anonymizers of the kind: a choice, or the share of the accounts
/// that use such ones. 1 if the account used one before.
fn share_of_new(anonymizer: &Anonymized) -> f64 {
    if anonymizer.seen > 0.0 {
        return 1.0;
    }
    let share: f64 = match anonymizer.kind {
        Anonymizer::Vpn => 0.1,
        Anonymizer::Hosting => 0.05,
        Anonymizer::Tor => 0.01,
    };
    share.max(anonymizer.peer_share).min(1.0)
}

fn described(anonymizer: Anonymizer) -> &'static str {
    match anonymizer {
        Anonymizer::Vpn => "a VPN",
        Anonymizer::Hosting => "a hosting provider",
        Anonymizer::Tor => "a Tor exit",
    }
}

fn network<'a>(
    network: &'a Rarity,
    observation: &'a Observation,
    _: &'a Settings,
) -> Result<Judgement<'a>, Unscoreable> {
    if network.usual.evidence <= 0.0 {
        return Err(Unscoreable::NoBaseline);
    }
    let new = tail::count_at_least(&network.usual, 1.0);
    let peers = if network.peer_share > COMMON { 1.0 } else { UNCOMMON };
    let country = if network.new_country { NEW_COUNTRY } else { 1.0 };
    let hidden = network.anonymizer.as_ref().map_or(1.0, share_of_new);
    let surprise = tail::surprise(new * peers * country * hidden);
    Ok(Judgement::new(surprise, "", move || {
        let place = network.country.as_ref().map(|country| format!(" in {country}")).unwrap_or_default();
        let what = network.anonymizer.map(|anonymizer| format!(", {}", described(anonymizer.kind))).unwrap_or_default();
        let known = match network.known.as_slice() {
            [] => String::new(),
            known => format!(" (usual: {})", text::list(known, known.len())),
        };
        let novelty = match (network.seen > 0.0, network.new_country) {
            (false, false) => "a network new to the account",
            (false, true) => "a network and a country new to the account",
            (true, false) => "a network that the account rarely used before",
            (true, true) => "a network that the account rarely used before, in a country new to it",
        };
        let mut features = vec![("network", network.value.to_string(), tail::surprise(new * peers))];
        if let Some(country_name) = network.country.as_ref().filter(|_| network.new_country) {
            features.push(("country", country_name.to_string(), tail::surprise(country)));
        }
        if let Some(anonymizer) = &network.anonymizer {
            features.push(("anonymizer", anonymizer.kind.as_str().to_owned(), tail::surprise(hidden)));
        }
        Explanation {
            confidence: score::confidence(network.days),
            summary: format!(
                "Came from {}{place}{what}, {novelty}{known}; a new network usually comes {}",
                network.value,
                text::how_often(network.usual.mean()),
            ),
            features,
            measures: vec![
                ("new_networks_a_day", network.usual.mean()),
                ("peer_share", network.peer_share),
                ("baseline_days", network.days),
            ],
            ..Explanation::default()
        }
    })
    .weightier_for_programs(observation))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{finding, usually, verdict};
    use super::*;
    use crate::Verdict;
    use model::Feature;

    fn rarity(a_day: f64, new_country: bool) -> Feature {
        Feature::Network(Rarity {
            value: "203.0.113.0/24".into(),
            seen: 0.0,
            days: 40.0,
            peer_share: 0.001,
            peer_tail: 1.0,
            usual: usually(a_day),
            country: Some("RO".into()),
            new_country,
            known: vec!["198.51.100.0/24".into()],
            anonymizer: None,
        })
    }

    #[test]
    fn another_country_for_an_account_that_never_travels_is_anomalous() {
        let finding = finding(&RareNetwork, rarity(0.01, true));
        assert!(finding.surprise > 3.0);
        insta::assert_snapshot!(finding.summary, @"Came from 203.0.113.0/24 in RO, a network and a country new to the account (usual: 198.51.100.0/24); a new network usually comes once in 100 days");
    }

    /// The token thieves of 2025 came through Tor exits and rented servers (Google Threat Intelligence Group on UNC6395).
    fn through(kind: Anonymizer, seen: f64, peer_share: f64) -> Feature {
        let Feature::Network(rarity) = rarity(0.05, false) else { unreachable!() };
        Feature::Network(Rarity { anonymizer: Some(Anonymized { kind, seen, peer_share }), country: None, ..rarity })
    }

    #[test]
    fn a_first_anonymizer_is_more_surprising_and_named() {
        let surprise = |feature| finding(&RareNetwork, feature).surprise;
        let kinds = [Anonymizer::Vpn, Anonymizer::Hosting, Anonymizer::Tor];
        let surprises = kinds.map(|kind| surprise(through(kind, 0.0, 0.001)));
        assert!(surprises.is_sorted() && surprises[0] > 2.4 && surprises[2] > 3.4, "{surprises:?}");
        insta::assert_snapshot!(finding(&RareNetwork, through(Anonymizer::Tor, 0.0, 0.001)).summary, @"Came from 203.0.113.0/24, a Tor exit, a network new to the account (usual: 198.51.100.0/24); a new network usually comes once in 20 days");
    }

    #[test]
    fn who_uses_anonymizers_or_has_colleagues_that_do_is_normal() {
        assert_eq!(verdict(&RareNetwork, through(Anonymizer::Vpn, 3.0, 0.001)), Verdict::Normal);
        assert_eq!(verdict(&RareNetwork, through(Anonymizer::Vpn, 0.0, 0.6)), Verdict::Normal);
    }

    #[test]
    fn a_traveler_is_normal() {
        assert_eq!(verdict(&RareNetwork, rarity(0.8, true)), Verdict::Normal);
        assert_eq!(verdict(&RareNetwork, rarity(0.03, false)), Verdict::Normal);
    }
}
