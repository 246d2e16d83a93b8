//! How surprised the tests of detectors were on one day of an account.

use super::find_or_push;
use model::UserClass;
use serde::{Deserialize, Serialize};

/// The surprises of a day, by test.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct DayTests {
    /// The class in which they were learned; `None` before.
    pub(crate) class: Option<UserClass>,
    /// The key of the settings that they were learned by.
    #[serde(with = "postcard::fixint::le")]
    pub(crate) key: u64,
    /// How much the day counts.
    pub(crate) weight: f32,
    /// One for each test that was surprised.
    pub(crate) of_day: Vec<DayTest>,
}

/// The surprise of a test on one day.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct DayTest {
    /// Index of the test in the org's.
    pub(crate) index: u16,
    surprise: f32,
    /// The most that is learned of it.
    pub(crate) most: f64,
}

impl DayTests {
    /// Returns the bytes of memory on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.of_day.capacity() * size_of::<DayTest>()
    }

    /// Whether the day counts in full.
    pub(crate) fn counts_in_full(&self) -> bool {
        self.weight >= 1.0
    }

    /// Notes a surprise: the largest of a test counts. Returns the test as it was and as it is, if it is larger now.
    pub(crate) fn note(&mut self, index: u16, surprise: f64) -> Option<(DayTest, &mut DayTest)> {
        let surprise = surprise as f32;
        if surprise <= 0.0 {
            return None;
        }
        let begin = || DayTest { index, surprise: 0.0, most: f64::INFINITY };
        let test = find_or_push(&mut self.of_day, |test| test.index == index, begin);
        let test = test.filter(|test| surprise > test.surprise)?;
        let before = *test;
        test.surprise = surprise;
        Some((before, test))
    }
}

impl DayTest {
    /// Returns the surprise of the day.
    pub(crate) fn surprise(&self) -> f64 {
        f64::from(self.surprise)
    }

    /// Returns what is learned of it.
    pub(crate) fn learned(&self) -> f64 {
        self.surprise().min(self.most)
    }
}
