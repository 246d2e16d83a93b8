//! Hashes the content of records that have no identifier.

use crate::field::{fold, plain};
use model::id::hash;

/// A hash of a record's content that does not depend on the order of columns.
///
/// For each column, the hashes of its folded name and of its value are combined and mixed (finalizer of SplitMix64,
/// Steele, Lea and Flood 2014). The fingerprint is the wrapping sum over the columns. Columns without a value are left
/// out, so a Salesforce release that adds columns changes no earlier fingerprint.
#[derive(Clone, Copy, Default)]
pub(crate) struct Fingerprint(u64);

impl Fingerprint {
    /// Adds a column.
    pub(crate) fn add(&mut self, name: NameHash, value: &[u8]) {
        let value = value.trim_ascii();
        if value.is_empty() {
            return;
        }
        self.0 = self.0.wrapping_add(mix(name.0 ^ hash(value)));
    }

    /// Returns the hash.
    pub(crate) fn value(self) -> u64 {
        self.0
    }
}

fn mix(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// The hash of a column's name without case, underscores, and what other tools add to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NameHash(u64);

impl NameHash {
    /// Hashes a name.
    pub(crate) fn new(name: &str) -> Self {
        Self(hash(fold(plain(name)).as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> u64 {
        let mut fingerprint = Fingerprint::default();
        for (name, value) in pairs {
            fingerprint.add(NameHash::new(name), value.as_bytes());
        }
        fingerprint.value()
    }

    #[test]
    fn order_and_empty_columns_do_not_change_a_fingerprint() {
        assert_eq!(of(&[("A", "1"), ("B", "2")]), of(&[("B", "2"), ("A", "1"), ("C", "")]));
        assert_ne!(of(&[("A", "1"), ("B", "2")]), of(&[("A", "2"), ("B", "1")]));
        assert_ne!(of(&[("A", "1")]), of(&[("A", "1"), ("A", "1")]));
    }
}
