//! Days unlike the account's own, after public cases.

use crate::org::testing::Fed;
use model::time::{DAY, HOUR, MINUTE};
use model::{Channel, Composition, Effect, Feature, Kind, Text, UserId, ValueKind};

/// Days of history of every account.
const DAYS: i64 = 30;

struct World(Fed);

impl World {
    /// Returns an org in which ten people work with eight objects, one with two, and a guest reads articles.
    fn new() -> Self {
        let mut world = Self(Fed::new());
        for day in 0..DAYS {
            world.usual_day(day);
        }
        world
    }

    fn usual_day(&mut self, day: i64) {
        let mut minute = 0;
        let mut at = || {
            minute += 1;
            day * DAY + 9 * HOUR + minute * MINUTE
        };
        for person in 0..10 {
            // Each day another part of the work, so that days differ.
            for step in 0..12 + (day + person) % 5 {
                let object = (day * 5 + person * 3 + step * step) % 8;
                self.read(at(), &format!("person{person}"), Kind::ListView, &format!("Object{object}"));
            }
        }
        for step in 0..20 + day % 3 {
            self.read(at(), "emma", Kind::ListView, if step % 3 == 0 { "Object0" } else { "Object1" });
        }
        for _ in 0..30 + day % 7 {
            self.read(at(), "guest", Kind::LightningUri, "Knowledge__kav");
        }
    }

    /// Reads one object at a time after the start. Returns the compositions that are observed.
    fn read(&mut self, at: i64, user: &str, kind: Kind, object: &str) -> Vec<Composition> {
        let mut activity = self.0.activity(at, user, Channel::LogFile, kind);
        activity.effect = Effect::Read;
        activity.objects.push(object.into());
        if kind == Kind::ListView {
            activity.resource_name = Some(format!("My{object}").into());
        }
        let of_user =
            self.0.observe(&activity).into_iter().filter(|observation| observation.user_id == UserId::new(user));
        of_user.flat_map(|observation| compositions(observation.features)).collect()
    }

    /// Closes all days. Returns the compositions of an account.
    fn close(&mut self, user: &str) -> Vec<Composition> {
        let mut out = Vec::new();
        self.0.org.finish(&mut out);
        let of_user = out.into_iter().filter(|observation| observation.user_id == UserId::new(user));
        of_user.flat_map(|observation| compositions(observation.features)).collect()
    }
}

fn compositions(features: Vec<Feature>) -> Vec<Composition> {
    let of = |feature| if let Feature::Composition(composition) = feature { Some(composition) } else { None };
    features.into_iter().filter_map(of).collect()
}

fn above(composition: &Composition) -> f64 {
    (composition.ratio - composition.mean) / composition.deviation
}

fn names(composition: &Composition, kind: ValueKind) -> Vec<Text> {
    let mut names: Vec<Text> =
        composition.values.iter().filter(|value| value.kind == kind).map(|value| value.name.clone()).collect();
    names.sort();
    names
}

/// Guests of public sites enumerated objects through components in 2025 and 2026 (Salesforce's advice on guest users'
/// access).
#[test]
fn a_guest_that_enumerates_objects_is_unlike_itself_while_it_does() {
    let mut world = World::new();
    let start = DAYS * DAY + 10 * HOUR;
    let found: Vec<Composition> = (0..64)
        .flat_map(|n| world.read(start + n * MINUTE, "guest", Kind::AuraRequest, &format!("Object{}", n % 8)))
        .collect();
    let last = found.last().unwrap();
    assert!(above(last) > 5.0 && !last.closed, "{last:?}");
    assert_eq!(names(last, ValueKind::Object).len() as u32 + 1, last.unusual, "and the operation");
    assert_eq!(names(last, ValueKind::Operation), ["aura request read"]);
}

/// Masquerade: somebody else works with the account, as everybody in the org does, and does nothing that it usually does.
#[test]
fn a_day_of_somebody_else_stands_out_when_it_is_over() {
    let mut world = World::new();
    world.close("emma");
    let start = DAYS * DAY + 10 * HOUR;
    for n in 0..20 {
        world.read(start + n * MINUTE, "emma", Kind::ListView, &format!("Object{}", 2 + n % 6));
    }
    let closed = world.close("emma");
    let [day] = closed.as_slice() else { panic!("{closed:?}") };
    assert!(above(day) > 5.0 && day.closed && day.missing > 0.0, "{day:?}");
    assert_eq!(names(day, ValueKind::Object), ["Object2", "Object3", "Object4", "Object5", "Object6", "Object7"]);
    assert!(day.values.iter().all(|value| value.own_share == 0.0 && value.org_share > 0.05), "{day:?}");
}

#[test]
fn a_usual_day_does_not_stand_out() {
    let mut world = World::new();
    world.close("emma");
    world.usual_day(DAYS);
    for user in ["emma", "guest", "person0", "person7"] {
        let closed = world.close(user);
        assert!(closed.iter().all(|day| above(day) < 2.0), "{user}: {closed:?}");
    }
}

#[test]
fn an_alarm_hardly_teaches_and_a_new_task_becomes_usual() {
    let mut world = World::new();
    let mut surprise = Vec::new();
    for day in DAYS..DAYS + 40 {
        for n in 0..20 {
            world.read(day * DAY + 10 * HOUR + n * MINUTE, "emma", Kind::ListView, &format!("Object{}", 2 + n % 6));
        }
        surprise.push(world.close("emma").iter().map(above).fold(0.0, f64::max));
    }
    assert!(surprise[1] > 0.7 * surprise[0], "{surprise:?}");
    assert!(surprise[39] < 2.0, "{surprise:?}");
}

#[test]
fn late_activities_count_as_if_they_had_come_in_time() {
    let habits = |order: [i64; 2]| {
        let mut world = World::new();
        for day in order {
            world.read((DAYS + day) * DAY + 10 * HOUR, "emma", Kind::ListView, "Object5");
        }
        world.close("emma");
        let (_, profile) = world.0.org.profiles().find(|(id, _)| **id == UserId::new("emma")).unwrap();
        profile.signals.habits.iter().map(|(_, weight)| weight).sum::<f32>()
    };
    let (in_time, late) = (habits([0, 1]), habits([1, 0]));
    assert!((in_time - late).abs() < 1.0, "{in_time} {late}");
}
