//! How surprised the tests of detectors were on one day of an account.

use model::UserClass;
use serde::{Deserialize, Serialize};

/// The surprises of a day, by test.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct DayTests {
    /// The class in which they were learned; `None` before.
    pub(crate) class: Option<UserClass>,
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

    /// Notes a surprise: the largest of a test counts. Returns what is learned of the test before and after, if that
    /// differs.
    pub(crate) fn note(&mut self, index: u16, surprise: f64) -> Option<(f64, f64)> {
        let surprise = surprise as f32;
        let Some(test) = self.of_day.iter_mut().find(|test| test.index == index) else {
            if surprise <= 0.0 {
                return None;
            }
            let test = DayTest { index, surprise, most: f64::INFINITY };
            self.of_day.push(test);
            return Some((0.0, test.learned()));
        };
        let before = test.learned();
        test.surprise = test.surprise.max(surprise);
        (test.learned() != before).then(|| (before, test.learned()))
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
