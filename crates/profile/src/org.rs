//! The behavioral state of one org, or of one slice of a very large org. It must get each user's activities in order;
//! nothing else in orgwatch needs an order.

mod access;
mod adoption;
pub(crate) mod apps;
mod breadth;
pub(crate) mod calibration;
mod clock;
mod close;
mod composition;
mod connection;
mod copies;
mod count_tail;
pub(crate) mod decisions;
mod delegation;
mod extremes;
pub(crate) mod facets;
mod firsts;
mod hours;
pub(crate) mod identities;
mod late;
pub(crate) mod learned;
pub(crate) mod names;
mod network;
mod outcome;
pub(crate) mod population;
mod present;
pub(crate) mod progress;
mod rare_pages;
mod reserve;
mod role;
mod rows;
mod rules;
mod setup;
pub(crate) mod signals;
mod teach;
#[cfg(test)]
mod testing;
mod user_days;
pub(crate) mod wake;
pub(crate) mod work;
pub(crate) mod writes;

use crate::Anonymizers;
use crate::calendar::{Calendar, Holidays, LocalHour};
use crate::settings::{Settings, SettingsError};
use crate::state::Changes;
use crate::user::Profile;
use calibration::Tester;
use decisions::Decisions;
pub use decisions::{Credit, Credited};
use facets::Facets;
use identities::Identities;
use model::time::SECOND;
use model::{Activity, Feature, Kind, Observation, OrgId, Text, Timestamp, UserDay, UserId};
use names::Names;
pub use outcome::ActivityOutcome;
use population::Populations;
use present::Begun;
use progress::Progress;
pub use reserve::{DisposedDay, Disposing, HeldDay, Refusal, Standing};
use rules::Rules;
use rustc_hash::FxHashMap;
use signals::SharedSignals;
use std::collections::{BTreeMap, BTreeSet};

/// The profiles, populations and clock of one org.
///
/// [`Org::observe`] takes one activity: it reads what the profile says of it and then learns it. [`Org::advance`] and
/// [`Org::finish`] close hours and days. All of them append observations to `out`. Those of revision 0 are only for
/// [`Org::calibrate`].
pub struct Org {
    id: OrgId,
    /// Those in force.
    settings: Settings,
    rules: Rules,
    pub(crate) calendar: Calendar,
    /// The open hour: all hours before it are closed. `None` before the first activity.
    pub(crate) open: Option<LocalHour>,
    /// The calendar of the open hour. `calendar` is that of activities, which may be earlier or later.
    pub(crate) clock_calendar: Calendar,
    /// Index in `users` of each account.
    pub(crate) slots: FxHashMap<UserId, u32>,
    /// The accounts in the order in which they appeared.
    pub(crate) users: Vec<Member>,
    pub(crate) shared: Shared,
    pub(crate) identities: Identities,
    /// Slots of the users active since the last hour closed.
    pub(crate) active_hour: Vec<u32>,
    /// Slots of the users with an open day, or with a closed one that late activities have changed.
    pub(crate) active_day: Vec<u32>,
    /// Slots of the users with an open day of backfill only, which closes without an observation.
    pub(crate) backfill_days: BTreeSet<u32>,
    /// Number of active users by the start of the day.
    pub(crate) user_days: BTreeMap<Timestamp, u64>,
    pub(crate) changes: Changes,
    /// The time before which identities were forgotten. It stays when `identity_hours` is raised.
    pub(crate) forgotten: Timestamp,
    /// Start of the open hour if it was judged in silence.
    pub(crate) judged: Option<Timestamp>,
}

/// An account of the org, with its profile in memory or only in the checkpoint.
pub(crate) enum Member {
    InMemory(Box<User>),
    Stored(UserId),
}

/// An account with its profile in memory.
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
    pub(crate) signals: SharedSignals,
    /// Those of the settings.
    pub(crate) anonymizers: Anonymizers,
    /// Kinds of events that are currently missing.
    pub(crate) blind: BTreeSet<Kind>,
    pub(crate) decisions: Decisions,
    /// The hash of the settings in force if people have decided on them; empty if they are those of the service.
    settings_hash: Text,
    holidays: Holidays,
    /// `memory_days` of the settings.
    memory_days: f64,
    /// Days for which closed days are kept: those of `identity_hours`.
    kept_days: i32,
    /// `hold_days` of the settings.
    hold_days: i32,
    /// What detectors find when a day closes.
    tester: Tester,
    /// Accounts and revisions of observations since the last entry that only judge.
    of_combined: Vec<(UserId, u64)>,
    /// Days that have closed since they were last taken.
    user_days: Vec<UserDay>,
}

/// Why an activity is learned.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// To observe and learn it.
    Observe,
    /// To learn it without an observation.
    Backfill,
}

impl Org {
    /// Creates an org without profiles.
    ///
    /// # Errors
    /// If the time zone is unknown.
    pub fn new(id: OrgId, settings: &Settings) -> Result<Self, SettingsError> {
        let zone = settings.zone()?;
        let mut shared = Shared::default();
        shared.set(settings);
        Ok(Self {
            id,
            settings: settings.clone(),
            rules: Rules::new(settings)?,
            calendar: Calendar::new(zone),
            open: None,
            clock_calendar: Calendar::new(zone),
            slots: FxHashMap::default(),
            users: Vec::new(),
            shared,
            identities: Identities::default(),
            active_hour: Vec::new(),
            active_day: Vec::new(),
            backfill_days: BTreeSet::new(),
            user_days: BTreeMap::new(),
            changes: Changes::default(),
            forgotten: Timestamp(i64::MIN),
            judged: None,
        })
    }

    /// Observes an activity: closes the hours that end before it, reads what the profile says of it, *then* learns it.
    /// Appends an observation if a feature stands out.
    pub fn observe(&mut self, activity: &Activity, out: &mut Vec<Observation>) -> ActivityOutcome {
        self.learn(activity, Purpose::Observe, out)
    }

    /// Learns an activity of long ago as [`Org::observe`] does, without an observation of it. Neither does the close of
    /// a user's hour or day that consists of backfill give one, whatever closes it. Hours and days that end meanwhile
    /// and hold observed activities give theirs. Backfill must come in order of time, before what is observed.
    pub fn backfill(&mut self, activity: &Activity, out: &mut Vec<Observation>) -> ActivityOutcome {
        self.learn(activity, Purpose::Backfill, out)
    }

    /// Marks a kind of events as missing from here on: later observations list it.
    pub fn blind(&mut self, kind: Kind) {
        self.shared.blind.insert(kind);
    }

    /// Marks a kind of events as no longer missing.
    pub fn sighted(&mut self, kind: Kind) {
        self.shared.blind.remove(&kind);
    }

    fn learn(&mut self, activity: &Activity, purpose: Purpose, out: &mut Vec<Observation>) -> ActivityOutcome {
        let at = activity.event_time;
        if activity.received_at.is_some_and(|received| activity.is_ahead_of(received)) {
            return ActivityOutcome::Future;
        }
        if at < self.forgotten || self.open.is_some_and(|open| at < self.horizon(open)) {
            return ActivityOutcome::Forgotten;
        }
        let slot = self.slots.get(&activity.user_id).copied();
        let facets = Facets::of(activity);
        if !self.changes.wanted.is_empty() || slot.is_some_and(|slot| self.is_slot_away(slot)) {
            let known = self.identities.facets_of(activity.id, at);
            let is_copy = known.is_some_and(|known| facets.beyond(known).is_empty());
            return if is_copy { ActivityOutcome::Duplicate } else { ActivityOutcome::Away };
        }
        if let Some(counted) = self.identities.insert(activity.id, at, facets) {
            return self.enrich(activity, slot, facets.beyond(counted), purpose, out);
        }
        self.advance(at.plus(-i64::from(self.settings.lateness_seconds) * SECOND), out);
        let hour = self.calendar.hour_of(at);
        let slot = slot.unwrap_or_else(|| self.join(&activity.user_id));
        let Some(user) = user_at(&mut self.users, slot) else { return ActivityOutcome::Away };
        user.used = user.used.max(at);
        self.changes.note(slot, user);

        if user.profile.day.as_ref().is_some_and(|day| day.number < hour.day) {
            let (org, open, is_judged) = (&self.id, self.open, !self.backfill_days.remove(&slot));
            reserve::both(user, &mut self.shared, out, |id, profile, shared, out| {
                out.extend(close::day(org, (id, profile), shared, open, is_judged));
            });
        }
        if self.shared.decisions.has_classes() {
            reserve::both(user, &mut self.shared, out, |id, profile, shared, _| work::obey(id, profile, shared));
        }
        if self.shared.decisions.has_dispositions() && user.profile.day.is_none() {
            reserve::obey(&user.id, &mut user.profile, &mut self.shared.decisions, hour.day);
        }
        let is_late = user.profile.day.as_ref().is_some_and(|day| day.number > hour.day)
            || self.open.is_some_and(|open| open.day > hour.day);
        let is_listed = user.profile.day.is_some() || user.profile.is_amended();
        let is_observed = purpose == Purpose::Observe;
        if !is_late && user.profile.day.is_none() {
            reserve::open(&user.id, &mut user.profile, &mut self.shared, hour.day);
        }
        let (org, open, mut begun) = (&self.id, self.open, Begun::default());
        reserve::both(user, &mut self.shared, out, |id, profile, shared, out| {
            let mut features = Vec::new();
            if activity.native.is_some() {
                features.push(Feature::Native);
            }
            begun = if is_late {
                let day = late::learn(profile, shared, activity, &hour, is_observed, &mut features);
                Begun { day, hour: false }
            } else {
                present::learn(profile, shared, activity, &hour, open, &mut features)
            };
            if is_observed && !features.is_empty() {
                out.push(observation(org, shared, (id, profile), (at, hour.day_start), Some(activity), features));
            }
        });
        if is_late || begun.day {
            *self.user_days.entry(hour.day_start).or_default() += u64::from(begun.day);
        }
        if !is_listed {
            self.active_day.push(slot);
        }
        if begun.hour {
            self.active_hour.push(slot);
        }
        if !is_late && is_observed {
            self.backfill_days.remove(&slot);
        } else if !is_late && begun.day {
            self.backfill_days.insert(slot);
        }
        if is_late { ActivityOutcome::Late } else { ActivityOutcome::Learned }
    }

    /// Returns the id of the org.
    pub fn id(&self) -> &OrgId {
        &self.id
    }

    /// Returns the accounts with profiles in memory, in the order in which they appeared.
    pub fn profiles(&self) -> impl Iterator<Item = (&UserId, &Profile)> {
        self.users.iter().filter_map(|member| match member {
            Member::InMemory(user) => Some((&user.id, &user.profile)),
            Member::Stored(_) => None,
        })
    }

    /// Returns the start of the day of the latest activity, by arrival.
    pub fn day_of_latest(&self) -> Timestamp {
        self.calendar.last.day_start
    }

    /// Returns the number of active days, summed over users, of days that begin at `from` or later.
    pub fn user_days_since(&self, from: Timestamp) -> u64 {
        self.user_days.range(from..).map(|(_, users)| users).sum()
    }

    /// Whether the profile of a slot is not in memory.
    pub(crate) fn is_slot_away(&self, slot: u32) -> bool {
        matches!(self.users.get(slot as usize), Some(Member::Stored(_)))
    }

    /// Adds an account. Returns its slot.
    fn join(&mut self, id: &UserId) -> u32 {
        let slot = self.users.len() as u32;
        let profile = Profile::new();
        self.shared.populations.join(profile.class);
        let user = User { id: id.clone(), profile, used: Timestamp(i64::MIN), is_changed: false };
        self.users.push(Member::InMemory(Box::new(user)));
        self.slots.insert(id.clone(), slot);
        slot
    }
}

impl Shared {
    /// Whether nothing of it is learned at present.
    fn is_only_read(&self) -> bool {
        self.populations.only_read
    }

    /// Lets nothing of it be learned, except names, until it is called again: for a profile that only judges.
    fn set_only_read(&mut self, is_only_read: bool) {
        self.populations.only_read = is_only_read;
    }
}

/// Returns the user of a slot, if the profile is in memory.
pub(crate) fn user_at(users: &mut [Member], slot: u32) -> Option<&mut User> {
    match users.get_mut(slot as usize)? {
        Member::InMemory(user) => Some(user),
        Member::Stored(_) => None,
    }
}

/// Makes an observation of a user. `times` are the event time and the start of its day.
fn observation(
    org: &OrgId,
    shared: &Shared,
    (id, profile): (&UserId, &mut Profile),
    times: (Timestamp, Timestamp),
    activity: Option<&Activity>,
    features: Vec<Feature>,
) -> Observation {
    profile.revision += 1;
    Observation {
        org_id: org.clone(),
        user_id: id.clone(),
        username: profile.username.clone(),
        user_class: profile.class,
        at: times.0,
        day: times.1,
        revision: profile.revision,
        activity: activity.map(|activity| Box::new(activity.clone())),
        features,
        blind: shared.blind.iter().copied().collect(),
        calibrations: Vec::new(),
        precisions: shared.decisions.precisions(profile.class).to_vec(),
        settings: shared.settings_hash.clone(),
    }
}
