//! Which detectors could not judge a day of an account.

use model::{DayUnjudged, Text};
use serde::{Deserialize, Serialize};

/// The detectors that could not judge an observation of the day. What bounds it is the number of detectors. The order of the
/// fields is the encoding of the stored state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Unjudged(Vec<OfDetector>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct OfDetector {
    detector: Text,
    /// The first reason of the day.
    reason: Text,
    /// Whether the detector judged another observation since.
    has_judged: bool,
}

impl Unjudged {
    /// Notes that a detector could not judge an observation.
    pub(crate) fn note(&mut self, detector: &str, reason: &str) {
        if self.0.iter().all(|one| one.detector != detector) {
            self.0.push(OfDetector { detector: detector.into(), reason: reason.into(), has_judged: false });
        }
    }

    /// Notes that a detector judged an observation.
    pub(crate) fn note_judged(&mut self, detector: &str) {
        for one in self.0.iter_mut().filter(|one| one.detector == detector) {
            one.has_judged = true;
        }
    }

    /// Returns the detectors that judged none, in the order of their names. `was_surprised` says of a detector whether it was
    /// surprised on the day.
    pub(crate) fn of_none(&self, was_surprised: impl Fn(&Text) -> bool) -> Vec<DayUnjudged> {
        let judged_none = self.0.iter().filter(|one| !one.has_judged && !was_surprised(&one.detector));
        let mut all: Vec<DayUnjudged> =
            judged_none.map(|one| DayUnjudged { detector: one.detector.clone(), reason: one.reason.clone() }).collect();
        all.sort_by(|a, b| a.detector.cmp(&b.detector));
        all
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the bytes of memory on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.0.capacity() * size_of::<OfDetector>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detector_that_judged_something_is_not_listed() {
        let mut day = Unjudged::default();
        assert!(day.is_empty());
        day.note("row_spike", "no baseline");
        day.note("new_app", "no baseline");
        day.note("new_app", "another reason");
        day.note("mass_change", "no baseline");
        day.note_judged("row_spike");
        day.note("row_spike", "no baseline");
        let names = |surprised: &str| {
            let of_none = day.of_none(|detector| detector == surprised);
            of_none.into_iter().map(|one| format!("{}: {}", one.detector, one.reason)).collect::<Vec<_>>()
        };
        assert_eq!(names(""), ["mass_change: no baseline", "new_app: no baseline"]);
        assert_eq!(names("new_app"), ["mass_change: no baseline"]);
    }
}
