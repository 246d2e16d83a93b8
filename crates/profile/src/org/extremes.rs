//! Extremes of a day: the largest request through each surface, and the number of record pages.

use super::{Shared, rare_pages};
use crate::estimate::{Moments, Pool, Prior};
use crate::user::{Day, ExtremeModel, LargestDay, NamedRequest, PageDay, Profile, find_or_push};
use model::{Activity, Feature, Kind, Largest, Pages, Surface, UserClass};
use serde::{Deserialize, Serialize};

/// Scales above the usual from which on a value is observed: nothing less can be a finding.
const OBSERVED: f64 = 1.0;
/// Days that the baselines remember, over `memory_days`. A choice: on a public set of simulated card transactions, 120 days
/// instead of 60 raised average precision from 0.87 to 0.89.
const MEMORY: f64 = 2.0;
/// Pages a day below which nothing is observed: anybody opens as many records on a busy morning. A choice.
const LEAST_PAGES: f64 = 20.0;

/// One quantity over the members of the org, and of each class.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ClassPools {
    all: Pool,
    /// By [`UserClass`].
    classes: [Pool; UserClass::ALL.len()],
}

impl ClassPools {
    /// Returns the prior of the class if it has enough members, otherwise the org's.
    pub(super) fn prior(&self, class: UserClass) -> Option<Prior> {
        self.classes.get(class as usize).and_then(Pool::prior).or_else(|| self.all.prior())
    }

    /// Replaces a member's part.
    pub(super) fn learn(&mut self, class: UserClass, before: &Moments, after: &Moments) {
        self.all.replace(before, after);
        self.shift(class, before, after);
    }

    fn shift(&mut self, class: UserClass, before: &Moments, after: &Moments) {
        if let Some(pool) = self.classes.get_mut(class as usize) {
            pool.replace(before, after);
        }
    }
}

/// Learns how many rows a request read. The largest of the day so far becomes a feature if it stands out.
pub(super) fn request(
    profile: &mut Profile,
    day: &mut Day,
    shared: &Shared,
    surface: Surface,
    activity: &Activity,
    features: &mut Vec<Feature>,
) {
    // Rows of a whole run: an execution of a report or a paged query is one request.
    let rows = activity.rows.max(activity.rows_returned).unwrap_or(0) as f64;
    if rows <= 0.0 {
        return;
    }
    let model = model_of(&profile.signals.largest, surface);
    let open = || {
        let prior = shared.signals.largest.get(surface as usize).and_then(|pools| pools.prior(profile.class));
        LargestDay { surface, rows: model.open(prior.as_ref()), request: None }
    };
    let today = find_or_push(&mut day.signals.largest, |today| today.surface == surface, open);
    let Some(today) = today.filter(|today| rows > today.rows.value) else { return };
    today.rows.value = rows;
    today.request = None;
    let shift = shared.progress.factor_on(day.number, surface);
    if largest(&model, day.number, today, shift).is_some() {
        let (name, objects) = (activity.resource_name.clone(), activity.objects.to_vec());
        today.request = Some(Box::new(NamedRequest { name, objects, id: activity.id }));
        features.extend(largest(&model, day.number, today, shift).map(Feature::Largest));
    }
}

/// Describes a day's largest request as a feature. Returns `None` if it does not stand out.
fn largest(model: &ExtremeModel, day: i32, today: &LargestDay, shift: f64) -> Option<Largest> {
    let ((deviations, peer_deviations), (unshifted, _)) = (today.rows.deviations(shift)?, today.rows.deviations(0.0)?);
    let usual = today.rows.usual.filter(|_| unshifted > OBSERVED)?;
    let request = today.request.as_deref();
    Some(Largest {
        surface: today.surface,
        rows: today.rows.value,
        name: request.and_then(|request| request.name.clone()),
        deviations,
        peer_deviations,
        usual: usual.typical(),
        days: usual.evidence,
        prior_weight: usual.prior_weight,
        recurrences: model.recurrences(day, today.rows.value),
        objects: request.map(|request| request.objects.clone()).unwrap_or_default(),
        evidence: request.map(|request| request.id).into_iter().collect(),
        shift,
        unshifted,
    })
}

/// Learns a page of a record. A day with more than usual becomes a feature, again and again as it grows.
pub(super) fn page(
    profile: &Profile,
    day: &mut Day,
    shared: &Shared,
    activity: &Activity,
    features: &mut Vec<Feature>,
) {
    /// Growth of a day between two observations of it. A choice: a crawl of thousands of pages is observed some sixty
    /// times.
    const GROWTH: f64 = 1.1;
    let is_page = matches!(activity.kind, Kind::LightningUri | Kind::Uri) && activity.effect.leaves();
    let Some(record) = activity.resource_id.as_deref().filter(|_| is_page) else { return };
    rare_pages::page(profile, day, shared, activity, record, features);
    let pages = day.signals.pages.get_or_insert_with(|| {
        let prior = shared.signals.pages.prior(profile.class);
        Box::new(PageDay::new(profile.signals.pages.unwrap_or_default().open(prior.as_ref())))
    });
    if !pages.add(model::id::hash(record.as_bytes())) || pages.count.value < LEAST_PAGES {
        return;
    }
    let shift = shift(shared, day.number);
    if pages.count.deviations(shift).is_none_or(|(own, _)| own <= OBSERVED) {
        return;
    }
    pages.keep(activity);
    if pages.count.value >= pages.observed * GROWTH {
        pages.observed = pages.count.value;
        let model = profile.signals.pages.unwrap_or_default();
        features.extend(page_feature(&model, day.number, pages, shift).map(Feature::Pages));
    }
}

/// Observes a day once more when it is closed: its pages if they stand out, and its largest requests if the org's day may
/// explain them, with the day factor as known by now.
pub(super) fn closing(profile: &Profile, shared: &Shared, day: &Day) -> Vec<Feature> {
    let mut features = Vec::new();
    for today in &day.signals.largest {
        let shift = shared.progress.factor_on(day.number, today.surface);
        if shift > 0.0 {
            let model = model_of(&profile.signals.largest, today.surface);
            features.extend(largest(&model, day.number, today, shift).map(Feature::Largest));
        }
    }
    if let Some(pages) = day.signals.pages.as_ref().filter(|pages| pages.observed > 0.0) {
        let model = profile.signals.pages.unwrap_or_default();
        features.extend(page_feature(&model, day.number, pages, shift(shared, day.number)).map(Feature::Pages));
    }
    features
}

/// Learns a closed day.
pub(super) fn learn_day(profile: &mut Profile, shared: &mut Shared, day: &mut Day) {
    let (class, memory, number) = (profile.class, shared.memory_days * MEMORY, day.number);
    let is_shared = !shared.is_only_read();
    for today in &mut day.signals.largest {
        let surface = today.surface;
        let is_it = |(of, _): &(Surface, ExtremeModel)| *of == surface;
        let found = find_or_push(&mut profile.signals.largest, is_it, || (surface, ExtremeModel::default()));
        let (Some((_, model)), Some(pools)) = (found, shared.signals.largest.get_mut(surface as usize)) else {
            continue;
        };
        let before = model.root;
        model.learn_day(&mut today.rows, number, memory);
        if is_shared {
            pools.learn(class, &before, &model.root);
        }
    }
    rare_pages::learn_day(profile, shared, day, memory);
    let Some(pages) = day.signals.pages.as_mut() else { return };
    let model = profile.signals.pages.get_or_insert_default();
    let before = model.root;
    model.learn_day(&mut pages.count, number, memory);
    if is_shared {
        shared.signals.pages.learn(class, &before, &model.root);
    }
}

/// Moves an account's part from its present class to another.
pub(super) fn moved(profile: &Profile, shared: &mut Shared, to: UserClass) {
    let nothing = Moments::default();
    let put = |pools: &mut ClassPools, root: &Moments| {
        pools.shift(profile.class, root, &nothing);
        pools.shift(to, &nothing, root);
    };
    for (surface, model) in &profile.signals.largest {
        if let Some(pools) = shared.signals.largest.get_mut(*surface as usize) {
            put(pools, &model.root);
        }
    }
    if let Some(model) = &profile.signals.pages {
        put(&mut shared.signals.pages, &model.root);
    }
    if let Some(model) = &profile.signals.rare_pages {
        put(&mut shared.signals.rare_pages, &model.root);
    }
}

/// Returns the org's day factor of pages, a natural logarithm: that of list views, since both are work at a screen.
fn shift(shared: &Shared, day: i32) -> f64 {
    shared.progress.factor_on(day, Surface::ListView)
}

fn model_of(models: &[(Surface, ExtremeModel)], surface: Surface) -> ExtremeModel {
    models.iter().find(|(of, _)| *of == surface).map(|(_, model)| *model).unwrap_or_default()
}

/// Describes a day's pages as a feature. Returns `None` if neither the account nor its population has taught it anything.
pub(super) fn page_feature(model: &ExtremeModel, day: i32, pages: &PageDay, shift: f64) -> Option<Pages> {
    let ((deviations, peer_deviations), (unshifted, _)) =
        (pages.count.deviations(shift)?, pages.count.deviations(0.0)?);
    let usual = pages.count.usual?;
    Some(Pages {
        pages: pages.count.value as u32,
        deviations,
        peer_deviations,
        usual: usual.typical(),
        shift,
        days: usual.evidence,
        prior_weight: usual.prior_weight,
        recurrences: model.recurrences(day, pages.count.value),
        objects: pages.objects.clone(),
        evidence: pages.evidence.clone(),
        unshifted,
        rare: false,
    })
}

#[cfg(test)]
mod tests;
