//! What one account did on one closed day, and how much of it was usual.

use crate::words::words;
use crate::{OrgId, Surface, Text, Timestamp, UserClass, UserId};
use serde::Serialize;

/// A closed day of an account. A late event closes the day once more, and what then results replaces the earlier one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UserDay {
    /// The org of the account.
    pub org_id: OrgId,
    /// The account.
    pub user_id: UserId,
    /// Start of the day in the org's time zone.
    pub day: Timestamp,
    /// The account's username, where any of its records had one.
    pub username: Option<Text>,
    /// The account's class before the day was learned.
    pub user_class: UserClass,
    /// What it did.
    #[serde(flatten)]
    pub facts: DayFacts,
}

/// What an account did on a day, against what its profile expected before it learned the day.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DayFacts {
    /// Event time of the last activity of the day. What was raised on the day was observed by then.
    pub last_at: Timestamp,
    /// Rows read, by surface: those that were used.
    pub volumes: Vec<DayVolume>,
    /// Downloads of files and Bulk API results.
    pub downloads: u32,
    /// Bytes of these, as far as events have them.
    pub bytes: u64,
    /// Records written through the APIs.
    pub written: u64,
    /// What the account used for the first time, by what it is: those of which there is any. Nothing while an account has no
    /// more than five active days, in which nearly everything is new.
    pub firsts: Vec<DayFirsts>,
    /// The largest calibrated surprise by detector, in the order of their names: those from [`DayFacts::LEAST_SURPRISE`] on.
    pub surprises: Vec<DaySurprise>,
    /// Whether the day was held when it closed: its account has not learned it.
    pub held: bool,
    /// The hours of the day with activity, in the org's time zone: bit 0 is midnight to 01:00. `None` if an earlier version
    /// stored the day.
    pub hours: Option<u32>,
    /// The detectors that could not judge something of the day, in the order of their names. `None` if an earlier version
    /// stored the day; nobody judges days of backfill, of which it is empty.
    pub unjudged: Option<Vec<DayUnjudged>>,
}

/// Rows that were read through one surface on a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DayVolume {
    /// The surface.
    pub surface: Surface,
    /// Rows.
    pub rows: u64,
    /// Requests.
    pub requests: u32,
    /// What was usual; `None` if neither the account nor its class had a past.
    pub usual: Option<Band>,
}

/// Rows of a usual day, with the org's factor of that day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Band {
    /// The expected rows.
    pub expected: u64,
    /// Two scales below, on ln(1 + rows).
    pub low: u64,
    /// Two scales above: about one day in 40 has more by chance.
    pub high: u64,
}

/// What an account used for the first time on a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DayFirsts {
    /// What they are.
    pub what: FirstOf,
    /// How many.
    pub count: u32,
    /// Their names, or the first of them, at most [`DayFirsts::NAMES`].
    pub names: Vec<Text>,
}

/// The surprise of a detector on a day.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DaySurprise {
    /// The detector.
    pub detector: Text,
    /// −log10 of the calibrated p-value, the largest of its tests, to three decimals.
    pub surprise: f64,
}

/// A detector that could not judge what it was asked on a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DayUnjudged {
    /// The detector.
    pub detector: Text,
    /// The reason, in a sentence without a full stop: the first of the day.
    pub reason: Text,
}

words! {
    /// What an account can use for the first time.
    FirstOf {
        /// A Salesforce object.
        Object = "object",
        /// A list view wider than those that it used of the object, which goes by the object's name.
        Scope = "scope",
        /// A report that it exports.
        Report = "report",
        /// A network.
        Network = "network",
        /// A type of client.
        Client = "client",
        /// A country.
        Country = "country",
        /// A connected app.
        App = "app",
    }
}

impl DayFacts {
    /// The least surprise that is kept. A choice: one of ten tests has as much, and no detector raises that little.
    pub const LEAST_SURPRISE: f64 = 1.0;

    /// Returns how many values of a kind the account used for the first time.
    pub fn first_count(&self, what: FirstOf) -> u32 {
        self.firsts.iter().find(|firsts| firsts.what == what).map_or(0, |firsts| firsts.count)
    }
}

impl DayFirsts {
    /// The most names of one kind. A choice: as many as a finding names.
    pub const NAMES: usize = 12;
}
