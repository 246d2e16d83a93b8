//! The subjects: `<prefix>.v1.activity.<partition>`, `.observation.<family>.<partition>`, `.finding.<partition>`,
//! `.incident.<org>`, `.dead.<stage>`. The word after the version says what a subject carries.

use std::fmt::Write;

/// Returns the subject of a partition's activities and control records.
pub fn activity(prefix: &str, partition: u16) -> String {
    format!("{prefix}.v1.activity.{partition}")
}

/// Returns the subject of a partition's observations of one family.
pub fn observation(prefix: &str, family: &str, partition: u16) -> String {
    format!("{prefix}.v1.observation.{}.{partition}", token(family))
}

/// Returns the subjects of a family's observations in all partitions.
pub fn family(prefix: &str, family: &str) -> String {
    format!("{prefix}.v1.observation.{}.*", token(family))
}

/// Returns the subject of a partition's findings; they are partitioned by org and user.
pub fn finding(prefix: &str, partition: u16) -> String {
    format!("{prefix}.v1.finding.{partition}")
}

/// Returns the subject of an org's incident changes.
pub fn incident(prefix: &str, org_id: &str) -> String {
    format!("{prefix}.v1.incident.{}", token(org_id))
}

/// Returns the subject of a stage's dead letters.
pub fn dead(prefix: &str, stage: &str) -> String {
    format!("{prefix}.v1.dead.{}", token(stage))
}

/// Encodes a text as one token of a subject: bytes other than `[A-Za-z0-9_-]` become `=` and two hexadecimal digits,
/// and the empty text becomes `=`. Different texts have different tokens, which [`text`] decodes.
pub fn token(text: &str) -> String {
    if text.is_empty() {
        return "=".to_owned();
    }
    let mut token = String::with_capacity(text.len());
    for byte in text.bytes() {
        if is_plain(byte) {
            token.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            write!(token, "={byte:02x}").unwrap_or_default();
        }
    }
    token
}

/// Decodes a token of [`token`]; `None` if it is not one.
pub fn text(token: &str) -> Option<String> {
    if token == "=" {
        return Some(String::new());
    }
    let mut bytes = Vec::with_capacity(token.len());
    let mut rest = token.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'=' => hexadecimal(rest.next()?)? << 4 | hexadecimal(rest.next()?)?,
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

/// Returns whether a byte can stand unencoded in a subject's token and in a stream's name.
pub(crate) fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// Returns what a subject carries: `activity`, `observation`, … It is the destination in metrics, where the subject
/// itself would have too many values.
pub(crate) fn word(subject: &str) -> &str {
    subject.split('.').nth(2).unwrap_or("unknown")
}

fn hexadecimal(digit: u8) -> Option<u8> {
    u8::try_from(char::from(digit).to_digit(16)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn subjects_have_their_form() {
        assert_eq!(activity("orgwatch", 7), "orgwatch.v1.activity.7");
        assert_eq!(observation("orgwatch", "report", 7), "orgwatch.v1.observation.report.7");
        assert_eq!(finding("orgwatch", 31), "orgwatch.v1.finding.31");
        assert_eq!(incident("orgwatch", "00D000000000001EAA"), "orgwatch.v1.incident.00D000000000001EAA");
        assert_eq!(incident("orgwatch", "a.b *>é"), "orgwatch.v1.incident.a=2eb=20=2a=3e=c3=a9");
        assert_eq!(dead("orgwatch", ""), "orgwatch.v1.dead.=");
        assert_eq!(word("orgwatch.v1.incident.x"), "incident");
    }

    proptest! {
        #[test]
        fn a_token_is_plain_and_decodes_to_its_text(original in ".*") {
            let token = token(&original);
            prop_assert!(!token.is_empty() && token.bytes().all(|byte| is_plain(byte) || byte == b'='));
            prop_assert_eq!(text(&token), Some(original));
        }
    }
}
