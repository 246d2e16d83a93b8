//! Closed days of an account, kept while activities of them may still come.

use super::{Counts, Day, DayMore, DayNews, DaySignals, DrainState, Held, HourRows, Unjudged, WriteDay};
use crate::estimate::Moments;
use model::{Surface, Timestamp};
use serde::{Deserialize, Serialize};

/// The closed days of an account, those of the last `identity_hours`. The encoding is that of the stored state.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ClosedDays(Vec<ClosedDay>);

/// A closed day, with what the baselines learned of it: late activities change both.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ClosedDay {
    pub(crate) day: Box<Day>,
    /// `earlier` of the day, which is not stored with it.
    earlier: HourRows,
    /// By [`Surface`]; `None` for those that the account did not use.
    pub(crate) rows: [Option<LearnedRows>; Surface::ALL.len()],
    /// The counts as they were learned; `None` before the first close.
    pub(crate) counts: Option<Counts<Option<f64>>>,
    /// What must be done at the end of the present hour.
    pub(crate) amended: Amended,
    /// How the day stands if it is held. Such days are stored elsewhere.
    #[serde(skip)]
    pub(crate) held: Option<Held>,
}

/// Whether a closed day has activities that it did not have when it was closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Amended {
    /// It has none.
    #[default]
    No,
    /// Only backfill, which is learned and not judged.
    ByBackfill,
    /// Some that are learned and judged.
    ByActivity,
}

/// The values that the baselines learned of a day's rows through one surface.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct LearnedRows {
    pub(crate) day: f64,
    pub(crate) plain: f64,
    pub(crate) hour: f64,
    pub(crate) intensity: f64,
    /// The slow drain before the day.
    pub(crate) drain: DrainState,
}

impl ClosedDays {
    /// Takes a day out, ready for a late activity. Returns `None` if the account had none of this number.
    pub(crate) fn reopen(&mut self, number: i32) -> Option<ClosedDay> {
        let index = self.0.iter().position(|closed| closed.day.number == number)?;
        Some(self.0.remove(index).reopened())
    }

    /// Keeps a day, and drops those before the day `oldest`.
    pub(crate) fn keep(&mut self, closed: ClosedDay, oldest: i32) {
        self.0.retain(|kept| kept.day.number >= oldest);
        if closed.day.number >= oldest {
            self.0.push(closed.rested());
        }
    }

    /// Returns the numbers of the days that late activities have changed, in ascending order.
    pub(crate) fn amended(&self) -> Vec<i32> {
        let amended = self.0.iter().filter(|closed| closed.amended != Amended::No);
        let mut numbers: Vec<i32> = amended.map(|closed| closed.day.number).collect();
        numbers.sort_unstable();
        numbers
    }

    /// Whether late activities have changed a day.
    pub(crate) fn are_amended(&self) -> bool {
        self.0.iter().any(|closed| closed.amended != Amended::No)
    }

    /// Returns what was written on each day that has writes, by the number of the day.
    pub(crate) fn writes(&self) -> Vec<(i32, &[WriteDay])> {
        let days = self.0.iter().map(|closed| (closed.day.number, closed.day.writes.as_slice()));
        days.filter(|(_, writes)| !writes.is_empty()).collect()
    }

    /// Returns what each day has from version 6 of the record on, if it has any, by the number of the day.
    pub(crate) fn more(&self) -> Vec<(i32, &DayMore)> {
        let days = self.0.iter().map(|closed| (closed.day.number, &closed.day.more));
        days.filter(|(_, more)| **more != DayMore::default()).collect()
    }

    /// Returns what each day has from version 7 of the record on, if it has any, by the index of the day: a day that is
    /// closed early, at the end of a run, may be there twice.
    pub(crate) fn signals(&self) -> Vec<(u32, &DaySignals)> {
        let days = (0..).zip(&self.0).map(|(index, closed)| (index, &closed.day.signals));
        days.filter(|(_, signals)| **signals != DaySignals::default()).collect()
    }

    /// Puts that of a day back, from the stored state.
    pub(crate) fn set_signals(&mut self, index: u32, signals: DaySignals) {
        if let Some(closed) = self.0.get_mut(index as usize) {
            closed.day.signals = signals;
        }
    }

    /// Returns what each day has of news, if it has any, by the index of the day.
    pub(crate) fn news(&self) -> Vec<(u32, &DayNews)> {
        news(&self.0)
    }

    /// Puts that of a day back, from the stored state.
    pub(crate) fn set_news(&mut self, index: u32, news: DayNews) {
        set_news(&mut self.0, index, news);
    }

    /// Returns the detectors that could not judge each day, if there are any, by the index of the day.
    pub(crate) fn unjudged(&self) -> Vec<(u32, &Unjudged)> {
        unjudged(&self.0)
    }

    /// Puts those of a day back, from the stored state.
    pub(crate) fn set_unjudged(&mut self, index: u32, of_day: Unjudged) {
        set_unjudged(&mut self.0, index, of_day);
    }

    /// Returns the day that began at `start`, if the account had it.
    pub(crate) fn starting(&mut self, start: Timestamp) -> Option<&mut Box<Day>> {
        self.0.iter_mut().find(|closed| closed.day.start == start).map(|closed| &mut closed.day)
    }

    /// Returns a day by its number, if the account had one.
    pub(crate) fn get_mut(&mut self, number: i32) -> Option<&mut ClosedDay> {
        self.0.iter_mut().find(|closed| closed.day.number == number)
    }

    /// Puts what a day has from version 6 of the record on back, from the stored state.
    pub(crate) fn set_more(&mut self, number: i32, more: DayMore) {
        if let Some(closed) = self.get_mut(number) {
            closed.day.more = more;
        }
    }

    /// Puts back what was written on a day, from the stored state.
    pub(crate) fn set_writes(&mut self, number: i32, writes: Vec<WriteDay>) {
        if let Some(closed) = self.get_mut(number) {
            closed.day.writes = writes;
        }
    }

    /// Returns the bytes of memory that the days hold.
    pub(crate) fn bytes(&self) -> usize {
        self.0.iter().map(|closed| size_of::<ClosedDay>() + closed.day.bytes()).sum()
    }
}

impl ClosedDay {
    /// Makes a day that nothing has learned yet.
    pub(crate) fn new(day: Box<Day>) -> Self {
        Self {
            day,
            earlier: HourRows::default(),
            rows: Default::default(),
            counts: None,
            amended: Amended::No,
            held: None,
        }
    }

    /// Makes the day ready for a late activity.
    pub(crate) fn reopened(mut self) -> Self {
        self.day.earlier = std::mem::take(&mut self.earlier);
        self.day.is_closed = true;
        self
    }

    /// Makes a held day ready to be learned.
    pub(crate) fn into_learnable(self) -> Self {
        Self { held: None, ..self.reopened() }
    }

    /// Makes the day ready to be kept.
    pub(crate) fn rested(mut self) -> Self {
        self.earlier = std::mem::take(&mut self.day.earlier);
        self.day.late_hour = None;
        self
    }

    /// Drops what was learned for good, so that late activities add to it, and what nothing late needs.
    pub(crate) fn settle(&mut self) {
        self.end();
        let day = &mut self.day;
        (day.api_requests, day.page_requests, day.admin_requests) = (0, 0, 0);
        day.surfaces.iter_mut().flatten().for_each(|surface| surface.request = Moments::default());
    }

    /// Drops what nothing late needs.
    pub(crate) fn end(&mut self) {
        let day = &mut self.day;
        day.more.odd_hours.extend(day.odd_hour.take());
        day.recent = super::burst::Recent::default();
        day.surfaces.iter_mut().flatten().for_each(|surface| surface.progress = None);
        self.amended = Amended::No;
    }
}

/// Returns the news of days that have any, by the index of the day.
pub(crate) fn news(days: &[ClosedDay]) -> Vec<(u32, &DayNews)> {
    let of_days = (0..).zip(days).map(|(index, closed)| (index, &closed.day.news));
    of_days.filter(|(_, news)| !news.is_empty()).collect()
}

/// Puts the news of a day back, from the stored state.
pub(crate) fn set_news(days: &mut [ClosedDay], index: u32, news: DayNews) {
    if let Some(closed) = days.get_mut(index as usize) {
        closed.day.news = news;
    }
}

/// Returns the detectors that could not judge days, if there are any, by the index of the day.
pub(crate) fn unjudged(days: &[ClosedDay]) -> Vec<(u32, &Unjudged)> {
    let of_days = (0..).zip(days).map(|(index, closed)| (index, &closed.day.unjudged));
    of_days.filter(|(_, unjudged)| !unjudged.is_empty()).collect()
}

/// Puts those of a day back, from the stored state.
pub(crate) fn set_unjudged(days: &mut [ClosedDay], index: u32, of_day: Unjudged) {
    if let Some(closed) = days.get_mut(index as usize) {
        closed.day.unjudged = of_day;
    }
}

/// Learns a value of a day: adds it, or replaces the one that was learned when the day was closed before. No value of the
/// series is below `least`.
pub(crate) fn learn_again(moments: &mut Moments, before: Option<f64>, value: f64, least: f64, cap: f64) {
    if before == Some(value) {
        return;
    }
    if let Some(before) = before {
        moments.unlearn(before, least);
    }
    moments.add(value, cap);
}
