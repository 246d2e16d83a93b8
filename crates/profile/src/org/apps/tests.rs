//! After the consent phishing of 2025: callers of a help desk talked people into authorizing an app that imitated Data
//! Loader, which then read whole objects (Google Threat Intelligence Group, "The Cost of a Call", on UNC6040).

use super::*;
use crate::org::testing::Fed;
use model::time::{DAY, HOUR};
use model::{Channel, Effect};

struct World(Fed);

impl World {
    /// Returns an org of 60 accounts that work for 40 days. A half of them has an app of the org since the first day, and
    /// one begins to use it every other day.
    fn new() -> Self {
        let mut world = Self(Fed::new());
        for day in 0..40 {
            for user in 0..60 {
                world.at(day, &format!("user{user}"), |activity| activity.kind = Kind::ListView);
                if user < 20 + day / 2 {
                    world.call(day, &format!("user{user}"), Some("0H4known"), "Data Loader", 50);
                }
            }
        }
        world
    }

    fn at(&mut self, day: i64, user: &str, change: impl FnOnce(&mut Activity)) -> Vec<NewApp> {
        let mut activity = self.0.activity(day * DAY + 9 * HOUR, user, Channel::Stored, Kind::Api);
        change(&mut activity);
        let features = self.0.features(&activity).into_iter();
        features.filter_map(|feature| if let Feature::App(app) = feature { Some(app) } else { None }).collect()
    }

    fn call(&mut self, day: i64, user: &str, id: Option<&str>, name: &str, rows: u64) -> Vec<NewApp> {
        self.at(day, user, |activity| {
            (activity.connected_app, activity.application) = (id.map(Text::from), Some(name.into()));
            (activity.rows, activity.effect) = (Some(rows), Effect::Read);
        })
    }

    fn login(&mut self, day: i64, user: &str, name: &str, how: &str, outcome: Outcome) -> Vec<NewApp> {
        self.at(day, user, |activity| {
            (activity.kind, activity.outcome) = (Kind::Login, outcome);
            (activity.application, activity.login_type) = (Some(name.into()), Some(how.into()));
        })
    }
}

#[test]
fn an_app_of_a_known_name_and_another_id_is_new_and_nobody_has_it() {
    let mut world = World::new();
    assert_eq!(world.login(40, "user3", "Data Loader", "Remote Access 2.0", Outcome::Success), []);
    let [clone] = &world.call(40, "user3", Some("0H4clone"), "Data Loader", 9_000)[..] else { panic!() };
    assert_eq!((clone.app.as_str(), clone.app_id.as_deref()), ("Data Loader", Some("0H4clone")));
    assert!(clone.imitates && clone.users == 0 && !clone.rolled_out, "{clone:?}");
    assert!(clone.chance * clone.peer_tail < 1e-3, "{clone:?}");
    assert_eq!((clone.rows, clone.requests), (9_000.0, 1));
}

#[test]
fn an_app_that_many_have_is_new_and_ordinary() {
    let mut world = World::new();
    let [known] = &world.call(40, "user59", Some("0H4known"), "Data Loader", 50)[..] else { panic!() };
    assert!(known.users >= 35 && known.peer_tail > 0.5 && !known.imitates, "{known:?}");
    assert!(!known.rolled_out || known.users > 0);
}

#[test]
fn an_app_is_reported_on_its_first_day_when_its_rows_double() {
    let mut world = World::new();
    assert_eq!(world.login(40, "user3", "My Ticket Portal", "Remote Access 2.0", Outcome::Success).len(), 1);
    let reports: Vec<Vec<f64>> = [100, 50, 200, 100]
        .map(|rows| world.call(40, "user3", None, "My Ticket Portal", rows).iter().map(|app| app.rows).collect())
        .into();
    assert_eq!(reports, [vec![100.0], vec![], vec![350.0], vec![]]);
    assert_eq!(world.call(41, "user3", None, "My Ticket Portal", 9_000), []);
}

#[test]
fn failed_logins_and_logins_of_browsers_name_no_app() {
    let mut world = World::new();
    assert_eq!(world.login(40, "user3", "Night Loader", "Remote Access 2.0", Outcome::Failure), []);
    assert_eq!(world.login(40, "user3", "Browser", "Application", Outcome::Success), []);
    assert_eq!(world.login(40, "user3", "Night Loader", "Remote Access 2.0", Outcome::Success).len(), 1);
}

#[test]
fn an_app_that_several_begin_to_use_is_rolled_out() {
    let mut world = World::new();
    let begun: Vec<bool> = (0..6)
        .flat_map(|user| world.call(40 + user / 3, &format!("user{user}"), Some("0H4new"), "Pipeline Coach", 20))
        .map(|app| app.rolled_out)
        .collect();
    assert_eq!(begun, [false, false, false, true, true, true]);
}

#[test]
fn ids_that_are_new_to_the_org_make_no_app_new() {
    let mut world = World::new();
    for day in 40..42 {
        world.call(day, "user3", None, "Lumen Sync", 20);
    }
    assert_eq!(world.call(42, "user3", Some("0H4lumen"), "Lumen Sync", 20), []);
}

#[test]
fn an_account_that_often_has_new_apps_has_a_high_chance() {
    let mut world = World::new();
    for day in 40..60 {
        world.call(day, "user3", None, &format!("app {day}"), 20);
        world.at(day, "user4", |activity| activity.kind = Kind::ListView);
    }
    let chance = |world: &mut World, user| world.call(60, user, None, "Night Loader", 20)[0].chance;
    let [often, never] = ["user3", "user4"].map(|user| chance(&mut world, user));
    assert!(often > 0.2 && never < 0.02, "{often} {never}");
}

#[test]
fn an_org_remembers_a_bounded_number_of_apps() {
    let mut apps = Apps::default();
    for key in 0..2 * Apps::MOST as u64 {
        apps.begin(key, 0, 20_000);
        apps.begin(7, 0, 20_000);
    }
    assert!(apps.uses.len() == Apps::MOST && apps.uses[&7].users > 8_000);
}
