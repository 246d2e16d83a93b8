//! How far reports and queries reach: all records of the org or of an object, or some of them.
//!
//! Each report, and each object of queries, counts once a day, so that a program that repeats a query, or a person who runs a
//! report again, proves nothing by it. What share of them reaches all records is the account's habit: that of its days, shrunk
//! to its class, and the class to the org. The number on a day of n of them is Gamma-Poisson with a mean of n times the share.

use super::close::SETTLING_DAYS;
use super::rows::most_usual;
use super::{Shared, names};
use crate::user::{Breadth, BreadthDay, Day, LearnedBreadth, Profile, Reach, find_or_push};
use model::{Activity, Feature, First, Kind, Rate, Scope, Surface, UserClass};
use serde::{Deserialize, Serialize};

/// Days of which an account's class counts in its share, and the org in that of a class. Choices: a working week, and a month.
const OF_CLASS: f64 = 5.0;
const OF_ORG: f64 = 20.0;
/// User-days of the org below which nothing is judged. A choice.
const LEAST_DAYS: f64 = 20.0;

/// How far the reports and queries of an org reach.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct OrgBreadth {
    reports: SurfaceBreadth,
    queries: SurfaceBreadth,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct SurfaceBreadth {
    /// By [`UserClass`]. An account that changes its class leaves its days where they are.
    classes: [Breadth; UserClass::ALL.len()],
    /// User-days by class and number of reports or objects that were read in full, the last for as many or more.
    days: [[f32; Self::NUMBERS]; UserClass::ALL.len()],
}

/// Learns how far a report or query reaches. A day on which more reach all records than usual becomes a feature.
pub(super) fn learn(
    profile: &Profile,
    day: &mut Day,
    shared: &Shared,
    activity: &Activity,
    features: &mut Vec<Feature>,
) {
    /// Reports or objects below which nothing is observed: everybody needs one now and then. A choice.
    const LEAST: u32 = 2;
    let (Some(scope), Some(surface)) = (activity.scope, surface_of(activity.kind)) else { return };
    let is_report = surface == Surface::Report;
    let named = if is_report { activity.resource_id.as_ref() } else { activity.objects.first() };
    let Some(target) = named.or(activity.resource_name.as_ref()) else { return };
    let key = names::key(if is_report { names::REPORT } else { names::OBJECT }, target);
    let known_share = day.known_share();
    let is_it = |today: &BreadthDay| today.surface == surface;
    let Some(today) = find_or_push(&mut day.signals.breadth, is_it, || BreadthDay::new(surface)) else { return };
    if !today.add(key, Reach::of(scope)) || Reach::of(scope) != Reach::All {
        return;
    }
    let name = if is_report { activity.resource_name.as_ref().unwrap_or(target) } else { target };
    today.keep(key, name, activity.id);
    let count = today.count(Reach::All);
    let Some(usual) = usual(profile, shared, today, Reach::All).filter(|_| count >= LEAST) else { return };
    if f64::from(count) > usual.mean() + 1.0 {
        features.push(Feature::Scope(First { known_share, ..feature(profile, shared, today, usual) }));
    }
}

/// Returns the number of objects that were counted today, and their usual number.
pub(super) fn counted(profile: &Profile, day: &Day, shared: &Shared) -> (u32, Option<Rate>) {
    let Some(today) = day.signals.breadth.iter().find(|today| today.surface == Surface::Api) else { return (0, None) };
    match today.count(Reach::Number) {
        0 => (0, None),
        count => (count, usual(profile, shared, today, Reach::Number)),
    }
}

/// Learns a closed day, by no more than is usual: a day that stands out teaches little. It replaces what was learned of the
/// day before.
pub(super) fn learn_day(profile: &mut Profile, shared: &mut Shared, day: &mut Day) {
    /// User-days that a class remembers. A choice: 30 days of 100 accounts.
    const MEMORY: f64 = 3_000.0;
    for today in &mut day.signals.breadth {
        let clipped = |reach| {
            let count = f64::from(today.count(reach));
            usual(profile, shared, today, reach).map_or(count, |usual| count.min(most_usual(&usual)))
        };
        let (all, number, total) = (clipped(Reach::All), clipped(Reach::Number), f64::from(today.total()));
        let (surface, before) = (today.surface, today.learned);
        // A day stays in the class in which it was learned first.
        let class = before.map_or(profile.class, |before| before.class);
        let learned = LearnedBreadth { class, all: all / total, number: number / total, count: all as f32 };
        today.learned = Some(learned);
        let is_it = |(of, _): &(Surface, Breadth)| *of == surface;
        if let Some((_, own)) = find_or_push(&mut profile.signals.breadth, is_it, || (surface, Breadth::default())) {
            own.learn(before.as_ref(), &learned, shared.memory_days);
        }
        if shared.is_only_read() {
            continue;
        }
        let of_org = shared.signals.breadth.of_mut(surface);
        if let Some(of_class) = of_org.classes.get_mut(class as usize) {
            of_class.learn(before.as_ref(), &learned, MEMORY);
        }
        of_org.note(before.as_ref(), &learned, MEMORY as f32);
    }
}

/// Returns the surface of which requests of this kind are compared; `None` for list views, which `access` judges, and others.
fn surface_of(kind: Kind) -> Option<Surface> {
    match kind {
        Kind::Report => Some(Surface::Report),
        Kind::Api | Kind::BulkApiResult => Some(Surface::Api),
        _ => None,
    }
}

/// Returns the usual number of a day's reports or objects that are requested with this reach, given how many there are;
/// `None` if the account is new, or the org has too few days.
fn usual(profile: &Profile, shared: &Shared, today: &BreadthDay, reach: Reach) -> Option<Rate> {
    let of_surface = shared.signals.breadth.of(today.surface);
    let org = of_surface.classes.iter().fold(Breadth::default(), |all, class| all.merge(class));
    if org.days < LEAST_DAYS || profile.days <= SETTLING_DAYS {
        return None;
    }
    let class = of_surface.classes.get(profile.class as usize).copied().unwrap_or_default();
    let known = profile.signals.breadth.iter().find(|(surface, _)| *surface == today.surface);
    let own = known.map(|(_, own)| *own).unwrap_or_default().without(today.learned.as_ref());
    // A reach that nobody has counts half a day (Jeffreys).
    let of_org = (org.of(reach) + 0.5) / (org.days + 1.0);
    let of_class = (class.of(reach) + OF_ORG * of_org) / (class.days + OF_ORG);
    let days = own.days + OF_CLASS;
    Some(Rate {
        shape: own.of(reach) + OF_CLASS * of_class,
        rate: days / f64::from(today.total().max(1)),
        evidence: profile.days,
        prior_weight: OF_CLASS / days,
    })
}

fn feature(profile: &Profile, shared: &Shared, today: &BreadthDay, usual: Rate) -> First {
    let count = today.count(Reach::All);
    First {
        name: today.names.first().cloned().unwrap_or_default(),
        today: count,
        names: today.names.clone(),
        usual,
        peer_share: shared.populations.share_knowing(today.first),
        peers: shared.populations.users(),
        to_scope: Some(Scope::All),
        evidence: today.evidence.clone(),
        peer_tail: shared.signals.breadth.of(today.surface).tail(profile.class, count),
        surface: Some(today.surface),
        ..First::default()
    }
}

impl OrgBreadth {
    fn of(&self, surface: Surface) -> &SurfaceBreadth {
        if surface == Surface::Report { &self.reports } else { &self.queries }
    }

    fn of_mut(&mut self, surface: Surface) -> &mut SurfaceBreadth {
        if surface == Surface::Report { &mut self.reports } else { &mut self.queries }
    }
}

impl SurfaceBreadth {
    /// Numbers that differ: 0 to 15, and more. A choice.
    const NUMBERS: usize = 17;

    /// Notes the number of a day, in place of the one `before`.
    fn note(&mut self, before: Option<&LearnedBreadth>, day: &LearnedBreadth, memory: f32) {
        let Some(days) = self.days.get_mut(day.class as usize) else { return };
        let place = |day: &LearnedBreadth| (day.count as usize).min(Self::NUMBERS - 1);
        if let Some(days) = before.and_then(|before| days.get_mut(place(before))) {
            *days = (*days - 1.0).max(0.0);
        }
        let all: f32 = days.iter().sum();
        if all >= memory {
            days.iter_mut().for_each(|days| *days *= 1.0 - 1.0 / memory);
        }
        if let Some(days) = days.get_mut(place(day)) {
            *days += 1.0;
        }
    }

    /// Returns the share of the class's user-days with at least `count`, shrunk to the org's, (c + ½)/(n + 1).
    fn tail(&self, class: UserClass, count: u32) -> f64 {
        let least = (count as usize).min(Self::NUMBERS - 1);
        let sums = |days: &[f32; Self::NUMBERS]| {
            let sum = |days: &[f32]| days.iter().map(|days| f64::from(*days)).sum::<f64>();
            (sum(days.get(least..).unwrap_or_default()), sum(days))
        };
        let add = |(above, all): (f64, f64), days| (above + sums(days).0, all + sums(days).1);
        let (above, all) = self.days.iter().fold((0.0, 0.0), add);
        let of_org = (above + 0.5) / (all + 1.0);
        let (above, all) = self.days.get(class as usize).map(sums).unwrap_or_default();
        (above + OF_ORG * of_org) / (all + OF_ORG)
    }
}

#[cfg(test)]
mod tests;
