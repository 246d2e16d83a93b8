//! Messages as Slack's Block Kit.

use crate::message::{Content, Digest, Message, display_name, summary};
use model::{Change, Finding};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Returns the payload of an incoming webhook. `mention` stands before the text of what is urgent, in Slack's markup.
pub(crate) fn payload(message: &Message, mention: Option<&str>) -> Value {
    let (headline, fallback, mut sections) = match &message.content {
        Content::Change(change) => (headline(change), summary(&change.incident), change_sections(change, message)),
        Content::Digest(digest) => {
            let headline = format!("{} incidents: {}", digest.incidents(), digest.by_severity());
            (headline.clone(), headline, digest_sections(digest))
        }
    };
    let headline = if message.is_catch_up { format!("Catch-up: {headline}") } else { headline };
    // Slack notifies those who are mentioned.
    if let Some(mention) = mention.filter(|_| message.is_urgent) {
        sections.insert(0, section(mention));
    }
    if let Some(link) = &message.link {
        sections.push(section(&format!("<{}|Open in orgwatch>", escape(link))));
    }
    let mut blocks = vec![json!({
        "type": "header",
        "text": { "type": "plain_text", "text": cut(&headline, HEADER), "emoji": false },
    })];
    blocks.extend(sections);
    json!({
        "text": escaped(&fallback, TEXT),
        "blocks": blocks,
        "unfurl_links": false,
        "unfurl_media": false,
    })
}

/// Returns how many incidents of a digest the payload names, from the first on.
pub(crate) fn named(digest: &Digest) -> usize {
    fitting(entry_lines(digest)).len()
}

/// Slack's limits in characters of the text of a header block, and of a section block (Block Kit reference).
const HEADER: usize = 150;
const SECTION: usize = 3_000;
/// Choices: characters of the text that Slack's own notifications show, and of one summary.
const TEXT: usize = 600;
const SUMMARY: usize = 300;
/// Choice: characters of one object, address, id or name of a detector. Three lists of [`BULLETS`] of them fit into a
/// section.
const VALUE: usize = 60;
/// Choice: bullets in a message.
const BULLETS: usize = 10;

/// Returns the header of a change.
fn headline(change: &Change) -> String {
    let incident = &change.incident;
    format!("{} risk {}: incident {}", capital(incident.severity.as_str()), incident.risk_score, change.kind)
}

/// Returns the account, the time, the findings, their evidence and the next step of a change.
fn change_sections(change: &Change, message: &Message) -> Vec<Value> {
    let incident = &change.incident;
    let name = escaped(display_name(&incident.username, &incident.user_id), SUMMARY);
    let about = format!(
        "*{name}* ({}), {} account, in org {}\n{} to {}",
        escaped(incident.user_id.as_str(), VALUE),
        incident.user_class,
        escaped(incident.org_id.as_str(), VALUE),
        incident.first_event_at,
        incident.last_event_at
    );
    let mut findings: Vec<&Finding> = incident.findings.iter().collect();
    findings.sort_by(|a, b| b.score.total_cmp(&a.score));
    let bullet = |finding: &Finding| {
        let summary = escaped(&finding.summary, SUMMARY);
        let (name, confidence) = (escaped(&finding.detector, VALUE), finding.confidence * 100.0);
        format!("• *{name}* {} {:.1}/10, {confidence:.0} % sure: {summary}", finding.severity, finding.score)
    };
    let lines = fitting(findings.iter().map(|finding| bullet(finding)));
    let rest = findings.len() - lines.len();
    let more = (rest > 0).then(|| format!("… and {rest} more"));
    let bullets = lines.into_iter().chain(more).collect::<Vec<String>>().join("\n");
    let next = findings.first().and_then(|finding| next_step(finding, message)).unwrap_or_default();
    [about, bullets, evidence(&findings), next]
        .iter()
        .filter(|text| !text.is_empty())
        .map(|text| section(text))
        .collect()
}

/// Returns the objects, addresses and events of all findings, each once.
fn evidence(findings: &[&Finding]) -> String {
    let objects = findings.iter().flat_map(|finding| finding.objects.iter().map(ToString::to_string));
    let addresses = findings.iter().flat_map(|finding| finding.addresses.iter().map(ToString::to_string));
    let events = findings.iter().flat_map(|finding| finding.event_ids.iter().map(ToString::to_string));
    let lines = [listed("Objects", objects), listed("Addresses", addresses), listed("Events", events)];
    lines.into_iter().flatten().collect::<Vec<String>>().join("\n")
}

/// Returns the first of the values in one line, with the number of the others.
fn listed(name: &str, values: impl Iterator<Item = String>) -> Option<String> {
    let values: BTreeSet<String> = values.collect();
    let shown: Vec<String> = values.iter().take(BULLETS).map(|value| escaped(value, VALUE)).collect();
    let rest = values.len() - shown.len();
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    (!shown.is_empty()).then(|| format!("{name}: {}{more}", shown.join(", ")))
}

/// Returns what to do first about a finding, with the link to its runbook.
fn next_step(finding: &Finding, message: &Message) -> Option<String> {
    let step = detect::next_step(&finding.detector)?;
    let link = message.runbook(&finding.detector).map(|link| format!(" <{}|Runbook>", escape(&link)));
    Some(format!("*Next:* {}{}", escape(step), link.unwrap_or_default()))
}

/// Returns the numbers of a digest, its incidents with the highest risks, and how the others are found.
fn digest_sections(digest: &Digest) -> Vec<Value> {
    let org = digest.org_id.as_ref().map(|org| format!(" in org {}", escaped(org.as_str(), VALUE)));
    let about = format!(
        "{} changes{} exceeded the rate limit of this destination.\n{} to {}",
        digest.changes,
        org.unwrap_or_default(),
        digest.first_event_at,
        digest.last_event_at
    );
    let lines = fitting(entry_lines(digest));
    let rest = digest.incidents() - lines.len();
    let more = (rest > 0).then(|| {
        format!("… and {rest} more, none critical: their rows of `orgwatch.deliveries` have the state `counted`")
    });
    let bullets = lines.into_iter().chain(more).collect::<Vec<String>>().join("\n");
    vec![section(&about), section(&bullets)]
}

/// Returns a line for each incident of a digest.
fn entry_lines(digest: &Digest) -> impl Iterator<Item = String> {
    digest.entries.iter().map(|entry| {
        let name = escaped(display_name(&entry.username, &entry.user_id), SUMMARY);
        let id = match &entry.link {
            Some(link) => format!("<{}|{}>", escape(link), entry.incident_id),
            None => entry.incident_id.to_string(),
        };
        format!("• *{}* {} {} {name} {id}", entry.risk_score, entry.severity, entry.change)
    })
}

/// Returns as many of the first lines as fit into a section, at most [`BULLETS`].
fn fitting(lines: impl Iterator<Item = String>) -> Vec<String> {
    /// Characters reserved for the last line.
    const REST: usize = 120;
    let mut length = REST;
    let fits = |line: &String| {
        length += line.chars().count() + 1;
        length <= SECTION
    };
    lines.take(BULLETS).take_while(fits).collect()
}

fn section(text: &str) -> Value {
    json!({ "type": "section", "text": { "type": "mrkdwn", "text": text } })
}

/// Escapes the three characters that control Slack's markup, including mentions.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Escapes a text, cut so that the escaped one has at most `most` characters, on one line.
fn escaped(text: &str, most: usize) -> String {
    let mut shorter = (1..=most).rev().map(|kept| escape(&cut(text, kept)));
    shorter.find(|escaped| escaped.chars().count() <= most).unwrap_or_default()
}

/// Cuts to `most` characters, on one line.
fn cut(text: &str, most: usize) -> String {
    let line = |letter: char| if letter.is_control() { ' ' } else { letter };
    let mut letters = text.chars();
    let mut kept: String = letters.by_ref().take(most).map(line).collect();
    if letters.next().is_some() {
        kept.pop();
        kept.push('…');
    }
    kept
}

/// Returns the word with a capital first letter.
fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{LATER, NOW, change, change_of, console, message};
    use model::{ChangeKind, Text, UserId, Uuid};
    use proptest::prelude::*;

    fn shown(message: &Message) -> String {
        serde_json::to_string_pretty(&payload(message, Some("<!here>"))).unwrap()
    }

    #[test]
    fn a_change() {
        let mut change = change(3, ChangeKind::Escalated, 89.78);
        change.incident.findings[1].summary = "opened <!channel> & 11 views".to_owned();
        let message = Message::of_change(change, Default::default(), &console(), NOW);
        insta::assert_snapshot!(shown(&message));
    }

    #[test]
    fn a_digest() {
        let changes: Vec<Change> = (1..=12).map(|id| change_of(id, 1, ChangeKind::Opened, 60.0 + id as f64)).collect();
        let message = Message::of_digest(&changes, &console(), NOW).unwrap();
        insta::assert_snapshot!(shown(&message));
        let Content::Digest(digest) = &message.content else { panic!("{message:?}") };
        assert_eq!(named(digest), 10);
    }

    #[test]
    fn a_catch_up_says_so_and_mentions_nobody() {
        let change = change(1, ChangeKind::Opened, 90.0);
        let late = Message::of_change(change.clone(), Default::default(), &console(), LATER);
        let header = |message: &Message| payload(message, None)["blocks"][0]["text"]["text"].clone();
        assert_eq!(header(&late), "Catch-up: Critical risk 90.00: incident opened");
        assert_eq!(header(&message(change.clone())), "Critical risk 90.00: incident opened");
        assert!(shown(&message(change)).contains("<!here>"));
        assert!(!shown(&late).contains("<!here>"));
    }

    proptest! {
        #[test]
        fn texts_keep_the_limits_and_are_escaped(
            username in "\\PC{0,400}",
            user_id in "[<>&a]{1,400}",
            summaries in prop::collection::vec("[<>&a\n]{0,500}", 0..20),
            values in prop::collection::vec("[<>&]{50,70}", 0..30),
        ) {
            let mut change = change(1, ChangeKind::Opened, 90.0);
            let template = change.incident.findings[0].clone();
            change.incident.username = Some(username.as_str().into());
            change.incident.user_id = UserId::new(&user_id);
            let values: Vec<Text> = values.iter().map(|value| value.as_str().into()).collect();
            let event_ids: Vec<Uuid> = (0..values.len()).map(|id| Uuid::from_u128(id as u128)).collect();
            let finding = |summary| Finding {
                summary,
                detector: user_id.as_str().into(),
                objects: values.clone(),
                addresses: values.clone(),
                event_ids: event_ids.clone(),
                ..template.clone()
            };
            change.incident.findings = summaries.into_iter().map(finding).collect();
            let payload = payload(&message(change), None);
            let blocks = payload["blocks"].as_array().unwrap();
            prop_assert!(blocks.len() <= 50);
            for block in blocks {
                let text = block["text"]["text"].as_str().unwrap();
                let most = if block["type"] == "header" { HEADER } else { SECTION };
                prop_assert!((1..=most).contains(&text.chars().count()), "{}", text);
                prop_assert!(!text.contains(['<', '>']), "{}", text);
            }
        }
    }
}
