//! Dead letters as people read them.

use crate::body::LetterBody;
use bus::dead::DeadLetter;
use model::{Batch, Change, Entry, Finding, Observation};
use serde::Serialize;
use serde_json::{Value, json};

/// Returns where a letter came from, and why it is dead.
pub fn summary(letter: &DeadLetter) -> Value {
    json!(LetterBody::from(letter))
}

/// Returns a letter with its content; with `raw` its bytes, too, in hexadecimal digits.
pub fn shown(letter: &DeadLetter, raw: bool) -> Value {
    let mut shown = summary(letter);
    if let (Some(fields), Value::Object(content)) = (shown.as_object_mut(), content(letter)) {
        fields.extend(content);
        if raw {
            let digits = letter.payload.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            fields.insert("payload".to_owned(), digits.into());
        }
    }
    shown
}

/// Returns the decoded items of a message, the text of a record, or why it cannot be decoded.
pub fn content(letter: &DeadLetter) -> Value {
    if letter.origin.is_some() {
        // Records of sources are rows of queries and of log files, which are text.
        return json!({ "text": std::str::from_utf8(&letter.payload).ok() });
    }
    match items(letter) {
        Ok(items) => json!({ "items": items }),
        Err(reason) => json!({ "undecodable": reason }),
    }
}

/// Decodes the items of a message by its subject, or says why that is not possible.
fn items(letter: &DeadLetter) -> Result<Value, String> {
    match letter.subject.split('.').rev().find_map(decoder) {
        Some(decode) => decode(&letter.payload),
        None => Err(format!("messages of subject {} have no known type", letter.subject)),
    }
}

type Decoder = fn(&[u8]) -> Result<Value, String>;

/// Returns the decoder of what a word of a subject names.
fn decoder(word: &str) -> Option<Decoder> {
    match word {
        "activity" => Some(decoded::<Entry>),
        "observation" => Some(decoded::<Observation>),
        "finding" => Some(decoded::<Finding>),
        "incident" => Some(decoded::<Change>),
        _ => None,
    }
}

fn decoded<T: Batch + Serialize>(payload: &[u8]) -> Result<Value, String> {
    let items = T::decode_batch(payload).map_err(|error| error.to_string())?;
    serde_json::to_value(items).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Command, Control, Item, OrgId, Timestamp};

    fn letter(subject: &str, payload: Vec<u8>) -> DeadLetter {
        DeadLetter {
            sequence: 17,
            stage: "baseline".to_owned(),
            subject: subject.to_owned(),
            stream_sequence: 5,
            origin: None,
            reason: "the profile is unreadable".to_owned(),
            at_ms: 1_772_461_912_867,
            payload: payload.into(),
            truncated_from: None,
        }
    }

    #[test]
    fn a_letter_is_shown_with_its_items_and_its_bytes_only_if_asked() {
        let command = Command::Watermark(Timestamp(1_772_461_912_867));
        let entry = Entry::Control(Control { org_id: OrgId::new("00Dhn0000018hrcMAU"), command });
        let letter = letter("orgwatch.v1.activity.3", Entry::encode_batch(&[Item::new(entry)]));
        let decoded = shown(&letter, false);
        assert_eq!(decoded["reason"], "the profile is unreadable");
        let command = json!({ "watermark": "2026-03-02T14:31:52.867Z" });
        let control = json!({ "org_id": "00Dhn0000018hrcMAU", "command": command });
        let item = json!({ "value": { "control": control }, "traceparent": "", "received_at": null });
        assert_eq!(decoded["items"], json!([item]));
        assert_eq!(decoded.get("payload"), None);
        let raw = shown(&letter, true);
        assert!(raw["payload"].as_str().unwrap().starts_with("0a"), "{raw}");
    }

    #[test]
    fn what_cannot_be_decoded_says_why() {
        let undecodable = shown(&letter("orgwatch.v1.finding.3", b"{}".to_vec()), false);
        assert!(undecodable["undecodable"].as_str().is_some_and(|reason| !reason.is_empty()), "{undecodable}");
        let unknown = shown(&letter("orgwatch.v1.other", Vec::new()), false);
        assert_eq!(unknown["undecodable"], "messages of subject orgwatch.v1.other have no known type");
        let record = DeadLetter { origin: Some("logs".to_owned()), ..letter("", b"a,b".to_vec()) };
        assert_eq!(shown(&record, false)["text"], "a,b");
    }
}
