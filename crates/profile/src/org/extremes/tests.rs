use super::*;
use crate::{Org, Settings};
use model::time::{DAY, HOUR, MINUTE, SECOND};
use model::{Channel, Effect, Observation, OrgId, Timestamp, UserId, Uuid};

struct Account {
    org: Org,
    count: u128,
    user: String,
}

impl Account {
    /// Returns an account that on each of 40 days opened a view of some 40 rows four times and 6 to 10 records.
    fn new(user: &str) -> Self {
        let mut account = Self::absent(user);
        account.work(0..40);
        account
    }

    fn absent(user: &str) -> Self {
        let org = Org::new(OrgId::new("00Dhn0000018hrcEAA"), &Settings::default()).unwrap();
        Self { org, count: 0, user: user.to_owned() }
    }

    fn work(&mut self, days: std::ops::Range<i64>) {
        for day in days {
            for nth in 0..4 {
                self.view(day * DAY + 9 * HOUR + nth * MINUTE, 30 + (day as u64 * 7 + nth as u64 * 5) % 20);
            }
            (0..6 + day % 5).for_each(|nth| drop(self.page(day * DAY + 10 * HOUR + nth * MINUTE, nth, Effect::Read)));
        }
    }

    fn activity(&mut self, at: i64, kind: Kind) -> Activity {
        self.count += 1;
        let at = Timestamp::parse("2026-01-05").unwrap().plus(at);
        let (org, user) = (self.org.id().clone(), UserId::new(&self.user));
        Activity::new(Uuid::from_u128(self.count), org, user, at, Channel::LogFile, kind)
    }

    fn observe(&mut self, activity: &Activity) -> Vec<Feature> {
        let mut out: Vec<Observation> = Vec::new();
        self.org.observe(activity, &mut out);
        out.into_iter().flat_map(|observation| observation.features).collect()
    }

    /// Observes a request for a list view.
    fn view(&mut self, at: i64, rows: u64) -> Vec<Feature> {
        let mut activity = self.activity(at, Kind::ListView);
        (activity.rows, activity.resource_name) = (Some(rows), Some("AllContacts".into()));
        self.observe(&activity)
    }

    /// Observes a page of the record of a number.
    fn page(&mut self, at: i64, record: i64, effect: Effect) -> Vec<Feature> {
        let mut activity = self.activity(at, Kind::LightningUri);
        (activity.resource_id, activity.effect) = (Some(format!("003hn{record:013}").into()), effect);
        activity.objects.push("Contact".into());
        self.observe(&activity)
    }

    /// Observes pages of so many records, one every ten seconds. Returns the last observation of their number.
    fn crawl(&mut self, at: i64, pages: i64) -> Option<Pages> {
        (0..pages).filter_map(|nth| pages_of(&self.page(at + nth * 10 * SECOND, 1_000 + nth, Effect::Read))).last()
    }
}

fn largest_of(features: &[Feature]) -> Option<Largest> {
    features.iter().find_map(|feature| match feature {
        Feature::Largest(largest) => Some(largest.clone()),
        _ => None,
    })
}

fn pages_of(features: &[Feature]) -> Option<Pages> {
    features.iter().find_map(|feature| match feature {
        Feature::Pages(pages) => Some(pages.clone()),
        _ => None,
    })
}

/// After the theft of a support account's session, which read what its owner reads, five times as much at once.
#[test]
fn one_request_of_five_times_the_usual_stands_out() {
    let mut account = Account::new("emma");
    assert_eq!(largest_of(&account.view(40 * DAY + 9 * HOUR, 44)), None);
    let found = largest_of(&account.view(40 * DAY + 10 * HOUR, 230)).unwrap();
    assert!(found.deviations > 4.0 && found.deviations == found.peer_deviations, "{found:?}");
    assert!((35.0..50.0).contains(&found.usual), "{found:?}");
    assert_eq!((found.rows, found.days, found.name.as_deref()), (230.0, 40.0, Some("AllContacts")));
    assert_eq!(largest_of(&account.view(40 * DAY + 11 * HOUR, 180)), None, "the day had a larger one");
}

#[test]
fn pages_of_a_query_are_one_request_and_writes_none() {
    let mut account = Account::absent("sync");
    for day in 0..30 {
        let mut query = account.activity(day * DAY, Kind::Api);
        (query.rows, query.rows_returned, query.run) = (Some(500), Some(500), Some(day as u64));
        account.observe(&query);
    }
    let mut page = account.activity(30 * DAY, Kind::Api);
    (page.rows, page.rows_returned, page.run) = (Some(60_000), Some(2_000), Some(99));
    assert_eq!(largest_of(&account.observe(&page)).map(|largest| largest.rows), Some(60_000.0));
    let mut write = account.activity(30 * DAY + HOUR, Kind::Api);
    (write.rows, write.effect) = (Some(900_000), Effect::Write);
    assert_eq!(largest_of(&account.observe(&write)), None);
}

/// As in the scraping of a partner's portal in 2023: record after record at a steady pace, each page allowed.
#[test]
fn a_crawl_of_records_stands_out() {
    let mut account = Account::new("emma");
    let found = account.crawl(40 * DAY + 9 * HOUR, 400).unwrap();
    assert!(found.deviations > 6.0 && (6.0..10.0).contains(&found.usual), "{found:?}");
    assert!((360..=400).contains(&found.pages) && found.objects == ["Contact"], "{found:?}");
    let closed = pages_of(&account.view(41 * DAY + 2 * HOUR, 40)).unwrap();
    assert_eq!(closed.pages, 400);
}

#[test]
fn a_busy_morning_writes_and_repeated_pages_do_not() {
    let mut account = Account::new("emma");
    assert_eq!(account.crawl(40 * DAY + 9 * HOUR, 17), None);
    for nth in 0..300 {
        let at = 40 * DAY + 12 * HOUR + nth * 10 * SECOND;
        assert_eq!(pages_of(&account.page(at, nth, Effect::Write)), None);
        assert_eq!(pages_of(&account.page(at, nth % 2, Effect::Read)), None, "{nth}");
    }
}

#[test]
fn a_late_crawl_counts_on_its_day() {
    let mut account = Account::new("emma");
    account.work(40..42);
    let found = account.crawl(40 * DAY + 11 * HOUR, 200).unwrap();
    assert!(found.pages > 180 && found.days == 40.0, "{found:?}");
}

#[test]
fn a_member_moves_its_part_between_classes() {
    let (mut pools, nothing) = (ClassPools::default(), Moments::default());
    let member = |mean| Moments { weight: 20.0, mean, squares: 4.0 };
    for mean in 1..=6 {
        pools.learn(UserClass::Normal, &nothing, &member(f64::from(mean)));
    }
    let mean_of = |pools: &ClassPools, class| pools.prior(class).map(|prior| prior.mean);
    assert_eq!(mean_of(&pools, UserClass::Normal), Some(3.5));
    assert_eq!(mean_of(&pools, UserClass::Guest), Some(3.5), "the org's, without members");
    pools.shift(UserClass::Normal, &member(6.0), &nothing);
    assert_eq!(mean_of(&pools, UserClass::Normal), Some(3.0));
}
