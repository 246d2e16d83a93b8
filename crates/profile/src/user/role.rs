//! Changes of role: after one, the baseline of the old role counts for less.

use serde::{Deserialize, Serialize};

/// The role of an account, as far as it is known.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Role {
    /// Hash of the Salesforce profile and role ids that events carry; 0 before any.
    ids: u64,
    /// Closed days in a row on which nearly all requests were for unknown views and reports.
    strange_days: u8,
    /// The day of the last change, in days since 1970-01-01.
    pub(crate) changed: Option<i32>,
}

impl Role {
    /// Decayed days of use from which on a view or report is part of the job: four recent days. A choice.
    pub(crate) const KNOWN_DAYS: f32 = 3.5;
    /// Active days before an account has a role that can change: three working weeks. A choice.
    pub(crate) const LEAST_DAYS: f64 = 15.0;
    /// Days after a change during which first-time accesses are expected. A choice: one working week; an attacker who
    /// takes over right after a change is missed by the detectors of first-time access during it.
    pub(crate) const SETTLING: i32 = 5;

    /// Learns the ids of an event. Returns whether they changed.
    pub(crate) fn note_ids(&mut self, ids: u64, day: i32) -> bool {
        let changed = self.ids != 0 && self.ids != ids;
        self.ids = ids;
        if changed {
            self.changed = Some(day);
        }
        changed
    }

    /// Learns a closed day: of `requests` for views and reports, `known` were for one that is part of the job. Returns
    /// whether this day completes a change of role.
    pub(crate) fn note_day(&mut self, known: u32, requests: u32, day: i32) -> bool {
        /// Requests below which a day says nothing. A choice.
        const LEAST: u32 = 5;
        /// Days in a row that make a change. A choice: one alone may be an attack.
        const DAYS: u8 = 2;
        /// Tenths of the requests below which the known ones are too few for the old role. A choice: with 4, thefts that go
        /// on next to the account's ordinary work passed for another role on their second day, and were learned as usual.
        const KNOWN_TENTHS: u32 = 2;
        if requests < LEAST {
            return false;
        }
        let is_strange = 10 * known < KNOWN_TENTHS * requests;
        self.strange_days = if is_strange { self.strange_days + 1 } else { 0 };
        if self.strange_days < DAYS {
            return false;
        }
        *self = Self { strange_days: 0, changed: Some(day), ..*self };
        true
    }

    /// Whether `day` is among the first after a change, see [`Role::SETTLING`].
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
    fn two_days_of_unknown_work_are_a_change_and_one_is_not() {
        let mut role = Role::default();
        assert!(!role.note_day(1, 20, 10));
        assert!(!role.note_day(19, 20, 12));
        assert!(!role.note_day(0, 2, 13));
        assert!(!role.note_day(0, 20, 14));
        assert!(role.note_day(0, 20, 16));
    }

    #[test]
    fn twice_as_much_unknown_work_next_to_the_usual_is_no_change() {
        let mut role = Role::default();
        assert!((10..20).all(|day| !role.note_day(10, 30, day)));
    }
}
