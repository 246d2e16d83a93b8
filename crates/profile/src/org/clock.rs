//! The clock of an org: hours and days close by event time, and silence only judges what is open.

use super::close::{self, STANDS_OUT, distance, unusual_volumes};
use super::{Org, observation, reserve, user_at};
use crate::calendar::LocalHour;
use model::time::{HOUR, SECOND};
use model::{Observation, Surface, Timestamp};

impl Org {
    /// Closes every hour that ends by `watermark`, and every day that ends with one of them; then what people have decided
    /// takes effect. Does nothing before the first activity and while profiles are [`wanted`](Org::wanted).
    pub fn advance(&mut self, watermark: Timestamp, out: &mut Vec<Observation>) {
        if !self.changes.wanted.is_empty() {
            return;
        }
        let Some(mut open) = self.open else {
            self.open = Some(self.clock_calendar.hour_of(watermark));
            return;
        };
        while open.end <= watermark {
            self.close_hour(&open, out);
            // Skips hours without activity.
            let next = if self.active_hour.is_empty() { watermark } else { open.end };
            let next = self.clock_calendar.hour_of(next);
            if next.day != open.day {
                self.close_days(open.day, out);
                self.shared.progress.close_day(open.day, self.shared.kept_days);
            }
            self.take_decisions(&open, next.start);
            open = next;
        }
        if self.open.is_some_and(|was| was.start != open.start) {
            let horizon = self.horizon(open);
            self.identities.advance(open.start, horizon);
            self.forgotten = self.forgotten.max(horizon);
        }
        self.open = Some(open);
    }

    /// Returns the time before which identities are forgotten while `open` is the open hour.
    pub(crate) fn horizon(&self, open: LocalHour) -> Timestamp {
        open.start.plus(-i64::from(self.settings.identity_hours) * HOUR)
    }

    /// Closes the open hour and all open days, at the end of all input. Does nothing while profiles are
    /// [`wanted`](Org::wanted).
    pub fn finish(&mut self, out: &mut Vec<Observation>) {
        if let Some(open) = self.open.filter(|_| self.changes.wanted.is_empty()) {
            self.close_hour(&open, out);
            self.close_days(i32::MAX, out);
            self.shared.progress.close_day(open.day, self.shared.kept_days);
            self.take_decisions(&open, open.end);
        }
    }

    /// Judges once more what stands out today, if `watermark`, the time up to which everything has been sent, is past the
    /// end of the open hour by the allowed lateness: with the day factor that the hour would have if it ended as it is. Many a finding of a busy day is withdrawn here, and not only when the
    /// next activity closes the hour.
    ///
    /// Nothing closes and nothing is learned, so the activities that follow have the same outcome as without. An open
    /// hour is judged once. Does nothing while profiles are [`wanted`](Org::wanted).
    pub fn judge(&mut self, watermark: Timestamp, out: &mut Vec<Observation>) {
        let is_ready = self.changes.wanted.is_empty();
        let judged_at = |end: Timestamp| end.plus(i64::from(self.settings.lateness_seconds) * SECOND);
        let Some(open) = self.open.filter(|open| is_ready && judged_at(open.end) <= watermark) else { return };
        if self.judged == Some(open.start) {
            return;
        }
        self.judged = Some(open.start);
        let mut progress = self.shared.progress.clone();
        for slot in &self.active_hour {
            let Some(user) = user_at(&mut self.users, *slot) else { continue };
            for (surface, today) in Surface::ALL.iter().zip(user.profile.day.iter().flat_map(|day| &day.surfaces)) {
                if let Some((today, distance)) = today.as_deref().and_then(|today| Some((today, distance(today)?))) {
                    progress.note(today.progress, *surface, distance);
                }
            }
        }
        progress.close_hour(open.hour, self.shared.holidays.is_weekend(open.day));
        // A lower factor would raise what no activity has raised.
        progress.raise_to(&self.shared.progress);
        for slot in self.active_day.iter().filter(|slot| !self.backfill_days.contains(slot)) {
            let Some(user) = user_at(&mut self.users, *slot) else { continue };
            let count = out.len();
            let mut combined = user.profile.take_combined();
            let profile = combined.as_deref_mut().unwrap_or(&mut user.profile);
            if let Some(day) = profile.day.as_deref() {
                let times = (day.last_at, day.start);
                let features = unusual_volumes(profile, day, &progress, STANDS_OUT, false);
                if !features.is_empty() {
                    out.push(observation(&self.id, &self.shared, (&user.id, profile), times, None, features));
                }
            }
            if combined.is_some() {
                user.profile.set_combined(combined);
            }
            if out.len() > count {
                self.changes.note(*slot, user);
            }
        }
    }

    /// Closes an hour: works the day factors out, then judges once more every user who stands out.
    fn close_hour(&mut self, hour: &LocalHour, out: &mut Vec<Observation>) {
        let mut later = Vec::new();
        for slot in std::mem::take(&mut self.active_hour) {
            let Some(user) = user_at(&mut self.users, slot) else { continue };
            match user.profile.day.as_ref().map(|day| day.hour_start) {
                // An event within the allowed lateness has already opened a later hour.
                Some(start) if start > hour.start => later.push(slot),
                Some(_) => {
                    close::note_progress(user, &mut self.shared.progress);
                    self.changes.note(slot, user);
                }
                None => {}
            }
        }
        self.active_hour = later;
        let is_weekend = self.shared.holidays.is_weekend(hour.day);
        self.shared.progress.close_hour(hour.hour, is_weekend);
        let mut has_amended = false;
        for slot in &self.active_day {
            let Some(user) = user_at(&mut self.users, *slot) else { continue };
            let org = &self.id;
            if user.profile.is_amended() {
                has_amended = true;
                reserve::both(user, &mut self.shared, out, |id, profile, shared, out| {
                    close::amended_days(org, (id, profile), shared, out);
                });
                self.changes.note(*slot, user);
            }
            if self.backfill_days.contains(slot) {
                continue;
            }
            let revision = user.profile.revision;
            let count = out.len();
            reserve::both(user, &mut self.shared, out, |id, profile, shared, out| {
                out.extend(close::hour(org, (id, profile), shared, hour));
            });
            if out.len() > count || user.profile.revision != revision {
                self.changes.note(*slot, user);
            }
        }
        if has_amended {
            let users = &mut self.users;
            self.active_day.retain(|slot| user_at(users, *slot).is_some_and(|user| user.profile.day.is_some()));
        }
    }

    /// Closes the open days up to `day` of all users.
    fn close_days(&mut self, day: i32, out: &mut Vec<Observation>) {
        let mut later = Vec::new();
        for slot in std::mem::take(&mut self.active_day) {
            let Some(user) = user_at(&mut self.users, slot) else { continue };
            match user.profile.day.as_ref().map(|open| open.number) {
                Some(number) if number <= day => {
                    let is_judged = !self.backfill_days.remove(&slot);
                    let org = &self.id;
                    reserve::both(user, &mut self.shared, out, |id, profile, shared, out| {
                        out.extend(close::day(org, (id, profile), shared, None, is_judged));
                    });
                    self.changes.note(slot, user);
                }
                Some(_) => later.push(slot),
                None => {}
            }
        }
        self.active_day = later;
        self.shared.populations.close_day();
        self.shared.signals.calibrations.end_day();
    }
}
