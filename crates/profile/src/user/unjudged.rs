//! Which detectors could not judge something of a day of an account.

use model::{DayUnjudged, Text};
use serde::{Deserialize, Serialize};
use std::fmt::Display;

/// The detectors that could not judge an observation of the day. What bounds it is the number of detectors. The order of the
/// fields is the encoding of the stored state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Unjudged(Vec<OfDetector>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct OfDetector {
    detector: Text,
    /// The first reason of the day.
    reason: Text,
}

impl Unjudged {
    /// Notes that a detector could not judge an observation. The first reason of a detector stays.
    pub(crate) fn note(&mut self, detector: &str, reason: impl Display) {
        if self.0.iter().all(|one| one.detector != detector) {
            self.0.push(OfDetector { detector: detector.into(), reason: reason.to_string().into() });
        }
    }

    /// Returns the detectors, in the order of their names.
    pub(crate) fn listed(&self) -> Vec<DayUnjudged> {
        let listed = |one: &OfDetector| DayUnjudged { detector: one.detector.clone(), reason: one.reason.clone() };
        let mut all: Vec<DayUnjudged> = self.0.iter().map(listed).collect();
        all.sort_by(|a, b| a.detector.cmp(&b.detector));
        all
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the bytes of memory on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        let texts = self.0.iter().flat_map(|one| [&one.detector, &one.reason]);
        let on_heap = texts.filter(|text| text.is_heap_allocated()).map(|text| text.capacity());
        self.0.capacity() * size_of::<OfDetector>() + on_heap.sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_detector_is_listed_once_with_its_first_reason() {
        let mut day = Unjudged::default();
        assert!(day.is_empty() && day.heap_bytes() == 0);
        day.note("row_spike", "no baseline");
        day.note("new_app", "no baseline");
        day.note("new_app", "another reason");
        day.note("mass_change", "a reason that is longer than what fits into the text itself");
        let listed: Vec<String> =
            day.listed().into_iter().map(|one| format!("{}: {}", one.detector, one.reason)).collect();
        let long = "mass_change: a reason that is longer than what fits into the text itself";
        assert_eq!(listed, [long, "new_app: no baseline", "row_spike: no baseline"]);
        assert!(day.heap_bytes() > 3 * size_of::<OfDetector>() + 50, "{}", day.heap_bytes());
    }
}
