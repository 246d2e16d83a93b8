//! What observations say of a day's composition.

use crate::user::{Day, DayValue, DayValues, Unusual, UsualDay, weight};
use model::{Composition, Feature, UnusualValue};

/// Deviations above the usual from which on a day is observed when it is over. A choice: five of six days are observed once,
/// so that scores rank days.
const IS_OBSERVED: f64 = -1.0;

/// Observes the open day if its ratio has risen far enough.
pub(in crate::org) fn observe(day: &mut Day, features: &mut Vec<Feature>) {
    /// Deviations by which the ratio must rise before it is observed again. A choice.
    const AGAIN: f64 = 0.5;
    let values = &mut day.signals.values;
    let Some(usual) = values.usual else { return };
    let ratio = values.ratio_so_far();
    if ratio >= values.observe_at {
        values.observe_at = ratio + AGAIN * usual.deviation;
        features.push(feature(values, usual, ratio, false));
    }
}

/// Returns the feature of a day that closes if the day stands out, or, once, if it cannot be judged.
pub(in crate::org) fn closing(day: &Day) -> Option<Feature> {
    let values = &day.signals.values;
    if values.is_empty() {
        return None;
    }
    let ratio = values.ratio();
    match values.usual {
        Some(usual) => {
            let above = (ratio - usual.mean) / usual.deviation;
            (above >= IS_OBSERVED).then(|| feature(values, usual, ratio, true))
        }
        // Counted as unscoreable, once.
        None => values.learned.is_none().then(|| Feature::Composition(unknown(ratio))),
    }
}

/// Describes a day as a feature.
fn feature(values: &DayValues, usual: UsualDay, ratio: f64, closed: bool) -> Feature {
    /// Values that are named. A choice.
    const MOST: usize = 12;
    let part = |value: &DayValue| f64::from(value.ratio) * f64::from(weight(value.count));
    let mut unusual: Vec<&DayValue> = values.iter().filter(|value| value.unusual.is_some()).collect();
    unusual.sort_by(|a, b| part(b).total_cmp(&part(a)).then(a.key.cmp(&b.key)));
    let count = unusual.len() as u32;
    let named = unusual.into_iter().take(MOST).filter_map(|value| {
        let Unusual { name, first, own_share, org_share } = value.unusual.as_deref()?;
        Some(UnusualValue {
            kind: value.kind,
            name: name.clone(),
            count: value.count,
            ratio: part(value),
            own_share: f64::from(*own_share),
            org_share: f64::from(*org_share),
            first: *first,
        })
    });
    Feature::Composition(Composition {
        ratio,
        mean: usual.mean,
        deviation: usual.deviation,
        missing: if closed { (values.against - usual.against).max(0.0) } else { 0.0 },
        days: usual.days,
        unusual: count,
        values: named.collect(),
        closed,
    })
}

/// Describes a day of an account with too few days.
fn unknown(ratio: f64) -> Composition {
    Composition {
        ratio,
        mean: 0.0,
        deviation: 0.0,
        missing: 0.0,
        days: 0.0,
        unusual: 0,
        values: Vec::new(),
        closed: true,
    }
}
