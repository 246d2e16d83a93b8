//! Which detectors could not judge the observations of a day.

use super::Calibrations;
use crate::org::{Org, user_at};
use crate::user::Day;
use model::{Observation, Text};

impl Org {
    /// Notes with the user's day that a detector could not judge an observation of this org, which must have been made by the
    /// last call, and why. Call it for those that are learned.
    pub fn note_unjudged(&mut self, observation: &Observation, detector: &str, reason: &str) {
        let slot = self.slots.get(&observation.user_id).copied().filter(|_| !self.is_of_combined(observation));
        let day = slot.and_then(|slot| user_at(&mut self.users, slot)?.profile.day_starting(observation.day));
        if let Some(day) = day {
            day.unjudged.note(detector, reason);
        }
    }
}

impl Calibrations {
    /// Whether a test of a detector was surprised on a day.
    pub(in crate::org) fn tested(&self, day: &Day, detector: &Text) -> bool {
        let of_detector =
            |index: u16| self.tests.get(usize::from(index)).is_some_and(|test| test.detector == *detector);
        day.signals.tests.of_day.iter().any(|found| of_detector(found.index))
    }
}
