//! What a profile and its days have from version 7 of the record on.

use serde::{Deserialize, Serialize};

/// What was learned of an account from version 7 of the record on. The order of the fields is the encoding.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Signals {}

/// What a day of an account has from version 7 of the record on. The order of the fields is the encoding.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct DaySignals {}

impl Signals {
    /// Returns the bytes of memory on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        0
    }
}

impl DaySignals {
    /// Returns the bytes of memory on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        0
    }
}
