//! Copies of learned activities, which may carry more about their connection than the first copy did.

use super::facets::Facets;
use super::{ActivityOutcome, Org, Purpose, connection, observation, reserve, user_at};
use crate::user::Day;
use model::{Activity, Observation};

impl Org {
    /// Learns the facets `news` of a copy of a learned activity. Nothing is counted again.
    pub(super) fn enrich(
        &mut self,
        copy: &Activity,
        slot: Option<u32>,
        news: Facets,
        purpose: Purpose,
        out: &mut Vec<Observation>,
    ) -> ActivityOutcome {
        let user = slot.filter(|_| !news.is_empty()).and_then(|slot| Some((slot, user_at(&mut self.users, slot)?)));
        let Some((slot, user)) = user else { return ActivityOutcome::Duplicate };
        let at = copy.event_time;
        self.identities.add(copy.id, at, news);
        self.changes.note(slot, user);
        let hour = self.calendar.hour_of(at);
        let org = &self.id;
        reserve::both(user, &mut self.shared, out, |id, profile, shared, out| {
            let open = profile.day.take_if(|day| day.number == hour.day);
            let is_open = open.is_some();
            let is_weekend = shared.holidays.is_weekend(hour.day);
            let mut day = open.unwrap_or_else(|| Box::new(Day::new(hour.day, hour.day_start, is_weekend)));
            let mut features = Vec::new();
            connection::enrich(profile, &mut day, shared, copy, news, &mut features);
            if is_open {
                profile.day = Some(day);
            }
            if purpose == Purpose::Observe && !features.is_empty() {
                out.push(observation(org, shared, (id, profile), (at, hour.day_start), Some(copy), features));
            }
        });
        ActivityOutcome::Enriched
    }
}
