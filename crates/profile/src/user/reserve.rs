//! Days of an account that are held: its baselines have not learned them, or not for good.

use super::{Amended, ClosedDay, DayMore, DayNews, DaySignals, Profile, Unjudged, WriteDay, closed};
use model::{Disposition, Timestamp};
use serde::{Deserialize, Serialize};

/// The held days of an account. What bounds it: each day of the calendar is held once, for `hold_days` and then
/// [`Reserve::SEPARABLE_DAYS`] until the account is active again; of malicious days [`Reserve::MOST_KEPT`] are kept.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reserve {
    /// In ascending order of their numbers. All have [`ClosedDay::held`].
    pub(crate) days: Vec<ClosedDay>,
    /// First moments of the latest days that were learned for good, at most [`Reserve::MOST_NAMED`].
    pub(crate) learned: Vec<Timestamp>,
    /// What was said of the open day.
    pub(crate) of_open_day: Option<Disposition>,
    /// The account's profile together with its released days, as of the first activity of its open day, and all activities
    /// since. It judges in place of the profile, which lives on as if no day had been released; `None` if none is.
    pub(crate) combined: Option<Box<Profile>>,
}

/// How a held day stands. The order of the fields is the encoding of the stored state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Held {
    /// The day of the org's calendar on which it was released.
    pub(crate) released: Option<i32>,
    /// What a person said of it last.
    pub(crate) said: Option<Disposition>,
}

/// The reserve in a record: days with what is stored behind each, days that were learned, what was said of the open day,
/// and the record of the combined profile.
pub(crate) type StoredReserve = (Vec<StoredDay>, Vec<i64>, Option<Disposition>, Option<Vec<u8>>);

/// A held day in a record.
pub(crate) type StoredDay = (Held, ClosedDay, Vec<WriteDay>, DayMore, DaySignals);

impl Reserve {
    /// Days of event time for which a released day stays apart, so that its release can be taken back as if it had never
    /// been. A choice: an incident is decided within a month, or it is not looked into any more.
    pub(crate) const SEPARABLE_DAYS: i32 = 30;
    /// Malicious days that are kept, so that the decision can be taken back: those with the largest numbers. A choice.
    pub(crate) const MOST_KEPT: usize = 16;
    /// Days of which it is remembered that they were learned for good. A choice: it only gives the reason of a refusal.
    const MOST_NAMED: usize = 16;

    /// Whether it holds nothing.
    fn is_empty(&self) -> bool {
        self.days.is_empty() && self.learned.is_empty() && self.of_open_day.is_none() && self.combined.is_none()
    }

    /// Adds a held day.
    pub(crate) fn push(&mut self, closed: ClosedDay) {
        self.days.push(closed);
        self.days.sort_by_key(|closed| closed.day.number);
    }

    /// Drops the oldest malicious days beyond the number that is kept.
    pub(crate) fn trim(&mut self) {
        let is_malicious = |closed: &ClosedDay| closed.held.is_some_and(Held::is_never_learned);
        let mut excess = self.days.iter().filter(|closed| is_malicious(closed)).count().saturating_sub(Self::MOST_KEPT);
        self.days.retain(|closed| {
            let is_dropped = excess > 0 && is_malicious(closed);
            excess -= usize::from(is_dropped);
            !is_dropped
        });
    }

    /// Takes out the days that were released more than [`Reserve::SEPARABLE_DAYS`] before `day`.
    pub(crate) fn take_learned(&mut self, day: i32) -> Vec<ClosedDay> {
        let is_over = |closed: &ClosedDay| closed.held.is_some_and(|held| held.is_learned_for_good(day));
        let (over, rest): (Vec<_>, _) = std::mem::take(&mut self.days).into_iter().partition(is_over);
        self.days = rest;
        self.learned.extend(over.iter().map(|closed| closed.day.start));
        let excess = self.learned.len().saturating_sub(Self::MOST_NAMED);
        self.learned.drain(..excess);
        over
    }

    /// Returns the days as they are stored.
    pub(crate) fn stored_days(&self) -> Vec<StoredDay> {
        let stored = |closed: &ClosedDay| {
            let day = &closed.day;
            (closed.held.unwrap_or_default(), closed.clone(), day.writes.clone(), day.more.clone(), day.signals.clone())
        };
        self.days.iter().map(stored).collect()
    }

    /// Restores a reserve from its record; `combined` is the profile of the last part.
    pub(crate) fn restored((days, learned, of_open_day, _): StoredReserve, combined: Option<Profile>) -> Self {
        let restored = |(held, mut closed, writes, more, signals): StoredDay| {
            closed.held = Some(held);
            (closed.day.writes, closed.day.more, closed.day.signals) = (writes, more, signals);
            closed
        };
        Self {
            days: days.into_iter().map(restored).collect(),
            learned: learned.into_iter().map(Timestamp).collect(),
            of_open_day,
            combined: combined.map(Box::new),
        }
    }

    /// Returns what each held day has of news, if it has any, by the index of the day.
    pub(crate) fn news(&self) -> Vec<(u32, &DayNews)> {
        closed::news(&self.days)
    }

    /// Puts that of a day back, from the stored state.
    pub(crate) fn set_news(&mut self, index: u32, news: DayNews) {
        closed::set_news(&mut self.days, index, news);
    }

    /// Returns the detectors that could not judge each held day, if there are any, by the index of the day.
    pub(crate) fn unjudged(&self) -> Vec<(u32, &Unjudged)> {
        closed::unjudged(&self.days)
    }

    /// Puts those of a day back, from the stored state.
    pub(crate) fn set_unjudged(&mut self, index: u32, of_day: Unjudged) {
        closed::set_unjudged(&mut self.days, index, of_day);
    }

    /// Returns the bytes of memory that it holds.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.days.iter().map(|closed| size_of::<ClosedDay>() + closed.day.bytes()).sum::<usize>()
            + self.learned.capacity() * size_of::<Timestamp>()
            + self.combined.as_ref().map_or(0, |combined| combined.bytes())
    }
}

impl Held {
    /// Whether it is never learned.
    pub(crate) fn is_never_learned(self) -> bool {
        self.said == Some(Disposition::Malicious)
    }

    /// Whether a day that was held on `number` must be released by `day`.
    pub(crate) fn is_due(self, number: i32, day: i32, hold_days: i32) -> bool {
        self.released.is_none() && !self.is_never_learned() && day > number.saturating_add(hold_days)
    }

    /// Whether it was released too long before `day` to be separable.
    pub(crate) fn is_learned_for_good(self, day: i32) -> bool {
        self.released.is_some_and(|on| day > on.saturating_add(Reserve::SEPARABLE_DAYS))
    }
}

impl Profile {
    /// Takes a closed or held day out, ready for a late activity. Returns `None` if the account had none of this number.
    pub(crate) fn reopen(&mut self, number: i32) -> Option<ClosedDay> {
        self.closed.reopen(number).or_else(|| {
            let days = &mut self.reserve.as_mut()?.days;
            let index = days.iter().position(|closed| closed.day.number == number)?;
            Some(days.remove(index).reopened())
        })
    }

    /// Puts a closed or held day back. Closed days before the day `oldest` are dropped.
    pub(crate) fn keep(&mut self, closed: ClosedDay, oldest: i32) {
        if closed.held.is_some() {
            self.reserve.get_or_insert_default().push(closed.rested());
        } else {
            self.closed.keep(closed, oldest);
        }
    }

    /// Whether late activities have changed a day that was closed.
    pub(crate) fn is_amended(&self) -> bool {
        self.closed.are_amended() || self.held_days().any(|closed| closed.amended != Amended::No)
    }

    /// Returns the numbers of the days that late activities have changed, in ascending order.
    pub(crate) fn amended(&self) -> Vec<i32> {
        let held = self.held_days().filter(|closed| closed.amended != Amended::No);
        let mut numbers: Vec<i32> = held.map(|closed| closed.day.number).chain(self.closed.amended()).collect();
        numbers.sort_unstable();
        numbers
    }

    /// Returns the day that began at `start`: the open one, a closed one or one that is held.
    pub(crate) fn day_starting(&mut self, start: Timestamp) -> Option<&mut super::Day> {
        if self.day.as_ref().is_some_and(|day| day.start == start) {
            return self.day.as_deref_mut();
        }
        let held = self.reserve.as_mut().map(|reserve| &mut reserve.days);
        let held = held.and_then(|days| days.iter_mut().find(|closed| closed.day.start == start));
        let held = held.map(|closed| &mut closed.day);
        self.closed.starting(start).or(held).map(|day| &mut **day)
    }

    /// Takes what was said of the open day.
    pub(crate) fn take_of_open_day(&mut self) -> Option<Disposition> {
        let said = self.reserve.as_mut()?.of_open_day.take();
        self.reserve.take_if(|reserve| reserve.is_empty());
        said
    }

    /// Takes the combined profile out.
    pub(crate) fn take_combined(&mut self) -> Option<Box<Self>> {
        self.reserve.as_mut()?.combined.take()
    }

    /// Puts a combined profile in. Without one, revisions continue after those of the last one: its findings must not
    /// count as newer than those that follow.
    pub(crate) fn set_combined(&mut self, combined: Option<Box<Self>>) {
        let last = self.take_combined().map_or(0, |last| last.revision);
        if let Some(mut combined) = combined {
            combined.revision = combined.revision.max(last);
            self.reserve.get_or_insert_default().combined = Some(combined);
        } else {
            self.revision = self.revision.max(last);
        }
        self.reserve.take_if(|reserve| reserve.is_empty());
    }

    /// Returns the held days, released or not.
    pub(crate) fn held_days(&self) -> impl Iterator<Item = &ClosedDay> {
        self.reserve.iter().flat_map(|reserve| &reserve.days)
    }
}
