//! The words of an old dialect that this tree replaces by plain English: their counts may only fall.
//!
//! `xtask/words.toml` has a ceiling for each word or phrase. A count above its ceiling fails, and so does one below it,
//! until `cargo xtask check --write` has lowered the ceiling.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::text::TextFile;

/// Where the ceilings are, from the root of the work tree.
pub(super) const FILE: &str = "xtask/words.toml";

/// Files whose words do not count: the ceilings themselves, and history.
const UNCOUNTED: &[&str] = &[FILE, "CHANGELOG.md"];

/// Places that a message lists for one word.
const LISTED: usize = 40;

/// A form of "tell" is plain when "apart" follows on the same line.
const APART: &[&str] = &["tell", "tells", "told"];

const HEADER: &str = "\
# How often each word may occur in the .rs, .md, .toml and .proto files of the tree; style: CONTRIBUTING.md.
# Counted case-insensitively as whole words, also within snake_case names. \"tell apart\" does not count.
# Counts may only fall: after removing some, run `cargo xtask check --write`. Never raise a ceiling.
";

/// The highest allowed count of each word or phrase.
#[derive(Debug, PartialEq, Deserialize)]
pub(super) struct Ceilings {
    ceilings: BTreeMap<String, usize>,
}

impl Ceilings {
    /// Parses the content of [`FILE`].
    pub(super) fn parse(text: &str) -> Result<Ceilings> {
        toml::from_str(text).with_context(|| format!("cannot read {FILE}"))
    }

    /// Reports words that occur more often than their ceiling, with the places, and ceilings that are too high.
    pub(super) fn check(&self, files: &[TextFile]) -> Vec<String> {
        let mut violations = Vec::new();
        for (word, ceiling) in &self.ceilings {
            let places = places(word, files);
            let count = places.len();
            if count > *ceiling {
                let mut message =
                    format!("\"{word}\" occurs {count} times, {ceiling} are allowed; use plain English instead:");
                for place in places.iter().take(LISTED) {
                    message.push_str("\n  ");
                    message.push_str(place);
                }
                if count > LISTED {
                    message.push_str(&format!("\n  and {} more", count - LISTED));
                }
                violations.push(message);
            } else if count < *ceiling {
                violations.push(format!(
                    "\"{word}\" occurs {count} times: lower the ceiling of {ceiling} to {count} (`cargo xtask check \
                     --write`)"
                ));
            }
        }
        violations
    }

    /// Lowers each ceiling to the current count; none is raised.
    pub(super) fn lower(&mut self, files: &[TextFile]) {
        for (word, ceiling) in &mut self.ceilings {
            *ceiling = places(word, files).len().min(*ceiling);
        }
    }

    /// Returns the content of [`FILE`].
    pub(super) fn to_text(&self) -> String {
        let lines: String = self.ceilings.iter().map(|(word, ceiling)| format!("{word:?} = {ceiling}\n")).collect();
        format!("{HEADER}\n[ceilings]\n{lines}")
    }
}

/// Each occurrence of `word` as `path:line: text of the line`.
fn places(word: &str, files: &[TextFile]) -> Vec<String> {
    let mut places = Vec::new();
    for file in files.iter().filter(|file| !UNCOUNTED.contains(&file.path.as_str())) {
        for (index, line) in file.text.lines().enumerate() {
            for _ in 0..occurrences(word, &line.to_lowercase()) {
                places.push(format!("{}:{}: {}", file.path, index + 1, line.trim()));
            }
        }
    }
    places
}

/// Counts `word` in a line of lower case; letters and digits beside it make it another word.
fn occurrences(word: &str, line: &str) -> usize {
    let found = line.match_indices(word).filter(|(start, _)| {
        let before = line.get(..*start).unwrap_or_default();
        let after = line.get(start + word.len()..).unwrap_or_default();
        let is_whole = !before.ends_with(char::is_alphanumeric) && !after.starts_with(char::is_alphanumeric);
        is_whole && !(APART.contains(&word) && after.contains("apart"))
    });
    found.count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ceilings(text: &str) -> Ceilings {
        Ceilings::parse(&format!("[ceilings]\n{text}")).unwrap()
    }

    fn count(word: &str, line: &str, expect: usize) {
        assert_eq!(occurrences(word, &line.to_lowercase()), expect, "{line}");
    }

    #[test]
    fn whole_words_count_in_text_and_names() {
        count("yon", "Yon tree, yon_tree and is_yon.", 3);
        count("yon", "beyond yonder", 0);
        count("by yon", "// hard by yon tree", 1);
    }

    #[test]
    fn telling_apart_is_plain() {
        let tells = concat!("te", "lls");
        count(tells, &format!("{tells} replicas apart"), 0);
        count(tells, &format!("{tells} the caller"), 1);
    }

    #[test]
    fn a_count_above_its_ceiling_lists_the_places() {
        let files = [TextFile::new("a.rs", "x\n// yon one, yon two\n"), TextFile::new("CHANGELOG.md", "yon\n")];
        assert_eq!(
            ceilings("yon = 1").check(&files),
            ["\"yon\" occurs 2 times, 1 are allowed; use plain English instead:\n  a.rs:2: // yon one, yon two\n  \
              a.rs:2: // yon one, yon two"]
        );
        assert!(ceilings("yon = 2").check(&files).is_empty());
    }

    #[test]
    fn a_count_below_its_ceiling_asks_to_lower_it() {
        let files = [TextFile::new("a.md", "yon\n")];
        assert_eq!(
            ceilings("yon = 3").check(&files),
            ["\"yon\" occurs 1 times: lower the ceiling of 3 to 1 (`cargo xtask check --write`)"]
        );
    }

    #[test]
    fn ceilings_are_lowered_and_never_raised() {
        let files = [TextFile::new("a.md", "yon hither hither\n")];
        let mut both = ceilings("yon = 3\nhither = 1");
        both.lower(&files);
        assert_eq!(both, ceilings("yon = 1\nhither = 1"));
        assert_eq!(Ceilings::parse(&both.to_text()).unwrap(), both);
    }
}
