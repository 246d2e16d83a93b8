//! What an account has done since its day began.

use super::burst::Recent;
use super::{Counts, Delegation};
use crate::estimate::Moments;
use crate::state::exact;
use model::{Rate, Scope, Surface, Text, Timestamp, Usual, Uuid};
use serde::{Deserialize, Serialize};

/// The open day of an account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Day {
    /// Days since 1970-01-01, local.
    pub(crate) number: i32,
    #[serde(with = "exact")]
    pub(crate) start: Timestamp,
    pub(crate) is_weekend: bool,
    /// Event time of the latest activity.
    #[serde(with = "exact")]
    pub(crate) last_at: Timestamp,
    /// Start of the present clock hour, and the hours of the day with activity, a bit each.
    #[serde(with = "exact")]
    pub(crate) hour_start: Timestamp,
    pub(crate) hours: u32,
    pub(crate) sources: [Option<Box<SourceDay>>; Surface::ALL.len()],
    pub(crate) counts: Counts<u32>,
    pub(crate) recent: Recent,
    pub(crate) objects: Firsts,
    pub(crate) scopes: Firsts,
    pub(crate) exports: Firsts,
    pub(crate) api: ApiDay,
    /// Requests for list views and reports, and those for one that was established before.
    pub(crate) named_requests: u32,
    pub(crate) known_requests: u32,
    pub(crate) download_bytes: u64,
    pub(crate) downloads: Vec<Uuid>,
    /// What the present hour is worth as an unusual one.
    pub(crate) odd_hour: Option<OddHour>,
    pub(crate) api_requests: u32,
    pub(crate) page_requests: u32,
    pub(crate) admin_requests: u32,
    pub(crate) delegated: Vec<Delegation>,
}

/// Rows through one source today.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct SourceDay {
    pub(crate) rows: f64,
    pub(crate) hour_rows: f64,
    pub(crate) largest_hour: f64,
    pub(crate) requests: u32,
    /// ln(1 + rows) of today's requests, clipped against the baseline they will join.
    pub(crate) request: Moments,
    /// The expectations of the day, before the day's factor, once they are worked out.
    pub(crate) usual: Option<DayUsual>,
    /// Where the day's factor looks the account's progress up.
    pub(crate) progress: Option<u32>,
    /// The activities that brought most rows, and how many.
    pub(crate) largest: Vec<(f64, Uuid)>,
    pub(crate) objects: Vec<Text>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct DayUsual {
    #[serde(with = "exact")]
    pub(crate) day: Option<Usual>,
    #[serde(with = "exact")]
    pub(crate) hour: Usual,
    /// Rows a request, as if there were one.
    #[serde(with = "exact")]
    pub(crate) intensity: Usual,
    /// Variance of ln(1 + rows) of single requests.
    pub(crate) request_variance: f64,
    #[serde(with = "exact")]
    pub(crate) peer: Usual,
    /// Rows of a day from which on it leans towards the unusual.
    pub(crate) leaning: f64,
    pub(crate) leaning_hour: f64,
}

/// First-time accesses of one kind today.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Firsts {
    pub(crate) names: Vec<Text>,
    /// Hash of the first of them.
    pub(crate) key: u64,
    /// What is usual of them on a day like today, where the org's day has a say.
    #[serde(with = "exact")]
    pub(crate) usual: Option<Rate>,
    /// Rows that they brought together, and the requests that say how many.
    pub(crate) rows: f64,
    pub(crate) requests: u32,
    pub(crate) source: Option<Surface>,
    pub(crate) from_views: Vec<Text>,
    pub(crate) to_view: Option<Text>,
    pub(crate) from_scope: Option<Scope>,
    pub(crate) to_scope: Option<Scope>,
    pub(crate) evidence: Vec<Uuid>,
}

/// Objects touched over the API today.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ApiDay {
    pub(crate) keys: Vec<u64>,
    pub(crate) names: Vec<Text>,
    pub(crate) unknown: u32,
    pub(crate) empty: u32,
    pub(crate) evidence: Vec<Uuid>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct OddHour {
    pub(crate) share: f64,
    pub(crate) of_week: u32,
    pub(crate) rows: f64,
    pub(crate) requests: u32,
}

/// How many activities, names or objects a day's evidence holds at most.
pub(crate) const MOST_EVIDENCE: usize = 12;

/// Appends unless the list is full or holds it already.
pub(crate) fn note<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if list.len() < MOST_EVIDENCE && !list.contains(&item) {
        list.push(item);
    }
}

impl Day {
    pub(crate) fn new(number: i32, start: Timestamp, is_weekend: bool) -> Self {
        Self {
            number,
            start,
            is_weekend,
            last_at: start,
            hour_start: Timestamp(i64::MIN),
            hours: 0,
            sources: Default::default(),
            counts: Counts::default(),
            recent: Recent::default(),
            objects: Firsts::default(),
            scopes: Firsts::default(),
            exports: Firsts::default(),
            api: ApiDay::default(),
            named_requests: 0,
            known_requests: 0,
            download_bytes: 0,
            downloads: Vec::new(),
            odd_hour: None,
            api_requests: 0,
            page_requests: 0,
            admin_requests: 0,
            delegated: Vec::new(),
        }
    }

    pub(crate) fn source(&mut self, source: Surface) -> Option<&mut Box<SourceDay>> {
        self.sources.get_mut(source as usize).map(|slot| slot.get_or_insert_default())
    }

    /// A clock hour begins: what it brings is counted from zero.
    pub(crate) fn open_hour(&mut self, start: Timestamp, hour: u8) {
        self.hour_start = start;
        self.hours |= 1 << hour;
        self.odd_hour = None;
        self.sources.iter_mut().flatten().for_each(|source| source.hour_rows = 0.0);
    }

    /// Share of today's views and reports that the account has worked with for long; 1 while there are few.
    pub(crate) fn known_share(&self) -> f64 {
        const FEW: u32 = 4;
        let (known, all) = (f64::from(self.known_requests), f64::from(self.named_requests));
        if self.named_requests < FEW { 1.0 } else { known / all }
    }

    pub(crate) fn bytes(&self) -> usize {
        let sources = self.sources.iter().flatten().map(|source| {
            size_of::<SourceDay>()
                + source.largest.capacity() * size_of::<(f64, Uuid)>()
                + source.objects.capacity() * size_of::<Text>()
        });
        let firsts = [&self.objects, &self.scopes, &self.exports].map(|firsts| {
            (firsts.names.capacity() + firsts.from_views.capacity()) * size_of::<Text>()
                + firsts.evidence.capacity() * size_of::<Uuid>()
        });
        size_of::<Self>()
            + sources.sum::<usize>()
            + firsts.iter().sum::<usize>()
            + self.recent.heap_bytes()
            + self.api.keys.capacity() * size_of::<u64>()
            + (self.api.names.capacity()) * size_of::<Text>()
    }
}

impl Firsts {
    /// Rows a request; `None` where none says how many.
    pub(crate) fn rows_a_request(&self) -> Option<f64> {
        (self.requests > 0).then(|| self.rows / f64::from(self.requests))
    }
}

impl DayUsual {
    /// Rows a request over so many requests: an average of few varies as they do.
    pub(crate) fn intensity(&self, requests: u32) -> Usual {
        let of_average = self.request_variance.max(0.25) / f64::from(requests.max(1));
        Usual { scale: (self.intensity.scale.powi(2) + of_average).sqrt(), ..self.intensity }
    }
}

impl SourceDay {
    /// Rows a request so far.
    pub(crate) fn intensity(&self) -> f64 {
        self.rows / f64::from(self.requests.max(1))
    }

    /// Counts rows that one activity brought.
    pub(crate) fn add(&mut self, rows: f64, id: Uuid) {
        self.rows += rows;
        self.hour_rows += rows;
        self.largest_hour = self.largest_hour.max(self.hour_rows);
        if rows <= 0.0 {
            return;
        }
        if self.largest.len() < MOST_EVIDENCE {
            self.largest.push((rows, id));
        } else if let Some(least) = self.largest.iter_mut().min_by(|a, b| a.0.total_cmp(&b.0))
            && rows > least.0
        {
            *least = (rows, id);
        }
    }
}
