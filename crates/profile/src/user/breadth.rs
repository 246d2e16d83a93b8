//! How far an account's reports and queries reach.

use super::{MOST_EVIDENCE, push_unique};
use model::{Scope, Surface, Text, UserClass, Uuid};
use serde::{Deserialize, Serialize};

/// How far a report or a query reaches. The order is part of the stored state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Reach {
    /// Some of the records.
    Part,
    /// All records of an object, or a report on all records of the org.
    All,
    /// No records, only their number.
    Number,
}

/// The mean number of reports or objects on days with any, by how far the requests reach. The order of the fields is the
/// encoding of the stored state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Breadth {
    /// Days with requests of which the reach is known, at most as many as are remembered.
    pub(crate) days: f64,
    /// Sum over the days of the share of [`Reach::All`].
    all: f64,
    /// The same of [`Reach::Number`].
    number: f64,
}

/// Reports, or objects of queries, of one day. The order of the fields is the encoding of the stored state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct BreadthDay {
    pub(crate) surface: Surface,
    /// Each report or object once by reach, at most [`BreadthDay::MOST`].
    targets: Vec<(u64, Reach)>,
    all: u32,
    number: u32,
    /// The first of those read in full.
    pub(crate) first: u64,
    /// Those read in full, at most [`MOST_EVIDENCE`].
    pub(crate) names: Vec<Text>,
    /// The first requests for them.
    pub(crate) evidence: Vec<Uuid>,
    /// What was learned of the day; `None` before its first close.
    pub(crate) learned: Option<LearnedBreadth>,
}

/// What was learned of a day. The order of the fields is the encoding of the stored state.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LearnedBreadth {
    pub(crate) class: UserClass,
    /// The share of [`Reach::All`], and that of [`Reach::Number`].
    pub(crate) all: f64,
    pub(crate) number: f64,
    /// How many were read in full.
    pub(crate) count: f32,
}

impl Reach {
    /// Returns the reach of a request of this scope.
    pub(crate) fn of(scope: Scope) -> Self {
        match scope {
            Scope::All => Self::All,
            Scope::Count => Self::Number,
            Scope::Own | Scope::Group | Scope::Team | Scope::Selected => Self::Part,
        }
    }
}

impl Breadth {
    /// Returns the sum of the days' shares of a reach.
    pub(crate) fn of(&self, reach: Reach) -> f64 {
        match reach {
            Reach::All => self.all,
            Reach::Number => self.number,
            Reach::Part => self.days - self.all - self.number,
        }
    }

    /// Learns a day by its shares, in place of those `before`, and remembers so many days.
    pub(crate) fn learn(&mut self, before: Option<&LearnedBreadth>, day: &LearnedBreadth, memory_days: f64) {
        *self = self.without(before);
        let kept = if self.days > 0.0 { ((memory_days - 1.0) / self.days).clamp(0.0, 1.0) } else { 1.0 };
        self.days = self.days * kept + 1.0;
        self.all = self.all * kept + day.all;
        self.number = self.number * kept + day.number;
    }

    /// Returns what is known without a day that was learned.
    pub(crate) fn without(&self, day: Option<&LearnedBreadth>) -> Self {
        let Some(day) = day else { return *self };
        let less = |sum: f64, by: f64| (sum - by).max(0.0);
        Self { days: less(self.days, 1.0), all: less(self.all, day.all), number: less(self.number, day.number) }
    }

    /// Returns the days of both.
    pub(crate) fn merge(&self, other: &Self) -> Self {
        Self { days: self.days + other.days, all: self.all + other.all, number: self.number + other.number }
    }
}

impl BreadthDay {
    /// Reports or objects counted a day, which bounds memory. A choice: more prove no more.
    const MOST: usize = 64;

    pub(crate) fn new(surface: Surface) -> Self {
        Self {
            surface,
            targets: Vec::new(),
            all: 0,
            number: 0,
            first: 0,
            names: Vec::new(),
            evidence: Vec::new(),
            learned: None,
        }
    }

    /// Adds a report or an object. Returns whether it is new to the day with this reach.
    pub(crate) fn add(&mut self, target: u64, reach: Reach) -> bool {
        if self.targets.len() >= Self::MOST || self.targets.contains(&(target, reach)) {
            return false;
        }
        self.targets.push((target, reach));
        match reach {
            Reach::Part => {}
            Reach::All => self.all += 1,
            Reach::Number => self.number += 1,
        }
        true
    }

    /// Keeps the name of a report or an object that was read in full, and the request.
    pub(crate) fn keep(&mut self, target: u64, name: &Text, activity: Uuid) {
        if self.names.is_empty() {
            self.first = target;
        }
        push_unique(&mut self.names, name.clone());
        if self.evidence.len() < MOST_EVIDENCE {
            self.evidence.push(activity);
        }
    }

    /// Returns how many were requested with this reach.
    pub(crate) fn count(&self, reach: Reach) -> u32 {
        match reach {
            Reach::All => self.all,
            Reach::Number => self.number,
            Reach::Part => self.total() - self.all - self.number,
        }
    }

    /// Returns how many were requested.
    pub(crate) fn total(&self) -> u32 {
        self.targets.len() as u32
    }

    /// Returns the bytes of memory on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.targets.capacity() * size_of::<(u64, Reach)>()
            + self.names.capacity() * size_of::<Text>()
            + self.evidence.capacity() * size_of::<Uuid>()
    }
}
