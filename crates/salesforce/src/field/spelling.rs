//! Recognizes names as Salesforce writes them, and as other tools rewrite them.

use super::{DROPPED, Field, Marks, Meaning, SPELLINGS};
use crate::json::keys::Xxh3;
use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::LazyLock;

static DICTIONARY: LazyLock<HashMap<String, Meaning>> = LazyLock::new(|| {
    let dropped = DROPPED.iter().map(|name| (fold(name), Meaning::Dropped));
    let known = SPELLINGS.iter().map(|(name, field, marks)| (fold(name), Meaning::Field(*field, *marks)));
    dropped.chain(known).collect()
});

/// Longest name that can be one of the dictionary's, in bytes. A choice, so that long names cost nothing.
pub(crate) const LONGEST: usize = 128;
/// Most meanings that a thread remembers. A choice; the dictionary has about 300.
const REMEMBERED: usize = 4_096;

thread_local! {
    /// Meanings that were looked up: envelopes repeat the same names with each record.
    static KNOWN: RefCell<HashMap<Box<str>, Meaning, BuildHasherDefault<Xxh3>>> = RefCell::default();
}

/// Looks up a name in the dictionary, as Salesforce writes it or as other tools rewrite it.
pub(crate) fn meaning(name: &str) -> Meaning {
    if name.len() > LONGEST {
        return Meaning::Unknown;
    }
    KNOWN.with_borrow_mut(|known| {
        if let Some(meaning) = known.get(name) {
            return *meaning;
        }
        if known.len() >= REMEMBERED {
            known.clear();
        }
        *known.entry(name.into()).or_insert_with(|| look_up(name))
    })
}

/// Returns whether a column is part of what identifies a row: not one that a collector has added, which is unknown, and
/// written in another style than the row, of which `styles` are the marks.
pub(crate) fn identifies(name: &str, styles: Marks) -> bool {
    let is_marked = name.starts_with(['_', '@']);
    match meaning(name) {
        Meaning::Field(..) => true,
        Meaning::Dropped => !is_marked,
        Meaning::Unknown => name == "attributes" || !is_marked && Marks::style_of(plain(name)).has(styles),
    }
}

fn look_up(name: &str) -> Meaning {
    // Columns that Panther, a log collector, adds (`p_event_time`).
    if name.starts_with("p_") {
        return Meaning::Dropped;
    }
    match DICTIONARY.get(&fold(plain(name))) {
        Some(Meaning::Field(field, marks))
            if !matches!(field, Field::Channel | Field::ObjectType | Field::CreatedByUsername) =>
        {
            Meaning::Field(*field, marks.in_style(Marks::style_of(plain(name))))
        }
        known => known.copied().unwrap_or(Meaning::Unknown),
    }
}

/// Envelopes in front of a name, in the columns of tools that flatten them.
const PREFIXES: [&str; 13] = [
    "_source.",
    "fields.",
    "_airbyte_data.",
    "attributes.",
    "result.",
    "detail.payload.",
    "detail.",
    "data.payload.",
    "payload.",
    "data.",
    "event.",
    "record.",
    "value.",
];

/// Returns a name without what other tools add to it: an envelope in front, `[UTC]` as the portal of Microsoft Sentinel,
/// `_s` or `_t` for the type as its collector, `__c` as Salesforce's own objects of customers.
pub(crate) fn plain(name: &str) -> &str {
    let mut name = name.trim_ascii();
    if name.len() > LONGEST {
        return name;
    }
    while name != "attributes.type"
        && let Some(rest) = PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix))
    {
        name = rest;
    }
    let name = name.strip_suffix(" [UTC]").unwrap_or(name);
    let is_known = |name: &str| DICTIONARY.contains_key(&fold(name));
    let shorter = ["_s", "_t", "_d", "_b", "_g", "__c"].iter().find_map(|suffix| name.strip_suffix(suffix));
    shorter.filter(|shorter| is_known(shorter) && !is_known(name)).unwrap_or(name)
}

/// Returns a name in lower case, without underscores and spaces.
pub(crate) fn fold(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | ' ')).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_field_agree() {
        let field = |name: &str| match meaning(name) {
            Meaning::Field(field, _) => Some(field),
            _ => None,
        };
        for name in
            ["RowsProcessed", "ROWS_PROCESSED", "ROW_COUNT", "RECORDS_PROCESSED", "RowCount", "rows_processed_d"]
        {
            assert_eq!(field(name), Some(Field::Rows), "{name}");
        }
        for name in ["UserName", "Username", "USER_NAME", "USERNAME", "user_name_s", "User Name", "_source.USER_NAME"] {
            assert_eq!(field(name), Some(Field::Username), "{name}");
        }
        assert_eq!(field("EventDate [UTC]"), Some(Field::EventDate));
        assert_eq!(field("attributes.type"), Some(Field::ObjectType));
        assert_eq!(field("user.name"), None, "a name of another dictionary");
        assert_eq!(meaning("Records"), Meaning::Dropped);
        assert_eq!(meaning("NEW_IN_V70"), Meaning::Unknown);
        assert!(crate::wants("Username") && !crate::wants("Records") && !crate::wants("NEW_IN_V70"));
    }

    #[test]
    fn marks_say_where_a_name_belongs() {
        let check = |name, style, event, log| {
            let Meaning::Field(_, marks) = meaning(name) else { panic!("{name}") };
            assert!(marks.has(style) && marks.has(Marks::EVENT) == event && marks.has(Marks::LOG) == log, "{name}");
        };
        check("EventDate", Marks::PASCAL, true, false);
        check("event_date", Marks::OTHER, true, false);
        check("TIMESTAMP_DERIVED", Marks::UPPER, true, true);
        check("timestamp", Marks::OTHER, false, true);
        check("status", Marks::OTHER, true, false);
        check("USER_ID", Marks::UPPER, true, true);
        check("timestamp_derived_t", Marks::OTHER, true, true);
    }
}
