//! Decisions of people that change what is learned. They take effect when an hour of the org closes.
//!
//! Which ones hold is a function of the set of those that have taken effect, so their order does not matter, and undoing
//! one leaves no trace in what holds.

mod precision;
mod said;
mod scores;
mod stored;
mod taken;
#[cfg(test)]
mod tests;

pub use precision::Credit;
pub use scores::Credited;

pub(crate) use stored::StoredDecisions;
pub(crate) use taken::Decisions;

use super::{Org, Shared, User, reserve, user_at, work};
use crate::calendar::LocalHour;
use model::{Decision, Timestamp, UserId, Uuid};

/// Decisions that may wait for an org's next hour. A choice: all incidents of a bad month at once, 5 MB.
const MOST_PENDING: usize = 10_000;

/// Settings of an org that may wait, and that are kept. A choice: some 10 KB each.
const MOST_SETTINGS: usize = 64;

impl Org {
    /// Keeps a decision until it takes effect: with the close of the hour that begins at `hour`, or of the first later one
    /// that closes; `None`: with the close of the next hour, whatever it is. An org without an open hour keeps it until its
    /// first hour closes.
    ///
    /// A decision that was taken before changes nothing, nor does one that changes neither what is learned nor the
    /// settings.
    ///
    /// Returns the decisions without an `hour` that have made room, because too many wait: those that were recorded first.
    /// They never take effect.
    pub fn decide(&mut self, decision: &Decision, hour: Option<Timestamp>) -> Vec<Uuid> {
        let decisions = &mut self.shared.decisions;
        if !decisions.is_of_use(decision) {
            return Vec::new();
        }
        decisions.keep(decision, hour);
        if hour.is_some() { Vec::new() } else { decisions.make_room() }
    }

    /// Returns the decisions that took effect since the last call, each with the start of the hour with the close of which
    /// it did. Call it with each checkpoint: an org that is restored returns those that took effect after its checkpoint
    /// once more.
    pub fn take_effects(&mut self) -> Vec<(Uuid, Timestamp)> {
        self.shared.decisions.take_effects()
    }

    /// Returns the dispositions since the last call that call a day malicious which was learned for good, and the day's first
    /// moment: they came more than 30 days after it was released. They have their other effects.
    pub fn take_too_late(&mut self) -> Vec<(Uuid, Timestamp)> {
        std::mem::take(&mut self.shared.decisions.too_late)
    }

    /// Takes the decisions that wait for `hour`, which is closed, and ends those that have expired. The org's clock is at
    /// `now`. From here on the org follows the settings that were decided.
    ///
    /// An account with an open day follows at once, and any other one with its next activity, however long that takes: only
    /// the profiles of open days are in memory for certain.
    pub(super) fn take_decisions(&mut self, hour: &LocalHour, now: Timestamp) {
        let Some(before) = self.shared.decisions.close_hour((hour.start, hour.day), now) else { return };
        let users: Vec<UserId> = self.shared.decisions.changed_classes(&before).cloned().collect();
        for user in users {
            self.with_open_day(&user, |member, shared| {
                reserve::both(member, shared, &mut Vec::new(), |id, profile, shared, _| {
                    work::obey(id, profile, shared)
                });
            });
        }
        let today = hour.day;
        let users: Vec<UserId> = self.shared.decisions.changed_dispositions(hour.start).cloned().collect();
        for user in users {
            if !self.slots.contains_key(&user) {
                // Without any activity in this part of the org there is nothing to obey.
                self.shared.decisions.obeyed(&user);
            }
            self.with_open_day(&user, |member, shared| {
                reserve::obey(&member.id, &mut member.profile, &mut shared.decisions, today);
            });
        }
        self.shared.decisions.forget_said();
        if self.shared.decisions.has_other_settings(&before) {
            self.follow_rules();
        }
        self.forget_rules();
    }

    /// Lets an account obey what has changed, if it has an open day.
    fn with_open_day(&mut self, user: &UserId, obey: impl FnOnce(&mut User, &mut Shared)) {
        let Some(slot) = self.slots.get(user).copied() else { return };
        let Some(member) = user_at(&mut self.users, slot).filter(|member| member.profile.day.is_some()) else { return };
        obey(member, &mut self.shared);
        self.changes.note(slot, member);
    }
}
