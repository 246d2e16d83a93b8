//! Connected apps: which are new to an account, and how many accounts use them.

use super::adoption::Lately;
use super::close::SETTLING_DAYS;
use super::rows::{Increment, while_young};
use super::{Shared, composition, names};
use crate::estimate::Sighting;
use crate::user::{Day, NewAppDay, Profile, push_unique};
use model::{Activity, Feature, FirstOf, Kind, NewApp, Outcome, Text, UserClass, ValueKind};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The connected apps of an org. The order of the fields is the encoding of the stored state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Apps {
    /// By the hash of the id, or of the name; apps with both are here twice.
    uses: BTreeMap<u64, AppUse>,
    /// New apps of accounts, by how many accounts used them before: 0, 1 to 2, 3 to 6, and so on.
    firsts: [f64; BINS],
    /// By [`UserClass`].
    days: [AppDays; UserClass::ALL.len()],
}

/// Active days, and how many of them had a new app.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct AppDays {
    days: f64,
    new: f64,
}

/// Who uses an app.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct AppUse {
    /// Accounts that have used it.
    users: u32,
    /// For an id: the hash of the name; 0 otherwise.
    name: u64,
    /// Accounts that have begun to use it lately.
    begun: Lately,
}

/// Bins of the number of accounts, each twice as wide as the one before.
const BINS: usize = 10;

/// A connected app, as an activity names it.
struct App<'a> {
    /// Hash of the id if there is one, of the name otherwise.
    key: u64,
    id: Option<&'a Text>,
    name: Option<&'a Text>,
}

/// Learns the connected app of an activity, and what it reads on its first day. The least used of a day's new apps becomes a
/// feature: at once, when it first reads, and whenever its rows have doubled.
pub(super) fn learn(
    profile: &mut Profile,
    day: &mut Day,
    shared: &mut Shared,
    activity: &Activity,
    increment: &Increment,
    features: &mut Vec<Feature>,
) {
    let Some(app) = App::of(activity) else { return };
    let sighting = profile.values.apps.touch(app.key, day.number);
    if let Some(id) = app.id.or(app.name) {
        shared.names.note_shown(app.key, sighting, app.name, id);
    }
    let name = || app.name.or(app.id).cloned().unwrap_or_default();
    composition::count(profile, day, shared, (ValueKind::App, app.key), activity.id, name);
    let is_todays = matches!(sighting, Sighting::Today { .. });
    let is_due = !is_todays && first_today(profile, day, shared, &app, sighting);
    let is_own = day.has_own_calls();
    let Some(today) = day.signals.new_app.as_mut().filter(|today| today.key == app.key) else { return };
    push_unique(&mut today.evidence, activity.id);
    // The APIs' own logs have the calls of the log of all calls, too.
    let is_twice = activity.kind == Kind::ApiUsage && is_own;
    today.requests += u32::from(increment.is_new && activity.kind != Kind::Login && !is_twice);
    today.rows += if activity.effect.leaves() { increment.rows } else { 0.0 };
    if is_due || today.rows > 2.0 * today.reported_rows {
        today.reported_rows = today.rows;
        features.push(Feature::App(feature(profile, today, shared, day.number)));
    }
}

/// Learns whether a closed day had a new app. A day that is closed once more adds one that came late.
pub(super) fn learn_day(profile: &mut Profile, shared: &mut Shared, day: &mut Day, is_first: bool) {
    /// Active days of a class that are remembered. A choice: 100 days of 1,000 accounts.
    const MEMORY: f64 = 100_000.0;
    day.signals.is_app_day |= is_first && profile.days >= SETTLING_DAYS;
    if !day.signals.is_app_day {
        return;
    }
    let is_new = day.signals.new_app.is_some() && !day.signals.is_app_learned;
    day.signals.is_app_learned |= is_new;
    profile.signals.app_days.add(is_first, is_new, 4.0 * shared.memory_days);
    if shared.is_only_read() {
        return;
    }
    if let Some(of_class) = shared.signals.apps.days.get_mut(profile.class as usize) {
        of_class.add(is_first, is_new, MEMORY);
    }
}

/// Learns an app that the account uses for the first time today. Returns whether it is new to the account, and the least
/// used one of the day.
fn first_today(profile: &mut Profile, day: &mut Day, shared: &mut Shared, app: &App<'_>, sighting: Sighting) -> bool {
    let name = app.name_key();
    let by_name = name.map(|name| profile.values.apps.touch(name, day.number));
    let is_shared = !shared.is_only_read();
    let apps = &mut shared.signals.apps;
    if let (Some(name), Some(Sighting::Never)) = (name, by_name)
        && is_shared
    {
        apps.begin(name, 0, day.number);
    }
    if sighting != Sighting::Never {
        return false;
    }
    // Where ids are new to the org, an app that the account knows by its name is not new.
    let is_known = by_name.is_some_and(|by_name| by_name.days() > 0.0);
    let imitates = name.is_some_and(|name| apps.has_another(name, app.key));
    let users = if is_shared {
        apps.begin(app.key, name.unwrap_or(0), day.number)
    } else {
        apps.uses.get(&app.key).map_or(0, |of_app| of_app.users)
    };
    if is_known && !imitates {
        return false;
    }
    let name = app.name.or(app.id).cloned().unwrap_or_default();
    if profile.days > SETTLING_DAYS {
        day.news.note(FirstOf::App, name.clone());
    }
    let peer_tail = apps.tail(users);
    if day.signals.new_app.is_none() && profile.days > SETTLING_DAYS && is_shared {
        apps.learn_first(users);
    }
    if day.signals.new_app.as_ref().is_some_and(|known| known.peer_tail < peer_tail) {
        return false;
    }
    let (key, id) = (app.key, app.id.cloned());
    let evidence = day.signals.new_app.take().map(|known| known.evidence).unwrap_or_default();
    let new = NewAppDay { key, name, id, users, peer_tail, imitates, evidence, ..NewAppDay::default() };
    day.signals.new_app = Some(Box::new(new));
    true
}

fn feature(profile: &Profile, today: &NewAppDay, shared: &Shared, day: i32) -> NewApp {
    let apps = &shared.signals.apps;
    let accounts = shared.populations.users();
    let own = profile.signals.app_days;
    NewApp {
        app: today.name.clone(),
        app_id: today.id.clone(),
        users: today.users,
        accounts,
        rolled_out: apps.uses.get(&today.key).is_some_and(|of_app| of_app.begun.are_many(day, accounts)),
        imitates: today.imitates,
        chance: (apps.chance(own, profile.class) + while_young(profile.days)).min(1.0),
        peer_tail: today.peer_tail,
        days: own.days,
        rows: today.rows,
        requests: today.requests,
        evidence: today.evidence.clone(),
    }
}

impl<'a> App<'a> {
    /// Returns the connected app of a successful call of an API or login through OAuth; `None` for others, and where none is
    /// named.
    fn of(activity: &'a Activity) -> Option<Self> {
        let is_call = matches!(activity.kind, Kind::Api | Kind::BulkApi | Kind::BulkApiResult | Kind::ApiUsage);
        let is_oauth = || activity.login_type.as_deref().is_some_and(|login| login.starts_with("Remote Access"));
        let is_by_app = is_call || activity.kind == Kind::Login && is_oauth();
        if !is_by_app || activity.outcome == Outcome::Failure {
            return None;
        }
        let (id, name) = (activity.connected_app.as_ref(), activity.application.as_ref());
        Some(Self { key: names::key(names::APP, id.or(name)?), id, name })
    }

    /// Returns the hash of the name, if the app has an id, too.
    fn name_key(&self) -> Option<u64> {
        self.id.and(self.name).map(|name| names::key(names::APP, name))
    }
}

impl Apps {
    /// Apps that an org remembers. A choice: large orgs have some hundred.
    const MOST: usize = 4_096;
    /// Days that the chance of the org weighs against those of a class, and the chance of the class against an account's
    /// own. Choices.
    const OF_ORG: f64 = 200.0;
    const OF_CLASS: f64 = 20.0;

    /// Counts an account that begins to use an app. Returns how many used it before.
    fn begin(&mut self, key: u64, name: u64, day: i32) -> u32 {
        if self.uses.len() >= Self::MOST && !self.uses.contains_key(&key) {
            let least = self.uses.iter().min_by_key(|(key, app)| (app.users, app.begun.week(), **key));
            if let Some(key) = least.map(|(key, _)| *key) {
                self.uses.remove(&key);
            }
        }
        let of_app = self.uses.entry(key).or_default();
        let before = of_app.users;
        of_app.users = before.saturating_add(1);
        of_app.name = name;
        of_app.begun.add(day);
        before
    }

    /// Whether the org knows an app of this name with another id.
    fn has_another(&self, name: u64, id: u64) -> bool {
        self.uses.iter().any(|(key, of_app)| of_app.name == name && *key != id)
    }

    /// Learns that an account began to use an app of so many users.
    fn learn_first(&mut self, users: u32) {
        /// New apps that an org remembers. A choice.
        const MEMORY: f64 = 1_000.0;
        if self.firsts.iter().sum::<f64>() >= MEMORY {
            self.firsts.iter_mut().for_each(|count| *count /= 2.0);
        }
        if let Some(count) = self.firsts.get_mut(bin(users)) {
            *count += 1.0;
        }
    }

    /// Returns the share of new apps that at most as many accounts used, shrunk to that of an org of which nothing is known.
    fn tail(&self, users: u32) -> f64 {
        /// That share by bin, and the new apps that it weighs. Choices: people mostly begin with what others use.
        const PRIOR: [f64; 6] = [0.1, 0.2, 0.35, 0.5, 0.7, 1.0];
        const WEIGHT: f64 = 10.0;
        let bin = bin(users);
        let prior = PRIOR.get(bin).copied().unwrap_or(1.0);
        let rarer: f64 = self.firsts.iter().take(bin + 1).sum();
        (rarer + WEIGHT * prior) / (self.firsts.iter().sum::<f64>() + WEIGHT)
    }

    /// Returns the probability of a new app on a day of an account, shrunk to its class and to the org.
    fn chance(&self, own: AppDays, class: UserClass) -> f64 {
        /// The same of an org of which nothing is known: one in 500 days, at the weight of 250. A choice.
        const PRIOR: AppDays = AppDays { days: 250.0, new: 0.5 };
        let all = self.days.iter().fold(PRIOR, |all, of| AppDays { days: all.days + of.days, new: all.new + of.new });
        let of_org = all.new / all.days;
        let of_class = self.days.get(class as usize).copied().unwrap_or_default().share(of_org, Self::OF_ORG);
        own.share(of_class, Self::OF_CLASS)
    }
}

impl AppDays {
    /// Returns the share of days with a new app, where the prior share counts as `weight` days.
    fn share(self, prior: f64, weight: f64) -> f64 {
        (self.new + prior * weight) / (self.days + weight)
    }

    /// Adds a day, a new app, or both; halves the past when it exceeds `memory` days.
    fn add(&mut self, is_day: bool, is_new: bool, memory: f64) {
        self.days += f64::from(u8::from(is_day));
        self.new += f64::from(u8::from(is_new));
        if self.days > memory {
            self.days /= 2.0;
            self.new /= 2.0;
        }
    }
}

/// Returns the bin of an app by its users.
fn bin(users: u32) -> usize {
    (users.saturating_add(1).ilog2() as usize).min(BINS - 1)
}

#[cfg(test)]
mod tests;
