//! Features of how much was read: rows, requests, pages, downloads.

use crate::{Rate, Surface, Text, Timestamp, Usual};
use serde::Serialize;
use uuid::Uuid;

/// Rows that one surface returned in the day so far.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Volume {
    /// The surface.
    pub surface: Surface,
    /// Rows of the day.
    pub rows: f64,
    /// Rows of the largest clock hour so far.
    pub hour_rows: f64,
    /// Requests of the day.
    pub requests: u32,
    /// Usual rows of a day.
    pub day: Usual,
    /// Usual rows of the largest clock hour of a day.
    pub hour: Usual,
    /// Usual rows per request, averaged over a day.
    pub per_request: Usual,
    /// Usual rows of the same day for a random member of the account's class.
    pub peer: Usual,
    /// Objects that were read.
    pub objects: Vec<Text>,
    /// The activities with most of the rows.
    pub evidence: Vec<Uuid>,
    /// Whether the day is over. Only late events can still add rows.
    pub closed: bool,
    /// Days some weeks ago with about as many rows: a monthly job, say.
    pub recurrences: u32,
}

/// The largest request of the day so far through one surface.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Largest {
    /// The surface.
    pub surface: Surface,
    /// Rows of the request. Chunks of one report and pages of one query are one request.
    pub rows: f64,
    /// Name of the list view or report, where the record has one.
    pub name: Option<Text>,
    /// Scales above the usual, on the cube root of 1 + rows: Student's t with a few degrees of freedom.
    pub deviations: f64,
    /// The same for a random member of the account's class; `deviations` where no class is known.
    pub peer_deviations: f64,
    /// Rows of the largest request of a usual day.
    pub usual: f64,
    /// Days of the account's own evidence.
    pub days: f64,
    /// Share of the usual that comes from the population, 0 to 1.
    pub prior_weight: f64,
    /// Days some weeks ago with about as large a request.
    pub recurrences: u32,
    /// Objects of the request.
    pub objects: Vec<Text>,
    /// The request.
    pub evidence: Vec<Uuid>,
    /// Natural logarithm of the org's factor of the day, at least 0. It is part of both deviations.
    pub shift: f64,
    /// `deviations` without it.
    pub unshifted: f64,
}

/// Pages of records that the account opened in the day so far.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pages {
    /// Pages; those of one record count once, unless many others came in between.
    pub pages: u32,
    /// Scales above the usual, on the cube root of 1 + pages: Student's t with a few degrees of freedom.
    pub deviations: f64,
    /// The same for a random member of the account's class; `deviations` where no class is known.
    pub peer_deviations: f64,
    /// Pages of a usual day.
    pub usual: f64,
    /// Natural logarithm of the org's factor of the day, at least 0. It is part of both deviations.
    pub shift: f64,
    /// Days of the account's own evidence.
    pub days: f64,
    /// Share of the usual that comes from the population, 0 to 1.
    pub prior_weight: f64,
    /// Days some weeks ago with about as many pages.
    pub recurrences: u32,
    /// Objects of the pages beyond the usual.
    pub objects: Vec<Text>,
    /// The first pages beyond the usual.
    pub evidence: Vec<Uuid>,
    /// `deviations` without the factor of the day.
    pub unshifted: f64,
    /// Whether only pages of objects count that the account's class hardly uses; those of one record then count again.
    pub rare: bool,
}

/// Requests within a minute that page loads do not explain.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Burst {
    /// All requests in the minute.
    pub requests: u32,
    /// Requests less those that page loads of known views explain.
    pub effective: u32,
    /// Milliseconds from the first request to the last.
    pub span: i64,
    /// Usual effective requests of a day's largest burst.
    pub usual: Rate,
    /// Share of the day's views and reports that belong to the account's job, 0 to 1.
    pub known_share: f64,
    /// Objects of the requests.
    pub objects: Vec<Text>,
    /// The requests.
    pub evidence: Vec<Uuid>,
}

/// Files and Bulk API results downloaded in the day.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Downloads {
    /// Downloads of the day.
    pub count: u32,
    /// Their size in bytes, as far as it is known.
    pub bytes: u64,
    /// Usual downloads of a day.
    pub usual: Rate,
    /// The downloads.
    pub evidence: Vec<Uuid>,
    /// Days some weeks ago with about as many downloads.
    pub recurrences: u32,
}

/// A modest excess of rows on many days.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Drain {
    /// The surface.
    pub surface: Surface,
    /// Start of the day on which the excess began. The finding is identified by it.
    pub since: Timestamp,
    /// log10 of the e-process over the days (Shin, Ramdas and Rinaldo 2022).
    pub log10_e: f64,
    /// Days since the e-process was last at 1.
    pub days: u32,
    /// Rows over these days, as a multiple of the usual.
    pub excess: f64,
    /// Rows over these days.
    pub rows: f64,
    /// Usual rows over as many days.
    pub usual_rows: f64,
    /// Days of the account's own evidence.
    pub evidence: f64,
}
