//! A network the account does not come from.

use super::detector;
use crate::judgement::Judgement;
use crate::{Settings, Unscoreable, score, text};
use model::{Observation, Rarity};
use profile::tail;

detector! {
    /// A network (autonomous system, or prefix of the address) that is new to the account, and a country with it.
    RareNetwork = "rare_network", Identity, ceiling 6.0,
    Network => network
}

/// Of the networks that are new to a user, the part that is in a country new to it.
const NEW_COUNTRY: f64 = 0.05;

fn network(network: &Rarity, _: &Observation, settings: &Settings) -> Result<Judgement, Unscoreable> {
    if network.usual.evidence <= 0.0 {
        return Err(Unscoreable::NoBaseline);
    }
    let new = tail::count_at_least(&network.usual, 1.0);
    // Most networks that are new to somebody are new to all: homes, hotels, phones.
    let peers = if network.peer_share > 0.05 { 1.0 } else { 0.5 };
    let country = if network.new_country { NEW_COUNTRY } else { 1.0 };
    let surprise = tail::surprise(new * peers * country);
    if surprise < settings.raise_at("rare_network") {
        return Ok(Judgement::quiet(surprise));
    }
    let place = network.country.as_ref().map(|country| format!(" in {country}")).unwrap_or_default();
    let known = text::list(&network.known, network.known.len());
    let mut features = vec![("network", network.value.to_string(), tail::surprise(new * peers))];
    if let Some(country_name) = network.country.as_ref().filter(|_| network.new_country) {
        features.push(("country", country_name.to_string(), tail::surprise(country)));
    }
    Ok(Judgement {
        surprise,
        confidence: score::confidence(network.days),
        summary: format!("from {}{place}, where {known} is usual", network.value),
        features,
        measures: vec![
            ("new_networks_a_day", network.usual.mean()),
            ("peer_share", network.peer_share),
            ("baseline_days", network.days),
        ],
        ..Judgement::default()
    })
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
        })
    }

    #[test]
    fn another_country_for_one_who_stays_put() {
        let finding = finding(&RareNetwork, rarity(0.01, true));
        assert!(finding.surprise > 3.0);
        insta::assert_snapshot!(finding.summary, @"from 203.0.113.0/24 in RO, where 198.51.100.0/24 is usual");
    }

    #[test]
    fn a_traveler_is_let_be() {
        assert_eq!(verdict(&RareNetwork, rarity(0.8, true)), Verdict::Normal);
        assert_eq!(verdict(&RareNetwork, rarity(0.03, false)), Verdict::Normal);
    }
}
