//! Repairs JSON that other programs write against its rules.

/// Returns the text as valid JSON; `None` if nothing in it is of these kinds: `NaN` and `Infinity`, which become null;
/// control characters within texts, which become spaces; halves of surrogate pairs, which become U+FFFD; `\'` and other
/// escapes that JSON does not have, of which the character stays.
pub(super) fn repaired(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut in_string = false;
    while let Some(c) = rest.chars().next() {
        let (piece, length) = if in_string { in_text(rest, c) } else { outside(rest, c) };
        in_string ^= c == '"';
        out.push_str(piece);
        rest = rest.get(length..)?;
    }
    (out != text).then_some(out)
}

/// Returns what replaces the start of `rest`, which is outside of texts, and how long that start is.
fn outside(rest: &str, c: char) -> (&str, usize) {
    let word = ["NaN", "-Infinity", "Infinity", "-NaN"].into_iter().find(|word| rest.starts_with(word));
    match word {
        Some(word) => ("null", word.len()),
        None => (rest.get(..c.len_utf8()).unwrap_or_default(), c.len_utf8()),
    }
}

/// The same within a text.
fn in_text(rest: &str, c: char) -> (&str, usize) {
    if c.is_control() && c.is_ascii() {
        return (" ", 1);
    }
    if c != '\\' {
        return (rest.get(..c.len_utf8()).unwrap_or_default(), c.len_utf8());
    }
    let escape = rest.get(1..2).unwrap_or_default();
    match escape {
        "u" => {
            let (first, second) = (unit(rest), unit(rest.get(6..).unwrap_or_default()));
            match (first, second) {
                (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (rest.get(..12).unwrap_or_default(), 12),
                (Some(0xd800..=0xdfff), _) => ("\\ufffd", 6),
                (Some(_), _) => (rest.get(..6).unwrap_or_default(), 6),
                (None, _) => ("u", 2),
            }
        }
        "\"" | "\\" | "/" | "b" | "f" | "n" | "r" | "t" => (rest.get(..2).unwrap_or_default(), 2),
        // The backslash goes, and the character behind it is looked at by itself.
        _ => ("", 1),
    }
}

/// Returns the UTF-16 unit that an escape of four digits at the start of a text stands for, such as `\u00e9`.
fn unit(text: &str) -> Option<u32> {
    u32::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn faults_of_other_programs_are_repaired() {
        let check = |text: &str, expect: &str| {
            let repaired = repaired(text).unwrap();
            assert_eq!(repaired, expect, "{text}");
            serde_json::from_str::<serde_json::Value>(&repaired).unwrap();
        };
        check(r#"{"a":NaN,"b":-Infinity,"c":"NaN"}"#, r#"{"a":null,"b":null,"c":"NaN"}"#);
        check("{\"a\":\"x\ty\"}", r#"{"a":"x y"}"#);
        check(r#"{"a":"cut \ud83d"}"#, r#"{"a":"cut \ufffd"}"#);
        check(r#"{"a":"it\'s","b":"\ud83d\ude00"}"#, r#"{"a":"it's","b":"\ud83d\ude00"}"#);
        check(r#"{"a":"\\\q\""}"#, r#"{"a":"\\q\""}"#);
        assert_eq!(repaired(r#"{"a":"\ud83d\ude00 é \\"}"#), None);
    }

    proptest! {
        #[test]
        fn valid_json_is_left_alone_and_nothing_panics(text in "\\PC{0,20}", broken in "[\\\\\"uNa{}\\x01dé8]{0,24}") {
            let json = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(repaired(&json), None);
            repaired(&broken);
        }
    }
}
