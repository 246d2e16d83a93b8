use crate::{Org, Settings};
use model::time::{DAY, HOUR, SECOND};
use model::{Activity, Channel, Feature, Kind, Observation, OrgId, Surface, Timestamp, UserId, Uuid};

struct Account {
    org: Org,
    count: u128,
}

impl Account {
    /// Returns an account that has done what `daily` says on each of 30 days, with so many rows.
    fn new(daily: &[(Kind, u64)]) -> Self {
        let org = Org::new(OrgId::new("00Dhn0000018hrcEAA"), &Settings::default()).unwrap();
        let mut account = Self { org, count: 0 };
        for day in 0..30 {
            for (kind, rows) in daily {
                account.at(day * DAY + 9 * HOUR, *kind, Some(rows + day as u64), "Account");
            }
        }
        account
    }

    /// Observes an activity at a time after the start, and returns the features.
    fn at(&mut self, at: i64, kind: Kind, rows: Option<u64>, object: &str) -> Vec<Feature> {
        let out = self.observe(at, kind, rows, object);
        out.into_iter().filter(|observation| observation.activity.is_some()).flat_map(|o| o.features).collect()
    }

    /// Observes an activity at a time after the start.
    fn observe(&mut self, at: i64, kind: Kind, rows: Option<u64>, object: &str) -> Vec<Observation> {
        self.count += 1;
        let (id, org, user) = (Uuid::from_u128(self.count), self.org.id().clone(), UserId::new("emma"));
        let at = Timestamp::parse("2026-01-05").unwrap().plus(at);
        let mut activity = Activity::new(id, org, user, at, Channel::LogFile, kind);
        activity.rows = rows;
        activity.objects.push(object.into());
        activity.resource_id = Some("0FKhn0000000001GAA".into());
        let mut out: Vec<Observation> = Vec::new();
        self.org.observe(&activity, &mut out);
        out
    }

    /// Observes an activity on the 31st day.
    fn then(&mut self, after: i64, kind: Kind, rows: Option<u64>, object: &str) -> Vec<Feature> {
        self.at(30 * DAY + 10 * HOUR + after, kind, rows, object)
    }

    /// Observes a write through the API.
    fn write(&mut self, at: i64) {
        self.count += 1;
        let (id, org, user) = (Uuid::from_u128(self.count), self.org.id().clone(), UserId::new("emma"));
        let at = Timestamp::parse("2026-01-05").unwrap().plus(at);
        let mut activity = Activity::new(id, org, user, at, Channel::LogFile, Kind::Api);
        (activity.operation, activity.effect) = (Some("create".into()), model::Effect::Write);
        self.org.observe(&activity, &mut Vec::new());
    }

    /// Returns the requests through the API that it was learned to make.
    fn api_requests(&self) -> f64 {
        self.org.profiles().map(|(_, profile)| profile.api_requests).sum()
    }
}

#[test]
fn data_downloaded_from_analytics_is_judged_as_reports_are() {
    let features = Account::new(&[(Kind::Report, 100)]).then(0, Kind::AnalyticsDownload, Some(90_000), "Account");
    let volume = features.iter().find_map(|feature| match feature {
        Feature::Volume(volume) => Some((volume.surface, volume.rows)),
        _ => None,
    });
    assert_eq!(volume, Some((Surface::Report, 90_000.0)));
    assert!(features.iter().any(|feature| matches!(feature, Feature::Export(_))), "{features:?}");
    let nightly =
        Account::new(&[(Kind::AnalyticsDownload, 90_000)]).then(0, Kind::AnalyticsDownload, Some(90_030), "Account");
    assert_eq!(nightly, []);
}

#[test]
fn attachments_are_downloads() {
    let mut account = Account::new(&[(Kind::Report, 100)]);
    let features = (0..60).map(|i| account.then(i * SECOND, Kind::Attachment, None, "Account")).last().unwrap();
    assert!(matches!(features.as_slice(), [Feature::Downloads(downloads)] if downloads.count == 60), "{features:?}");
}

#[test]
fn the_log_of_all_calls_shows_objects_and_no_rows() {
    let mut account = Account::new(&[(Kind::ApiUsage, 0)]);
    let calls = (0..20).map(|i| account.then(i * SECOND, Kind::ApiUsage, None, &format!("Object{i}")));
    let last = calls.last().unwrap();
    let recon = last.iter().find_map(|feature| match feature {
        Feature::Recon(spread) => Some((spread.objects, spread.empty)),
        _ => None,
    });
    assert_eq!(recon, Some((20, 0)), "{last:?}");
    assert!(!last.iter().any(|feature| matches!(feature, Feature::Volume(_))), "{last:?}");
}

#[test]
fn calls_that_two_logs_have_count_once() {
    let [own, both, usage] =
        [&[(Kind::Api, 100)][..], &[(Kind::Api, 100), (Kind::ApiUsage, 0)], &[(Kind::ApiUsage, 0)]]
            .map(|daily| Account::new(daily).api_requests());
    assert!(own > 1.0 && own == both && own == usage, "{own} {both} {usage}");
    let reverse = Account::new(&[(Kind::ApiUsage, 0), (Kind::Api, 100)]).api_requests();
    assert_eq!(own, reverse);
    let mut writes = [Account::new(&[]), Account::new(&[]), Account::new(&[])];
    for day in 0..30 {
        let usage = |account: &mut Account| account.at(day * DAY + 9 * HOUR, Kind::ApiUsage, None, "Account");
        let [own, both, reverse] = &mut writes;
        own.write(day * DAY + 9 * HOUR);
        both.write(day * DAY + 9 * HOUR);
        usage(both);
        usage(reverse);
        reverse.write(day * DAY + 9 * HOUR);
    }
    let [own, both, reverse] = writes.map(|account| account.api_requests());
    assert!(own > 1.0 && own == both && own == reverse, "{own} {both} {reverse}");
}

#[test]
fn late_calls_of_the_apis_own_logs_replace_those_of_the_log_of_all_calls() {
    let after = |late: &[Kind]| {
        let mut account = Account::new(&[(Kind::Report, 100)]);
        account.then(0, if late.is_empty() { Kind::Api } else { Kind::ApiUsage }, Some(7), "Account");
        account.at(31 * DAY + 9 * HOUR, Kind::Report, Some(100), "Account");
        late.iter().for_each(|kind| drop(account.then(60 * SECOND, *kind, Some(7), "Account")));
        account.at(31 * DAY + 11 * HOUR, Kind::Report, Some(100), "Account");
        account.api_requests()
    };
    assert_eq!((after(&[]), after(&[Kind::Api])), (1.0, 1.0));
    assert_eq!(after(&[Kind::ApiUsage]), 2.0);
}

/// Returns the rows and requests that observations say of an unusual hour, in their order.
fn odd_hours(observations: &[Observation]) -> Vec<(f64, u32)> {
    let features = observations.iter().flat_map(|observation| &observation.features);
    features
        .filter_map(|feature| if let Feature::Hour(hour) = feature { Some((hour.rows, hour.requests)) } else { None })
        .collect()
}

#[test]
fn an_unusual_hour_before_midnight_is_judged_with_all_its_rows() {
    let midnight = 151 * DAY;
    let mut account = Account::new(&[]);
    for hour in (0..150).flat_map(|day| (8..18).map(move |hour| day * DAY + hour * HOUR)) {
        account.at(hour, Kind::Report, Some(100), "Account");
    }
    account.observe(midnight - HOUR / 2, Kind::Report, Some(50), "Account");
    account.observe(midnight - SECOND, Kind::Report, Some(900), "Account");
    // The day closes before the hour does.
    let closed = account.observe(midnight + SECOND, Kind::Report, Some(1), "Account");
    assert!(odd_hours(&closed).iter().any(|(rows, _)| *rows == 950.0), "{closed:?}");
}

#[test]
fn rows_of_an_unusual_hour_count_in_it_in_any_order() {
    let night = 150 * DAY + 2 * HOUR;
    // Within the lateness of ten minutes, the account works on in the next hour before the first one closes.
    let [first, second, next] = [(night + HOUR / 2, 50), (night + HOUR - SECOND, 900), (night + HOUR + SECOND, 70)];
    let last = |order: [(i64, u64); 3], then: &[(i64, u64)]| {
        let mut account = Account::new(&[]);
        for hour in (0..150).flat_map(|day| (8..18).map(move |hour| day * DAY + hour * HOUR)) {
            account.at(hour, Kind::Report, Some(100), "Account");
        }
        let mut out = Vec::new();
        for (at, rows) in order.iter().chain(&[(night + 2 * HOUR, 1)]).chain(then) {
            let observed = account.observe(*at, Kind::Report, Some(*rows), "Account");
            out.extend(odd_hours(&observed).into_iter().filter(|(rows, _)| *rows >= 900.0));
        }
        out.last().copied()
    };
    let in_order = last([first, second, next], &[]);
    assert_eq!(in_order.map(|(rows, _)| rows), Some(950.0));
    assert_eq!(last([first, next, second], &[]), in_order);
    let late = last([first, second, next], &[(night + HOUR - 2 * SECOND, 8)]);
    assert_eq!(late.map(|(rows, requests)| (rows, Some(requests))), Some((958.0, in_order.map(|(_, n)| n + 1))));
    // On a day that is closed.
    let late = last([first, second, next], &[(151 * DAY + 9 * HOUR, 100), (night + HOUR - 2 * SECOND, 8)]);
    assert_eq!(late.map(|(rows, _)| rows), Some(958.0));
}

#[test]
fn a_guest_who_goes_through_records_makes_a_burst() {
    let mut account = Account::new(&[(Kind::AuraRequest, 0)]);
    let features = (0..50).map(|i| account.then(i * SECOND, Kind::AuraRequest, None, "getItems")).last().unwrap();
    assert!(matches!(features.as_slice(), [Feature::Burst(burst)] if burst.requests == 50), "{features:?}");
}

/// Returns how many drains are observed if the last day of each week has so many rows, and its others about `ordinary`.
fn drains(last_days: [u64; 6], ordinary: u64) -> usize {
    let mut account = Account::new(&[(Kind::Report, 100)]);
    let mut drains = 0;
    for (week, last) in (0..).zip(last_days) {
        for day in 0..7 {
            let rows = if day == 6 { last } else { ordinary + day };
            let at = (45 + 7 * week + day as i64) * DAY + 9 * HOUR;
            let features =
                account.observe(at, Kind::Report, Some(rows), "Account").into_iter().flat_map(|o| o.features);
            drains += features.filter(|feature| matches!(feature, Feature::Drain(_))).count();
        }
    }
    drains
}

#[test]
fn ordinary_days_lower_a_drain_although_as_much_was_read_before() {
    let rising = [300, 480, 500, 800, 850, 1_300];
    assert_eq!(drains(rising, 100), 0, "six ordinary days after each");
    assert!(drains(rising, 300) > 0, "three times the usual on each");
}

/// A day that turns out to be more than usual, and recurs, leaves nothing in the drain that had it before.
#[test]
fn rows_that_come_late_take_a_day_out_of_a_drain() {
    let days_and_rows = |late: bool| {
        let mut account = Account::new(&[(Kind::Report, 100)]);
        account.then(0, Kind::Report, Some(400), "Account");
        let report = |account: &mut Account, at: i64, rows| drop(account.at(at, Kind::Report, Some(rows), "Account"));
        for (day, rows) in [(45, 700), (46, 710), (47, 100)] {
            report(&mut account, day * DAY + 9 * HOUR, rows);
        }
        let more = 47 * DAY + 10 * HOUR;
        if !late {
            report(&mut account, more, 160);
        }
        report(&mut account, 49 * DAY + 9 * HOUR, 120);
        if late {
            report(&mut account, more, 160);
        }
        report(&mut account, 51 * DAY + 9 * HOUR, 120);
        let (_, profile) = account.org.profiles().next().unwrap();
        let drain = profile.rows_of(Surface::Report).unwrap().drain;
        (drain.days, drain.rows)
    };
    assert_eq!(days_and_rows(true), days_and_rows(false));
    assert!(days_and_rows(true).0 > 0);
}
