//! One day of an account: what it did, what was odd, and the activities that findings keep.

use crate::body::Day;
use crate::pages::{Asker, Dates, Failed, Fields, dates, exposure, usual};
use model::{Evidence, OrgId, Timestamp, UserId};
use store::{FindingFilter, StoredFinding};

/// One day of an account.
pub(super) struct OfDay {
    pub(super) date: String,
    /// The day, if it has closed and the account was active.
    pub(super) facts: Option<Facts>,
    pub(super) findings: Vec<StoredFinding>,
    /// The activities of the day that findings keep, in order of time.
    pub(super) activities: Vec<Evidence>,
    pub(super) before: String,
    pub(super) after: String,
}

/// What is stored of a day that has closed.
pub(super) struct Facts {
    pub(super) volumes: Vec<[String; 4]>,
    pub(super) firsts: Vec<String>,
    /// Detectors with how seldom chance does as much, the most surprised first.
    pub(super) surprises: Vec<(String, String)>,
    pub(super) downloads: u32,
    pub(super) bytes: u64,
    pub(super) written: u64,
    pub(super) held: bool,
}

impl OfDay {
    /// Reads the day with a date.
    ///
    /// # Errors
    /// If the database does not answer.
    pub(super) async fn read(
        asker: &Asker,
        (org, user): (&OrgId, &UserId),
        (date, calendar): (i64, Dates),
        days: &[Day],
    ) -> Result<Self, Failed> {
        let found = days.iter().find(|day| calendar.number(&day.day) == Some(date));
        let midnight = calendar.start(date);
        // A day that began in another time zone keeps its own start.
        let start = found.and_then(|day| Timestamp::parse(&day.day)).unwrap_or(midnight);
        let end = start.plus(calendar.start(date.saturating_add(1)).since(midnight));
        let filter = FindingFilter {
            org_id: Some(org.clone()),
            user_id: Some(user.clone()),
            since: Some(start),
            ..FindingFilter::default()
        };
        let mut findings = asker.visitor().await?.visit.findings(&filter).await?;
        findings.retain(|stored| stored.finding.observed_at < end);
        findings.sort_by_key(|stored| (stored.finding.observed_at, stored.finding.finding_id));
        for stored in &mut findings {
            let seen = asker.eyes().finding(stored.finding.clone());
            stored.finding = seen;
        }
        let all = findings.iter().flat_map(|stored| &stored.finding.evidence).collect();
        let mut activities: Vec<Evidence> = exposure::once(all).cloned().collect();
        activities.retain(|activity| activity.at >= start && activity.at < end);
        activities.sort_by_key(|activity| (activity.at, activity.activity_id));
        let other = |by: i64| Fields::default().with("day", &dates::text(date.saturating_add(by))).to_string();
        Ok(Self {
            date: dates::text(date),
            facts: found.map(Facts::of),
            findings,
            activities,
            before: other(-1),
            after: other(1),
        })
    }
}

impl Facts {
    fn of(day: &Day) -> Self {
        let usual = |volume: &crate::body::Volume| match (volume.low, volume.expected, volume.high) {
            (Some(low), Some(expected), Some(high)) => {
                let count = view::format::count;
                format!("{} ({} to {})", count(expected), count(low), count(high))
            }
            _ => "no past".to_owned(),
        };
        let volume = |volume: &crate::body::Volume| {
            let (rows, requests) = (view::format::count(volume.rows), view::format::count(volume.requests.into()));
            [volume.surface.replace('_', " "), rows, requests, usual(volume)]
        };
        let mut surprises: Vec<(&String, &f64)> = day.surprises.iter().collect();
        surprises.sort_by(|a, b| b.1.total_cmp(a.1));
        let named = |(detector, surprise): (&String, &f64)| (detector.clone(), view::format::p_value(*surprise));
        Self {
            volumes: day.volumes.iter().map(volume).collect(),
            firsts: day.firsts.iter().map(usual::first_times).collect(),
            surprises: surprises.into_iter().map(named).collect(),
            downloads: day.downloads,
            bytes: day.bytes,
            written: day.written,
            held: day.held,
        }
    }
}
