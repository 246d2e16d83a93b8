//! What a change of role does to a baseline.

use super::population::RowQuantity;
use super::{Shared, composition};
use crate::user::{COUNTERS, DrainState, Profile};
use model::Surface;

/// Discounts what was learned of an account that has another role, so that its class counts for more. Its largest
/// requests and record pages stay: another role reads as much at once.
pub(super) fn discount(profile: &mut Profile, shared: &mut Shared) {
    /// Share of the weight that is kept. A choice: a full baseline of 60 days then weighs as six.
    const SHARE: f64 = 0.1;
    let class = profile.class;
    for surface in Surface::ALL {
        let Some(model) = profile.rows.get_mut(*surface as usize).and_then(Option::as_deref_mut) else { continue };
        let before = (model.day, model.hour, model.request, model.intensity);
        model.drain = DrainState::default();
        for moments in [&mut model.day, &mut model.hour, &mut model.request, &mut model.intensity, &mut model.plain] {
            moments.discount(SHARE);
        }
        let populations = &mut shared.populations;
        populations.learn_rows(class, *surface, RowQuantity::Day, &before.0, &model.day);
        populations.learn_rows(class, *surface, RowQuantity::Hour, &before.1, &model.hour);
        populations.learn_rows(class, *surface, RowQuantity::Request, &before.2, &model.request);
        populations.learn_rows(class, *surface, RowQuantity::Intensity, &before.3, &model.intensity);
    }
    composition::discount(profile, shared, SHARE);
    profile.writes.iter_mut().for_each(|model| model.discount(SHARE));
    for counter in COUNTERS {
        let Some(moments) = profile.counts.get_mut(counter) else { continue };
        let before = *moments;
        moments.discount(SHARE);
        let after = *moments;
        shared.populations.learn_count(class, counter, &before, &after);
    }
}
