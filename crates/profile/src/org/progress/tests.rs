use super::*;
use crate::{Org, Settings};
use model::time::{DAY, HOUR};
use model::{Activity, Channel, Kind, OrgId, Timestamp, UserId, Uuid};

/// Closes a day of 40 users that differ from a usual one by `excess`, and returns its factor.
fn day(progress: &mut Progress, excess: f64) -> f64 {
    for user in 0..40 {
        progress.note(None, Surface::Report, excess + f64::from(user) / 100.0 - 0.2);
    }
    progress.close_hour(17, false);
    let factor = progress.factor(Surface::Report);
    progress.close_day(0, 0);
    factor
}

#[test]
fn a_busy_day_of_the_org_has_a_factor() {
    let mut progress = Progress::default();
    for _ in 0..10 {
        assert_eq!(day(&mut progress, 0.0), 0.0);
    }
    assert!((day(&mut progress, 0.8) - 0.8).abs() < 0.1);
    assert_eq!(day(&mut progress, 0.0), 0.0);
    assert_eq!(day(&mut progress, 9.0), Progress::MOST);
}

#[test]
fn a_morning_is_compared_with_mornings() {
    let mut progress = Progress::default();
    for _ in 0..10 {
        day(&mut progress, -1.0);
    }
    assert!((day(&mut progress, -0.2) - 0.8).abs() < 0.1);
}

#[test]
fn what_an_hour_usually_differs_by_is_no_excess() {
    let mut progress = Progress::default();
    let waves = [0.1, 0.7, 0.3, 0.5, 0.2, 0.6, 0.4];
    waves.into_iter().cycle().take(40).for_each(|excess| {
        day(&mut progress, excess);
    });
    assert_eq!(day(&mut progress, 0.8), 0.0, "half as much again as the median, in an org with days that vary as much");
    assert!(day(&mut progress, 1.6) > 0.9);
}

#[test]
fn a_new_level_of_the_org_is_usual_after_two_weeks() {
    let mut progress = Progress::default();
    (0..20).for_each(|_| assert_eq!(day(&mut progress, 0.0), 0.0));
    let factors: Vec<f64> = (0..20).map(|_| day(&mut progress, 1.0)).collect();
    assert!(factors[..10].iter().all(|factor| *factor > 0.8) && factors[11..].iter().all(|factor| *factor == 0.0));
}

#[test]
fn an_org_with_few_users_has_no_factor() {
    let mut progress = Progress::default();
    progress.note(None, Surface::Api, 5.0);
    progress.close_hour(0, false);
    assert_eq!(progress.factor(Surface::Api), 0.0);
}

/// An org of accounts with log-normal days, each around a level of its own that stays.
struct Stationary {
    org: Org,
    random: u64,
    count: u128,
}

impl Stationary {
    const USERS: u64 = 60;
    /// A Monday.
    const START: &str = "2026-01-05";

    fn new() -> Self {
        let org = Org::new(OrgId::new("00Dhn0000018hrcEAA"), &Settings::default()).unwrap();
        Self { org, random: 7, count: 0 }
    }

    /// Returns a normal value by the central limit theorem: the sum of twelve uniform ones.
    fn normal(&mut self) -> f64 {
        let mut uniform = || {
            // Knuth's linear congruential generator, as MMIX has it.
            self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.random >> 11) as f64 / (1u64 << 53) as f64
        };
        (0..12).map(|_| uniform()).sum::<f64>() - 6.0
    }

    /// Observes a day, with `times` as many rows as on any other. Returns the factors after 11:00, 15:00 and 17:00, those
    /// that judge the hours before.
    fn day(&mut self, day: i64, times: f64) -> Vec<f64> {
        let mut factors = Vec::new();
        if day % 7 < 5 {
            let levels: Vec<f64> =
                (0..Self::USERS).map(|user| 3.0 + (user % 7) as f64 / 2.0 + 0.8 * self.normal()).collect();
            for at in [10, 14, 16] {
                for (user, level) in levels.iter().enumerate() {
                    let rows = (times * (level + 0.3 * self.normal()).exp()) as u64;
                    self.list_view(day * DAY + at * HOUR, user, rows);
                }
                let next = Timestamp::parse(Self::START).unwrap().plus(day * DAY + (at + 1) * HOUR);
                self.org.advance(next, &mut Vec::new());
                factors.push(self.org.shared.progress.factor(Surface::ListView));
            }
        }
        factors
    }

    fn list_view(&mut self, at: i64, user: usize, rows: u64) {
        self.count += 1;
        let (id, org, user) = (Uuid::from_u128(self.count), self.org.id().clone(), UserId::new(&format!("user{user}")));
        let at = Timestamp::parse(Self::START).unwrap().plus(at);
        let mut activity = Activity::new(id, org, user, at, Channel::LogFile, Kind::ListView);
        activity.rows = Some(rows);
        self.org.observe(&activity, &mut Vec::new());
    }

    /// Returns the mean level of the baselines.
    fn level(&self) -> f64 {
        let means = self.org.profiles().filter_map(|(_, profile)| profile.rows_of(Surface::ListView));
        means.map(|model| model.day.mean).sum::<f64>() / Self::USERS as f64
    }
}

#[test]
fn on_ordinary_days_there_is_no_factor_and_baselines_keep_their_level() {
    let mut accounts = Stationary::new();
    let (mut factors, mut levels) = (Vec::new(), Vec::new());
    for day in 0..400 {
        let of_day = accounts.day(day, 1.0);
        factors.extend(of_day.last().copied());
        if day > 60 {
            levels.push(accounts.level());
        }
    }
    let with_factor = factors.iter().filter(|factor| **factor > 0.0).count();
    assert!(factors.len() > 280 && with_factor <= factors.len() / 10, "{with_factor} of {}", factors.len());
    let extremes = levels.iter().fold((f64::MAX, f64::MIN), |(least, most), level| (level.min(least), level.max(most)));
    assert!(extremes.1 - extremes.0 < 0.15, "{extremes:?}");
    assert!((levels[0] - levels[levels.len() - 1]).abs() < 0.1, "{extremes:?}");
}

#[test]
fn a_quarter_end_has_its_factor_while_it_runs() {
    let mut accounts = Stationary::new();
    for day in 0..85 {
        accounts.day(day, 1.0);
    }
    let before = accounts.level();
    let factors = accounts.day(85, 2.2);
    let true_factor = 2.2f64.ln();
    assert!(factors.iter().all(|factor| (factor - true_factor).abs() < 0.3), "{factors:?}");
    assert_eq!(factors.len(), 3);
    accounts.day(86, 1.0);
    assert!((accounts.level() - before).abs() < 0.02, "it is not learned");
    let at_close = accounts.org.shared.progress.factor_on(20_458 + 85, Surface::ListView);
    assert_eq!(Some(&at_close), factors.last());
}
