//! What a run has read, and what it has not: as lines, as JSON, and for the report.

use engine::ActivityOutcome;
use files::UNNAMED_ORG;
use model::Channel;
use orgwatch::{Example, Outcome};
use salesforce::Fault;
use serde_json::{Value, json};
use std::fmt::Display;

/// Returns the summary of a run, a line for each fact.
pub(crate) fn lines(outcome: &Outcome) -> Vec<String> {
    let mut lines = vec![format!("Read: {}.", listed(counts(outcome).iter().map(|(what, n)| format!("{n} {what}"))))];
    for (fault, Fault { count, first }) in outcome.faults.iter() {
        lines.push(format!("Set aside {count}: {fault} ({})", example(fault, first)));
    }
    lines.extend(outcome.skipped.iter().map(|file| format!("Skipped {}: {}", file.path.display(), file.reason)));
    lines.extend(unread(outcome).map(|fields| format!("Values that could not be read: {fields}.")));
    lines.extend(not_watched(outcome).map(|types| format!("Types that are not watched: {types}.")));
    lines.extend(remarks(outcome));
    lines
}

/// Returns what a person may want to know of how the records were read, a sentence each.
pub(crate) fn remarks(outcome: &Outcome) -> Vec<String> {
    let types = outcome.counts.suggested.iter();
    let mut remarks: Vec<String> =
        types.map(|((name, source), count)| format!("Type {name} from {}: {count}.", source.as_str())).collect();
    for ((kind, channel), count) in &outcome.left_out {
        let channel = channel_name(*channel);
        remarks.push(format!("A kind came by two channels: {kind}, {count} by {channel} left out."));
    }
    remarks.extend(org(outcome));
    remarks
}

/// Returns why a run that has read nothing fails; `None` if it has read an event within the asked time.
pub(crate) fn failure(outcome: &Outcome) -> Option<String> {
    if outcome.events > outcome.outside {
        return None;
    }
    if outcome.events > 0 {
        return Some(format!("no event lies in the asked time: {} were read, see --from and --to", outcome.events));
    }
    let ignored = not_watched(outcome)
        .map(|types| format!("{} events are of types that orgwatch does not watch: {types}", outcome.counts.ignored()));
    let aside = (outcome.faults.total() > 0).then(|| {
        let faults = outcome
            .faults
            .iter()
            .map(|(fault, Fault { count, first })| format!("{count} {fault} ({})", example(fault, first)));
        format!("{} records were set aside: {}", outcome.faults.total(), listed(faults))
    });
    let reasons: Vec<String> = ignored.into_iter().chain(aside).collect();
    let reasons = if reasons.is_empty() { "the files have no records".to_owned() } else { reasons.join("; ") };
    Some(format!("no event could be read; {reasons}"))
}

/// Returns why a run fails that has set aside all records without an org.
pub(crate) fn missing_org(outcome: &Outcome) -> Option<String> {
    let count = outcome.faults.of(&salesforce::RejectReason::NoOrg.fault());
    (count > 0).then(|| {
        format!(
            "{count} records name no org, and others name several, so that nothing was read of their org: \
             read its files alone, or pass --org"
        )
    })
}

/// Returns counts of what was read, in the order in which they are printed, without zeros that need no mention.
pub(crate) fn counts(outcome: &Outcome) -> Vec<(&'static str, u64)> {
    let all = all_counts(outcome).into_iter().enumerate();
    all.filter(|(index, (_, count))| *index < ALWAYS || *count > 0).map(|(_, named)| named).collect()
}

/// How many of the counts are printed even if they are 0: the first ones.
const ALWAYS: usize = 4;

fn all_counts(outcome: &Outcome) -> [(&'static str, u64); 16] {
    let activities = |of: ActivityOutcome| outcome.finished.counts.activities.get(&of).copied().unwrap_or(0);
    [
        ("files", outcome.files),
        ("events", outcome.events),
        ("users", outcome.finished.counts.users),
        ("set aside", outcome.faults.total()),
        ("files skipped", outcome.skipped.len() as u64),
        ("without an org", outcome.joined.as_ref().map_or(0, |(_, count)| *count)),
        ("outside the asked time", outcome.outside),
        ("of types that are not watched", outcome.counts.ignored()),
        ("left out for another channel", outcome.left_out.values().sum()),
        ("values not read", outcome.counts.unread.values().sum()),
        ("duplicates", activities(ActivityOutcome::Duplicate)),
        ("duplicates with more detail", activities(ActivityOutcome::Enriched)),
        ("late", activities(ActivityOutcome::Late)),
        ("dated in the future and quarantined", activities(ActivityOutcome::Future)),
        ("too old to recognize duplicates", activities(ActivityOutcome::Forgotten)),
        ("verdicts unscoreable", outcome.finished.counts.unscoreable.values().sum()),
    ]
}

/// Returns the summary for machines.
pub(crate) fn as_json(outcome: &Outcome) -> Value {
    let members = |members: &mut dyn Iterator<Item = (String, Value)>| Value::Object(members.collect());
    let unscoreable = outcome.finished.counts.unscoreable.iter();
    json!({
        "counts": members(&mut counts(outcome).into_iter().map(|(what, count)| (what.replace(' ', "_"), json!(count)))),
        "user_days": outcome.finished.counts.user_days,
        "rejects": outcome.faults.iter().map(|(fault, Fault { count, first })| {
            json!({ "fault": fault, "count": count, "first": first })
        }).collect::<Vec<_>>(),
        "skipped": outcome.skipped.iter().map(|s| json!({ "file": s.path, "reason": s.reason.to_string() })).collect::<Vec<_>>(),
        "unread": outcome.counts.unread,
        "not_watched": outcome.counts.not_watched,
        "suggested": outcome.counts.suggested.iter().map(|((name, source), count)| {
            json!({ "type": name, "from": source, "count": count })
        }).collect::<Vec<_>>(),
        "left_out": outcome.left_out.iter().map(|((kind, channel), count)| {
            json!({ "kind": kind, "channel": channel, "count": count })
        }).collect::<Vec<_>>(),
        "unscoreable": unscoreable
            .map(|((detector, reason), count)| json!({ "detector": detector, "reason": reason.to_string(), "count": count }))
            .collect::<Vec<_>>(),
    })
}

/// Returns where the first record with a fault is, with what its reason says beyond the fault.
pub(crate) fn example(fault: &str, first: &Example) -> String {
    let place = format!("first in {} line {}", first.file.display(), first.line);
    match first.reason.strip_prefix(fault) {
        Some("") => place,
        Some(value) if value.starts_with(':') => format!("{place}{value}"),
        Some(rest) => format!("{place},{rest}"),
        None => format!("{place}: {}", first.reason),
    }
}

/// Returns the fields of which values could not be read, with their numbers; `None` if there are none.
fn unread(outcome: &Outcome) -> Option<String> {
    let fields = &outcome.counts.unread;
    (!fields.is_empty()).then(|| listed(fields.iter().map(|(field, count)| format!("{field} {count}"))))
}

/// Returns the types that are not watched, with their numbers; `None` if there are none.
fn not_watched(outcome: &Outcome) -> Option<String> {
    let types = &outcome.counts.not_watched;
    (!types.is_empty()).then(|| listed(types.iter().map(|(name, count)| format!("{name} {count}"))))
}

/// Returns which org the records have that name none, unless it was given.
fn org(outcome: &Outcome) -> Option<String> {
    let (org, count) = outcome.joined.as_ref()?;
    Some(if org.as_str() == UNNAMED_ORG {
        format!("No record names an org: all of them count for one, {UNNAMED_ORG}. Give its id with --org ID.")
    } else {
        format!("{count} records name no org and count for {org}, the only one named.")
    })
}

pub(crate) fn channel_name(channel: Channel) -> &'static str {
    match channel {
        Channel::Stream => "streams",
        Channel::Stored => "stored events",
        Channel::LogFile => "log files",
        Channel::LogObject => "log objects",
        Channel::SecurityCenter => "Security Center",
        Channel::Setup => "Setup",
    }
}

fn listed(items: impl Iterator<Item = impl Display>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use orgwatch::{Backtest, Options, backtest};

    #[test]
    fn every_count_is_documented() {
        let folder = tempfile::tempdir().unwrap();
        let row = "EVENT_TYPE,TIMESTAMP_DERIVED,USER_ID\nAPI,2026-03-02T09:00:00.000Z,005000000000001AAA\n";
        std::fs::write(folder.path().join("a.csv"), row).unwrap();
        let options = Options { threads: 1, ..Options::default() };
        let run = Backtest::new(&[folder.path().to_owned()], settings::Settings::default(), options).unwrap();
        let outcome = backtest(run, |_, _| Ok(()), |_| ()).unwrap();
        let document = include_str!("../../../docs/inputs.md");
        for (name, _) in all_counts(&outcome) {
            let is_named = |line: &str| {
                line.split('|').nth(1).is_some_and(|names| names.split(", ").any(|one| one.trim() == name))
            };
            assert!(document.lines().any(is_named), "docs/inputs.md lacks the count {name:?}");
        }
    }
}
