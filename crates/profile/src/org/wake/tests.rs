//! After the forgotten accounts that serve as a way in: of a leaver, with its VPN profile still valid (the pipeline company's
//! of 2021), and of a test tenant that nobody watched (Microsoft on Midnight Blizzard, 2024).

use super::*;
use crate::org::testing::Fed;
use model::time::{DAY, HOUR};
use model::{Channel, SourceIp};

struct World(Fed);

impl World {
    /// Returns an org of 100 accounts of which `is_at_work` decides who works on which of 80 days.
    fn new(is_at_work: impl Fn(i64, u32) -> bool) -> Self {
        let mut world = Self(Fed::new());
        for day in 0..80 {
            for user in (0..100).filter(|user| is_at_work(day, *user)) {
                world.at(day, user, 1, "Chrome on Windows", Outcome::Success);
            }
        }
        world
    }

    fn at(&mut self, day: i64, user: u32, network: u8, client: &str, outcome: Outcome) -> Vec<Wake> {
        let user = format!("user{user}");
        let mut activity = self.0.activity(day * DAY + 9 * HOUR, &user, Channel::Stored, Kind::Login);
        activity.source_ip = Some(SourceIp::Address([198, 51, network, 7].into()));
        (activity.client, activity.outcome) = (Some(client.into()), outcome);
        let features = self.0.features(&activity).into_iter();
        features.filter_map(|feature| if let Feature::Wake(wake) = feature { Some(wake) } else { None }).collect()
    }
}

/// The account 0 sleeps from day 20 on, the account 1 was away from day 20 to 34.
fn sleeper(day: i64, user: u32) -> bool {
    match user {
        0 => day < 20,
        1 => !(20..35).contains(&day),
        _ => true,
    }
}

#[test]
fn a_forgotten_account_wakes_from_elsewhere() {
    let mut world = World::new(sleeper);
    assert_eq!(world.at(80, 0, 9, "Chrome on Windows", Outcome::Failure), [], "somebody tries passwords");
    let [wake] = &world.at(81, 0, 9, "Firefox on Linux", Outcome::Success)[..] else { panic!() };
    assert_eq!((wake.silent_days, wake.longest_days, wake.days), (61, 0, 21.0));
    assert_eq!(
        (wake.new_network.as_deref(), wake.new_client.as_deref()),
        (Some("198.51.9.0/24"), Some("Firefox on Linux"))
    );
    assert!(wake.chance < 1e-3 && wake.novelty < 0.2 && !wake.many, "{wake:?}");
    assert_eq!(world.at(81, 0, 9, "Firefox on Linux", Outcome::Success), [], "once a day");
    assert_eq!(world.at(82, 0, 9, "Firefox on Linux", Outcome::Success), []);
}

#[test]
fn what_is_new_is_reported_when_it_comes() {
    let mut world = World::new(sleeper);
    let news = [(1, "Chrome on Windows"), (1, "Chrome on Windows"), (9, "Chrome on Windows"), (9, "Firefox on Linux")]
        .map(|(network, client)| world.at(80, 0, network, client, Outcome::Success));
    let novelty: Vec<Vec<bool>> =
        news.iter().map(|wakes| wakes.iter().map(|wake| wake.new_network.is_some()).collect()).collect();
    assert_eq!(novelty, [vec![false], vec![], vec![true], vec![true]]);
    assert!(news[3][0].novelty < news[2][0].novelty && news[2][0].novelty < news[0][0].novelty);
    assert_eq!(news[0][0].novelty, 1.0);
}

#[test]
fn leave_of_two_weeks_is_no_silence() {
    let mut world = World::new(sleeper);
    let silences = |world: &World, user: &str| {
        let mut profiles = world.0.org.profiles();
        let (_, profile) = profiles.find(|(id, _)| id.as_str() == user).unwrap();
        profile.signals.silences.after
    };
    assert_eq!(silences(&world, "user1"), [1, 1, 0, 0, 0, 0, 0]);
    assert_eq!(world.at(80, 1, 9, "Firefox on Linux", Outcome::Success), []);
}

#[test]
fn who_comes_every_six_weeks_is_expected() {
    let mut world = World::new(|day, user| user > 0 || day % 40 < 2);
    let [seasonal] = &world.at(120, 0, 1, "Chrome on Windows", Outcome::Success)[..] else { panic!() };
    assert!(seasonal.chance > 0.02 && seasonal.longest_days == 38, "{seasonal:?}");
}

#[test]
fn days_without_the_whole_org_are_no_silence() {
    let mut world = World::new(|_, _| true);
    assert_eq!(world.at(140, 0, 9, "Firefox on Linux", Outcome::Success), []);
}

#[test]
fn many_return_at_the_end_of_a_season() {
    let mut world = World::new(|day, user| user > 10 || day < 20);
    let many: Vec<bool> = (0..6)
        .flat_map(|user| world.at(80, user, 1, "Chrome on Windows", Outcome::Success))
        .map(|wake| wake.many)
        .collect();
    assert_eq!(many, [false, false, false, true, true, true]);
}

#[test]
fn longer_silences_are_rarer() {
    let silences = Silences::default();
    let chances: Vec<f64> = (0..BOUNDS.len())
        .map(|bound| silences.chance(&OwnSilences::default(), bound, UserClass::Normal, 40.0))
        .collect();
    assert!(chances.iter().rev().is_sorted() && chances[2] < 2e-3 && chances[6] > 1e-6, "{chances:?}");
}
