//! Looks up each key of a file in the dictionary, once.

use crate::field::{self, Meaning};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use xxhash_rust::xxh3::xxh3_64;

/// What to do with the value of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Treat it as the dictionary says.
    Read(Meaning),
    /// Descend into it: it is a part of an envelope, and its members belong to the record.
    Open,
    /// Read the type of an `attributes` object.
    OpenAttributes,
}

/// The keys seen so far.
///
/// Records of one kind list their keys in the same sequence, so each key remembers its successor. A wrong guess costs
/// one look-up in the index.
pub(super) struct Keys {
    entries: Vec<Entry>,
    index: HashMap<Box<str>, usize, BuildHasherDefault<Xxh3>>,
}

struct Entry {
    name: Box<str>,
    action: Action,
    next: usize,
}

/// Most keys that are remembered, so that a file of random keys cannot fill the memory. The dictionary has about 270.
const MAX_ENTRIES: usize = 1024;
/// Position of keys that are not remembered.
pub(super) const BEYOND: usize = usize::MAX;
/// Position before the first key of a record.
pub(super) const START: usize = 0;

impl Keys {
    pub(super) fn new() -> Self {
        let start = Entry { name: "".into(), action: Action::Read(Meaning::Dropped), next: START };
        Self { entries: vec![start], index: HashMap::default() }
    }

    /// Returns the position of `name`, which follows the key at position `previous`; [`BEYOND`] if there is no room for it.
    pub(super) fn find(&mut self, name: &str, previous: usize) -> usize {
        let guess = self.entries.get(previous).map_or(START, |entry| entry.next);
        if self.entries.get(guess).is_some_and(|entry| *entry.name == *name) {
            return guess;
        }
        let position = match self.index.get(name) {
            Some(position) => *position,
            None if self.entries.len() < MAX_ENTRIES => self.insert(name),
            None => return BEYOND,
        };
        if let Some(entry) = self.entries.get_mut(previous) {
            entry.next = position;
        }
        position
    }

    /// Returns what to do with the value of the key at a position, which is called `name`.
    pub(super) fn action(&self, position: usize, name: &str) -> Action {
        self.entries.get(position).map_or_else(|| action(name), |entry| entry.action)
    }

    /// Returns the name of the key at a position.
    pub(super) fn name(&self, position: usize) -> Option<&str> {
        self.entries.get(position).map(|entry| &*entry.name)
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

/// A hasher for texts only. It is fast, and gives the same hashes on every machine.
#[derive(Default)]
pub(crate) struct Xxh3(u64);

impl Hasher for Xxh3 {
    fn write(&mut self, bytes: &[u8]) {
        self.0 ^= xxh3_64(bytes);
    }

    // `str` appends 0xff to its bytes. Only texts are hashed, so it makes no difference.
    fn write_u8(&mut self, _: u8) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_guess_is_corrected() {
        let mut keys = Keys::new();
        let rows = Action::Read(field::meaning("RowsProcessed"));
        for keys_of_record in [["RowsProcessed", "Id"], ["Id", "RowsProcessed"], ["RowsProcessed", "Id"]] {
            let mut previous = START;
            for name in keys_of_record {
                let position = keys.find(name, previous);
                assert_eq!(keys.action(position, name) == rows, name == "RowsProcessed");
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
        let position = keys.find("RowsProcessed", START);
        assert_eq!(position, BEYOND);
        assert_eq!(keys.action(position, "RowsProcessed"), Action::Read(field::meaning("RowsProcessed")));
    }
}
