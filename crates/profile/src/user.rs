//! The profile of one account: all that is known of how it behaves.

mod breadth;
mod burst;
mod class;
mod closed;
mod day;
mod extremes;
mod first_days;
mod habits;
mod news;
mod reserve;
mod rhythm;
mod role;
mod rows;
mod runs;
mod sessions;
mod signals;
mod surprises;
mod unjudged;
mod work;
mod writes;

pub(crate) use breadth::{Breadth, BreadthDay, LearnedBreadth, Reach};
pub(crate) use burst::Request;
pub(crate) use class::{Candidates, classify, has_habits};
pub(crate) use closed::{Amended, ClosedDay, ClosedDays, LearnedRows, learn_again};
pub(crate) use day::{
    Day, DayMore, DayUsual, Firsts, HourRows, MOST_EVIDENCE, OddHour, SurfaceDay, find_or_push, push_unique,
};
pub(crate) use extremes::{ExtremeModel, LargestDay, NamedRequest, PageDay};
pub(crate) use first_days::FirstDays;
pub(crate) use habits::{DayValue, DayValues, Habits, KINDS, LearnedDay, Unusual, UsualDay, kept_after, weight};
pub(crate) use news::DayNews;
pub(crate) use reserve::{Held, Reserve, StoredReserve};
pub(crate) use rhythm::Rhythm;
pub(crate) use role::Role;
pub(crate) use rows::{DrainState, Peaks, RowModel};
pub(crate) use runs::Runs;
pub(crate) use sessions::{Delegation, Sessions};
pub(crate) use signals::{DaySignals, NewAppDay, Signals, WakeDay};
pub(crate) use surprises::{DayTest, DayTests};
pub(crate) use unjudged::Unjudged;
pub use work::{Basis, Belief};
pub(crate) use work::{QUANTITIES, Work, WorkDay};
pub(crate) use writes::{WriteDay, WriteModel};

use crate::estimate::{Dropped, KnownValues, Moments};
use crate::state::exact;
use model::{SetupCase, Surface, Text, Timestamp, UserClass};
use serde::{Deserialize, Serialize};

/// Daily counts that are modeled for each account and each population. The order is that of the stored state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counter {
    /// Most requests within a minute, each page load counted once.
    Burst,
    /// Objects accessed for the first time.
    FirstObjects,
    /// Requests for wide views that are on probation.
    WiderScopes,
    /// Reports exported for the first time.
    FirstExports,
    /// Clients used for the first time.
    NewClients,
    /// Networks used for the first time.
    NewNetworks,
    /// Failed logins.
    LoginFailures,
    /// Changes of network within a session.
    NetworkSwitches,
    /// Distinct objects touched over the API.
    ApiObjects,
    /// Downloads of bulk results and files.
    Downloads,
}

impl Counter {
    pub(crate) const COUNT: usize = 10;

    /// Whether it counts new things, as nearly everything is while an account is young.
    pub(crate) fn is_first(self) -> bool {
        matches!(
            self,
            Self::FirstObjects | Self::WiderScopes | Self::FirstExports | Self::NewClients | Self::NewNetworks
        )
    }

    /// Returns the mean a day that is expected without a population. Choices of the right order of magnitude: six days
    /// of an account's own outweigh them.
    pub(crate) fn default_mean(self) -> f64 {
        match self {
            Self::Burst | Self::ApiObjects => 1.0,
            Self::LoginFailures | Self::Downloads => 0.2,
            Self::FirstObjects | Self::FirstExports | Self::NewNetworks | Self::NetworkSwitches => 0.1,
            Self::WiderScopes | Self::NewClients => 0.03,
        }
    }
}

/// One value for each [`Counter`].
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Counts<T>([T; Counter::COUNT]);

impl<T: Copy + Default> Counts<T> {
    pub(crate) fn get(&self, counter: Counter) -> T {
        self.0.get(counter as usize).copied().unwrap_or_default()
    }

    pub(crate) fn get_mut(&mut self, counter: Counter) -> Option<&mut T> {
        self.0.get_mut(counter as usize)
    }

    pub(crate) fn set(&mut self, counter: Counter, value: T) {
        if let Some(slot) = self.get_mut(counter) {
            *slot = value;
        }
    }
}

impl Counts<u32> {
    /// Adds 1. Returns the new count.
    pub(crate) fn bump(&mut self, counter: Counter) -> u32 {
        let next = self.get(counter).saturating_add(1);
        self.set(counter, next);
        next
    }

    /// Raises the count to `value` if it is less.
    pub(crate) fn raise(&mut self, counter: Counter, value: u32) {
        let most = self.get(counter).max(value);
        self.set(counter, most);
    }
}

/// All counters, in the order of their discriminants.
pub(crate) const COUNTERS: [Counter; Counter::COUNT] = [
    Counter::Burst,
    Counter::FirstObjects,
    Counter::WiderScopes,
    Counter::FirstExports,
    Counter::NewClients,
    Counter::NewNetworks,
    Counter::LoginFailures,
    Counter::NetworkSwitches,
    Counter::ApiObjects,
    Counter::Downloads,
];

/// Kinds of first-time access. The order is that of the stored state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FirstKind {
    Objects,
    Scopes,
    Exports,
}

impl FirstKind {
    pub(crate) const COUNT: usize = 3;

    /// Returns the kind that a counter counts, if it is one of these.
    pub(crate) fn of(counter: Counter) -> Option<Self> {
        [Self::Objects, Self::Scopes, Self::Exports].into_iter().find(|kind| kind.counter() == counter)
    }

    /// Returns the counter of this kind.
    pub(crate) fn counter(self) -> Counter {
        match self {
            Self::Objects => Counter::FirstObjects,
            Self::Scopes => Counter::WiderScopes,
            Self::Exports => Counter::FirstExports,
        }
    }
}

/// What was learned of one account of one org, and its open day.
///
/// The order and types of the fields are the encoding of the stored state, see `state`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Profile {
    pub(crate) username: Option<Text>,
    pub(crate) class: UserClass,
    pub(crate) is_guest: bool,
    /// Whether the account may administer, as the latest event said; `None` before any did. It is stored behind the
    /// profile, because version 1 of the record lacks it.
    #[serde(skip)]
    pub(crate) administers: Option<bool>,
    /// The closed days that late activities can still change. They are stored behind the profile, too.
    #[serde(skip)]
    pub(crate) closed: ClosedDays,
    /// What the account writes through the APIs. Also stored behind the profile.
    #[serde(skip)]
    pub(crate) writes: Vec<WriteModel>,
    /// Also stored behind the profile.
    #[serde(skip)]
    pub(crate) signals: Signals,
    /// Days that are not learned, or not for good; `None` if there are none. Also stored behind the profile.
    #[serde(skip)]
    pub(crate) reserve: Option<Box<Reserve>>,
    /// The last day learned, in days since 1970-01-01 of the org's calendar.
    pub(crate) last_day: Option<i32>,
    /// Active days learned, at most four times `memory_days`.
    pub(crate) days: f64,
    /// Number of observations made of the account: the revision of the latest.
    pub(crate) revision: u64,
    /// The open day; `None` between the close of a day and the next activity.
    pub(crate) day: Option<Box<Day>>,
    /// Rows by [`Surface`].
    pub(crate) rows: [Option<Box<RowModel>>; Surface::ALL.len()],
    /// Daily counts, clipped.
    pub(crate) counts: Counts<Moments>,
    /// Days with many downloads.
    pub(crate) download_peaks: Peaks,
    pub(crate) role: Role,
    /// ln(1 + rows a request) of the first-time accesses of a day that has any, by [`FirstKind`].
    pub(crate) first_rows: [Moments; FirstKind::COUNT],
    pub(crate) rhythm: Rhythm,
    pub(crate) values: AccountValues,
    pub(crate) sessions: Sessions,
    pub(crate) runs: Runs,
    pub(crate) failures: DecayedFailures,
    /// Requests through the API, decayed by day.
    pub(crate) api_requests: f64,
    /// Requests through pages, decayed by day.
    pub(crate) page_requests: f64,
    /// Changes of permissions, decayed by day.
    pub(crate) admin_requests: f64,
}

/// Cases of changes in Setup that an account can have, with apps that are new to the org as one more.
pub(crate) const SETUP_CASES: u16 = SetupCase::ALL.len() as u16 + 1;

/// The values that an account has used, by kind.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AccountValues {
    pub(crate) objects: KnownValues,
    pub(crate) scopes: KnownValues,
    pub(crate) views: KnownValues,
    pub(crate) reports: KnownValues,
    pub(crate) exports: KnownValues,
    pub(crate) clients: KnownValues,
    pub(crate) networks: KnownValues,
    pub(crate) countries: KnownValues,
    pub(crate) apps: KnownValues,
    /// Cases of changes in Setup. Before version 6 of the record, names of operations were among them.
    pub(crate) setup: KnownValues,
}

impl AccountValues {
    /// Returns the values that full sets have dropped, by the index of the kind.
    pub(crate) fn dropped(&self) -> Vec<(u8, &Dropped)> {
        (0..).zip(self.all()).filter_map(|(kind, values)| Some((kind, values.dropped()?))).collect()
    }

    /// Puts the dropped values of a kind back, from the stored state.
    pub(crate) fn set_dropped(&mut self, kind: u8, dropped: Dropped) {
        let all = [
            &mut self.objects,
            &mut self.scopes,
            &mut self.views,
            &mut self.reports,
            &mut self.exports,
            &mut self.clients,
            &mut self.networks,
            &mut self.countries,
            &mut self.apps,
            &mut self.setup,
        ];
        if let Some(values) = all.into_iter().nth(usize::from(kind)) {
            values.set_dropped(dropped);
        }
    }

    fn all(&self) -> [&KnownValues; 10] {
        [
            &self.objects,
            &self.scopes,
            &self.views,
            &self.reports,
            &self.exports,
            &self.clients,
            &self.networks,
            &self.countries,
            &self.apps,
            &self.setup,
        ]
    }
}

/// Failed logins since the last successful one: F = F·exp(−Δt/900 s) + 1 on each.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct DecayedFailures {
    /// F, as of `last`.
    pub(crate) recent: f64,
    /// Failures that are not yet forgotten, each counted as 1.
    pub(crate) count: u32,
    /// Event time of the last attempt.
    #[serde(with = "exact")]
    pub(crate) last: Timestamp,
    /// Ids of the failures, a bounded number.
    pub(crate) evidence: Vec<model::Uuid>,
}

impl Profile {
    pub(crate) fn new() -> Self {
        Self {
            username: None,
            class: UserClass::Normal,
            is_guest: false,
            administers: None,
            closed: ClosedDays::default(),
            writes: Vec::new(),
            signals: Signals::default(),
            reserve: None,
            last_day: None,
            days: 0.0,
            revision: 0,
            day: None,
            rows: Default::default(),
            counts: Counts::default(),
            download_peaks: Peaks::default(),
            role: Role::default(),
            first_rows: Default::default(),
            rhythm: Rhythm::default(),
            // Capacities bound what these take to about 4 KB at rest. Choices: about the number of values that a busy
            // account uses in a quarter; beyond that the least known value is dropped into a filter.
            values: AccountValues {
                objects: KnownValues::new(48),
                scopes: KnownValues::new(48),
                views: KnownValues::new(48),
                reports: KnownValues::new(48),
                exports: KnownValues::new(48),
                clients: KnownValues::new(12),
                networks: KnownValues::new(24),
                countries: KnownValues::new(8),
                apps: KnownValues::new(12),
                setup: KnownValues::new(SETUP_CASES),
            },
            sessions: Sessions::default(),
            runs: Runs::default(),
            failures: DecayedFailures::default(),
            api_requests: 0.0,
            page_requests: 0.0,
            admin_requests: 0.0,
        }
    }

    /// Returns the class of the account, as of its last closed day.
    pub fn class(&self) -> UserClass {
        self.class
    }

    /// Returns how sure the class is, and what decided it.
    pub fn belief(&self) -> Belief {
        self.signals.work.belief
    }

    /// Returns the number of active days behind the baseline.
    pub fn days(&self) -> f64 {
        self.days
    }

    /// Returns the bytes of memory that the profile holds, its heap included.
    pub fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.day.as_ref().map_or(0, |day| day.bytes())
            + self.closed.bytes()
            + self.writes.capacity() * size_of::<WriteModel>()
            + self.signals.heap_bytes()
            + self.reserve.as_ref().map_or(0, |reserve| reserve.bytes())
            + self.rows.iter().flatten().count() * size_of::<RowModel>()
            + self.values.all().iter().map(|values| values.heap_bytes()).sum::<usize>()
            + self.sessions.heap_bytes()
            + self.runs.heap_bytes()
            + self.failures.evidence.capacity() * size_of::<model::Uuid>()
    }

    /// Returns the model of the account's rows through `surface`, created if absent.
    pub(crate) fn row_model(&mut self, surface: Surface) -> Option<&mut Box<RowModel>> {
        self.rows.get_mut(surface as usize).map(|slot| slot.get_or_insert_default())
    }

    /// Returns the model of the account's rows through `surface`, if it ever had any.
    pub(crate) fn rows_of(&self, surface: Surface) -> Option<&RowModel> {
        self.rows.get(surface as usize).and_then(|slot| slot.as_deref())
    }
}
