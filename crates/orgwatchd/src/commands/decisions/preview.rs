//! What a decision would have done to the incidents of the last 30 days, in lines.

use super::time;
use crate::config::Config;
use crate::rules;
use anyhow::Result;
use console::decide::{Preview, REACH, Recent};
use model::{OrgId, Timestamp, UserId};
use risk::{Becomes, Rulebook};
use std::collections::BTreeMap;
use store::{DecisionFilter, FindingFilter, Store};

/// Returns the start of the 30 days before the event time that an org has reached.
pub(in crate::commands) fn reach(clock: Timestamp) -> Timestamp {
    clock.plus(-REACH)
}

/// Reads what there was in an org, or of one of its accounts, since a time.
///
/// # Errors
/// If the database cannot be read.
pub(in crate::commands) async fn recent(
    store: &Store,
    config: &Config,
    (org, user): (&OrgId, Option<&UserId>),
    since: Timestamp,
) -> Result<Recent> {
    let filter = FindingFilter {
        org_id: Some(org.clone()),
        user_id: user.cloned(),
        since: Some(since),
        ..FindingFilter::default()
    };
    let found = store.findings(&filter).await?;
    let decisions = store.decisions(&DecisionFilter { org_id: Some(org.clone()), ..DecisionFilter::default() }).await?;
    let own = config.rules();
    let mut rules = Rulebook::new(own.hash(), own.risk_of(org));
    for (hash, settings) in rules::stored(store, &Vec::from_iter(Recent::hashes(&found))).await? {
        // Those that cannot be read count as the settings in force, as in the correlator.
        if let Ok(settings) = settings {
            rules.add(hash, settings.risk_of(org));
        }
    }
    Ok(Recent::new(since, found, decisions, rules))
}

/// Returns a preview of decisions in lines.
pub(in crate::commands) fn decisions_text(preview: &Preview) -> String {
    let hidden = preview.hidden_findings;
    format!("{}, {hidden} findings would count for nothing; of the incidents: ", span(preview)) + &effects_text(preview)
}

/// Returns a preview of settings in lines.
pub(in crate::commands) fn settings_text(preview: &Preview) -> String {
    let head = format!("of the incidents since {}, by the new weights and merge windows: ", time(preview.from));
    let tail = "these incidents stay as they are: settings hold for what is judged from then on, and what the \
                thresholds of detectors would have found is not known\n";
    head + &effects_text(preview) + tail
}

/// Returns what is looked at, in words.
fn span(preview: &Preview) -> String {
    match preview.until {
        Some(until) => format!("from {} to {}", time(preview.from), time(until)),
        None => format!("since {}", time(preview.from)),
    }
}

fn effects_text(preview: &Preview) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    preview.effects.iter().for_each(|effect| *counts.entry(words(effect.becomes)).or_default() += 1);
    let counts: Vec<String> = counts.into_iter().map(|(word, count)| format!("{count} {word}")).collect();
    let counts = if counts.is_empty() { "there are none".to_owned() } else { counts.join(", ") };
    let mut text = format!("{counts}\n");
    for effect in preview.effects.iter().filter(|effect| effect.becomes != Becomes::Stays) {
        let risk = |standing: Option<risk::Standing>| {
            standing
                .map_or_else(|| "none".to_owned(), |standing| format!("{} {}", standing.risk_score, standing.severity))
        };
        text.push_str(&format!(
            "  {} of {} {}: risk {} → {}\n",
            effect.incident_id,
            effect.account,
            words(effect.becomes),
            risk(effect.before),
            risk(effect.after)
        ));
    }
    text
}

fn words(becomes: Becomes) -> &'static str {
    match becomes {
        Becomes::Falls => "lose severity",
        Becomes::Rises => "gain severity",
        Becomes::Vanishes => "vanish",
        Becomes::Closes => "close",
        Becomes::Merges => "join another one",
        Becomes::Stays => "stay",
        Becomes::Reopens => "open again",
        Becomes::Appears => "appear",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Points, Severity, Uuid};
    use risk::{Effect, Standing};

    #[test]
    fn previews_name_their_span_and_what_changes() {
        let effect = |id: u128, account: &str, becomes| Effect {
            becomes,
            incident_id: Uuid::from_u128(id),
            account: account.to_owned(),
            before: Some(Standing { risk_score: Points(5_280), severity: Severity::Medium, is_closed: false }),
            after: None,
        };
        let mut preview = Preview::during(Timestamp(0), None);
        assert_eq!(
            decisions_text(&preview),
            "since 1970-01-01 00:00, 0 findings would count for nothing; of the incidents: there are none\n"
        );
        preview.until = Some(Timestamp(180_000));
        preview.hidden_findings = 2;
        preview.effects = vec![effect(1, "a", Becomes::Vanishes), effect(2, "b", Becomes::Stays)];
        let of_incidents =
            "1 stay, 1 vanish\n  00000000-0000-0000-0000-000000000001 of a vanish: risk 52.80 medium → none\n";
        let head = "from 1970-01-01 00:00 to 1970-01-01 00:03, 2 findings would count for nothing; of the incidents: ";
        assert_eq!(decisions_text(&preview), format!("{head}{of_incidents}"));
        let head = "of the incidents since 1970-01-01 00:00, by the new weights and merge windows: ";
        let text = settings_text(&preview);
        assert!(text.starts_with(&format!("{head}{of_incidents}these incidents stay as they are")), "{text}");
    }
}
