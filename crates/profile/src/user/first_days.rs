//! How many first-time accesses an account's days had.

use super::FirstKind;
use serde::{Deserialize, Serialize};

/// The account's days by kind and number of first-time accesses: its part of the org's days, so that it is never compared
/// with itself. At most an entry for each kind and number, up to the largest that is told apart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct FirstDays(Vec<(u8, u8, u16)>);

impl FirstDays {
    /// The largest number that is told apart. Part of the stored state.
    pub(crate) const MOST: u32 = 16;

    /// Learns a day.
    pub(crate) fn add(&mut self, kind: FirstKind, count: u32) {
        let (kind, count) = (kind as u8, count.min(Self::MOST) as u8);
        match self.0.iter_mut().find(|entry| (entry.0, entry.1) == (kind, count)) {
            Some((_, _, days)) => *days = days.saturating_add(1),
            None => {
                self.0.reserve_exact(1);
                self.0.push((kind, count, 1));
            }
        }
    }

    /// Returns the number of days with at least `count`.
    pub(crate) fn at_least(&self, kind: FirstKind, count: u32) -> f64 {
        let least = count.min(Self::MOST) as u8;
        let days = self.0.iter().filter(|entry| entry.0 == kind as u8 && entry.1 >= least);
        days.map(|entry| f64::from(entry.2)).sum()
    }

    /// Returns the bytes of memory on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.0.capacity() * size_of::<(u8, u8, u16)>()
    }
}
