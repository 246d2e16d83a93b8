//! A sorted, immutable run of identities in a few bits each, in memory as in the database.
//!
//! Keys are random, so the gaps between sorted ones are nearly geometric. A Rice code (Rice and Plaunt 1971) needs about
//! 1.5 bits more than the logarithm of the mean gap: 33 bits where two million identities share an hour. The first key of
//! each block of 64 stands in a directory, so that a lookup decodes one block. Facets are indices into the few
//! combinations that occur.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | version, [`THIRD`] |
//! | 1 | bits of a gap that are stored as they are |
//! | 1 | number of combinations of facets less one |
//! | 4 | number of entries |
//! | 4 | bytes of the gaps |
//! | | the combinations of facets |
//! | 12 a block | its first key, and at which bit its gaps begin |
//! | | the gaps less one, except those between blocks |
//! | | the index of the facets of each entry |
//! | 8 | zeros, so that any bit can be read in a word |

use super::Identity;
use crate::org::facets::Facets;
use crate::state::{StateError, THIRD, split};

/// A sorted run of identities. `bytes` is the stored record.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    bytes: Box<[u8]>,
    layout: Layout,
}

/// Where the parts of a segment begin, in bytes, and the sizes of entries.
#[derive(Clone, Copy, Debug)]
struct Layout {
    count: usize,
    /// Bits of a gap that are stored as they are.
    rice: u32,
    /// Bits of the index of facets.
    width: u32,
    combinations: usize,
    directory: usize,
    gaps: usize,
    facets: usize,
    end: usize,
}

/// Entries of a block. A choice: a lookup decodes 32 on average, and the directory takes 1.5 bits an entry.
const BLOCK: usize = 64;
/// Bytes of an entry of the directory.
const ENTRY: usize = 12;
/// Bytes before the combinations of facets.
const HEADER: usize = 11;
/// Bytes of a word, and of the zeros at the end.
const WORD: usize = 8;
/// Bits that can be read at any place of a word.
const READABLE: u32 = 57;

impl Segment {
    /// The most entries of a segment. A choice: about 330 KB.
    pub(crate) const MOST: usize = 1 << 16;

    /// Encodes up to [`Segment::MOST`] identities, which are sorted by key and different.
    pub(crate) fn new(entries: &[Identity]) -> Self {
        let mut combinations: Vec<u8> = entries.iter().map(|entry| entry.facets().0).collect();
        combinations.sort_unstable();
        combinations.dedup();
        let (first, last) =
            (entries.first().map_or(0, |entry| entry.key()), entries.last().map_or(0, |entry| entry.key()));
        let mean = (last - first) / (entries.len() as u64).max(1);
        let (rice, width) = (mean.max(1).ilog2(), width(combinations.len()));
        let (mut directory, mut gaps, mut facets) = (Vec::new(), Bits::default(), Bits::default());
        for block in entries.chunks(BLOCK) {
            let mut before = block.first().map_or(0, |entry| entry.key());
            directory.extend_from_slice(&before.to_le_bytes());
            directory.extend_from_slice(&(gaps.len() as u32).to_le_bytes());
            for entry in block.iter().skip(1) {
                gaps.push_gap(entry.key() - before - 1, rice);
                before = entry.key();
            }
        }
        for entry in entries {
            let index = combinations.binary_search(&entry.facets().0).unwrap_or_default();
            facets.push(index as u64, width);
        }
        let gaps = gaps.into_bytes();
        let mut bytes = vec![THIRD, rice as u8, combinations.len().saturating_sub(1) as u8];
        bytes.extend_from_slice(&(entries.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&(gaps.len() as u32).to_le_bytes());
        let layout = Layout::new(entries.len(), rice, combinations.len(), gaps.len());
        for part in [combinations, directory, gaps, facets.into_bytes(), vec![0; WORD]] {
            bytes.extend_from_slice(&part);
        }
        Self { bytes: bytes.into(), layout }
    }

    /// Reads a stored record, and checks all of it.
    ///
    /// # Errors
    /// If it is of another version, damaged, or of another length than its head says.
    pub(crate) fn read(key: &str, bytes: Vec<u8>) -> Result<Self, StateError> {
        let failed = |source| StateError::Undecodable { key: key.to_owned(), source };
        let (version, body) = split(key, &bytes)?;
        if version != THIRD {
            return Err(StateError::Version { key: key.to_owned(), found: version });
        }
        let [rice, combinations, c0, c1, c2, c3, g0, g1, g2, g3, ..] = *body else {
            return Err(failed(postcard::Error::DeserializeUnexpectedEnd));
        };
        let (count, gaps) = (u32::from_le_bytes([c0, c1, c2, c3]), u32::from_le_bytes([g0, g1, g2, g3]));
        let count = count as usize;
        if count == 0 || count > Self::MOST || u32::from(rice) >= Identity::KEY_BITS {
            return Err(failed(postcard::Error::DeserializeBadEncoding));
        }
        let layout = Layout::new(count, rice.into(), usize::from(combinations) + 1, gaps as usize);
        if bytes.len() < layout.end {
            return Err(failed(postcard::Error::DeserializeUnexpectedEnd));
        }
        if bytes.len() > layout.end {
            return Err(StateError::Trailing { key: key.to_owned(), extra: bytes.len() - layout.end });
        }
        let segment = Self { bytes: bytes.into(), layout };
        if !segment.is_sound() {
            return Err(failed(postcard::Error::DeserializeBadEncoding));
        }
        Ok(segment)
    }

    /// Returns the stored record.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the number of entries.
    pub(crate) fn len(&self) -> usize {
        self.layout.count
    }

    /// Returns the smallest key.
    pub(crate) fn first_key(&self) -> u64 {
        self.block(0).map_or(0, |(key, _)| key)
    }

    /// Returns the facets of a key.
    pub(crate) fn find(&self, key: u64) -> Option<Facets> {
        let (mut low, mut high) = (0, self.layout.count.div_ceil(BLOCK));
        while low < high {
            let middle = low.midpoint(high);
            if self.block(middle)?.0 <= key { low = middle + 1 } else { high = middle }
        }
        let block = low.checked_sub(1)?;
        let mut entries = self.entries_from(block);
        let index = entries.by_ref().take(BLOCK).take_while(|found| *found <= key).enumerate().last();
        let (index, found) = index?;
        if found == key { self.facets(block * BLOCK + index) } else { None }
    }

    /// Returns the entries in the order of their keys.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Identity> {
        let facets = |(index, key)| Some(Identity::of(key, self.facets(index)?));
        self.entries_from(0).enumerate().map_while(facets)
    }

    /// Whether every part decodes, keys ascend, and the directory fits the gaps.
    fn is_sound(&self) -> bool {
        let mut keys = self.entries_from(0);
        let (mut count, mut before) = (0, None);
        for key in keys.by_ref() {
            if before.is_some_and(|before| before >= key)
                || key >> Identity::KEY_BITS != 0
                || self.facets(count).is_none()
            {
                return false;
            }
            (count, before) = (count + 1, Some(key));
        }
        count == self.layout.count && !keys.is_damaged && keys.bit.div_ceil(8) == self.layout.facets - self.layout.gaps
    }

    /// Returns the first key of a block, and the bit at which its gaps begin.
    fn block(&self, block: usize) -> Option<(u64, usize)> {
        let at = self.layout.directory + block * ENTRY;
        let (key, bit) = self.bytes.get(at..at + ENTRY)?.split_at_checked(WORD)?;
        Some((u64::from_le_bytes(key.try_into().ok()?), u32::from_le_bytes(bit.try_into().ok()?) as usize))
    }

    fn facets(&self, index: usize) -> Option<Facets> {
        let Layout { width, combinations, directory, facets, .. } = self.layout;
        let index = self.word(facets, index * width as usize)? & mask(width);
        let combinations = self.bytes.get(combinations..directory)?;
        combinations.get(index as usize).copied().map(Facets)
    }

    /// Returns 57 bits or more from bit `bit` after byte `start`.
    fn word(&self, start: usize, bit: usize) -> Option<u64> {
        let at = start + bit / 8;
        let word = self.bytes.get(at..at + WORD)?.try_into().ok()?;
        Some(u64::from_le_bytes(word) >> (bit % 8))
    }

    fn entries_from(&self, block: usize) -> Keys<'_> {
        let bit = self.block(block).map_or(0, |(_, bit)| bit);
        Keys { segment: self, index: block * BLOCK, key: 0, bit, is_damaged: false }
    }
}

impl Layout {
    fn new(count: usize, rice: u32, combinations: usize, gaps: usize) -> Self {
        let width = width(combinations);
        let directory = HEADER + combinations;
        let start_of_gaps = directory + count.div_ceil(BLOCK) * ENTRY;
        let facets = start_of_gaps + gaps;
        let end = facets + (count * width as usize).div_ceil(8) + WORD;
        Self { count, rice, width, combinations: HEADER, directory, gaps: start_of_gaps, facets, end }
    }
}

/// The keys of a segment from the start of a block on.
struct Keys<'a> {
    segment: &'a Segment,
    index: usize,
    key: u64,
    /// The bit of the next gap.
    bit: usize,
    /// Whether a block does not begin where the gaps before it end.
    is_damaged: bool,
}

impl Iterator for Keys<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        if self.index >= self.segment.layout.count {
            return None;
        }
        if self.index.is_multiple_of(BLOCK) {
            let (key, bit) = self.segment.block(self.index / BLOCK)?;
            self.is_damaged |= bit != self.bit;
            (self.key, self.bit) = (key, bit);
        } else {
            self.key = self.key.checked_add(self.gap()?)?;
        }
        self.index += 1;
        Some(self.key)
    }
}

impl Keys<'_> {
    fn gap(&mut self) -> Option<u64> {
        let Layout { rice, gaps, .. } = self.segment.layout;
        let mut high = 0_u64;
        loop {
            let zeros = self.segment.word(gaps, self.bit)?.trailing_zeros();
            if zeros < READABLE {
                high += u64::from(zeros);
                self.bit += zeros as usize + 1;
                break;
            }
            high += u64::from(READABLE);
            self.bit += READABLE as usize;
        }
        let low = self.segment.word(gaps, self.bit)? & mask(rice);
        self.bit += rice as usize;
        // Damaged bytes may hold a number that no gap has.
        (high <= mask(Identity::KEY_BITS) >> rice).then_some((high << rice | low) + 1)
    }
}

/// Bits that are written one after the other, the lowest first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    word: u64,
    used: u32,
}

impl Bits {
    /// The most bits of one push.
    const MOST: u32 = 56;

    fn push(&mut self, value: u64, bits: u32) {
        self.word |= value << self.used;
        self.used += bits;
        while self.used >= 8 {
            self.bytes.push(self.word as u8);
            self.word >>= 8;
            self.used -= 8;
        }
    }

    /// Writes the quotient as so many zeros and a one, then the `rice` lowest bits.
    fn push_gap(&mut self, gap: u64, rice: u32) {
        let mut zeros = gap >> rice;
        while zeros >= u64::from(Self::MOST) {
            self.push(0, Self::MOST);
            zeros -= u64::from(Self::MOST);
        }
        self.push(1 << zeros, zeros as u32 + 1);
        self.push(gap & mask(rice), rice);
    }

    fn len(&self) -> usize {
        self.bytes.len() * 8 + self.used as usize
    }

    fn into_bytes(mut self) -> Vec<u8> {
        if self.used > 0 {
            self.bytes.push(self.word as u8);
        }
        self.bytes
    }
}

/// Returns the bits of an index into so many combinations.
fn width(combinations: usize) -> u32 {
    combinations.saturating_sub(1).checked_ilog2().map_or(0, |bits| bits + 1)
}

fn mask(bits: u32) -> u64 {
    (1 << bits) - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn check(entries: &BTreeMap<u64, u8>) {
        let sorted: Vec<Identity> = entries.iter().map(|(key, facets)| Identity::of(*key, Facets(*facets))).collect();
        let segment = Segment::new(&sorted);
        let read = Segment::read("seen/7/0", segment.bytes().to_vec()).unwrap();
        for segment in [&segment, &read] {
            let bits = |entry: &Identity| entry.0;
            assert_eq!(
                segment.iter().map(|entry| entry.0).collect::<Vec<_>>(),
                sorted.iter().map(bits).collect::<Vec<_>>()
            );
            assert_eq!((segment.len(), segment.first_key()), (sorted.len(), sorted[0].key()));
            for key in entries.keys().flat_map(|key| [key.saturating_sub(1), *key, key + 1]) {
                assert_eq!(segment.find(key).map(|facets| facets.0), entries.get(&key).copied(), "{key}");
            }
        }
    }

    proptest! {
        #[test]
        fn every_entry_is_found_and_no_other(
            bits in 8u32..=52,
            entries in prop::collection::btree_map(any::<u64>(), any::<u8>(), 1..400),
            few in any::<bool>(),
        ) {
            let facets = |facets: u8| if few { facets % 3 } else { facets };
            check(&entries.into_iter().map(|(key, of_key)| (key >> (64 - bits), facets(of_key))).collect());
        }

        #[test]
        fn damage_is_an_error_or_another_segment(at in any::<prop::sample::Index>(), byte in any::<u8>(), size in 1u64..300) {
            let entries: Vec<Identity> = (1..size).map(|n| Identity::of(n * n * 977, Facets(n as u8 % 5))).collect();
            prop_assume!(!entries.is_empty());
            let mut bytes = Segment::new(&entries).bytes().to_vec();
            *at.get_mut(&mut bytes) = byte;
            if let Ok(read) = Segment::read("seen/7/0", bytes) {
                prop_assert_eq!(read.iter().count(), read.len());
            }
        }
    }

    #[test]
    fn uneven_keys_take_few_bits() {
        let far = (1 << 52) - 1;
        check(&[(0, 1), (1, 2), (far - 1, 3), (far, 1)].into());
        check(&(0..500).map(|n| (n, 7)).chain([(far, 7)]).collect());
    }

    #[test]
    fn an_identity_of_a_busy_hour_takes_less_than_five_bytes() {
        // A hash spreads the keys as ids do; 65,536 of 2^47 keys are as dense as two million of 2^52.
        let mut keys: Vec<u64> = (0..Segment::MOST as u64)
            .map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 17)
            .collect();
        keys.sort_unstable();
        keys.dedup();
        let entries: Vec<Identity> = keys.iter().map(|key| Identity::of(*key, Facets((*key % 11) as u8))).collect();
        let bytes = Segment::new(&entries).bytes().len() as f64 / entries.len() as f64;
        assert!(bytes < 5.0, "{bytes}");
    }
}
