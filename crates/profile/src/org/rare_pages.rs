//! Record pages of objects that an account's class hardly uses: somebody who may see everything looks at what is none of
//! their business. The days are compared as those of all record pages are, see [`extremes`](super::extremes).

use super::extremes::page_feature;
use super::{Shared, names};
use crate::estimate::Root;
use crate::user::{Day, ExtremeModel, PageDay, Profile};
use model::{Activity, Feature};

/// Least scale of the cube root of 1 + pages. A choice: most days have none, and a few of something new are no news. With
/// 0.2, five of 21,800 ordinary days of three simulated orgs had a surprise of 2, of which 218 are promised.
const LEAST_SCALE: f64 = 0.15;
/// Pages a day below which nothing is observed. A choice: anybody follows a link to something new.
const LEAST_PAGES: f64 = 5.0;
/// Growth of a day between two observations of it, as for all pages.
const GROWTH: f64 = 1.1;

/// Opens the account's day of such pages, so that days without any are learned, too, and learns a page of a record.
pub(super) fn page(
    profile: &Profile,
    day: &mut Day,
    shared: &Shared,
    activity: &Activity,
    record: &str,
    features: &mut Vec<Feature>,
) {
    let pages = day.signals.rare_pages.get_or_insert_with(|| {
        let prior = shared.signals.rare_pages.prior(profile.class);
        let mut count = profile.signals.rare_pages.unwrap_or_default().open(prior.as_ref());
        let at_least = |root: Root| Root { scale: root.scale.max(LEAST_SCALE), ..root };
        (count.usual, count.peers) = (count.usual.map(at_least), count.peers.map(at_least));
        Box::new(PageDay::new(count))
    });
    let (used, habits, today) = (&shared.signals.used, &profile.signals.habits, &day.signals.values);
    let is_rare = |object| {
        let key = names::key(names::OBJECT, object);
        used.is_rare_object(habits, profile.class, key, today) && !shared.populations.is_rolled_out(key)
    };
    // Who looks at a few people comes back to their records, while the log has some pages twice in a row.
    if !activity.objects.iter().any(|object| is_rare(object))
        || !pages.add_unless_last(model::id::hash(record.as_bytes()))
    {
        return;
    }
    pages.keep(activity);
    if pages.count.value >= LEAST_PAGES && pages.count.value >= pages.observed * GROWTH {
        pages.observed = pages.count.value;
        features.extend(feature(profile, day));
    }
}

/// Learns a closed day.
pub(super) fn learn_day(profile: &mut Profile, shared: &mut Shared, day: &mut Day, memory: f64) {
    let Some(pages) = day.signals.rare_pages.as_mut() else { return };
    let model = profile.signals.rare_pages.get_or_insert_with(ExtremeModel::default);
    let before = model.root;
    model.learn_day(&mut pages.count, day.number, memory);
    if !shared.is_only_read() {
        shared.signals.rare_pages.learn(profile.class, &before, &model.root);
    }
}

fn feature(profile: &Profile, day: &Day) -> Option<Feature> {
    let pages = day.signals.rare_pages.as_deref()?;
    let model = profile.signals.rare_pages.unwrap_or_default();
    let pages = page_feature(&model, day.number, pages, 0.0)?;
    Some(Feature::Pages(model::Pages { rare: true, ..pages }))
}

#[cfg(test)]
mod tests;
