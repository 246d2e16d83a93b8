//! Which detectors could not judge something of a day.

use crate::org::{Org, user_at};
use model::Observation;
use std::fmt::Display;

impl Org {
    /// Notes with the user's day that a detector could not judge an observation of this org, which must have been made by the
    /// last call, and why. Call it for those that are learned.
    pub fn note_unjudged(&mut self, observation: &Observation, detector: &str, reason: impl Display) {
        let slot = self.slots.get(&observation.user_id).copied().filter(|_| !self.is_of_combined(observation));
        let day = slot.and_then(|slot| user_at(&mut self.users, slot)?.profile.day_starting(observation.day));
        if let Some(day) = day {
            day.unjudged.note(detector, reason);
        }
    }
}
