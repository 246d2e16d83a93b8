//! An incident as one line of ArcSight's Common Event Format (CEF), version 0.

use crate::facts::Facts;
use crate::tenant::joined;
use crate::{PRODUCT, PRODUCT_VERSION};
use std::net::IpAddr;

/// Returns the line, without a line feed at its end.
///
/// Keys are those of CEF's dictionary. A text that is longer than its key allows is cut, and ends with "…".
pub fn line(facts: &Facts<'_>) -> String {
    let (incident, finding, leading) = (facts.incident(), facts.finding, &facts.leading);
    let mut line = String::from("CEF:0");
    for field in [PRODUCT, PRODUCT, PRODUCT_VERSION, finding.detector.as_str(), &facts.title()] {
        line.push('|');
        line.extend(escape_header(&cut(field, LONG)));
    }
    // 0 to 10, as the format wants it.
    let severity = (incident.risk_score.to_f64() / 10.0).round().clamp(0.0, 10.0);
    line.push_str(&format!("|{severity}|"));
    let mut extension = Extension { line, separator: "" };
    extension.add("rt", &incident.last_event_at.0.to_string());
    extension.add("start", &incident.first_event_at.0.to_string());
    extension.add("end", &incident.last_event_at.0.to_string());
    extension.add("externalId", &incident.incident_id.to_string());
    extension.add("cat", &facts.title());
    extension.add("cnt", &facts.counted.len().to_string());
    extension.add("suid", incident.user_id.as_str());
    extension.known("suser", incident.username.as_deref());
    match facts.address() {
        Some(IpAddr::V4(address)) => extension.add("src", &address.to_string()),
        Some(IpAddr::V6(address)) => extension.custom("c6a2", "Source IPv6 Address", Some(&address.to_string())),
        None => {}
    }
    extension.known("requestClientApplication", leading.user_agent);
    extension.custom("cfp1", "Risk Score", Some(&incident.risk_score.to_string()));
    extension.custom("cn1", "Rows Processed", leading.rows.map(|rows| rows.to_string()).as_deref());
    extension.custom("cs1", "Tenant", Some(incident.org_id.as_str()));
    extension.custom("cs2", "Tenant Name", facts.subject.tenant_name);
    extension.custom("cs3", "Queried Entities", joined(&facts.objects()).as_deref());
    extension.custom("cs4", "Operation", leading.operation);
    extension.custom("cs5", "Request Identifier", leading.request_id);
    extension.custom("cs6", "Security Event Data", facts.security_event_data().map(|data| data.to_string()).as_deref());
    extension.add("msg", &facts.summary());
    extension.line
}

/// Characters that most keys of the dictionary may have.
const LONG: usize = 1_023;
/// Characters that a custom text may have.
const CUSTOM: usize = 4_000;

/// The second half of a line, to which pairs are added.
struct Extension {
    line: String,
    separator: &'static str,
}

impl Extension {
    fn add(&mut self, key: &str, value: &str) {
        let most = if key.starts_with("cs") { CUSTOM } else { LONG };
        self.line.push_str(self.separator);
        self.line.push_str(key);
        self.line.push('=');
        self.line.extend(escape_value(&cut(value, most)));
        self.separator = " ";
    }

    fn known(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.add(key, value);
        }
    }

    /// Adds a custom key together with the key that says what it stands for.
    fn custom(&mut self, key: &str, label: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.add(&format!("{key}Label"), label);
            self.add(key, value);
        }
    }
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => text.chars().take(most - 1).chain(['…']).collect(),
    }
}

/// Escapes `\` and `|`. A header cannot have line breaks, so they become spaces.
fn escape_header(text: &str) -> impl Iterator<Item = char> {
    text.chars()
        .flat_map(|letter| match letter {
            '\\' | '|' => [Some('\\'), Some(letter)],
            '\n' | '\r' => [Some(' '), None],
            _ => [Some(letter), None],
        })
        .flatten()
}

/// Escapes `\`, `=` and line breaks.
fn escape_value(text: &str) -> impl Iterator<Item = char> {
    text.chars()
        .flat_map(|letter| match letter {
            '\\' | '=' => [Some('\\'), Some(letter)],
            '\n' => [Some('\\'), Some('n')],
            '\r' => [Some('\\'), Some('r')],
            _ => [Some(letter), None],
        })
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{bare, evidence, finding, incident, rich, subject};
    use model::Finding;
    use proptest::prelude::*;

    /// Reads a line as a receiver does: the header, and the pairs of the extension.
    fn parse(line: &str) -> (Vec<String>, Vec<(String, String)>) {
        let (mut header, mut letters) = (vec![String::new()], line.chars());
        while header.len() < 8 {
            match letters.next().expect("a header of seven fields") {
                '\\' => header.last_mut().unwrap().extend(letters.next()),
                '|' => header.push(String::new()),
                letter => header.last_mut().unwrap().push(letter),
            }
        }
        header.pop();
        let (mut pairs, mut text) = (Vec::<(String, String)>::new(), String::new());
        while let Some(letter) = letters.next() {
            match letter {
                '\\' => text.push(match letters.next() {
                    Some('n') => '\n',
                    Some('r') => '\r',
                    Some(escaped) => escaped,
                    None => panic!("ends within an escape"),
                }),
                // What follows the last space is the key; the text before it is the end of the value before.
                '=' => {
                    let (value, key) = text.rsplit_once(' ').unwrap_or(("", &text));
                    if let Some((_, before)) = pairs.last_mut() {
                        *before = value.to_owned();
                    }
                    pairs.push((key.to_owned(), String::new()));
                    text.clear();
                }
                letter => text.push(letter),
            }
        }
        pairs.last_mut().unwrap().1 = text;
        (header, pairs)
    }

    fn value<'a>(pairs: &'a [(String, String)], key: &str) -> Option<&'a str> {
        pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// Keys in use, all of CEF's dictionary (version 25, "Predefined keys").
    const KEYS: [&str; 25] = [
        "rt",
        "start",
        "end",
        "externalId",
        "cat",
        "cnt",
        "suid",
        "suser",
        "src",
        "c6a2",
        "c6a2Label",
        "request",
        "requestClientApplication",
        "cfp1",
        "cfp1Label",
        "cn1",
        "cn1Label",
        "cs1",
        "cs1Label",
        "cs2",
        "cs2Label",
        "cs3",
        "cs3Label",
        "cs6",
        "msg",
    ];

    #[test]
    fn keys_are_those_of_the_dictionary() {
        let (incident, evidence) = (rich(), evidence());
        let (_, pairs) = parse(&line(&Facts::of(subject(&incident, &evidence)).unwrap()));
        for (key, _) in pairs {
            let is_custom_text = key.starts_with("cs") && key.trim_end_matches("Label").len() == 3;
            assert!(KEYS.contains(&key.as_str()) || is_custom_text, "{key}");
        }
    }

    #[test]
    fn what_is_too_long_is_cut() {
        let finding = Finding { summary: "ä".repeat(5_000), ..finding(1, "row_spike", 8.0) };
        let incident = incident(vec![(finding, 5_000)]);
        let (_, pairs) = parse(&line(&bare(&incident)));
        let message = value(&pairs, "msg").unwrap();
        assert_eq!((message.chars().count(), message.chars().last()), (1_023, Some('…')));
    }

    proptest! {
        #[test]
        fn any_text_arrives(
            summary in "(\\PC|[\\\\|= \n\r]){0,60}",
            username in "(\\PC|[\\\\|= \n\r]){0,60}",
            detector in "(\\PC|[\\\\|= ]){0,40}",
        ) {
            let mut incident = incident(vec![(Finding { summary: summary.clone(), ..finding(1, &detector, 8.0) }, 5_000)]);
            incident.username = Some(username.clone().into());
            let line = line(&bare(&incident));
            prop_assert!(!line.contains(['\n', '\r']));
            let (header, pairs) = parse(&line);
            prop_assert_eq!(&header[4], &detector);
            prop_assert_eq!(&header[..3], ["CEF:0", "orgwatch", "orgwatch"]);
            prop_assert_eq!(&header[6], "5");
            prop_assert_eq!(value(&pairs, "suser"), Some(username.as_str()));
            prop_assert_eq!(value(&pairs, "msg"), Some(summary.as_str()));
        }
    }
}
