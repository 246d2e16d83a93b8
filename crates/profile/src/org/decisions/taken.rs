//! The decisions of an org: those that wait, those that have taken effect, and what holds because of them.

use super::precision::{self, FADED, Factors};
use super::said::{SaidOfDays, Saying};
use super::{MOST_PENDING, MOST_SETTINGS};
use model::decision::Disposed;
use model::time::DAY;
use model::{Decision, Precision, Ruling, Text, Timestamp, UserClass, UserId, Uuid};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Decisions that are kept after they took effect. A choice: 1.5 MB, and far more than move a factor. What holds for good
/// stays before what fades; of these, what took effect first makes room.
const MOST_TAKEN: usize = 4_096;
/// How far undoing is followed: that of that of a decision. A choice: nobody undoes more often.
const MOST_UNDONE: u32 = 8;

/// The decisions of an org that change what is learned.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Decisions {
    /// Those that wait for an hour to close.
    pub(super) pending: BTreeMap<Uuid, Dated>,
    /// Those that have taken effect, as far as they can still matter: those that hold for good or until a time, and the
    /// others for 90 days.
    pub(super) taken: BTreeMap<Uuid, Dated>,
    /// What was said of the days of accounts, until they have obeyed it and for 90 days.
    pub(super) said: SaidOfDays,
    /// The org's clock when it was last worked out what holds.
    pub(super) now: Timestamp,
    /// The clock at which it is to be worked out again.
    pub(super) next: Timestamp,
    pub(super) in_force: InForce,
    /// What took effect since it was last asked for, each once.
    pub(super) effects: BTreeMap<Uuid, Timestamp>,
    /// Dispositions that came when a day had been learned for good, and the day; since it was last asked for.
    pub(super) too_late: Vec<(Uuid, Timestamp)>,
    /// Whether the record in which they are stored differs.
    pub(crate) is_changed: bool,
}

/// A decision and the start of an hour: that which it waits for, `None` for the next one, or that with which it took effect.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Dated {
    pub(super) decision: Decision,
    pub(super) hour: Option<Timestamp>,
}

/// What holds because of decisions.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct InForce {
    classes: BTreeMap<UserId, UserClass>,
    precisions: Factors,
    /// The hash of the settings.
    settings: Option<Text>,
}

impl Decisions {
    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.taken.is_empty() && self.said.is_empty()
    }

    /// Whether a decision is new, and of a kind that changes what is learned.
    pub(super) fn is_of_use(&self, decision: &Decision) -> bool {
        let id = &decision.decision_id;
        (decision.ruling.is_learned() || decision.ruling.replaces().is_some())
            && !self.pending.contains_key(id)
            && !self.taken.contains_key(id)
            && !self.said.has(decision)
    }

    /// Drops those of the decisions that wait for the next hour, whatever it is, that are too many, and returns them: those
    /// that were recorded first. Settings make room for settings, and all others for others.
    pub(super) fn make_room(&mut self) -> Vec<Uuid> {
        let mut dropped = Vec::new();
        for (of_settings, most) in [(true, MOST_SETTINGS), (false, MOST_PENDING)] {
            // Nearly always the first of these says that there is room.
            if self.pending.len() <= most {
                continue;
            }
            let waits = |dated: &&Dated| dated.hour.is_none() && settings_of(dated).is_some() == of_settings;
            let mut waiting: Vec<_> = self.pending.values().filter(waits).map(|dated| order(&dated.decision)).collect();
            waiting.sort_unstable();
            let excess = waiting.len().saturating_sub(most);
            dropped.extend(waiting.into_iter().take(excess).map(|(_, id)| id));
        }
        dropped.iter().for_each(|id| drop(self.pending.remove(id)));
        dropped
    }

    /// Keeps a decision until its hour closes, without the names and the reason of who decided: nothing depends on them.
    pub(super) fn keep(&mut self, decision: &Decision, hour: Option<Timestamp>) {
        let mut decision = Decision {
            decided_by: Text::default(),
            claimed_by: None,
            reason: String::new(),
            in_force: BTreeMap::new(),
            ..decision.clone()
        };
        if let Ruling::Disposition(disposed) = &mut decision.ruling {
            precision::round(disposed);
        }
        self.pending.insert(decision.decision_id, Dated { decision, hour });
        self.is_changed = true;
    }

    #[cfg(test)]
    pub(super) fn taken(&self) -> usize {
        self.taken.len()
    }

    /// Returns what holds, without what was taken back.
    #[cfg(test)]
    pub(super) fn in_force(&self) -> (InForce, Vec<(UserId, Uuid)>) {
        (self.in_force.clone(), self.said.standing())
    }

    pub(super) fn take_effects(&mut self) -> Vec<(Uuid, Timestamp)> {
        std::mem::take(&mut self.effects).into_iter().collect()
    }

    /// Takes the decisions that wait for the hour that begins at `hour`, on a `day` of the org's calendar, with the org's
    /// clock at `now`. Returns what held before if it may have changed.
    pub(super) fn close_hour(&mut self, (hour, day): (Timestamp, i32), now: Timestamp) -> Option<InForce> {
        let is_due = |waiting: &Dated| waiting.hour.is_none_or(|start| start <= hour);
        let due: Vec<Uuid> = self.pending.iter().filter(|(_, waiting)| is_due(waiting)).map(|(id, _)| *id).collect();
        if self.is_empty() || (due.is_empty() && now < self.next) {
            return None;
        }
        for id in due {
            if let Some(waiting) = self.pending.remove(&id) {
                self.said.add(&waiting.decision, (hour, day));
                self.taken.insert(id, Dated { hour: Some(hour), ..waiting });
                self.effects.entry(id).or_insert(hour);
            }
        }
        self.is_changed = true;
        self.now = self.now.max(now);
        let replaced = replaced(&self.taken);
        self.said.update(|id| stands(id, self.now, &replaced, MOST_UNDONE), (hour, day));
        let before = std::mem::take(&mut self.in_force);
        self.forget();
        self.work_out();
        Some(before)
    }

    /// Works out what holds, and until when. Of decisions that disagree the one that was recorded last counts; of those that
    /// were recorded together, the one with the highest id.
    pub(super) fn work_out(&mut self) {
        let standing = self.standing();
        let mut in_order: Vec<&Decision> = self.taken.values().map(|taken| &taken.decision).collect();
        in_order.retain(|decision| standing.contains(&decision.decision_id) && decision.holds_at(self.now));
        in_order.sort_by_key(|decision| order(decision));
        let mut in_force = InForce::default();
        for decision in in_order {
            match (&decision.ruling, &decision.user_id) {
                (Ruling::Class { class }, Some(user)) => drop(in_force.classes.insert(user.clone(), *class)),
                (Ruling::Settings { hash, .. }, _) => in_force.settings = Some(hash.clone()),
                _ => {}
            }
        }
        let age = |hour: Option<Timestamp>| self.now.since(hour.unwrap_or(self.now)) / DAY;
        let credited = self.credited().into_iter();
        in_force.precisions = precision::factors(credited.map(|(_, disposed, hour)| (disposed, age(hour))));
        self.in_force = in_force;
        // Credit fades by days.
        let tomorrow = Timestamp(self.now.0.div_euclid(DAY).saturating_add(1).saturating_mul(DAY));
        let ends = self.taken.values().flat_map(|taken| [Some(taken.decision.from), taken.decision.until]).flatten();
        self.next = ends.filter(|end| *end > self.now).fold(tomorrow, Timestamp::min);
    }

    /// Returns the dispositions that count for the precision of detectors, each with the hour with which it took effect: of
    /// each incident the one that stands and was recorded last. It is the same incident if it is called so, or if days of
    /// the same account are meant, since incidents are merged.
    pub(super) fn credited(&self) -> Vec<(&Decision, &Disposed, Option<Timestamp>)> {
        let standing = self.standing();
        let mut latest_first: Vec<_> = standing
            .iter()
            .filter_map(|id| match self.taken.get(id) {
                Some(Dated { decision, hour }) => match &decision.ruling {
                    Ruling::Disposition(disposed) => Some((decision, disposed, *hour)),
                    _ => None,
                },
                None => None,
            })
            .collect();
        latest_first.sort_by_key(|(decision, ..)| Reverse(order(decision)));
        let mut incidents: BTreeSet<Uuid> = BTreeSet::new();
        let mut meant: BTreeMap<&UserId, Vec<&Decision>> = BTreeMap::new();
        latest_first.retain(|(decision, disposed, _)| {
            let of_user = decision.user_id.as_ref().map(|user| meant.entry(user).or_default());
            let is_meant = of_user.as_ref().is_some_and(|later| later.iter().any(|later| overlap(later, decision)));
            if let Some(of_user) = of_user {
                of_user.push(decision);
            }
            incidents.insert(disposed.incident_id) && !is_meant
        });
        latest_first
    }

    /// Returns the decisions that no other one has undone, or ended by now.
    pub(super) fn standing(&self) -> BTreeSet<Uuid> {
        let replaced = replaced(&self.taken);
        self.taken.keys().copied().filter(|id| stands(*id, self.now, &replaced, MOST_UNDONE)).collect()
    }

    /// Drops what can no longer matter: dispositions and what is over, once 90 days have passed since they took effect, and
    /// then what ended or undid them.
    fn forget(&mut self) {
        let standing = self.standing();
        self.forget_settings(&standing);
        let is_lasting = |taken: &Dated| is_lasting(taken, self.now, &standing);
        let oldest = self.now.plus(-FADED * DAY);
        let is_old = |taken: &Dated| taken.hour.is_none_or(|hour| hour <= oldest);
        let mut by_age: Vec<(bool, Option<Timestamp>, Uuid)> =
            self.taken.iter().map(|(id, taken)| (is_lasting(taken), taken.hour, *id)).collect();
        by_age.sort_unstable();
        let old = |taken: &Dated| is_old(taken) && !is_lasting(taken) && taken.decision.ruling.replaces().is_none();
        let mut dropped: Vec<Uuid> = self.taken.iter().filter(|(_, taken)| old(taken)).map(|(id, _)| *id).collect();
        let excess = self.taken.len().saturating_sub(dropped.len()).saturating_sub(MOST_TAKEN);
        let kept = by_age.into_iter().map(|(.., id)| id).filter(|id| !dropped.contains(id));
        let excess: Vec<Uuid> = kept.take(excess).collect();
        dropped.extend(excess);
        for id in dropped {
            self.drop_with_earlier(id);
        }
        // What ended a decision goes when that one is gone, and may itself have been undone.
        let said = self.said.ids();
        loop {
            let is_kept = |id: Uuid| self.taken.contains_key(&id) || said.contains(&id);
            let is_needed = |taken: &Dated| taken.decision.ruling.replaces().is_none_or(is_kept) || !is_old(taken);
            let gone: Vec<Uuid> = self.taken.iter().filter(|(_, taken)| !is_needed(taken)).map(|(id, _)| *id).collect();
            if gone.is_empty() {
                break;
            }
            gone.iter().for_each(|id| drop(self.taken.remove(id)));
        }
    }

    /// Drops the settings that are too many: those that hold no more, then those that were recorded first.
    fn forget_settings(&mut self, standing: &BTreeSet<Uuid>) {
        let settings = self.taken.values().filter(|taken| settings_of(taken).is_some());
        let is_lasting = |taken: &Dated| is_lasting(taken, self.now, standing);
        let mut all: Vec<_> = settings.map(|taken| (is_lasting(taken), order(&taken.decision))).collect();
        if all.len() > MOST_SETTINGS {
            all.sort_unstable();
            let dropped = all.len() - MOST_SETTINGS;
            all.into_iter().take(dropped).for_each(|(_, (_, id))| drop(self.taken.remove(&id)));
        }
    }

    /// Drops a decision, and the one that it ended or undid, which would hold again without it.
    fn drop_with_earlier(&mut self, id: Uuid) {
        let mut next = Some(id);
        while let Some(dropped) = next.and_then(|id| self.taken.remove(&id)) {
            next = dropped.decision.ruling.replaces();
            next.into_iter().for_each(|earlier| self.said.drop_taken_back(earlier));
        }
    }

    /// Returns the settings that wait or have taken effect: the decision, their hash, and their TOML.
    pub(crate) fn settings(&self) -> impl Iterator<Item = (Uuid, &Text, &str)> {
        let all = self.pending.iter().chain(&self.taken);
        all.filter_map(|(id, dated)| settings_of(dated).map(|(hash, toml)| (*id, hash, toml)))
    }

    /// Returns the hash of the settings in force; `None` if they are those of the service.
    pub(crate) fn settings_hash(&self) -> Option<&Text> {
        self.in_force.settings.as_ref()
    }

    /// Whether other settings are in force than before.
    pub(super) fn has_other_settings(&self, before: &InForce) -> bool {
        self.in_force.settings != before.settings
    }

    /// Whether an account has a class by hand.
    pub(crate) fn has_classes(&self) -> bool {
        !self.in_force.classes.is_empty()
    }

    /// Returns the class by hand of an account.
    pub(crate) fn class_of(&self, user: &UserId) -> Option<UserClass> {
        self.in_force.classes.get(user).copied()
    }

    /// Returns the factors of detectors for a class that differ from 1, in the order of detectors.
    pub(crate) fn precisions(&self, class: UserClass) -> &[Precision] {
        self.in_force.precisions.get(class as usize).map_or(&[], Vec::as_slice)
    }

    /// Returns the accounts that have another class by hand than before.
    pub(super) fn changed_classes<'a>(&'a self, before: &'a InForce) -> impl Iterator<Item = &'a UserId> {
        let now = self.in_force.classes.iter();
        now.filter(|(user, class)| before.classes.get(*user) != Some(*class)).map(|(user, _)| user)
    }

    /// Whether anything was said of days.
    pub(crate) fn has_dispositions(&self) -> bool {
        !self.said.is_empty()
    }

    /// Returns what was said of a day of an account that lasted from `first` to `last`, see [`SaidOfDays::of`].
    pub(crate) fn said_of(&self, user: &UserId, first: Timestamp, last: Timestamp) -> Vec<Saying> {
        self.said.of(user, first, last)
    }

    /// Notes that a day of an account was learned for good if it is malicious, as somebody says who has not been obeyed yet.
    pub(crate) fn note_learned(&mut self, user: &UserId, first: Timestamp) {
        self.too_late.extend(self.said.malicious(user, first, first.plus(DAY - 1)).map(|decision| (decision, first)));
    }

    /// Notes that an account has obeyed all that was said of it.
    pub(crate) fn obeyed(&mut self, user: &UserId) {
        self.is_changed |= self.said.obeyed(user, self.now);
    }

    /// Drops what was said of accounts and no longer matters, or is too much.
    pub(super) fn forget_said(&mut self) {
        self.said.forget(self.now);
    }

    /// Returns the accounts of which something else is said since the hour that began at `hour`.
    pub(super) fn changed_dispositions(&self, hour: Timestamp) -> impl Iterator<Item = &UserId> {
        self.said.changed(hour)
    }
}

/// Of two decisions that contradict each other, the later one in this order holds.
fn order(decision: &Decision) -> (Timestamp, Uuid) {
    (decision.decided_at, decision.decision_id)
}

/// Whether two decisions are about the same time.
fn overlap(one: &Decision, other: &Decision) -> bool {
    let begins_before = |from: Timestamp, until: Option<Timestamp>| until.is_none_or(|until| from < until);
    begins_before(one.from, other.until) && begins_before(other.from, one.until)
}

/// Whether a class or settings hold, or will.
fn is_lasting(taken: &Dated, now: Timestamp, standing: &BTreeSet<Uuid>) -> bool {
    let Dated { decision, .. } = taken;
    matches!(decision.ruling, Ruling::Class { .. } | Ruling::Settings { .. })
        && decision.until.is_none_or(|until| until > now)
        && standing.contains(&decision.decision_id)
}

fn settings_of(dated: &Dated) -> Option<(&Text, &str)> {
    match &dated.decision.ruling {
        Ruling::Settings { hash, toml } => Some((hash, toml)),
        _ => None,
    }
}

/// Returns the decisions that end or undo others, by those.
fn replaced(taken: &BTreeMap<Uuid, Dated>) -> BTreeMap<Uuid, Vec<&Decision>> {
    let mut replaced: BTreeMap<Uuid, Vec<&Decision>> = BTreeMap::new();
    for Dated { decision, .. } in taken.values() {
        if let Some(earlier) = decision.ruling.replaces() {
            replaced.entry(earlier).or_default().push(decision);
        }
    }
    replaced
}

/// Whether no decision that stands itself has undone a decision, or ended it by now. `depth` bounds how far that is
/// followed.
fn stands(id: Uuid, now: Timestamp, replaced: &BTreeMap<Uuid, Vec<&Decision>>, depth: u32) -> bool {
    let later = replaced.get(&id).map_or(&[][..], Vec::as_slice);
    let is_effective = |later: &&Decision| match later.ruling {
        Ruling::Ended { .. } => later.from <= now,
        _ => true,
    };
    depth == 0
        || !later
            .iter()
            .filter(|later| is_effective(later))
            .any(|later| stands(later.decision_id, now, replaced, depth - 1))
}
