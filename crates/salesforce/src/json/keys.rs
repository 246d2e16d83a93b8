//! What each key of a file means, looked up once.

use crate::field::{self, Meaning};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use xxhash_rust::xxh3::xxh3_64;

/// What to do with the value of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Read(Meaning),
    /// The part of an envelope whose members belong to the record.
    Open,
    /// `attributes`, of which only the type is of use.
    OpenAttributes,
}

/// The keys seen so far. Records of one kind have their keys in one order, so each key remembers which
/// came after it; a wrong guess costs one look-up.
pub(super) struct Keys {
    entries: Vec<Entry>,
    index: HashMap<Box<str>, usize, BuildHasherDefault<Xxh3>>,
}

struct Entry {
    name: Box<str>,
    action: Action,
    next: usize,
}

/// A file of made-up keys must not fill the memory.
const MAX_ENTRIES: usize = 1024;
pub(super) const START: usize = 0;

impl Keys {
    pub(super) fn new() -> Self {
        let start = Entry { name: "".into(), action: Action::Read(Meaning::Dropped), next: START };
        Self { entries: vec![start], index: HashMap::default() }
    }

    /// What to do with `name`, which came after the key at `previous`, and its own position.
    pub(super) fn find(&mut self, name: &str, previous: usize) -> (Action, usize) {
        let guess = self.entries.get(previous).map_or(START, |entry| entry.next);
        if let Some(entry) = self.entries.get(guess).filter(|entry| *entry.name == *name) {
            return (entry.action, guess);
        }
        let position = match self.index.get(name) {
            Some(position) => *position,
            None if self.entries.len() < MAX_ENTRIES => self.insert(name),
            None => return (action(name), previous),
        };
        if let Some(entry) = self.entries.get_mut(previous) {
            entry.next = position;
        }
        (self.entries.get(position).map_or(Action::Read(Meaning::Unknown), |entry| entry.action), position)
    }

    fn insert(&mut self, name: &str) -> usize {
        let position = self.entries.len();
        self.entries.push(Entry { name: name.into(), action: action(name), next: START });
        self.index.insert(name.into(), position);
        position
    }
}

fn action(name: &str) -> Action {
    match name {
        "attributes" => Action::OpenAttributes,
        "data" | "payload" | "event" => Action::Open,
        _ => Action::Read(field::meaning(name)),
    }
}

/// Hashes texts only: fast, and the same everywhere.
#[derive(Default)]
pub(crate) struct Xxh3(u64);

impl Hasher for Xxh3 {
    fn write(&mut self, bytes: &[u8]) {
        self.0 ^= xxh3_64(bytes);
    }

    // The end mark of a str, which says nothing about it.
    fn write_u8(&mut self, _: u8) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Field;

    #[test]
    fn a_wrong_guess_is_put_right() {
        let mut keys = Keys::new();
        let rows = Action::Read(Meaning::Field(Field::Rows));
        for order in [["RowsProcessed", "Id"], ["Id", "RowsProcessed"], ["RowsProcessed", "Id"]] {
            let mut previous = START;
            for name in order {
                let (action, position) = keys.find(name, previous);
                assert_eq!(action == rows, name == "RowsProcessed");
                previous = position;
            }
        }
    }

    #[test]
    fn memory_is_bounded() {
        let mut keys = Keys::new();
        for i in 0..5000 {
            keys.find(&format!("k{i}"), START);
        }
        assert_eq!(keys.entries.len(), MAX_ENTRIES);
        assert_eq!(keys.find("RowsProcessed", START).0, Action::Read(Meaning::Field(Field::Rows)));
    }
}
