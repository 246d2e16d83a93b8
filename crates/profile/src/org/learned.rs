//! What was learned of one account, to be read by people.

use super::names::{self, Names};
use super::population::{Populations, RowQuantity};
use super::user_days::band;
use crate::estimate::{KnownValue, KnownValues};
use crate::user::{Belief, Profile};
use model::{Anonymizer, Band, Surface, Text, UserClass};

/// What was learned of one account. Hours and days are those of the org's time zone and calendar.
#[derive(Clone, Debug, PartialEq)]
pub struct Learned {
    /// Its class, as of its last closed day.
    pub class: UserClass,
    /// How sure the class is, and what decided it.
    pub belief: Belief,
    /// Active days behind the baseline, at most four times `memory_days`.
    pub days: f64,
    /// The last day learned, in days since 1970-01-01; `None` before one was.
    pub last_day: Option<i32>,
    /// When it works.
    pub rhythm: LearnedRhythm,
    /// Rows of a usual day, by surface; those that it has used.
    pub rows: Vec<UsualRows>,
    /// Requests of a typical active day, the geometric mean of 1 + requests less 1; `None` before a day was learned.
    pub requests: Option<f64>,
    /// What it uses, one for each kind.
    pub known: Vec<KnownOfKind>,
}

/// When an account works.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LearnedRhythm {
    /// On working days.
    pub working_days: WorkedHours,
    /// On weekends and holidays.
    pub weekends: WorkedHours,
    /// The hour around which it works, 0 to 23; `None` before anything is learned.
    pub center: Option<u8>,
}

/// The hours of one kind of days.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WorkedHours {
    /// Days learned, those without activity included, the oldest fading.
    pub days: f64,
    /// Share of these days on which each hour was worked, 0 to 1, from midnight on.
    pub shares: [f64; 24],
}

/// Rows that an account usually reads through one surface on a day on which it uses the surface.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UsualRows {
    /// The surface.
    pub surface: Surface,
    /// Days of the account's own behind it.
    pub days: f64,
    /// What is usual, with the account's class, or its org, as the prior, and without a day factor of the org.
    pub band: Band,
}

/// Kinds of values that an account uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KnownKind {
    /// Objects that were accessed.
    Object,
    /// List views.
    ListView,
    /// Reports that were read or exported.
    Report,
    /// Reports that were exported.
    ReportExport,
    /// Networks.
    Network,
    /// Clients, such as browsers.
    Client,
    /// Countries.
    Country,
    /// Connected apps.
    App,
}

/// The values of one kind that an account uses.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownOfKind {
    /// The kind.
    pub kind: KnownKind,
    /// Those with a stored name, the most used first, of at most [`KnownOfKind::MOST`] values.
    pub values: Vec<NamedValue>,
    /// How many are known, those without a stored name included.
    pub count: usize,
    /// How many were dropped for lack of room. Some may have been dropped more than once.
    pub dropped: u32,
}

/// A value that an account uses.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedValue {
    /// Its name. A report or app without one has its id; a list view is in lower case.
    pub name: Text,
    /// The object of a list view, if its name is stored.
    pub object: Option<Text>,
    /// Days on which it was used; each halves in 90 days.
    pub days: f64,
    /// The last day on which it was used, in days since 1970-01-01.
    pub last_day: i32,
}

impl KnownKind {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::Object,
        Self::ListView,
        Self::Report,
        Self::ReportExport,
        Self::Network,
        Self::Client,
        Self::Country,
        Self::App,
    ];

    /// Returns the kind as a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::ListView => "list_view",
            Self::Report => "report",
            Self::ReportExport => "report_export",
            Self::Network => "network",
            Self::Client => "client",
            Self::Country => "country",
            Self::App => "app",
        }
    }

    fn of(self, profile: &Profile) -> &KnownValues {
        let values = &profile.values;
        match self {
            Self::Object => &values.objects,
            Self::ListView => &values.views,
            Self::Report => &values.reports,
            Self::ReportExport => &values.exports,
            Self::Network => &values.networks,
            Self::Client => &values.clients,
            Self::Country => &values.countries,
            Self::App => &values.apps,
        }
    }
}

impl KnownOfKind {
    /// Values of a kind that are listed at most.
    pub const MOST: usize = 50;

    fn of(kind: KnownKind, profile: &Profile, names: &Names, today: i32) -> Self {
        let known = kind.of(profile);
        let mut entries = entries(kind, profile, today);
        if kind == KnownKind::App {
            merge_twins(&mut entries, names);
        }
        let named = |known: &KnownValue| {
            let (name, object) = match kind {
                KnownKind::ListView => {
                    let view = names.view(known.key)?;
                    (&view.name, names.shown(view.object))
                }
                KnownKind::Network | KnownKind::Client => (names.value(known.key)?, None),
                _ => (names.shown(known.key)?, None),
            };
            let days = f64::from(known.days);
            Some(NamedValue { name: name.clone(), object: object.cloned(), days, last_day: known.last_day })
        };
        Self {
            kind,
            values: entries.iter().take(Self::MOST).filter_map(named).collect(),
            count: entries.len(),
            dropped: known.forgotten(),
        }
    }
}

/// Returns what was learned of an account. `names` must have those behind [`named_keys`].
pub(crate) fn learned(profile: &Profile, populations: &Populations, names: &Names, today: i32) -> Learned {
    let usual = |surface: &Surface| {
        let model = profile.rows_of(*surface).filter(|model| model.day.weight > 0.0)?;
        let prior = populations.row_prior(profile.class, *surface, RowQuantity::Day);
        let usual = model.usual_day(prior.as_ref(), 0.0)?;
        Some(UsualRows { surface: *surface, days: model.day.weight, band: band(&usual) })
    };
    let rhythm = &profile.rhythm;
    let worked = |is_weekend| {
        let (days, shares) = rhythm.worked(is_weekend);
        WorkedHours { days, shares }
    };
    Learned {
        class: profile.class,
        belief: profile.belief(),
        days: profile.days,
        last_day: profile.last_day,
        rhythm: LearnedRhythm { working_days: worked(false), weekends: worked(true), center: rhythm.center() },
        rows: Surface::ALL.iter().filter_map(usual).collect(),
        requests: profile.signals.work.usual_requests(),
        known: KnownKind::ALL.map(|kind| KnownOfKind::of(kind, profile, names, today)).into(),
    }
}

/// Returns the hashes of the values that [`learned`] lists.
pub(crate) fn named_keys(profile: &Profile, today: i32) -> Vec<u64> {
    let listed = |kind| entries(kind, profile, today).into_iter().take(KnownOfKind::MOST);
    KnownKind::ALL.into_iter().flat_map(listed).map(|known| known.key).collect()
}

/// Returns the values of a kind, the most used first, without kinds of anonymizers, which count as networks of their own.
fn entries(kind: KnownKind, profile: &Profile, today: i32) -> Vec<KnownValue> {
    let mut entries = kind.of(profile).known(today);
    if kind == KnownKind::Network {
        let of_kinds: Vec<u64> = Anonymizer::ALL.iter().map(|kind| names::key(names::NETWORK, kind.as_str())).collect();
        entries.retain(|known| !of_kinds.contains(&known.key));
    }
    entries
}

/// Makes one of an app's id and its name: an app with both counts by either.
fn merge_twins(entries: &mut Vec<KnownValue>, names: &Names) {
    let twin = |known: &KnownValue| {
        let of_name = names::key(names::APP, names.shown(known.key)?);
        (of_name != known.key).then_some((known.key, of_name))
    };
    let twins: Vec<(u64, u64)> = entries.iter().filter_map(twin).collect();
    for (key, of_name) in twins {
        let Some(index) = entries.iter().position(|known| known.key == of_name) else { continue };
        let of_name = entries.remove(index);
        if let Some(known) = entries.iter_mut().find(|known| known.key == key) {
            known.days = known.days.max(of_name.days);
            known.last_day = known.last_day.max(of_name.last_day);
        }
    }
    entries.sort_by(KnownValue::by_use);
}

#[cfg(test)]
mod tests;
