//! What days are made of: objects, views, reports, apps and operations. Clients are left out: copies of one activity may differ in
//! theirs, and `rare_user_agent` judges them.
//!
//! Every value v of a day has a ratio, ln(q(v)/P(v)): q is its share of what the org's other accounts use, and P that of
//! what the account uses, shrunk to its class, and the class to the org, by Dirichlet priors. A day's ratio is their sum,
//! each times the weight of its count: the log-likelihood ratio of "somebody else's day" to "the account's". It is judged
//! against the ratios of the account's own days.
//!
//! Schonlau et al., Computer intrusion: detecting masquerades, Statistical Science 16, 2001, section 4, compare such ratios.
//! On their kind of data, commands of people with those of others put in, it ranks days with AUC 0.96, counts of values that
//! were never used with 0.87.

mod features;
mod rare;

pub(super) use features::{closing, observe};

use super::Shared;
use super::close::SETTLING_DAYS;
use super::names;
use crate::estimate::Moments;
use crate::user::{
    Day, DayValue, Habits, KINDS, LearnedDay, Profile, Unusual, UsualDay, kept_after, learn_again, weight,
};
use model::{Activity, Kind, Text, UserClass, Uuid, ValueKind};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// Deviations above the usual from which on a day is observed while it lasts. A choice.
const STANDS_OUT: f64 = 2.0;
/// Days of the account's own below which a day is not judged. A choice: one working week.
const LEAST_DAYS: f64 = SETTLING_DAYS;
/// Least ratio of a value that is kept by name: the others are e times as likely to have it. A choice.
const UNUSUAL: f64 = 1.0;
/// A value that no ratio of a day falls below.
const LEAST_RATIO: f64 = -1e9;

/// What the accounts of an org use. The order of the fields is the encoding of the stored state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Used {
    #[serde(with = "in_order")]
    values: FxHashMap<u64, UsedValue>,
    /// By [`ValueKind`].
    kinds: [UsedKind; KINDS],
    /// The day up to which all weights have decayed.
    day: i32,
    /// The ratios of the days of each class.
    days: [Moments; UserClass::ALL.len()],
}

/// Weights by [`UserClass`].
type Weights = [f32; UserClass::ALL.len()];

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct UsedValue {
    kind: ValueKind,
    weights: Weights,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct UsedKind {
    weights: Weights,
    /// Number of different values.
    values: u32,
}

/// How a value relates to its account.
struct Likelihood {
    ratio: f64,
    own_share: f64,
    org_share: f64,
}

/// Counts a value of an activity.
pub(super) fn count(
    profile: &Profile,
    day: &mut Day,
    shared: &Shared,
    (kind, key): (ValueKind, u64),
    activity: Uuid,
    name: impl FnOnce() -> Text,
) {
    let values = &mut day.signals.values;
    if values.count(kind, key) {
        return;
    }
    if values.is_empty() {
        values.usual = usual(profile, &shared.signals.used);
        values.observe_at = values.usual.map_or(f64::INFINITY, |usual| usual.mean + STANDS_OUT * usual.deviation);
    }
    let likelihood = shared.signals.used.likelihood(&profile.signals.habits, profile.class, kind, key);
    let unusual = (likelihood.ratio >= UNUSUAL).then(|| {
        let (own_share, org_share) = (likelihood.own_share as f32, likelihood.org_share as f32);
        Box::new(Unusual { name: name(), first: activity, own_share, org_share })
    });
    values.insert(DayValue { key, count: 1, ratio: likelihood.ratio as f32, learned: 0.0, kind, unusual });
}

/// Counts what an activity does: its kind of event, and what it does to data.
pub(super) fn count_operation(profile: &Profile, day: &mut Day, shared: &Shared, activity: &Activity) {
    // The APIs' own logs have the calls of the log of all calls, too.
    let is_twice = activity.kind == Kind::ApiUsage && day.has_own_calls();
    if matches!(activity.kind, Kind::Login | Kind::Logout) || activity.native.is_some() || is_twice {
        return;
    }
    let key = names::pair(u64::from(names::OPERATION), (activity.kind as u64) << 8 | activity.effect as u64);
    count(profile, day, shared, (ValueKind::Operation, key), activity.id, || {
        format!("{} {}", activity.kind.as_str().replace('_', " "), activity.effect).into()
    });
}

/// Discounts what an account uses to `share`, in the org's, too: what it alone did is no habit of others.
pub(super) fn discount(profile: &mut Profile, shared: &mut Shared, share: f64) {
    if !shared.is_only_read() {
        let (class, used) = (profile.class, &mut shared.signals.used);
        profile.signals.habits.iter().for_each(|(key, weight)| used.forget(class, key, weight * (1.0 - share as f32)));
    }
    profile.signals.habits.discount(share);
}

/// Learns a closed day, or what late activities have added to it.
///
/// A day that stands out teaches less: that by which it lies three deviations above, and its values with the square of the
/// share that three deviations are of its own, so that an alarm hardly teaches, while a new task becomes usual.
pub(super) fn learn_day(profile: &mut Profile, shared: &mut Shared, day: &mut Day) {
    /// Deviations at which a day is clipped, as for other baselines.
    const CLIP: f64 = 3.0;
    /// User-days that a class remembers. A choice: 30 days of 100 accounts.
    const MEMORY: f64 = 3_000.0;
    let memory_days = shared.memory_days;
    let mut used = (!shared.is_only_read()).then_some(&mut shared.signals.used);
    let habits = &mut profile.signals.habits;
    let values = &mut day.signals.values;
    // A day stays in the class in which it was learned first.
    let class = values.learned.map_or(profile.class, |day| day.class);
    if values.is_empty() {
        return;
    }
    let (ratio, before) = (values.ratio(), values.learned);
    let above = values.usual.map(|usual| (ratio - usual.mean) / usual.deviation);
    let most = values.usual.map_or(f64::INFINITY, |usual| usual.mean + CLIP * usual.deviation);
    let share = above.filter(|above| *above > CLIP).map_or(1.0, |above| (CLIP / above).powi(2)) as f32;
    let learned = LearnedDay { ratio: ratio.min(most), against: values.against, share, class };
    learn_again(&mut habits.ratio, before.map(|day| day.ratio), learned.ratio, LEAST_RATIO, memory_days);
    learn_again(&mut habits.against, before.map(|day| day.against), learned.against, LEAST_RATIO, memory_days);
    let days = used.as_mut().and_then(|used| used.days.get_mut(class as usize));
    if let Some(days) = days.filter(|_| values.usual.is_some()) {
        learn_again(days, before.map(|day| day.ratio), learned.ratio, LEAST_RATIO, MEMORY);
    }
    values.learned = Some(learned);
    habits.advance(day.number);
    if let Some(used) = &mut used {
        used.advance(day.number);
    }
    for value in values.iter_mut() {
        let learned = share * weight(value.count) as f32;
        let added = learned - value.learned;
        if added != 0.0 {
            habits.learn(value.kind, value.key, added);
            if let Some(used) = &mut used {
                used.learn(class, value.kind, value.key, added);
            }
            value.learned = learned;
        }
    }
    habits.trim();
    if let Some(used) = used {
        used.trim();
    }
}

/// Moves what an account uses from its class to another.
pub(super) fn moved(profile: &Profile, used: &mut Used, to: UserClass) {
    let habits = &profile.signals.habits;
    for (key, weight) in habits.iter() {
        used.shift(key, weight, profile.class, to);
    }
}

/// Returns a usual day of an account; `None` if it has too few.
///
/// Its class counts as two days for the mean, and as ten for the deviation. Choices, looked at on simulated orgs.
fn usual(profile: &Profile, used: &Used) -> Option<UsualDay> {
    const OF_MEAN: f64 = 2.0;
    const OF_VARIANCE: f64 = 10.0;
    /// Least deviation: one value in twice as many activities.
    const LEAST: f64 = 1.0;
    let own = profile.signals.habits.ratio;
    if own.weight < LEAST_DAYS {
        return None;
    }
    let peers = used.peers(profile.class).unwrap_or(own);
    let mean = (own.weight * own.mean + OF_MEAN * peers.mean) / (own.weight + OF_MEAN);
    let squares = OF_VARIANCE * peers.variance() + own.squares;
    let variance = (squares / (OF_VARIANCE + own.weight - 1.0)).max(LEAST);
    let deviation = (variance * (1.0 + 1.0 / (own.weight + OF_MEAN))).sqrt();
    Some(UsualDay { mean, deviation, against: profile.signals.habits.against.mean, days: own.weight })
}

impl Used {
    /// Values that are kept. A choice: 160 KB; a quarter of them are dropped at once, so that it is done rarely.
    const MOST: usize = 4_096;
    /// The class's weight in an account's shares, and the org's in the class's (the k of Dirichlet priors). Choices, looked
    /// at on commands of people and on simulated orgs, where half and twice as much do nearly as well.
    const OF_CLASS: f64 = 10.0;
    const OF_ORG: f64 = 20.0;

    /// Returns how much more likely the org's other accounts are to have a value.
    ///
    /// Formulas: P(v) = (c + k·g(v))/(n + k), as all shares here; a value that nobody has counts ½ of all seen (Jeffreys).
    fn likelihood(&self, habits: &Habits, class: UserClass, kind: ValueKind, key: u64) -> Likelihood {
        let (own, all_own) = habits.of(kind, key);
        let (own, all_own) = (f64::from(own), f64::from(all_own));
        let of_kind = self.kinds.get(kind as usize).copied().unwrap_or_default();
        let of_value = self.values.get(&key).map(|value| value.weights).unwrap_or_default();
        let sum = |weights: &Weights| weights.iter().map(|weight| f64::from(*weight)).sum::<f64>();
        let of_class = |weights: &Weights| weights.get(class as usize).map_or(0.0, |weight| f64::from(*weight));
        let others = |weight: f64, own: f64| (weight - own).max(0.0);
        let different = f64::from(of_kind.values) + 1.0;
        let all_others = others(sum(&of_kind.weights), all_own);
        if all_others < Self::OF_ORG {
            // There is nobody to compare with.
            return Likelihood { ratio: 0.0, own_share: 0.0, org_share: 0.0 };
        }
        let org = (others(sum(&of_value), own) + 0.5) / (all_others + 0.5 * different);
        let peers = (others(of_class(&of_value), own) + Self::OF_ORG * org)
            / (others(of_class(&of_kind.weights), all_own) + Self::OF_ORG);
        let share = (own + Self::OF_CLASS * peers) / (all_own + Self::OF_CLASS);
        let own_share = if all_own > 0.0 { own / all_own } else { 0.0 };
        // In steps of 1/1024, so that sums do not depend on the order of activities and their copies.
        let ratio = (importance(kind) * (org / share).ln() * 1024.0).round() / 1024.0;
        Likelihood { ratio, own_share, org_share: org }
    }

    /// Returns the ratios of the days of a class, or of the org if the class has few; `None` if that has few, too.
    fn peers(&self, class: UserClass) -> Option<Moments> {
        /// User-days from which on a class has a usual day of its own. A choice.
        const LEAST: f64 = 20.0;
        let of_class = self.days.get(class as usize).copied();
        let of_org = || self.days.iter().fold(Moments::default(), |all, days| all.merge(days));
        of_class.filter(|days| days.weight >= LEAST).or_else(|| Some(of_org()).filter(|days| days.weight >= LEAST))
    }

    fn advance(&mut self, day: i32) {
        if day > self.day {
            if self.day > 0 {
                let kept = kept_after(day - self.day);
                let scale = |weights: &mut Weights| weights.iter_mut().for_each(|weight| *weight *= kept);
                self.values.values_mut().for_each(|value| scale(&mut value.weights));
                self.kinds.iter_mut().for_each(|kind| scale(&mut kind.weights));
            }
            self.day = day;
        }
    }

    fn learn(&mut self, class: UserClass, kind: ValueKind, key: u64, added: f32) {
        let Some(of_kind) = self.kinds.get_mut(kind as usize) else { return };
        if added < 0.0 && !self.values.contains_key(&key) {
            return;
        }
        let value = self.values.entry(key).or_insert_with(|| {
            of_kind.values += 1;
            UsedValue { kind, weights: Weights::default() }
        });
        for weights in [&mut value.weights, &mut of_kind.weights] {
            if let Some(weight) = weights.get_mut(class as usize) {
                *weight = (*weight + added).max(0.0);
            }
        }
    }

    fn forget(&mut self, class: UserClass, key: u64, weight: f32) {
        if let Some(kind) = self.values.get(&key).map(|value| value.kind) {
            self.learn(class, kind, key, -weight);
        }
    }

    fn shift(&mut self, key: u64, weight: f32, from: UserClass, to: UserClass) {
        let Some(value) = self.values.get_mut(&key) else { return };
        let Some(of_kind) = self.kinds.get_mut(value.kind as usize) else { return };
        let has = value.weights.get(from as usize).copied().unwrap_or_default();
        let moved = weight.min(has);
        for weights in [&mut value.weights, &mut of_kind.weights] {
            if let Some(weight) = weights.get_mut(from as usize) {
                *weight = (*weight - moved).max(0.0);
            }
            if let Some(weight) = weights.get_mut(to as usize) {
                *weight += moved;
            }
        }
    }

    /// Drops the values that are used least, of equals those of the smallest keys, if there are too many. Their weight stays
    /// in that of their kind.
    fn trim(&mut self) {
        if self.values.len() <= Self::MOST {
            return;
        }
        let total = |value: &UsedValue| value.weights.iter().sum::<f32>();
        let mut order: Vec<(f32, u64)> = self.values.iter().map(|(key, value)| (total(value), *key)).collect();
        order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        order.truncate(Self::MOST / 4);
        for (_, key) in order {
            let Some(value) = self.values.remove(&key) else { continue };
            if let Some(kind) = self.kinds.get_mut(value.kind as usize) {
                kind.values = kind.values.saturating_sub(1);
            }
        }
    }
}

/// Returns how much a kind of values counts. Choices: views and reports are many, often personal, and come and go with
/// tasks, so that four new views, or two new reports, count as one new object.
fn importance(kind: ValueKind) -> f64 {
    match kind {
        ValueKind::View => 0.25,
        ValueKind::Report => 0.5,
        ValueKind::Object | ValueKind::App | ValueKind::Operation => 1.0,
    }
}

/// Encodes the map in the order of its keys.
mod in_order {
    use super::UsedValue;
    use crate::state::Fixed;
    use rustc_hash::FxHashMap;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(map: &FxHashMap<u64, UsedValue>, serializer: S) -> Result<S::Ok, S::Error> {
        let mut pairs: Vec<(Fixed, UsedValue)> = map.iter().map(|(key, value)| (Fixed(*key), *value)).collect();
        pairs.sort_unstable_by_key(|pair| pair.0);
        pairs.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<FxHashMap<u64, UsedValue>, D::Error> {
        let pairs = Vec::<(Fixed, UsedValue)>::deserialize(deserializer)?;
        Ok(pairs.into_iter().map(|(key, value)| (key.0, value)).collect())
    }
}

#[cfg(test)]
mod tests;
