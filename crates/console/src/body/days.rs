//! Closed days of accounts, and heat maps of them.

use super::{Eyes, time};
use model::{OrgId, Timestamp, UserDay};
use serde::Serialize;
use std::collections::BTreeMap;
use store::{HeatRow, SurprisedDay};
use utoipa::ToSchema;

/// What an account did on a day that has closed, against what was usual.
#[derive(Serialize, ToSchema)]
pub(crate) struct Day {
    /// Start of the day in the org's time zone.
    #[schema(format = DateTime)]
    pub(crate) day: String,
    /// The account's class before the day was learned.
    pub(crate) user_class: String,
    /// Event time of the last activity of the day.
    #[schema(format = DateTime)]
    pub(crate) last_at: String,
    /// Rows that were read, by surface.
    pub(crate) volumes: Vec<Volume>,
    /// Downloads of files and Bulk API results.
    #[schema(minimum = 0)]
    pub(crate) downloads: u32,
    /// Bytes of these.
    #[schema(minimum = 0)]
    pub(crate) bytes: u64,
    /// Records written through the APIs.
    #[schema(minimum = 0)]
    pub(crate) written: u64,
    /// What the account used for the first time.
    pub(crate) firsts: Vec<First>,
    /// The largest calibrated surprise, −log10 p, by detector.
    pub(crate) surprises: BTreeMap<String, f64>,
    /// Whether the day was held when it closed: its account has not learned it.
    pub(crate) held: bool,
    /// The hours of the day with activity, 0 to 23, in the org's time zone; null if an earlier version stored the day.
    pub(crate) hours: Option<Vec<u8>>,
    /// The detectors that had something to judge on the day and could judge none of it, with the reason; null if an earlier
    /// version stored the day.
    pub(crate) unjudged: Option<BTreeMap<String, String>>,
    /// Whether a finding was first observed on the day and was not withdrawn since.
    pub(crate) raised: bool,
}

/// Rows that were read through one surface on a day.
#[derive(Serialize, ToSchema)]
pub(crate) struct Volume {
    /// The surface.
    pub(crate) surface: String,
    /// Rows.
    #[schema(minimum = 0)]
    pub(crate) rows: u64,
    /// Requests.
    #[schema(minimum = 0)]
    pub(crate) requests: u32,
    /// Rows of a usual day; null if neither the account nor its class had a past.
    #[schema(minimum = 0)]
    pub(crate) expected: Option<u64>,
    /// The lower end of what is usual.
    #[schema(minimum = 0)]
    pub(crate) low: Option<u64>,
    /// The upper end of what is usual: about one day in 40 has more by chance.
    #[schema(minimum = 0)]
    pub(crate) high: Option<u64>,
}

/// What an account used for the first time on a day.
#[derive(Serialize, ToSchema)]
pub(crate) struct First {
    /// object, scope, report, network, client, country or app.
    pub(crate) what: String,
    /// How many.
    #[schema(minimum = 0)]
    pub(crate) count: u32,
    /// Their names, or the first of them.
    pub(crate) names: Vec<String>,
}

impl Day {
    /// Makes it of a day and the event times, in their order, at which findings of the account were first observed.
    pub(crate) fn of(day: &UserDay, raised_at: &[Timestamp]) -> Self {
        let facts = &day.facts;
        let volume = |volume: &model::DayVolume| Volume {
            surface: volume.surface.as_str().to_owned(),
            rows: volume.rows,
            requests: volume.requests,
            expected: volume.usual.map(|band| band.expected),
            low: volume.usual.map(|band| band.low),
            high: volume.usual.map(|band| band.high),
        };
        let first = |firsts: &model::DayFirsts| First {
            what: firsts.what.as_str().to_owned(),
            count: firsts.count,
            names: firsts.names.iter().map(ToString::to_string).collect(),
        };
        let reason = |one: &model::DayUnjudged| (one.detector.to_string(), one.reason.to_string());
        Self {
            day: time(day.day),
            user_class: day.user_class.as_str().to_owned(),
            last_at: time(facts.last_at),
            volumes: facts.volumes.iter().map(volume).collect(),
            downloads: facts.downloads,
            bytes: facts.bytes,
            written: facts.written,
            firsts: facts.firsts.iter().map(first).collect(),
            surprises: facts.surprises.iter().map(|one| (one.detector.to_string(), one.surprise)).collect(),
            held: facts.held,
            hours: facts.hours.map(|hours| (0..24).filter(|hour| hours & 1 << hour != 0).collect()),
            unjudged: facts.unjudged.as_ref().map(|all| all.iter().map(reason).collect()),
            raised: raised_at.iter().any(|at| *at >= day.day && *at <= facts.last_at),
        }
    }
}

/// A day on which a detector was surprised.
#[derive(Serialize, ToSchema)]
pub(crate) struct Surprised {
    /// Salesforce id of the account.
    pub(crate) user_id: String,
    /// Start of the day in the org's time zone.
    #[schema(format = DateTime)]
    pub(crate) day: String,
    /// The largest calibrated surprise of the detector, −log10 p.
    pub(crate) surprise: f64,
}

impl From<SurprisedDay> for Surprised {
    fn from(day: SurprisedDay) -> Self {
        Self { user_id: day.user_id.to_string(), day: time(day.day), surprise: day.surprise }
    }
}

/// An account in a heat map.
#[derive(Serialize, ToSchema)]
pub(crate) struct HeatAccount {
    /// Salesforce id of the account.
    pub(crate) user_id: String,
    /// Its username, or a pseudonym; null where it is not known.
    pub(crate) username: Option<String>,
    /// The sum over all days.
    #[schema(minimum = 0)]
    pub(crate) total: u64,
    /// The days with a count above 0.
    pub(crate) days: Vec<HeatDay>,
}

/// A day in a heat map.
#[derive(Serialize, ToSchema)]
pub(crate) struct HeatDay {
    /// Start of the day in the org's time zone.
    #[schema(format = DateTime)]
    pub(crate) day: String,
    /// How many first times it has.
    #[schema(minimum = 0)]
    pub(crate) count: u32,
}

impl HeatAccount {
    pub(crate) fn of(row: &HeatRow, org: &OrgId, eyes: Eyes<'_>) -> Self {
        Self {
            user_id: row.user_id.to_string(),
            username: eyes.name(org, &row.user_id, row.username.as_deref()),
            total: row.total,
            days: row.days.iter().map(|(day, count)| HeatDay { day: time(*day), count: *count }).collect(),
        }
    }
}
