//! All that is known of how one account behaves.

mod burst;
mod class;
mod day;
mod rhythm;
mod role;
mod rows;
mod runs;
mod sessions;

pub(crate) use burst::Request;
pub(crate) use class::classify;
pub(crate) use day::{Day, DayUsual, Firsts, MOST_EVIDENCE, OddHour, SourceDay, note};
pub(crate) use rhythm::Rhythm;
pub(crate) use role::Role;
pub(crate) use rows::{DrainState, Peaks, RowModel};
pub(crate) use runs::Runs;
pub(crate) use sessions::{Delegation, Sessions};

use crate::estimate::{Moments, Seen};
use crate::state::exact;
use model::{Surface, Text, Timestamp, UserClass};
use serde::{Deserialize, Serialize};

/// Daily counts that are modeled, for each user and each population.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counter {
    /// Most effective requests within a minute.
    Burst,
    FirstObjects,
    /// Requests for wide views on probation.
    WiderScopes,
    FirstExports,
    NewClients,
    NewNetworks,
    LoginFailures,
    NetworkSwitches,
    ApiObjects,
    Downloads,
}

impl Counter {
    pub(crate) const COUNT: usize = 10;

    /// Whether it counts what is new, which everything is in the beginning.
    pub(crate) fn is_first(self) -> bool {
        matches!(
            self,
            Self::FirstObjects | Self::WiderScopes | Self::FirstExports | Self::NewClients | Self::NewNetworks
        )
    }

    /// Mean a day that is believed where there is no population.
    pub(crate) fn default_mean(self) -> f64 {
        match self {
            Self::Burst | Self::ApiObjects => 1.0,
            Self::LoginFailures | Self::Downloads => 0.2,
            Self::FirstObjects | Self::FirstExports | Self::NewNetworks | Self::NetworkSwitches => 0.1,
            Self::WiderScopes | Self::NewClients => 0.03,
        }
    }
}

/// Values by [`Counter`].
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
    pub(crate) fn bump(&mut self, counter: Counter) -> u32 {
        let next = self.get(counter).saturating_add(1);
        self.set(counter, next);
        next
    }

    pub(crate) fn raise(&mut self, counter: Counter, value: u32) {
        let most = self.get(counter).max(value);
        self.set(counter, most);
    }
}

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

/// What can be accessed for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FirstKind {
    Objects,
    Scopes,
    Exports,
}

impl FirstKind {
    pub(crate) const COUNT: usize = 3;

    pub(crate) fn counter(self) -> Counter {
        match self {
            Self::Objects => Counter::FirstObjects,
            Self::Scopes => Counter::WiderScopes,
            Self::Exports => Counter::FirstExports,
        }
    }
}

/// One account of one org.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Profile {
    pub(crate) username: Option<Text>,
    pub(crate) class: UserClass,
    pub(crate) is_guest: bool,
    /// Whether the account may administer, once that was known. Stored behind the profile, which was stored without it
    /// once.
    #[serde(skip)]
    pub(crate) administers: Option<bool>,
    /// The last day learned.
    pub(crate) last_day: Option<i32>,
    /// Active days learned, decayed.
    pub(crate) days: f64,
    pub(crate) revision: u64,
    pub(crate) day: Option<Box<Day>>,
    pub(crate) rows: [Option<Box<RowModel>>; Surface::ALL.len()],
    pub(crate) counts: Counts<Moments>,
    /// Days with many downloads.
    pub(crate) download_peaks: Peaks,
    pub(crate) role: Role,
    /// ln(1 + rows a request) of first-time accesses, on days that have any, by [`FirstKind`].
    pub(crate) first_rows: [Moments; FirstKind::COUNT],
    pub(crate) rhythm: Rhythm,
    pub(crate) seen: SeenValues,
    pub(crate) sessions: Sessions,
    pub(crate) runs: Runs,
    pub(crate) failures: DecayedFailures,
    /// Requests by how they came: through the API, through pages, and for administration.
    pub(crate) api_requests: f64,
    pub(crate) page_requests: f64,
    pub(crate) admin_requests: f64,
}

/// The values an account has had, by what they are. The sizes bound the memory of a profile.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SeenValues {
    pub(crate) objects: Seen,
    pub(crate) scopes: Seen,
    pub(crate) views: Seen,
    pub(crate) reports: Seen,
    pub(crate) exports: Seen,
    pub(crate) clients: Seen,
    pub(crate) networks: Seen,
    pub(crate) countries: Seen,
    pub(crate) apps: Seen,
    pub(crate) operations: Seen,
}

impl SeenValues {
    fn all(&self) -> [&Seen; 10] {
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
            &self.operations,
        ]
    }
}

/// Failed logins: F = F·exp(−Δt/900 s) + 1 on each.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct DecayedFailures {
    pub(crate) recent: f64,
    pub(crate) count: u32,
    #[serde(with = "exact")]
    pub(crate) last: Timestamp,
    pub(crate) evidence: Vec<model::Uuid>,
}

impl Profile {
    pub(crate) fn new() -> Self {
        Self {
            username: None,
            class: UserClass::Normal,
            is_guest: false,
            administers: None,
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
            seen: SeenValues {
                objects: Seen::new(48),
                scopes: Seen::new(48),
                views: Seen::new(48),
                reports: Seen::new(48),
                exports: Seen::new(48),
                clients: Seen::new(12),
                networks: Seen::new(24),
                countries: Seen::new(8),
                apps: Seen::new(12),
                operations: Seen::new(24),
            },
            sessions: Sessions::default(),
            runs: Runs::default(),
            failures: DecayedFailures::default(),
            api_requests: 0.0,
            page_requests: 0.0,
            admin_requests: 0.0,
        }
    }

    pub fn class(&self) -> UserClass {
        self.class
    }

    /// Active days behind the baseline.
    pub fn days(&self) -> f64 {
        self.days
    }

    /// Bytes of memory that the profile holds, its heap included.
    pub fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.day.as_ref().map_or(0, |day| day.bytes())
            + self.rows.iter().flatten().count() * size_of::<RowModel>()
            + self.seen.all().iter().map(|seen| seen.heap_bytes()).sum::<usize>()
            + self.sessions.heap_bytes()
            + self.runs.heap_bytes()
            + self.failures.evidence.capacity() * size_of::<model::Uuid>()
    }

    pub(crate) fn row_model(&mut self, source: Surface) -> Option<&mut Box<RowModel>> {
        self.rows.get_mut(source as usize).map(|slot| slot.get_or_insert_default())
    }

    pub(crate) fn rows_of(&self, source: Surface) -> Option<&RowModel> {
        self.rows.get(source as usize).and_then(|slot| slot.as_deref())
    }
}
