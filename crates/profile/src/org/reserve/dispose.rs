//! What people say of an account's days, and what follows for those that are held.

use crate::org::decisions::Decisions;
use crate::org::{Org, user_at};
use crate::user::{Held, Profile};
use model::time::DAY;
use model::{Disposition, Timestamp, UserId};

/// How a held day of an account stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The profile that judges has not learned it.
    Held,
    /// The profile that judges has learned it, or will from the account's next day on. It can still be taken back.
    Released,
    /// It is never learned: a person said that it is malicious.
    Never,
}

/// A held day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldDay {
    /// Its first moment.
    pub day: Timestamp,
    /// How it stands.
    pub standing: Standing,
    /// What a person said of it last.
    pub said: Option<Disposition>,
}

/// What a disposition does to one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DisposedDay {
    /// Its first moment.
    pub day: Timestamp,
    /// How it stood; `None` for the open day, which is held or learned as was said when it closes, and for a day that was
    /// learned for good.
    pub before: Option<Standing>,
    /// How it stands now, or will when it closes.
    pub after: Result<Standing, Refusal>,
}

/// Why a disposition has no effect on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It was released more than 30 days ago.
    #[error("the day was learned for good: it was released more than 30 days ago")]
    LearnedForGood,
}

/// What a disposition does to an account's days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disposing {
    /// The account's profile is not in memory. Nothing has changed; load it and try again.
    Away,
    /// The days of the interval that are held, were held until they were learned for good, or open, in their order. Other
    /// days were learned when they closed and stay so.
    Days(Vec<DisposedDay>),
}

impl Org {
    /// Takes what a person said of the days of an account that have activities from `from` on and before `until`; `None`
    /// takes it back. Malicious days are never learned; benign ones and false positives are released at once, and judged by
    /// from the account's next day on; others are held as long as usual.
    ///
    /// Callers do this when an hour has closed, so that it has its effect at the same place of every replay. The open day is
    /// held or learned as was said when it closes. With `hold_days` of 0 nothing is held.
    pub fn dispose(
        &mut self,
        user: &UserId,
        from: Timestamp,
        until: Timestamp,
        disposition: Option<Disposition>,
    ) -> Disposing {
        let today = self.today();
        let Some(slot) = self.slots.get(user).copied() else { return Disposing::Days(Vec::new()) };
        let Some(user) = user_at(&mut self.users, slot) else { return Disposing::Away };
        let days = dispose(&mut user.profile, (from, until), disposition, (today, today));
        self.changes.note(slot, user);
        Disposing::Days(days)
    }

    /// Returns the held days of an account that is in memory, in their order.
    #[cfg(test)]
    pub(crate) fn held(&self, user: &UserId) -> Vec<HeldDay> {
        let Some(slot) = self.slots.get(user) else { return Vec::new() };
        match self.users.get(*slot as usize) {
            Some(crate::org::Member::InMemory(user)) => user.profile.held(),
            _ => panic!("{user} is not in memory"),
        }
    }

    /// Returns the org's day.
    fn today(&self) -> i32 {
        self.open.map_or(i32::MIN, |open| open.day)
    }
}

impl Profile {
    /// Returns the held days, in their order.
    pub fn held(&self) -> Vec<HeldDay> {
        let held = |closed: &crate::user::ClosedDay| {
            let held = closed.held.unwrap_or_default();
            HeldDay { day: closed.day.start, standing: held.standing(), said: held.said }
        };
        self.held_days().map(held).collect()
    }

    /// Returns what [`Org::dispose`] does, on a day of the org's calendar.
    pub(crate) fn disposed(
        mut self,
        (from, until): (Timestamp, Timestamp),
        disposition: Option<Disposition>,
        today: i32,
    ) -> Vec<DisposedDay> {
        dispose(&mut self, (from, until), disposition, (today, today))
    }
}

/// Lets the held days of an account, and its open one, stand as people have decided by now. What was decided long ago, and is
/// not kept any more, stays as it was taken. Whether a release can still be taken back depends on when that took effect, not
/// on when the account is active again and obeys.
pub(in crate::org) fn obey(user: &UserId, profile: &mut Profile, decisions: &mut Decisions, today: i32) {
    let held =
        profile.held_days().map(|closed| (closed.day.start, closed.day.last_at, closed.held.and_then(|h| h.said)));
    let mut days: Vec<(Timestamp, Timestamp, Option<Disposition>)> = held.collect();
    let of_open_day = profile.reserve.as_ref().and_then(|reserve| reserve.of_open_day);
    days.extend(profile.day.as_ref().map(|day| (day.start, day.last_at, of_open_day)));
    for (first, last, mut before) in days {
        for saying in decisions.said_of(user, first, last) {
            if saying.disposition != before {
                dispose(profile, (first, last.plus(1)), saying.disposition, (saying.day, today));
                before = saying.disposition;
            }
        }
    }
    // What was learned for good stays learned, and whoever says otherwise is to know.
    let learned = profile.reserve.iter().flat_map(|reserve| &reserve.learned);
    learned.for_each(|first| decisions.note_learned(user, *first));
    decisions.obeyed(user);
}

/// Disposes of days. `days` are the day on which this took effect, and the one on which the account obeys.
fn dispose(
    profile: &mut Profile,
    (from, until): (Timestamp, Timestamp),
    disposition: Option<Disposition>,
    days: (i32, i32),
) -> Vec<DisposedDay> {
    let mut disposed = Vec::new();
    let open = profile.day.as_ref().filter(|day| day.start < until && from <= day.last_at).map(|day| day.start);
    if open.is_some() {
        profile.reserve.get_or_insert_default().of_open_day = disposition;
    }
    if let Some(reserve) = &mut profile.reserve {
        let is_within = |day: &&Timestamp| **day < until && from < day.plus(DAY);
        disposed.extend(reserve.learned.iter().filter(is_within).map(|day| DisposedDay {
            day: *day,
            before: None,
            after: Err(Refusal::LearnedForGood),
        }));
        let held = reserve.days.iter_mut().filter(|closed| closed.day.start < until && from <= closed.day.last_at);
        for closed in held {
            let before = closed.held.unwrap_or_default();
            let after = before.disposed(disposition, days);
            closed.held = Some(after.unwrap_or(before));
            let (before, after) = (Some(before.standing()), after.map(Held::standing));
            disposed.push(DisposedDay { day: closed.day.start, before, after });
        }
        reserve.trim();
    }
    let of_open_day = Held::default().disposed(disposition, days).map(Held::standing);
    let is_decided = of_open_day != Ok(Standing::Held);
    disposed.extend(open.filter(|_| is_decided).map(|day| DisposedDay { day, before: None, after: of_open_day }));
    if !profile.held_days().any(|closed| closed.held.is_some_and(|held| held.released.is_some())) {
        profile.set_combined(None);
    }
    disposed
}

impl Held {
    /// Returns how the day stands after a disposition.
    fn disposed(self, disposition: Option<Disposition>, (decided, today): (i32, i32)) -> Result<Self, Refusal> {
        if self.is_learned_for_good(decided) {
            return Err(Refusal::LearnedForGood);
        }
        let is_harmless =
            |said: Option<Disposition>| said.and_then(Disposition::was_right).is_some_and(|was_right| !was_right);
        let released = if is_harmless(disposition) {
            self.released.or(Some(today))
        } else if disposition == Some(Disposition::Malicious) || is_harmless(self.said) {
            // What only a person has released is held as before.
            None
        } else {
            self.released
        };
        Ok(Self { released, said: disposition })
    }

    fn standing(self) -> Standing {
        match self.released {
            _ if self.is_never_learned() => Standing::Never,
            Some(_) => Standing::Released,
            None => Standing::Held,
        }
    }
}
