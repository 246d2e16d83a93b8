//! All behavioral state of one org (or of one slice of a giant one): the only thing that must see a user's
//! activities in order.

mod access;
mod close;
mod copies;
pub(crate) mod facets;
mod hours;
pub(crate) mod identities;
pub(crate) mod names;
mod origin;
pub(crate) mod population;
pub(crate) mod progress;
mod rows;

use crate::calendar::{Calendar, LocalHour};
use crate::settings::{Settings, SettingsError};
use crate::state::Changes;
use crate::user::{Day, Profile};
use facets::Facets;
use identities::Identities;
use model::time::{HOUR, MINUTE, SECOND};
use model::{Activity, Feature, Kind, Observation, OrgId, Timestamp, UserId};
use names::Names;
use population::Populations;
use progress::Progress;
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};

/// The profiles, populations and clock of one org.
pub struct Org {
    id: OrgId,
    settings: Settings,
    pub(crate) calendar: Calendar,
    /// The hour that is open: everything before it is closed. `None` before the first activity.
    pub(crate) open: Option<LocalHour>,
    pub(crate) clock_calendar: Calendar,
    pub(crate) slots: FxHashMap<UserId, u32>,
    pub(crate) users: Vec<Member>,
    pub(crate) shared: Shared,
    pub(crate) identities: Identities,
    pub(crate) active_hour: Vec<u32>,
    pub(crate) active_day: Vec<u32>,
    /// Slots of the users whose open day consists of lessons: it raises nothing.
    pub(crate) taught: BTreeSet<u32>,
    /// Users active, by the start of the day.
    pub(crate) user_days: BTreeMap<Timestamp, u64>,
    pub(crate) changes: Changes,
}

/// An account of the org: its profile is in memory, or is only stored.
pub(crate) enum Member {
    Here(Box<User>),
    Away(UserId),
}

pub(crate) struct User {
    pub(crate) id: UserId,
    pub(crate) profile: Profile,
    /// Event time of the latest activity.
    pub(crate) used: Timestamp,
    /// Whether the profile changed since it was stored.
    pub(crate) is_changed: bool,
}

/// What all profiles of the org have in common.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub(crate) populations: Populations,
    pub(crate) names: Names,
    pub(crate) progress: Progress,
    /// Kinds of events that are missing.
    pub(crate) blind: BTreeSet<Kind>,
    memory_days: f64,
}

/// Why an activity is learned.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Watch,
    Teach,
}

/// What became of an activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ActivityOutcome {
    /// Read and learned in order.
    Learned,
    /// Its day is closed: it teaches what needs no order.
    Late,
    /// Counted before.
    Duplicate,
    /// Counted before, and tells more of where it came from: that was learned.
    Enriched,
    /// Dated after it was received: quarantined.
    Future,
    /// So old that it cannot be told whether it was counted before: set aside.
    Forgotten,
    /// A profile that it needs is not in memory, see [`Org::wanted`] and [`Org::is_away`]. Nothing has changed: it
    /// is to be observed again when the profile is loaded.
    Away,
}

impl Org {
    /// Events dated later than this beyond their receipt are quarantined.
    const MOST_FUTURE: i64 = 5 * MINUTE;

    /// # Errors
    /// If the time zone is unknown.
    pub fn new(id: OrgId, settings: &Settings) -> Result<Self, SettingsError> {
        let zone = settings.time_zone.parse().map_err(|_| SettingsError::TimeZone(settings.time_zone.clone()))?;
        let shared = Shared { memory_days: f64::from(settings.memory_days), ..Shared::default() };
        Ok(Self {
            id,
            settings: settings.clone(),
            calendar: Calendar::new(zone),
            open: None,
            clock_calendar: Calendar::new(zone),
            slots: FxHashMap::default(),
            users: Vec::new(),
            shared,
            identities: Identities::default(),
            active_hour: Vec::new(),
            active_day: Vec::new(),
            taught: BTreeSet::new(),
            user_days: BTreeMap::new(),
            changes: Changes::default(),
        })
    }

    /// Reads what the profile says of the activity, *then* learns it. Hours that end meanwhile are closed first.
    pub fn observe(&mut self, activity: &Activity, out: &mut Vec<Observation>) -> ActivityOutcome {
        self.learn(activity, Purpose::Watch, out)
    }

    /// Learns the activity as [`Org::observe`] does, and raises nothing: it gives no observation, and neither does the
    /// close of a user's hour or day that consists of lessons, whatever closes it. Hours and days that end meanwhile
    /// and hold activities that were observed are judged as ever. To be taught in order of time, before what is observed.
    pub fn teach(&mut self, lesson: &Activity, out: &mut Vec<Observation>) -> ActivityOutcome {
        self.learn(lesson, Purpose::Teach, out)
    }

    /// Events of this kind are missing from here on, and observations say so.
    pub fn blind(&mut self, kind: Kind) {
        self.shared.blind.insert(kind);
    }

    /// Events of this kind come again.
    pub fn sighted(&mut self, kind: Kind) {
        self.shared.blind.remove(&kind);
    }

    fn learn(&mut self, activity: &Activity, purpose: Purpose, out: &mut Vec<Observation>) -> ActivityOutcome {
        let at = activity.event_time;
        if activity.received_at.is_some_and(|received| at.since(received) > Self::MOST_FUTURE) {
            return ActivityOutcome::Future;
        }
        if self.open.is_some_and(|open| open.start.since(at) > i64::from(self.settings.identity_hours) * HOUR) {
            return ActivityOutcome::Forgotten;
        }
        let known = self.slots.get(&activity.user_id).copied();
        let facets = Facets::of(activity);
        if !self.changes.wanted.is_empty() || known.is_some_and(|slot| self.is_slot_away(slot)) {
            let told = self.identities.told(activity.id, at);
            let is_copy = told.is_some_and(|told| facets.beyond(told).is_empty());
            return if is_copy { ActivityOutcome::Duplicate } else { ActivityOutcome::Away };
        }
        if let Some(told) = self.identities.insert(activity.id, at, facets) {
            return self.enrich(activity, known, facets.beyond(told), purpose, out);
        }
        self.advance(at.plus(-i64::from(self.settings.lateness_seconds) * SECOND), out);
        let hour = self.calendar.hour_of(at);
        let slot = known.unwrap_or_else(|| self.join(&activity.user_id));
        let Some(user) = user_at(&mut self.users, slot) else { return ActivityOutcome::Away };
        user.used = user.used.max(at);
        self.changes.note(slot, user);

        if user.profile.day.as_ref().is_some_and(|day| day.number < hour.day) {
            let closed = close::day(&self.id, user, &mut self.shared);
            let was_taught = self.taught.remove(&slot);
            out.extend(closed.filter(|_| !was_taught));
        }
        let is_late = user.profile.day.as_ref().is_some_and(|day| day.number > hour.day)
            || self.open.is_some_and(|open| open.day > hour.day);
        let is_watched = purpose == Purpose::Watch;
        let mut features = Vec::new();
        if activity.native.is_some() {
            features.push(Feature::Native);
        }
        if is_late {
            let mut aside = Day::new(hour.day, hour.day_start, hour.is_weekend());
            origin::learn(&mut user.profile, &mut aside, &mut self.shared, activity, &mut features);
        } else {
            let profile = &mut user.profile;
            if profile.day.is_none() {
                rows::open_day(profile, &mut self.shared);
            }
            let mut day = profile.day.take().unwrap_or_else(|| {
                self.active_day.push(slot);
                if !is_watched {
                    self.taught.insert(slot);
                }
                *self.user_days.entry(hour.day_start).or_default() += 1;
                Box::new(Day::new(hour.day, hour.day_start, hour.is_weekend()))
            });
            day.last_at = day.last_at.max(at);
            if day.hour_start < hour.start {
                self.active_hour.push(slot);
                day.open_hour(hour.start, hour.hour);
                hours::learn(profile, &mut day, &self.shared, &hour, &mut features);
            }
            origin::learn(profile, &mut day, &mut self.shared, activity, &mut features);
            rows::learn(profile, &mut day, &mut self.shared, activity, &mut features);
            profile.day = Some(day);
            if is_watched {
                self.taught.remove(&slot);
            }
        }
        if is_watched && !features.is_empty() {
            out.push(observation(&self.id, &self.shared, user, (at, hour.day_start), Some(activity), features));
        }
        if is_late { ActivityOutcome::Late } else { ActivityOutcome::Learned }
    }

    /// Closes every hour that ends by `watermark`. Does nothing before the first activity, nor while profiles are
    /// [`wanted`](Org::wanted).
    pub fn advance(&mut self, watermark: Timestamp, out: &mut Vec<Observation>) {
        if !self.changes.wanted.is_empty() {
            return;
        }
        let Some(mut open) = self.open else {
            self.open = Some(self.clock_calendar.hour_of(watermark));
            return;
        };
        while open.end <= watermark {
            self.close_hour(&open, out);
            // Hours in which nothing happened have nothing to close.
            let next = if self.active_hour.is_empty() { watermark } else { open.end };
            let next = self.clock_calendar.hour_of(next);
            if next.day != open.day {
                self.close_day(open.day, out);
            }
            open = next;
        }
        if self.open.is_some_and(|was| was.start != open.start) {
            let horizon = open.start.plus(-i64::from(self.settings.identity_hours) * HOUR);
            self.identities.forget_before(horizon);
        }
        self.open = Some(open);
    }

    /// Closes everything: no more activities will come. Does nothing while profiles are [`wanted`](Org::wanted).
    pub fn finish(&mut self, out: &mut Vec<Observation>) {
        if let Some(open) = self.open.filter(|_| self.changes.wanted.is_empty()) {
            self.close_hour(&open, out);
            self.close_day(i32::MAX, out);
        }
    }

    pub fn id(&self) -> &OrgId {
        &self.id
    }

    /// The accounts of the org whose profiles are in memory, in the order in which they appeared.
    pub fn profiles(&self) -> impl Iterator<Item = (&UserId, &Profile)> {
        self.users.iter().filter_map(|member| match member {
            Member::Here(user) => Some((&user.id, &user.profile)),
            Member::Away(_) => None,
        })
    }

    /// Days on which a user was active, summed over users, of days that begin at `from` or later.
    pub fn user_days_since(&self, from: Timestamp) -> u64 {
        self.user_days.range(from..).map(|(_, users)| users).sum()
    }

    pub(crate) fn is_slot_away(&self, slot: u32) -> bool {
        matches!(self.users.get(slot as usize), Some(Member::Away(_)))
    }

    /// A new account. Returns its slot.
    fn join(&mut self, id: &UserId) -> u32 {
        let slot = self.users.len() as u32;
        let profile = Profile::new();
        self.shared.populations.join(profile.class);
        let user = User { id: id.clone(), profile, used: Timestamp(i64::MIN), is_changed: false };
        self.users.push(Member::Here(Box::new(user)));
        self.slots.insert(id.clone(), slot);
        slot
    }

    fn close_hour(&mut self, hour: &LocalHour, out: &mut Vec<Observation>) {
        let mut later = Vec::new();
        for slot in std::mem::take(&mut self.active_hour) {
            let Some(user) = user_at(&mut self.users, slot) else { continue };
            match user.profile.day.as_ref().map(|day| day.hour_start) {
                // An event that came before its time has opened a later hour already.
                Some(start) if start > hour.start => later.push(slot),
                Some(_) => {
                    close::note_progress(user, &mut self.shared);
                    self.changes.note(slot, user);
                }
                None => {}
            }
        }
        self.active_hour = later;
        self.shared.progress.close_hour(hour);
        for slot in self.active_day.iter().filter(|slot| !self.taught.contains(slot)) {
            if let Some(user) = user_at(&mut self.users, *slot)
                && let Some(observation) = close::hour(&self.id, user, &self.shared, hour)
            {
                out.push(observation);
                self.changes.note(*slot, user);
            }
        }
    }

    /// Closes the days up to `day` of all who were active.
    fn close_day(&mut self, day: i32, out: &mut Vec<Observation>) {
        let mut later = Vec::new();
        for slot in std::mem::take(&mut self.active_day) {
            let Some(user) = user_at(&mut self.users, slot) else { continue };
            match user.profile.day.as_ref().map(|open| open.number) {
                Some(number) if number <= day => {
                    let closed = close::day(&self.id, user, &mut self.shared);
                    let was_taught = self.taught.remove(&slot);
                    out.extend(closed.filter(|_| !was_taught));
                    self.changes.note(slot, user);
                }
                Some(_) => later.push(slot),
                None => {}
            }
        }
        self.active_day = later;
        self.shared.progress.close_day();
        self.shared.populations.close_day();
    }
}

/// The user of a slot, if the profile is in memory.
pub(crate) fn user_at(users: &mut [Member], slot: u32) -> Option<&mut User> {
    match users.get_mut(slot as usize)? {
        Member::Here(user) => Some(user),
        Member::Away(_) => None,
    }
}

/// `times` are when it happened, and when the day began.
fn observation(
    org: &OrgId,
    shared: &Shared,
    user: &mut User,
    times: (Timestamp, Timestamp),
    activity: Option<&Activity>,
    features: Vec<Feature>,
) -> Observation {
    user.profile.revision += 1;
    Observation {
        org_id: org.clone(),
        user_id: user.id.clone(),
        username: user.profile.username.clone(),
        user_class: user.profile.class,
        at: times.0,
        day: times.1,
        revision: user.profile.revision,
        activity: activity.map(|activity| Box::new(activity.clone())),
        features,
        blind: shared.blind.iter().copied().collect(),
    }
}
