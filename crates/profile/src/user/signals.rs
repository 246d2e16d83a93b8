//! What a profile and its days have from version 7 of the record on.

use super::{
    Breadth, BreadthDay, DayTests, DayValues, ExtremeModel, FirstDays, Habits, LargestDay, PageDay, Work, WorkDay,
};
use crate::org::apps::AppDays;
use crate::org::wake::OwnSilences;
use model::{Surface, Text, Uuid};
use serde::{Deserialize, Serialize};

/// What was learned of an account from version 7 of the record on. The order of the fields is the encoding.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Signals {
    /// Days with a new connected app.
    pub(crate) app_days: AppDays,
    /// Days without activity.
    pub(crate) silences: OwnSilences,
    /// How much the account consumes and how often it administers.
    pub(crate) work: Work,
    /// Rows of the largest request of each day, by surface: those that the account has used.
    pub(crate) largest: Vec<(Surface, ExtremeModel)>,
    /// Record pages of each day that has any.
    pub(crate) pages: Option<ExtremeModel>,
    /// Tests with a surprise in their tail, and the day of the last one; of the last four weeks.
    pub(crate) cases: Vec<(u16, i32)>,
    /// Days by first-time accesses, those that the org's tails have.
    pub(crate) first_days: FirstDays,
    /// What the account uses.
    pub(crate) habits: Habits,
    /// How far its reports and queries reach: those that it has.
    pub(crate) breadth: Vec<(Surface, Breadth)>,
    /// Record pages of objects that its class hardly uses, on each day that has any pages.
    pub(crate) rare_pages: Option<ExtremeModel>,
}

/// What a day of an account has from version 7 of the record on. The order of the fields is the encoding.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct DaySignals {
    /// The least used of the day's new connected apps.
    pub(crate) new_app: Option<Box<NewAppDay>>,
    /// Whether the day counts for new apps: those of an account in its first days do not.
    pub(crate) is_app_day: bool,
    /// Whether a new app of the day was learned when it was closed.
    pub(crate) is_app_learned: bool,
    /// The long silence that the day ended.
    pub(crate) wake: Option<Box<WakeDay>>,
    /// What decides the class.
    pub(crate) work: WorkDay,
    /// Rows of the largest request, by surface: those that were used.
    pub(crate) largest: Vec<LargestDay>,
    /// Record pages.
    pub(crate) pages: Option<Box<PageDay>>,
    /// What the tests of detectors found.
    pub(crate) tests: DayTests,
    /// What was used on the day.
    pub(crate) values: DayValues,
    /// How far reports and queries reach: those that were used.
    pub(crate) breadth: Vec<BreadthDay>,
    /// Record pages of objects that the class hardly uses.
    pub(crate) rare_pages: Option<Box<PageDay>>,
}

/// A connected app on the first day on which the account uses it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct NewAppDay {
    /// Hash of its id, or of its name.
    pub(crate) key: u64,
    pub(crate) name: Text,
    pub(crate) id: Option<Text>,
    /// Accounts that used it before.
    pub(crate) users: u32,
    /// Share of the org's new apps that at most as many accounts used.
    pub(crate) peer_tail: f64,
    /// Whether the org knows an app of the same name with another id.
    pub(crate) imitates: bool,
    pub(crate) rows: f64,
    pub(crate) requests: u32,
    /// Its rows when it was last reported.
    pub(crate) reported_rows: f64,
    /// Its first activities, a bounded number.
    pub(crate) evidence: Vec<Uuid>,
}

/// The first day after a long silence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct WakeDay {
    /// Days without activity before it.
    pub(crate) silent_days: u32,
    /// The longest silence before that one.
    pub(crate) longest_days: u32,
    /// Probability that an active day of the account follows a silence of so many days.
    pub(crate) chance: f64,
    /// A network that the account never used before.
    pub(crate) network: Option<Text>,
    /// A client that the account never used before.
    pub(crate) client: Option<Text>,
}

impl Signals {
    /// Returns the bytes of memory on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.largest.capacity() * size_of::<(Surface, ExtremeModel)>()
            + self.cases.capacity() * size_of::<(u16, i32)>()
            + self.first_days.heap_bytes()
            + self.habits.heap_bytes()
            + self.breadth.capacity() * size_of::<(Surface, Breadth)>()
    }
}

impl DaySignals {
    /// Returns the bytes of memory on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        let pages = [&self.pages, &self.rare_pages].into_iter().flatten();
        let pages = pages.map(|pages| size_of::<PageDay>() + pages.heap_bytes()).sum::<usize>();
        let app = self.new_app.as_ref();
        app.map_or(0, |app| size_of::<NewAppDay>() + app.evidence.capacity() * size_of::<Uuid>())
            + self.wake.as_ref().map_or(0, |_| size_of::<WakeDay>())
            + self.largest.capacity() * size_of::<LargestDay>()
            + self.largest.iter().map(LargestDay::heap_bytes).sum::<usize>()
            + pages
            + self.tests.heap_bytes()
            + self.values.heap_bytes()
            + self.breadth.capacity() * size_of::<BreadthDay>()
            + self.breadth.iter().map(BreadthDay::heap_bytes).sum::<usize>()
    }
}

impl WakeDay {
    /// Returns what is new: 1 for a network, 2 for a client, 3 for both, 0 for neither.
    pub(crate) fn news(&self) -> usize {
        usize::from(self.network.is_some()) + 2 * usize::from(self.client.is_some())
    }
}
