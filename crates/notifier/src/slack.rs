//! Messages as blocks of Slack.

use crate::message::{Content, Digest, Entry, Message, summary, who};
use model::{Change, Finding};
use serde_json::{Value, json};

/// The payload of an incoming webhook.
pub(crate) fn payload(message: &Message) -> Value {
    let (headline, fallback, mut sections) = match &message.content {
        Content::Change(change) => (headline(change), summary(&change.incident), of_change(change)),
        Content::Digest(digest) => {
            let headline = format!("{} incidents: {}", digest.incidents(), digest.by_severity());
            (headline.clone(), headline, of_digest(digest))
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

/// Slack's limits, in characters: of a header, and of a section's text.
const HEADER: usize = 150;
const SECTION: usize = 3_000;
/// Ours: of the text that notifications show, and of one summary.
const TEXT: usize = 600;
const SUMMARY: usize = 300;
/// Bullets, at most.
const BULLETS: usize = 10;

fn headline(change: &Change) -> String {
    let incident = &change.incident;
    format!("{} risk {}: incident {}", capital(incident.severity.as_str()), incident.risk_score, change.kind)
}

fn of_change(change: &Change) -> Vec<Value> {
    let incident = &change.incident;
    let who = escape(&cut(who(&incident.username, &incident.user_id), SUMMARY));
    let about = format!(
        "*{who}* ({}) in org {}\n{} to {}",
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

fn of_digest(digest: &Digest) -> Vec<Value> {
    let org = digest.org_id.as_ref().map(|org| format!(" in org {}", escape(org.as_str())));
    let about = format!(
        "{} changes came faster than this channel is to be told{}.\n{} to {}",
        digest.changes,
        org.unwrap_or_default(),
        digest.first_event_at,
        digest.last_event_at
    );
    let bullet = |entry: &Entry| {
        let who = escape(&cut(who(&entry.username, &entry.user_id), SUMMARY));
        let link = entry.link.as_deref().map(|link| format!(" <{}|open>", escape(link)));
        format!("• *{}* {} {who}{}", entry.risk_score, entry.severity, link.unwrap_or_default())
    };
    let bullets = bullets(digest.highest.iter().map(bullet), digest.incidents());
    [about].into_iter().chain(bullets).map(|text| section(&text)).collect()
}

/// As many lines as fit into a section, and how many of `all` are missing.
fn bullets(lines: impl Iterator<Item = String>, all: usize) -> Option<String> {
    /// Room for the last line.
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

/// The three characters that control Slack's markup, mentions included.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The first characters, on one line.
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
        fn limits_are_kept_and_markup_is_escaped(
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
