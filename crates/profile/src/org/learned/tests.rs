use super::*;
use crate::org::Org;
use crate::org::testing::Fed;
use crate::{Record, StateError, StoredAccount};
use model::time::{DAY, HOUR, MINUTE};
use model::{Activity, Channel, Kind, Scope, SourceIp, UserId};
use std::collections::BTreeMap;

/// A checkpoint.
type Table = BTreeMap<String, Vec<u8>>;

/// An org of an account that works for three weeks, and what it stored.
struct World {
    fed: Fed,
    table: Table,
}

impl World {
    fn new() -> Self {
        let mut world = Self { fed: Fed::new(), table: Table::new() };
        for day in 0..21 {
            if day % 7 < 5 {
                world.work(day);
            }
        }
        world.store();
        world
    }

    /// Reads from 8 to 10 h: a list view each day, one more on the first day, reports and an app.
    fn work(&mut self, day: i64) {
        self.observe(day, 8, Kind::ListView, |activity| {
            activity.objects = ["Contact".into()].into_iter().collect();
            (activity.resource_name, activity.scope) = (Some("MyContacts".into()), Some(Scope::ALL[0]));
            activity.rows = Some(200);
        });
        if day == 0 {
            self.observe(day, 8, Kind::ListView, |activity| {
                activity.objects = ["Account".into()].into_iter().collect();
                activity.resource_name = Some("AllAccounts".into());
            });
        }
        self.observe(day, 9, Kind::ReportExport, |activity| {
            activity.resource_id = Some("00O1".into());
            activity.resource_name = (day > 7).then(|| "Pipeline".into());
        });
        self.observe(day, 9, Kind::Report, |activity| activity.resource_id = Some("00O2".into()));
        self.observe(day, 10, Kind::Api, |activity| {
            activity.connected_app = (day > 7).then(|| "0H4x".into());
            activity.application = Some("Loader".into());
        });
    }

    fn observe(&mut self, day: i64, hour: i64, kind: Kind, change: impl FnOnce(&mut Activity)) {
        let at = day * DAY + hour * HOUR + 5 * MINUTE;
        let mut activity = self.fed.activity(at, "emma", Channel::Stream, kind);
        activity.source_ip = Some(SourceIp::Address([198, 51, 100, 7].into()));
        (activity.country, activity.client) = (Some("DE".into()), Some("Chrome".into()));
        activity.effect = model::Effect::of(kind, None);
        change(&mut activity);
        self.fed.observe(&activity);
    }

    fn store(&mut self) {
        for Record { key, bytes } in self.fed.org.take_changes().unwrap() {
            match bytes {
                Some(bytes) => self.table.insert(key, bytes),
                None => self.table.remove(&key),
            };
        }
    }

    fn stored(&self) -> StoredAccount {
        let user = UserId::new("emma");
        let [head, profile] = StoredAccount::keys(&user).map(|key| &self.table[&key]);
        StoredAccount::read(&user, head, profile).unwrap()
    }

    fn learned(&self) -> Learned {
        let stored = self.stored();
        let keys = stored.learned_keys();
        assert!(keys.len() < 20, "{keys:?}");
        let records = keys.iter().filter_map(|key| Some((key.as_str(), self.table.get(key)?.as_slice())));
        stored.learned(records).unwrap()
    }
}

/// Writes the values of a kind as `name (object) days last_day`, and how many there are.
fn text(learned: &Learned, kind: KnownKind) -> String {
    let of_kind = learned.known.iter().find(|known| known.kind == kind).unwrap();
    let value = |value: &NamedValue| {
        let object = value.object.as_ref().map(|object| format!(" of {object}")).unwrap_or_default();
        format!("{}{object} {:.1} {}", value.name, value.days, value.last_day)
    };
    let values: Vec<String> = of_kind.values.iter().map(value).collect();
    format!("{} of {}: {}", values.len(), of_kind.count, values.join(", "))
}

#[test]
fn values_are_listed_by_their_names_the_most_used_first() {
    let learned = World::new().learned();
    // 2026-01-05 is the day 20,458.
    for (kind, expect) in [
        (KnownKind::Object, "2 of 2: Contact 14.0 20476, Account 0.9 20458"),
        (KnownKind::ListView, "2 of 2: mycontacts of Contact 14.0 20476, allaccounts of Account 0.9 20458"),
        (KnownKind::Report, "2 of 2: Pipeline 14.0 20476, 00O2 14.0 20476"),
        (KnownKind::ReportExport, "1 of 1: Pipeline 14.0 20476"),
        (KnownKind::Network, "1 of 1: 198.51.100.0/24 14.0 20476"),
        (KnownKind::Client, "1 of 1: Chrome 14.0 20476"),
        (KnownKind::Country, "1 of 1: DE 14.0 20476"),
        (KnownKind::App, "1 of 1: Loader 14.0 20476"),
    ] {
        assert_eq!(text(&learned, kind), expect, "{kind:?}");
    }
    assert!(learned.known.iter().all(|known| known.dropped == 0));
}

#[test]
fn hours_rows_and_requests_are_those_of_usual_days() {
    let learned = World::new().learned();
    let (hours, weekends) = (learned.rhythm.working_days, learned.rhythm.weekends);
    // The last day is open.
    assert_eq!((learned.days, learned.last_day, hours.days, weekends.days), (14.0, Some(20_475), 14.0, 4.0));
    assert_eq!((hours.shares[7], hours.shares[8], hours.shares[10], hours.shares[11]), (0.0, 1.0, 1.0, 0.0));
    assert_eq!((weekends.shares, learned.rhythm.center), ([0.0; 24], Some(9)));
    let [views, reports, api] = learned.rows[..] else { panic!("{:?}", learned.rows) };
    assert_eq!((reports.band.expected, api.band.expected), (0, 0), "they gave no rows");
    assert_eq!((views.surface, views.days, views.band.expected), (Surface::ListView, 14.0, 200));
    assert!(views.band.low < 150 && views.band.high > 250, "{views:?}");
    assert!((4.0..5.0).contains(&learned.requests.unwrap()), "{learned:?}");
    assert_eq!(learned.class, UserClass::Normal);
}

#[test]
fn names_that_an_earlier_version_did_not_store_are_there_after_a_day() {
    let mut world = World::new();
    world.fed.org.shared.names.shown.clear();
    world.fed.org.changes.is_taken = false;
    world.table.clear();
    world.store();
    let learned = world.learned();
    assert_eq!(text(&learned, KnownKind::Object), "0 of 2: ");
    assert_eq!(text(&learned, KnownKind::Client), "1 of 1: Chrome 14.0 20476");
    world.work(21);
    world.store();
    let learned = world.learned();
    assert_eq!(text(&learned, KnownKind::Object), "1 of 2: Contact 14.7 20479");
    assert_eq!(text(&learned, KnownKind::App), "1 of 1: Loader 14.7 20479");
}

#[test]
fn kinds_of_anonymizers_are_no_networks() {
    let mut world = World::new();
    let slot = world.fed.org.slots[&UserId::new("emma")];
    let profile = &mut crate::org::user_at(&mut world.fed.org.users, slot).unwrap().profile;
    profile.values.networks.touch(names::key(names::NETWORK, Anonymizer::Tor.as_str()), 20_476);
    world.fed.org.changes.is_taken = false;
    world.store();
    assert_eq!(text(&world.learned(), KnownKind::Network), "1 of 1: 198.51.100.0/24 14.0 20476");
}

#[test]
fn each_partition_with_a_profile_and_a_head_has_an_account() {
    let world = World::new();
    let user = UserId::new("emma");
    let [head, profile] = StoredAccount::keys(&user);
    let record = |partition, key: &String| (partition, key.clone(), world.table[key].clone());
    let records = [(2, &profile), (2, &head), (3, &head), (4, &profile), (5, &head), (5, &profile)];
    let stored = StoredAccount::by_partition(&user, records.map(|(partition, key)| record(partition, key))).unwrap();
    assert_eq!(stored.keys().copied().collect::<Vec<_>>(), [2, 5]);
    assert!(stored[&2].clock().is_some_and(|clock| clock == world.fed.org.clock().unwrap()));
}

#[test]
fn records_of_something_else_are_an_error() {
    let world = World::new();
    let stored = world.stored();
    let key = Org::user_key(&UserId::new("emma"));
    assert!(matches!(stored.learned([(key.as_str(), [].as_slice())]), Err(StateError::Key { .. })));
    assert!(matches!(stored.learned([("head", [].as_slice())]), Err(StateError::Key { .. })));
    assert!(matches!(stored.learned([]), Err(StateError::Missing { .. })));
}
