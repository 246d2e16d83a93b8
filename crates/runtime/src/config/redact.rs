//! Masks secrets in a configuration that is shown.

use crate::secret::MASK;
use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// Names of keys with a secret as their value, also as the last word of a longer name, such as `admin_password`.
const SECRETS: [&str; 8] =
    ["password", "passphrase", "secret", "token", "tokens", "private_key", "api_key", "authorization"];

/// Masks the values of keys that are named like secrets, and what is secret in values that are URLs: user and password,
/// the query, the fragment, and parts of the path that look like tokens.
pub(super) fn redact(text: &str) -> String {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut found = Vec::new();
    if errors.is_empty() {
        in_table(table.get_ref(), &mut found);
    }
    // From the end, so that earlier places stay where they are.
    found.sort_by_key(|(place, _): &(Range<usize>, String)| std::cmp::Reverse(place.start));
    let mut redacted = text.to_owned();
    for (place, value) in found {
        redacted.replace_range(place, &toml::Value::String(value).to_string());
    }
    redacted
}

fn in_table(table: &DeTable<'_>, found: &mut Vec<(Range<usize>, String)>) {
    for (key, value) in table {
        in_value(key.get_ref(), value, found);
    }
}

fn in_value(key: &str, value: &toml::Spanned<DeValue<'_>>, found: &mut Vec<(Range<usize>, String)>) {
    match value.get_ref() {
        DeValue::Table(table) => in_table(table, found),
        DeValue::Array(values) => values.iter().for_each(|value| in_value(key, value, found)),
        DeValue::String(text) if text.is_empty() => {}
        DeValue::String(text) => {
            let masked = if is_secret(key) { MASK.to_owned() } else { url(text) };
            if masked != *text {
                found.push((value.span(), masked));
            }
        }
        _ => {}
    }
}

fn is_secret(key: &str) -> bool {
    let key = key.to_lowercase();
    SECRETS.iter().any(|name| key.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with(['_', '-'])))
}

/// Masks what is secret in a URL. Returns other texts as they are.
fn url(text: &str) -> String {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        // Servers may be named without a scheme.
        None if text.split_once('@').is_some_and(|(user, _)| user.contains(':')) => (String::new(), text),
        None => return text.to_owned(),
    };
    // The last @ ends the password, which may hold any other mark.
    let (user, rest) = rest.rsplit_once('@').map_or(("", rest), |(_, rest)| ("***@", rest));
    let (rest, fragment) = cut(rest, '#');
    let (rest, query) = cut(rest, '?');
    let parts: Vec<&str> = rest.split('/').map(|part| if looks_random(part) { MASK } else { part }).collect();
    format!("{scheme}{user}{}{query}{fragment}", parts.join("/"))
}

/// Returns the text before a mark, and the mark with a mask in place of what follows it.
fn cut(text: &str, mark: char) -> (&str, String) {
    match text.split_once(mark) {
        Some((before, after)) if !after.is_empty() => (before, format!("{mark}{MASK}")),
        _ => (text, String::new()),
    }
}

/// Whether a part of a path may be a token: long, and of letters and digits.
fn looks_random(part: &str) -> bool {
    /// Fewer could be guessed, and names of paths are shorter. A choice.
    const SHORTEST: usize = 16;
    let is_plain = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_=%~".contains(&byte));
    let has = |is: fn(&u8) -> bool| part.as_bytes().iter().any(is);
    part.len() >= SHORTEST && is_plain && has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, expect: &str) {
        assert_eq!(redact(&format!("url = \"{value}\"\n")), format!("url = \"{expect}\"\n"));
    }

    #[test]
    fn secrets_in_urls_are_masked() {
        check("postgres://me:hidden@host:5432/orgwatch?password=hidden", "postgres://***@host:5432/orgwatch?***");
        check("postgres://me:hid/d@?#en@host/db", "postgres://***@host/db");
        check("nats://hidden@one:4222", "nats://***@one:4222");
        check("me:hidden@one:4222", "***@one:4222");
        check("https://soar.example.com/hooks/T0AB12CD34EF56GH78/in", "https://soar.example.com/hooks/***/in");
        check("https://example.com/in?key=hidden#hidden", "https://example.com/in?***#***");
    }

    #[test]
    fn what_is_no_secret_is_shown() {
        for plain in
            ["http://collector:4318/v1/traces", "nats://one:4222", "soc@example.com", "a text?", "https://a/b?", "UTC"]
        {
            check(plain, plain);
        }
    }

    #[test]
    fn keys_that_are_named_like_secrets_are_masked() {
        let text = "[a]\npassword = \"hidden\"\nurls = [\"nats://u:hidden@h\", \"nats://h\"]\nadmin_token = \"hidden\"\n\
                    token_files = [\"/run/token\"]\nempty_token = \"\"\nheaders = { Authorization = \"hidden\" }\n";
        let shown = redact(text);
        assert!(!shown.contains("hidden"), "{shown}");
        assert!(shown.contains("/run/token") && shown.contains("nats://h\"") && shown.contains("empty_token = \"\""));
        assert_eq!(redact(&shown), shown);
    }
}
