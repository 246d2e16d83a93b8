//! Records that an account writes through the APIs. They leave nothing and are no part of what it reads.

use super::rows::surface_of;
use super::{Shared, rows};
use crate::user::{Day, Profile, WriteDay, WriteModel};
use model::{Activity, Feature, Surface, WriteKind, Writes};

/// Rows a day below which writes are not observed: they are no mass. A choice; no detector can ask for fewer.
pub const LEAST_WRITTEN: f64 = 100.0;
/// Probability of a day with such writes below which the day is observed, whatever its rows. A choice.
const RARE: f64 = 0.1;

/// Learns what an activity writes. A day that stands out becomes a feature.
pub(super) fn learn(
    profile: &Profile,
    day: &mut Day,
    shared: &Shared,
    activity: &Activity,
    increment: &rows::Increment,
    features: &mut Vec<Feature>,
) {
    let surface = surface_of(activity.kind).filter(|surface| matches!(surface, Surface::Api | Surface::Bulk));
    let (Some(surface), Some(kind)) = (surface, activity.write_kind()) else { return };
    // A call that does not say how many records it wrote wrote one; a batch of a job may have none.
    let least = if surface == Surface::Api { 1.0 } else { 0.0 };
    let rows = increment.rows.max(least);
    let hour = day.late_hour.unwrap_or(day.hour_start);
    let number = day.number;
    let Some(today) = today(profile, day, shared, surface, kind) else { return };
    today.add(activity, rows, hour);
    if !is_observed(today) {
        return;
    }
    let recurrences = WriteModel::find(&profile.writes, surface, kind)
        .map_or(0, |model| model.peaks.at_least(number, today.rows.ln_1p()) as u32);
    features.push(Feature::Writes(feature(today, shared.progress.past.len() as f64, recurrences)));
}

/// Returns the day's writes of a kind through a surface, created if absent.
fn today<'a>(
    profile: &Profile,
    day: &'a mut Day,
    shared: &Shared,
    surface: Surface,
    kind: WriteKind,
) -> Option<&'a mut WriteDay> {
    let is_of = |today: &WriteDay| today.surface == surface && today.kind == kind;
    if !day.writes.iter().any(is_of) {
        let (class, days) = (profile.class, profile.days);
        let usual = WriteModel::usual(&profile.writes, surface, kind, class, days, shared.memory_days);
        day.writes.push(WriteDay::new(surface, kind, usual));
    }
    day.writes.iter_mut().find(|today| is_of(today))
}

/// Whether the day's writes could be a finding: most could not, and give no observation.
fn is_observed(today: &WriteDay) -> bool {
    let usual = &today.usual;
    today.rows >= LEAST_WRITTEN
        && (usual.chance < RARE
            || usual.day.standardized(today.rows) > 1.0
            || usual.hour.standardized(today.largest_hour()) > 1.0)
}

fn feature(today: &WriteDay, org_days: f64, recurrences: u32) -> Writes {
    let mut largest: Vec<_> = today.largest.iter().collect();
    largest.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    Writes {
        surface: today.surface,
        kind: today.kind,
        rows: today.rows,
        hour_rows: today.largest_hour(),
        requests: today.requests,
        day: today.usual.day,
        hour: today.usual.hour,
        chance: today.usual.chance,
        days: today.usual.days,
        org_days,
        objects: today.objects.clone(),
        evidence: largest.into_iter().map(|(_, id)| *id).collect(),
        recurrences,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Org, Settings};
    use model::time::{DAY, HOUR};
    use model::{Channel, Effect, Kind, Observation, OrgId, Timestamp, UserId, Uuid};

    struct Account {
        org: Org,
        count: u128,
        user: &'static str,
    }

    impl Account {
        /// Returns an account that has read 100 rows through the Bulk API on each of 30 days, and on each night did what
        /// `nightly` says, with so many rows.
        fn new(nightly: Option<(&str, u64)>) -> Self {
            let org = Org::new(OrgId::new("00Dhn0000018hrcEAA"), &Settings::default()).unwrap();
            let mut account = Self { org, count: 0, user: "sync" };
            for day in 0..30 {
                if let Some((operation, rows)) = nightly {
                    account.at(day * DAY + 2 * HOUR, Kind::BulkApi, operation, rows);
                }
                account.at(day * DAY + 9 * HOUR, Kind::BulkApi, "query", 100 + day as u64);
            }
            account
        }

        /// Observes an activity at a time after the start, and returns the features.
        fn at(&mut self, at: i64, kind: Kind, operation: &str, rows: u64) -> Vec<Feature> {
            self.count += 1;
            let (id, org, user) = (Uuid::from_u128(self.count), self.org.id().clone(), UserId::new(self.user));
            let at = Timestamp::parse("2026-01-05").unwrap().plus(at);
            let mut activity = Activity::new(id, org, user, at, Channel::LogFile, kind);
            (activity.operation, activity.rows) = (Some(operation.into()), Some(rows));
            activity.effect = Effect::of(kind, Some(operation));
            let mut out: Vec<Observation> = Vec::new();
            self.org.observe(&activity, &mut out);
            out.into_iter().filter(|observation| observation.activity.is_some()).flat_map(|o| o.features).collect()
        }

        /// Observes an activity on the 31st day, at 10:00.
        fn then(&mut self, operation: &str, rows: u64) -> Vec<Feature> {
            self.at(30 * DAY + 10 * HOUR, Kind::BulkApi, operation, rows)
        }
    }

    fn rows_read(features: &[Feature]) -> Option<f64> {
        features.iter().find_map(|feature| match feature {
            Feature::Volume(volume) => Some(volume.rows),
            _ => None,
        })
    }

    fn written(features: &[Feature]) -> Option<&Writes> {
        features.iter().find_map(|feature| match feature {
            Feature::Writes(writes) => Some(writes),
            _ => None,
        })
    }

    #[test]
    fn an_import_is_no_read() {
        let features = Account::new(None).then("insert", 300_000);
        assert_eq!(rows_read(&features), None);
        let writes = written(&features).unwrap();
        assert_eq!((writes.rows, writes.kind, writes.surface), (300_000.0, WriteKind::Created, Surface::Bulk));
        assert!(writes.chance < RARE && writes.days == 30.0, "{writes:?}");
    }

    #[test]
    fn reads_under_nightly_writes_are_observed_as_without_them() {
        let without = Account::new(None).then("query", 120_000);
        let mut nightly = Account::new(Some(("upsert", 120_000)));
        assert_eq!(written(&nightly.at(30 * DAY + 2 * HOUR, Kind::BulkApi, "upsert", 120_000)), None);
        let with = nightly.then("query", 120_000);
        assert_eq!((rows_read(&without), rows_read(&with)), (Some(120_000.0), Some(120_000.0)));
        let usual = |features: &[Feature]| match features {
            [Feature::Volume(volume), Feature::Largest(largest)] => (volume.day, largest.usual),
            other => panic!("{other:?}"),
        };
        assert_eq!(usual(&without), usual(&with));
    }

    #[test]
    fn kinds_of_writes_and_surfaces_have_usuals_of_their_own() {
        let mut nightly = Account::new(Some(("insert", 50_000)));
        let deleted = nightly.then("delete", 20_000);
        assert_eq!(written(&deleted).map(|writes| (writes.kind, writes.day.evidence)), Some((WriteKind::Deleted, 0.0)));
        let by_api = nightly.at(30 * DAY + 11 * HOUR, Kind::Api, "create", 2_000);
        assert_eq!(written(&by_api).map(|writes| writes.surface), Some(Surface::Api));
    }

    #[test]
    fn an_account_that_is_new_has_no_history() {
        let mut account = Account::new(None);
        account.user = "new";
        let deleted = account.then("delete", 20_000);
        let writes = written(&deleted).unwrap();
        // Four days of identities, and three more.
        assert_eq!((writes.days, writes.org_days), (0.0, 7.0));
    }

    #[test]
    fn calls_without_rows_wrote_one_record_each() {
        let mut account = Account::new(None);
        let mut last = Vec::new();
        for call in 0..150 {
            last = account.at(30 * DAY + 10 * HOUR + call, Kind::Api, "DELETE", 0);
        }
        assert_eq!(written(&last).map(|writes| (writes.rows, writes.requests)), Some((150.0, 150)));
    }

    #[test]
    fn late_writes_count_in_their_day_and_hour() {
        let mut account = Account::new(None);
        account.then("delete", 20_000);
        account.at(32 * DAY, Kind::BulkApi, "query", 100);
        let late = account.at(30 * DAY + 11 * HOUR, Kind::BulkApi, "delete", 5_000);
        let writes = written(&late).unwrap();
        assert_eq!((writes.rows, writes.hour_rows, writes.days), (25_000.0, 20_000.0, 30.0));
    }
}
