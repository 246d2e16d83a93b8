//! The open day of an account: what it has done since its day began.

use super::burst::Recent;
use super::{Counts, DayNews, DaySignals, Delegation, Unjudged, WriteDay};
use crate::estimate::Moments;
use crate::state::exact;
use model::{Rate, Scope, Surface, Text, Timestamp, Usual, Uuid};
use serde::{Deserialize, Serialize};

/// The open day of an account. The order of the fields is the encoding of the stored state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Day {
    /// Days since 1970-01-01 in local time.
    pub(crate) number: i32,
    /// First moment of the day.
    #[serde(with = "exact")]
    pub(crate) start: Timestamp,
    pub(crate) is_weekend: bool,
    /// Event time of the latest activity.
    #[serde(with = "exact")]
    pub(crate) last_at: Timestamp,
    /// Start of the clock hour of the latest activity.
    #[serde(with = "exact")]
    pub(crate) hour_start: Timestamp,
    /// Hours of the day with activity, one bit each; bit 0 is midnight to 01:00.
    pub(crate) hours: u32,
    /// Rows by [`Surface`].
    pub(crate) surfaces: [Option<Box<SurfaceDay>>; Surface::ALL.len()],
    pub(crate) counts: Counts<u32>,
    pub(crate) recent: Recent,
    /// Objects accessed for the first time.
    pub(crate) objects: Firsts,
    /// Views wider than the account's own.
    pub(crate) scopes: Firsts,
    /// Reports exported for the first time.
    pub(crate) exports: Firsts,
    pub(crate) api: ApiDay,
    /// Requests for list views and reports.
    pub(crate) named_requests: u32,
    /// Of these, requests for a view or report that is part of the account's job, see [`super::Role::KNOWN_DAYS`].
    pub(crate) known_requests: u32,
    pub(crate) download_bytes: u64,
    /// Ids of downloads, a bounded number.
    pub(crate) downloads: Vec<Uuid>,
    /// The present clock hour, if it is an unusual one.
    pub(crate) odd_hour: Option<OddHour>,
    pub(crate) api_requests: u32,
    pub(crate) page_requests: u32,
    pub(crate) admin_requests: u32,
    /// Work in sessions opened by LoginAs, by delegate.
    pub(crate) delegated: Vec<Delegation>,
    /// Rows of earlier clock hours. It is stored behind the profile, because earlier versions of the record lack it.
    #[serde(skip)]
    pub(crate) earlier: HourRows,
    /// What was written through the APIs. It is stored behind the profile, too.
    #[serde(skip)]
    pub(crate) writes: Vec<WriteDay>,
    /// Start of the clock hour of the activity at hand, if that is not the present one: the activity is late.
    #[serde(skip)]
    pub(crate) late_hour: Option<Timestamp>,
    /// Whether the day was closed before the activity at hand.
    #[serde(skip)]
    pub(crate) is_closed: bool,
    /// Stored behind the profile, too.
    #[serde(skip)]
    pub(crate) more: DayMore,
    /// Stored behind the profile, too.
    #[serde(skip)]
    pub(crate) signals: DaySignals,
    /// Stored behind the profile, too, if there is any.
    #[serde(skip)]
    pub(crate) news: DayNews,
    /// Stored behind the profile, too, if there is any.
    #[serde(skip)]
    pub(crate) unjudged: Unjudged,
}

/// What a day has from version 6 of the record on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct DayMore {
    /// Unusual clock hours before the present one.
    pub(crate) odd_hours: Vec<OddHour>,
    /// Calls in the log of all calls, since the day was closed last.
    pub(crate) usage: u32,
    /// Calls in that log that were learned as requests, because the APIs' own logs had none.
    pub(crate) learned_usage: u32,
}

/// Rows by surface and clock hour, so that late rows count in their hour.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct HourRows(Vec<(u8, i64, f64)>);

/// Today's rows through one surface.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct SurfaceDay {
    pub(crate) rows: f64,
    /// Rows of the present clock hour.
    pub(crate) hour_rows: f64,
    /// Rows of the largest clock hour so far.
    pub(crate) largest_hour: f64,
    pub(crate) requests: u32,
    /// ln(1 + rows) of today's requests, clipped against the baseline that will learn them.
    pub(crate) request: Moments,
    /// The usual distributions, without the org's day factor; worked out at the first request.
    pub(crate) usual: Option<DayUsual>,
    /// Index of the account's distance in [`Progress`](crate::org::progress::Progress).
    pub(crate) progress: Option<u32>,
    /// The activities that read most rows, with the rows of each; at most [`MOST_EVIDENCE`].
    pub(crate) largest: Vec<(f64, Uuid)>,
    /// Objects read, at most [`MOST_EVIDENCE`].
    pub(crate) objects: Vec<Text>,
}

/// The usual distributions of a day's rows through one surface, as of the day's first request.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct DayUsual {
    /// Rows of the day; `None` if nothing is known of the account or its population.
    #[serde(with = "exact")]
    pub(crate) day: Option<Usual>,
    /// Rows of the day's largest clock hour.
    #[serde(with = "exact")]
    pub(crate) hour: Usual,
    /// Rows a request, averaged over a day; [`DayUsual::intensity`] widens it for few requests.
    #[serde(with = "exact")]
    pub(crate) intensity: Usual,
    /// Variance of ln(1 + rows) of single requests.
    pub(crate) request_variance: f64,
    /// The day of a random member of the account's class.
    #[serde(with = "exact")]
    pub(crate) peer: Usual,
    /// Rows of a day above which it is observed: one scale above the usual.
    pub(crate) observed_above: f64,
    /// Rows of a clock hour above which the day is observed.
    pub(crate) hour_observed_above: f64,
}

/// Today's first-time accesses of one kind.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Firsts {
    /// Their names, at most [`MOST_EVIDENCE`].
    pub(crate) names: Vec<Text>,
    /// Hash of the first name.
    pub(crate) key: u64,
    /// Their usual number on a day like today; `None` if the org's day does not change it.
    #[serde(with = "exact")]
    pub(crate) usual: Option<Rate>,
    /// Rows of all of them together.
    pub(crate) rows: f64,
    /// Requests that say how many rows they read.
    pub(crate) requests: u32,
    pub(crate) surface: Option<Surface>,
    pub(crate) from_views: Vec<Text>,
    pub(crate) to_view: Option<Text>,
    pub(crate) from_scope: Option<Scope>,
    pub(crate) to_scope: Option<Scope>,
    pub(crate) evidence: Vec<Uuid>,
}

/// Objects touched over the API today.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct ApiDay {
    /// Hashes of the objects.
    pub(crate) keys: Vec<u64>,
    pub(crate) names: Vec<Text>,
    /// Objects that the account had not accessed before today.
    pub(crate) unknown: u32,
    /// Requests that returned at most one row.
    pub(crate) empty: u32,
    pub(crate) evidence: Vec<Uuid>,
}

/// An unusual clock hour of the account, and its work so far.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct OddHour {
    /// Probability that the account is active in an hour at most as usual, see [`super::Rhythm::share`].
    pub(crate) share: f64,
    /// 0 is Monday from 00:00 to 01:00.
    pub(crate) of_week: u32,
    pub(crate) rows: f64,
    pub(crate) requests: u32,
}

/// Activities, names or objects that a list of evidence holds at most. A choice that bounds memory and messages.
pub(crate) const MOST_EVIDENCE: usize = 12;

/// Appends the item unless the list is full or holds it already.
pub(crate) fn push_unique<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if list.len() < MOST_EVIDENCE && !list.contains(&item) {
        list.push(item);
    }
}

/// Returns the item that `is_it`, appended as `new` makes it if there is none.
pub(crate) fn find_or_push<T>(
    list: &mut Vec<T>,
    is_it: impl Fn(&T) -> bool,
    new: impl FnOnce() -> T,
) -> Option<&mut T> {
    let place = list.iter().position(is_it).unwrap_or_else(|| {
        list.push(new());
        list.len() - 1
    });
    list.get_mut(place)
}

impl Day {
    /// Opens a day.
    pub(crate) fn new(number: i32, start: Timestamp, is_weekend: bool) -> Self {
        Self {
            number,
            start,
            is_weekend,
            last_at: start,
            hour_start: Timestamp(i64::MIN),
            hours: 0,
            surfaces: Default::default(),
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
            earlier: HourRows::default(),
            writes: Vec::new(),
            late_hour: None,
            is_closed: false,
            more: DayMore::default(),
            signals: DaySignals::default(),
            news: DayNews::default(),
            unjudged: Unjudged::default(),
        }
    }

    /// Returns today's rows through `surface`, created if absent.
    pub(crate) fn surface(&mut self, surface: Surface) -> Option<&mut Box<SurfaceDay>> {
        self.surfaces.get_mut(surface as usize).map(|slot| slot.get_or_insert_default())
    }

    /// Whether one of the APIs' own logs had a call on the day. All that it writes goes through the APIs.
    pub(crate) fn has_own_calls(&self) -> bool {
        let has = |surface: Surface| matches!(self.surfaces.get(surface as usize), Some(Some(_)));
        self.api_requests > 0 || !self.writes.is_empty() || has(Surface::Api) || has(Surface::Bulk)
    }

    /// Begins a clock hour: its rows are counted from zero.
    pub(crate) fn open_hour(&mut self, start: Timestamp, hour: u8) {
        for (index, surface) in self.surfaces.iter_mut().enumerate() {
            let Some(surface) = surface else { continue };
            if surface.hour_rows > 0.0 {
                self.earlier.add(index, self.hour_start, surface.hour_rows);
                surface.hour_rows = 0.0;
            }
        }
        self.hour_start = start;
        self.hours |= 1 << hour;
        self.more.odd_hours.extend(self.odd_hour.take());
    }

    /// Counts the rows of one activity through `surface`, in the present clock hour or in the one that it is late for.
    pub(crate) fn add_rows(&mut self, surface: Surface, rows: f64, id: Uuid) {
        let of_hour = self.late_hour.map(|start| self.earlier.add(surface as usize, start, rows));
        if let Some(today) = self.surface(surface) {
            today.add(rows, of_hour, id);
        }
    }

    /// Returns the share of today's requests for views and reports that are part of the account's job; 1 while there
    /// are few.
    pub(crate) fn known_share(&self) -> f64 {
        /// Requests below which there is no share to speak of. A choice.
        const FEW: u32 = 4;
        let (known, all) = (f64::from(self.known_requests), f64::from(self.named_requests));
        if self.named_requests < FEW { 1.0 } else { known / all }
    }

    /// Returns the bytes of memory that the day holds, its heap included.
    pub(crate) fn bytes(&self) -> usize {
        let surfaces = self.surfaces.iter().flatten().map(|surface| {
            size_of::<SurfaceDay>()
                + surface.largest.capacity() * size_of::<(f64, Uuid)>()
                + surface.objects.capacity() * size_of::<Text>()
        });
        let firsts = [&self.objects, &self.scopes, &self.exports].map(|firsts| {
            (firsts.names.capacity() + firsts.from_views.capacity()) * size_of::<Text>()
                + firsts.evidence.capacity() * size_of::<Uuid>()
        });
        size_of::<Self>()
            + surfaces.sum::<usize>()
            + firsts.iter().sum::<usize>()
            + self.recent.heap_bytes()
            + self.api.keys.capacity() * size_of::<u64>()
            + self.api.names.capacity() * size_of::<Text>()
            + self.earlier.0.capacity() * size_of::<(u8, i64, f64)>()
            + self.writes.iter().map(WriteDay::heap_bytes).sum::<usize>()
            + self.writes.capacity() * size_of::<WriteDay>()
            + self.more.odd_hours.capacity() * size_of::<OddHour>()
            + self.signals.heap_bytes()
            + self.news.heap_bytes()
            + self.unjudged.heap_bytes()
    }
}

impl HourRows {
    /// Adds rows to those of a surface, given by its index, in the clock hour that begins at `start`. Returns their sum.
    fn add(&mut self, surface: usize, start: Timestamp, rows: f64) -> f64 {
        let key = (surface as u8, start.0);
        if let Some((_, _, sum)) = self.0.iter_mut().find(|(surface, start, _)| (*surface, *start) == key) {
            *sum += rows;
            return *sum;
        }
        self.0.push((key.0, key.1, rows));
        rows
    }
}

impl Firsts {
    /// Returns the rows a request; `None` if no request says how many, or if they read at most one each, as those do that
    /// count records or describe objects: that says nothing of how many rows others read.
    pub(crate) fn rows_a_request(&self) -> Option<f64> {
        let requests = f64::from(self.requests);
        (self.rows > requests).then(|| self.rows / requests)
    }
}

impl DayUsual {
    /// Returns the distribution of the rows a request, averaged over so many requests: the variance of an average of n
    /// is larger by the variance of one request over n.
    pub(crate) fn intensity(&self, requests: u32) -> Usual {
        /// Least variance of ln(1 + rows) of one request: a factor of 1.65 is one deviation. A choice.
        const LEAST_VARIANCE: f64 = 0.25;
        let of_average = self.request_variance.max(LEAST_VARIANCE) / f64::from(requests.max(1));
        Usual { scale: (self.intensity.scale.powi(2) + of_average).sqrt(), ..self.intensity }
    }
}

impl SurfaceDay {
    /// Returns the rows a request, averaged over the day so far.
    pub(crate) fn intensity(&self) -> f64 {
        self.rows / f64::from(self.requests.max(1))
    }

    /// Counts the rows of one activity. `of_hour` are those of its clock hour so far, if that is not the present one.
    fn add(&mut self, rows: f64, of_hour: Option<f64>, id: Uuid) {
        self.rows += rows;
        let of_hour = of_hour.unwrap_or_else(|| {
            self.hour_rows += rows;
            self.hour_rows
        });
        self.largest_hour = self.largest_hour.max(of_hour);
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
