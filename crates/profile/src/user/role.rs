//! Changes of role: a baseline that speaks of another job is trusted less.

use serde::{Deserialize, Serialize};

/// What is known of the account's role.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Role {
    /// Hash of the profile and role ids that events carry; 0 before any.
    ids: u64,
    /// Active days in a row on which the account mostly worked with what it did not know.
    strange_days: u8,
    /// The day of the last change.
    pub(crate) changed: Option<i32>,
}

impl Role {
    /// Days on which a view or report was had before it is part of the job.
    pub(crate) const KNOWN_DAYS: f32 = 3.5;
    /// Active days before an account has a job to change.
    pub(crate) const LEAST_DAYS: f64 = 15.0;
    /// Days after a change in which everything may be a first.
    pub(crate) const SETTLING: i32 = 5;

    /// Notes the ids of an event. Returns whether they changed.
    pub(crate) fn note_ids(&mut self, ids: u64, day: i32) -> bool {
        let changed = self.ids != 0 && self.ids != ids;
        self.ids = ids;
        if changed {
            self.changed = Some(day);
        }
        changed
    }

    /// Notes a closed day: of `requests` for views and reports, `known` were for one that is part of the job. Returns
    /// whether the days add up to a change of role.
    pub(crate) fn note_day(&mut self, known: u32, requests: u32, day: i32) -> bool {
        /// Fewer requests than this say nothing.
        const LEAST: u32 = 5;
        /// Days that make a change: one may be an attack.
        const DAYS: u8 = 2;
        if requests < LEAST {
            return false;
        }
        let is_strange = 10 * known < 4 * requests;
        self.strange_days = if is_strange { self.strange_days + 1 } else { 0 };
        if self.strange_days < DAYS {
            return false;
        }
        *self = Self { strange_days: 0, changed: Some(day), ..*self };
        true
    }

    /// Whether the account settles into a new role on `day`.
    pub(crate) fn is_settling(&self, day: i32) -> bool {
        self.changed.is_some_and(|changed| (0..Self::SETTLING).contains(&(day - changed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_ids_are_a_change() {
        let mut role = Role::default();
        assert!(!role.note_ids(1, 10));
        assert!(!role.note_ids(1, 11));
        assert!(role.note_ids(2, 12));
        assert!(role.is_settling(14) && !role.is_settling(17));
    }

    #[test]
    fn so_are_two_strange_days_and_not_one() {
        let mut role = Role::default();
        assert!(!role.note_day(1, 20, 10));
        assert!(!role.note_day(19, 20, 12));
        assert!(!role.note_day(0, 2, 13));
        assert!(!role.note_day(0, 20, 14));
        assert!(role.note_day(0, 20, 16));
    }
}
