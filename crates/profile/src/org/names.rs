//! The names behind the hashes that profiles keep.

use crate::estimate::Sighting;
use crate::state::Shards;
use model::{Scope, Text, id};
use rustc_hash::FxHashMap;

// Kinds of values, so that equal names of different things have different hashes. The numbers are part of the stored
// state.

pub(crate) const OBJECT: u8 = 1;
pub(crate) const VIEW: u8 = 2;
pub(crate) const REPORT: u8 = 3;
pub(crate) const CLIENT: u8 = 4;
pub(crate) const NETWORK: u8 = 5;
pub(crate) const COUNTRY: u8 = 6;
pub(crate) const APP: u8 = 7;
pub(crate) const SESSION: u8 = 9;
pub(crate) const LOGIN: u8 = 10;
pub(crate) const ROLE: u8 = 11;
pub(crate) const SETUP: u8 = 12;
pub(crate) const DELEGATE: u8 = 13;
pub(crate) const OPERATION: u8 = 14;

/// Hashes a value of some kind. ASCII case does not matter, as in Salesforce.
pub(crate) fn key(kind: u8, text: &str) -> u64 {
    let mut buffer = [0u8; 96];
    let bytes = text.as_bytes();
    let Some(target) = buffer.get_mut(1..=bytes.len()) else {
        // No name of Salesforce's is as long; queries may be.
        return id::hash(text.to_ascii_lowercase().as_bytes()) ^ u64::from(kind);
    };
    target.copy_from_slice(bytes);
    target.make_ascii_lowercase();
    buffer[0] = kind;
    id::hash(buffer.get(..=bytes.len()).unwrap_or(bytes))
}

/// Hashes two keys; their order matters. The constant is 2^64 divided by the golden ratio (Knuth, The Art of Computer
/// Programming, volume 3, section 6.4).
pub(crate) fn pair(a: u64, b: u64) -> u64 {
    a.rotate_left(23) ^ b.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// The name of a list view.
#[derive(Clone, Debug)]
pub(crate) struct ViewName {
    /// Hash of its object.
    pub(crate) object: u64,
    pub(crate) name: Text,
    pub(crate) scope: Option<Scope>,
}

/// Names of the org's list views, networks and clients, added when an account uses one for the first time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    pub(crate) views: FxHashMap<u64, ViewName>,
    /// Names of networks, clients and installed apps.
    pub(crate) values: FxHashMap<u64, Text>,
    /// Names of objects, reports, countries and connected apps, by which no detector goes: they are for people who read a
    /// profile. They are apart so that many reports cannot leave networks without a name, and an app that was only used does
    /// not count as installed.
    pub(crate) shown: FxHashMap<u64, Text>,
    /// Shards of the three that changed since they were stored.
    pub(crate) changed: Shards,
}

impl Names {
    /// Names of each of the three kinds at most; summaries do without the name of further ones. A choice: some 30 MB.
    const CAPACITY: usize = 200_000;

    /// Adds the name of a list view, in lower case.
    pub(crate) fn note_view(&mut self, key: u64, object: u64, name: &Text, scope: Option<Scope>) {
        if self.views.len() < Self::CAPACITY {
            let new = || {
                self.changed.mark(key);
                ViewName { object, name: name.to_ascii_lowercase(), scope }
            };
            self.views.entry(key).or_insert_with(new);
        }
    }

    /// Adds the name of a network, client or installed app.
    pub(crate) fn note(&mut self, key: u64, name: &str) {
        if self.values.len() < Self::CAPACITY {
            let new = || {
                self.changed.mark(key);
                name.into()
            };
            self.values.entry(key).or_insert_with(new);
        }
    }

    /// Adds the name of an object, report, country or connected app that an account uses for the first time on a day: where
    /// names were not stored yet, they are complete after a day. An `id` stands in for the name until one is given.
    pub(crate) fn note_shown(&mut self, key: u64, sighting: Sighting, name: Option<&Text>, id: &Text) {
        if matches!(sighting, Sighting::Today { .. }) {
            return;
        }
        let is_full = self.shown.len() >= Self::CAPACITY;
        match (self.shown.get_mut(&key), name) {
            (None, _) if is_full => return,
            (None, _) => drop(self.shown.insert(key, name.unwrap_or(id).clone())),
            (Some(known), Some(name)) if known == id && name != id => known.clone_from(name),
            (Some(_), _) => return,
        }
        self.changed.mark(key);
    }

    pub(crate) fn view(&self, key: u64) -> Option<&ViewName> {
        self.views.get(&key)
    }

    pub(crate) fn value(&self, key: u64) -> Option<&Text> {
        self.values.get(&key)
    }

    pub(crate) fn shown(&self, key: u64) -> Option<&Text> {
        self.shown.get(&key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_does_not_matter_and_kind_does() {
        assert_eq!(key(1, "AllContacts"), key(1, "allcontacts"));
        assert_ne!(key(1, "a"), key(2, "a"));
        assert_eq!(key(1, &"X".repeat(200)), key(1, &"x".repeat(200)));
        assert_ne!(pair(1, 2), pair(2, 1));
    }

    #[test]
    fn a_name_takes_the_place_of_an_id_and_of_nothing_else() {
        let mut names = Names::default();
        let mut note = |sighting, name: Option<&str>| {
            let name = name.map(Text::from);
            names.note_shown(7, sighting, name.as_ref(), &"00O1".into());
            (names.shown.get(&7).map(Text::to_string), std::mem::take(&mut names.changed) != Shards::default())
        };
        let known = Sighting::Known { days: 1.0 };
        assert_eq!(note(Sighting::Today { days: 1.0 }, Some("Pipeline")), (None, false));
        assert_eq!(note(known, None), (Some("00O1".into()), true));
        assert_eq!(note(known, None), (Some("00O1".into()), false));
        assert_eq!(note(Sighting::Never, Some("Pipeline")), (Some("Pipeline".into()), true));
        assert_eq!(note(known, Some("Renamed")), (Some("Pipeline".into()), false));
    }
}
