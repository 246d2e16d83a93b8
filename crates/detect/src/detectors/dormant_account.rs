//! `dormant_account`: an account that is active again after a long silence.

use super::detector;
use crate::judgement::{Explanation, Judgement};
use crate::{Settings, Unscoreable, score, text};
use model::{Observation, Wake};
use profile::tail;

detector! {
    /// Judges the first day after a silence of weeks: how often the account and its peers return after so long, and what is
    /// new about the return.
    DormantAccount = "dormant_account", Identity, ceiling 7.0,
    next "Ask the manager whether the person is back; freeze the account unless somebody answers for it.",
    Wake => wake
}

/// Least p-value of a return that many accounts share, as after a season. A choice.
const MANY: f64 = 0.05;
/// Least p-value of a return from a known network with a known client: worth little by itself, because people come
/// back from leave. A choice.
const KNOWN: f64 = 0.003;

fn wake<'a>(wake: &'a Wake, _: &'a Observation, _: &'a Settings) -> Result<Judgement<'a>, Unscoreable> {
    let is_known = wake.new_network.is_none() && wake.new_client.is_none();
    let least = if wake.many {
        MANY
    } else if is_known {
        KNOWN
    } else {
        0.0
    };
    let surprise = tail::surprise((wake.chance * wake.novelty).max(least));
    Ok(Judgement::new(surprise, "", move || {
        let of_silence = tail::surprise(wake.chance).min(surprise);
        let news: Vec<_> = [&wake.new_network, &wake.new_client].into_iter().flatten().cloned().collect();
        let from = match (&wake.new_network, &wake.new_client) {
            (None, None) => String::new(),
            (Some(network), None) => format!(", from {network}, a network new to it"),
            (None, Some(client)) => format!(", with {client}, a client new to it"),
            (Some(network), Some(client)) => format!(", from {network} with {client}, both new to it"),
        };
        let mut features = vec![("silence", text::number_of(wake.silent_days, "day"), of_silence)];
        if !news.is_empty() {
            features.push(("newOnReturn", text::list(&news, news.len()), surprise - of_silence));
        }
        Explanation {
            confidence: score::confidence(wake.days),
            summary: format!(
                "Active again after {} without activity{from}; its longest silence before was {}",
                text::number_of(wake.silent_days, "day"),
                text::number_of(wake.longest_days, "day"),
            ),
            features,
            measures: vec![
                ("silent_days", f64::from(wake.silent_days)),
                ("longest_silence_before", f64::from(wake.longest_days)),
                ("chance", wake.chance),
                ("novelty", wake.novelty),
                ("baseline_days", wake.days),
            ],
            ..Explanation::default()
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{finding, verdict};
    use super::*;
    use crate::Verdict;
    use model::Feature;

    fn forgotten() -> Wake {
        Wake {
            silent_days: 61,
            longest_days: 9,
            chance: 0.0003,
            new_network: Some("203.0.113.0/24".into()),
            new_client: Some("Firefox on Linux".into()),
            novelty: 0.1,
            many: false,
            days: 40.0,
        }
    }

    #[test]
    fn a_forgotten_account_that_wakes_from_elsewhere_is_anomalous() {
        let found = finding(&DormantAccount, Feature::Wake(forgotten()));
        assert!(found.surprise > 4.0 && found.score < 7.0);
        insta::assert_snapshot!(found.summary, @"Active again after 61 days without activity, from 203.0.113.0/24 with Firefox on Linux, both new to it; its longest silence before was 9 days");
    }

    #[test]
    fn what_is_known_weighs_less() {
        let known = Wake { new_network: None, new_client: None, novelty: 1.0, ..forgotten() };
        let network = Wake { new_client: None, novelty: 0.3, ..forgotten() };
        let client = Wake { new_network: None, novelty: 0.25, ..forgotten() };
        let [known, network, client] =
            [known, network, client].map(|wake| finding(&DormantAccount, Feature::Wake(wake)));
        assert!(known.surprise < network.surprise && network.surprise < client.surprise);
        insta::assert_snapshot!(known.summary, @"Active again after 61 days without activity; its longest silence before was 9 days");
        insta::assert_snapshot!(network.summary, @"Active again after 61 days without activity, from 203.0.113.0/24, a network new to it; its longest silence before was 9 days");
        insta::assert_snapshot!(client.summary, @"Active again after 61 days without activity, with Firefox on Linux, a client new to it; its longest silence before was 9 days");
    }

    #[test]
    fn seasonal_work_is_normal() {
        let seasonal = Wake { chance: 0.05, novelty: 0.3, longest_days: 61, ..forgotten() };
        assert_eq!(verdict(&DormantAccount, Feature::Wake(seasonal)), Verdict::Normal);
        assert_eq!(verdict(&DormantAccount, Feature::Wake(Wake { many: true, ..forgotten() })), Verdict::Normal);
    }
}
