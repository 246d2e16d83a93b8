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
    /// Whether the account may administer, once that was known. Stored behind the profile, which was stored without it
    /// once.
    #[serde(skip)]
    pub(crate) administers: Option<bool>,
}

impl Role {
    /// Days on which a view or report was had before it is part of the job.
    pub(crate) const KNOWN_DAYS: f32 = 3.5;
    /// Active days before an account has a job to change.
    pub(crate) const LEAST_DAYS: f64 = 15.0;
    /// Days after a change in which everything may be a first.
    pub(crate) const SETTLING: i32 = 5;

    /// Notes the ids of an event and whether the account may administer, where they are told. Returns whether one of
    /// them was known to be otherwise.
    pub(crate) fn note(&mut self, ids: Option<u64>, administers: Option<bool>, day: i32) -> bool {
        let known = *self;
        self.ids = ids.unwrap_or(known.ids);
        self.administers = administers.or(known.administers);
        let has_other_ids = known.ids != 0 && known.ids != self.ids;
        let has_other_right = known.administers.is_some() && known.administers != self.administers;
        if has_other_ids || has_other_right {
            self.changed = Some(day);
        }
        has_other_ids || has_other_right
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
        let told = [(None, 9), (Some(1), 10), (Some(1), 11), (Some(2), 12), (None, 13)];
        let changed = told.map(|(ids, day)| role.note(ids, None, day));
        assert_eq!(changed, [false, false, false, true, false]);
        assert!(role.is_settling(14) && !role.is_settling(17));
    }

    #[test]
    fn so_is_a_right_that_was_known_to_be_otherwise() {
        let mut role = Role::default();
        let told = [(Some(true), 10), (None, 11), (Some(false), 12), (Some(false), 13), (Some(true), 14), (None, 15)];
        let changed = told.map(|(administers, day)| role.note(None, administers, day));
        assert_eq!((changed, role.changed), ([false, false, true, false, true, false], Some(14)));
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
