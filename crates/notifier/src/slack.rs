//! Messages as Slack's Block Kit.

use crate::message::{Content, Digest, Entry, Message, display_name, summary};
use model::{Change, Finding};
use serde_json::{Value, json};

/// Returns the payload of an incoming webhook.
pub(crate) fn payload(message: &Message) -> Value {
    let (headline, fallback, mut sections) = match &message.content {
        Content::Change(change) => (headline(change), summary(&change.incident), change_sections(change)),
        Content::Digest(digest) => {
            let headline = format!("{} incidents: {}", digest.incidents(), digest.by_severity());
            (headline.clone(), headline, digest_sections(digest))
        }
    };
    if let Some(link) = &message.link {
        sections.push(section(&format!("<{}|Open in orgwatch>", escape(link))));
    }
    let mut blocks = vec![json!({
        "type": "header",
        "text": { "type": "plain_text", "text": cut(&headline, HEADER), "emoji": false },
    })];
    blocks.extend(sections);
    json!({
        "text": escape(cut(&fallback, TEXT).as_str()),
        "blocks": blocks,
        "unfurl_links": false,
        "unfurl_media": false,
    })
}

/// Slack's limits in characters of the text of a header block, and of a section block (Block Kit reference).
const HEADER: usize = 150;
const SECTION: usize = 3_000;
/// Choices: characters of the text that Slack's own notifications show, and of one summary.
const TEXT: usize = 600;
const SUMMARY: usize = 300;
/// Choice: bullets in a message.
const BULLETS: usize = 10;

/// Returns the header of a change.
fn headline(change: &Change) -> String {
    let incident = &change.incident;
    format!("{} risk {}: incident {}", capital(incident.severity.as_str()), incident.risk_score, change.kind)
}

/// Returns the user, the time and the findings of a change.
fn change_sections(change: &Change) -> Vec<Value> {
    let incident = &change.incident;
    let name = escape(&cut(display_name(&incident.username, &incident.user_id), SUMMARY));
    let about = format!(
        "*{name}* ({}) in org {}\n{} to {}",
        escape(incident.user_id.as_str()),
        escape(incident.org_id.as_str()),
        incident.first_event_at,
        incident.last_event_at
    );
    let mut findings: Vec<&Finding> = incident.findings.iter().collect();
    findings.sort_by(|a, b| b.score.total_cmp(&a.score));
    let bullet = |finding: &&Finding| {
        let summary = escape(&cut(&finding.summary, SUMMARY));
        format!("• *{}* {} {:.1}/10: {summary}", escape(&finding.detector), finding.severity, finding.score)
    };
    let bullets = bullets(findings.iter().map(bullet), findings.len());
    [about].into_iter().chain(bullets).map(|text| section(&text)).collect()
}

/// Returns the numbers of a digest, and its incidents with the highest risks.
fn digest_sections(digest: &Digest) -> Vec<Value> {
    let org = digest.org_id.as_ref().map(|org| format!(" in org {}", escape(org.as_str())));
    let about = format!(
        "{} changes{} exceeded the rate limit of this destination.\n{} to {}",
        digest.changes,
        org.unwrap_or_default(),
        digest.first_event_at,
        digest.last_event_at
    );
    let bullet = |entry: &Entry| {
        let name = escape(&cut(display_name(&entry.username, &entry.user_id), SUMMARY));
        let link = entry.link.as_deref().map(|link| format!(" <{}|open>", escape(link)));
        format!("• *{}* {} {name}{}", entry.risk_score, entry.severity, link.unwrap_or_default())
    };
    let bullets = bullets(digest.highest.iter().map(bullet), digest.incidents());
    [about].into_iter().chain(bullets).map(|text| section(&text)).collect()
}

/// Joins as many lines as fit into a section, and adds how many of `all` are left out.
fn bullets(lines: impl Iterator<Item = String>, all: usize) -> Option<String> {
    /// Characters reserved for the last line.
    const REST: usize = 40;
    let mut text = String::new();
    let mut shown = 0;
    for line in lines.take(BULLETS) {
        if text.chars().count() + line.chars().count() + REST > SECTION {
            break;
        }
        text.push_str(&line);
        text.push('\n');
        shown += 1;
    }
    match all - shown.min(all) {
        0 => {}
        more => text.push_str(&format!("… and {more} more")),
    }
    let text = text.trim_end();
    (!text.is_empty()).then(|| text.to_owned())
}

fn section(text: &str) -> Value {
    json!({ "type": "section", "text": { "type": "mrkdwn", "text": text } })
}

/// Escapes the three characters that control Slack's markup, including mentions.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
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
    use crate::testing::{change, change_of};
    use model::ChangeKind;
    use proptest::prelude::*;

    fn shown(message: &Message) -> String {
        serde_json::to_string_pretty(&payload(message)).unwrap()
    }

    #[test]
    fn a_change() {
        let mut change = change(3, ChangeKind::Escalated, 89.78);
        change.incident.findings[1].summary = "opened <!channel> & 11 views".to_owned();
        let message = Message::of_change(change, Default::default(), Some("https://console.example.com"));
        insta::assert_snapshot!(shown(&message));
    }

    #[test]
    fn a_digest() {
        let changes: Vec<Change> = (1..=8).map(|id| change_of(id, 1, ChangeKind::Opened, 60.0 + id as f64)).collect();
        insta::assert_snapshot!(shown(&Message::of_digest(&changes, Some("https://console.example.com")).unwrap()));
    }

    proptest! {
        #[test]
        fn texts_keep_the_limits_and_are_escaped(
            username in "\\PC{0,400}",
            summaries in prop::collection::vec("[<>&a\n]{0,500}", 0..20),
        ) {
            let mut change = change(1, ChangeKind::Opened, 90.0);
            let template = change.incident.findings[0].clone();
            change.incident.username = Some(username.as_str().into());
            change.incident.findings =
                summaries.into_iter().map(|summary| Finding { summary, ..template.clone() }).collect();
            let payload = payload(&Message::of_change(change, Default::default(), None));
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
