//! How surprised the tests of detectors are on ordinary days: learned when days close, and handed on with observations, so
//! that detectors need no state.

mod counts;
mod tester;
mod unjudged;

use super::{Org, Shared, user_at};
use crate::estimate::{Curve, Surprises};
use crate::user::{Day, DayTest, Profile};
use counts::Counted;
pub use counts::TestCount;
use model::{Calibration, Observation, Surface, Text, UserClass, UserId};
use serde::{Deserialize, Serialize};
pub(crate) use tester::Tester;

/// What a detector found out of an observation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tested {
    /// The detector.
    pub detector: &'static str,
    /// What of the account the test is about, such as a surface; empty if a detector has one test only.
    pub subject: &'static str,
    /// −log10 p, 0 to [`crate::tail::MOST_SURPRISE`].
    pub surprise: f64,
}

/// The tests of an org with their surprises. What bounds it is the number of tests, of classes and of bins.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Calibrations {
    /// Identifies the settings that the surprises depend on.
    #[serde(with = "postcard::fixint::le")]
    key: u64,
    /// Weight of user-days by class.
    days: [ClassDays; UserClass::ALL.len()],
    /// In order of first appearance.
    tests: Vec<TestHistory>,
    /// Days that have ended, of which the observations are not yet calibrated. None are between two activities.
    #[serde(skip)]
    ended: u32,
}

/// Weight of user-days: all, and those with rows by surface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct ClassDays {
    all: f64,
    by_surface: [f64; Surface::ALL.len()],
}

/// The surprises of one test by class, and their curves as of the last closed day.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct TestHistory {
    detector: Text,
    subject: Text,
    surprises: [Surprises; UserClass::ALL.len()],
    curves: [Curve; UserClass::ALL.len()],
    #[serde(skip)]
    counted: Counted,
}

/// Tests of an account with a surprise in their tail, and the day of it.
type Cases = Vec<(u16, i32)>;

/// Active days of an account from which on its user-days count in full; before, as the share that it has. While little is
/// learned of an account, tests are surprised by other things and less than later. A choice: six working weeks.
const MATURE: f64 = 30.0;
/// Days of the org after which a user-day counts half. A choice: one quarter.
const HALF_LIFE: f64 = 90.0;
/// Days within which an account adds one surprise to the tail of a test, so that what one account does day after day
/// counts as one case. A choice: four weeks; with one, slow thefts hid themselves.
const ONE_CASE: i32 = 28;
/// User-days of a class from which on only its own count. A choice.
const ENOUGH: f64 = Calibration::LEAST_DAYS as f64;
/// Surprise below which no calibration is sent: it can make no finding. A choice.
const LEAST_SENT: f64 = 0.5;

impl Org {
    /// Asks `tests` what detectors find in an observation when a day closes, so that a day that stands out is not learned.
    /// Without it only what was found before is known then.
    pub fn test_by(&mut self, tests: impl Fn(&Observation) -> Vec<Tested> + Send + Sync + 'static) {
        self.shared.tester = Tester(Some(std::sync::Arc::new(tests)));
    }

    /// Adds the calibrations of tests to an observation of this org, which must have been made by the last call.
    /// With `is_learned` the largest of each test is learned with the user's day. An observation of revision 0 is there for
    /// that only: it must be dropped afterwards.
    pub fn calibrate(&mut self, observation: &mut Observation, tests: &[Tested], is_learned: bool) {
        let is_learned = is_learned && !self.is_of_combined(observation);
        let slot = self.slots.get(&observation.user_id).copied().filter(|_| is_learned);
        let calibrations = &mut self.shared.signals.calibrations;
        let mut learned = slot.and_then(|slot| user_at(&mut self.users, slot)?.profile.day_starting(observation.day));
        for test in tests {
            let index = calibrations.index_of(test);
            if let Some(curve) = calibrations.curve(index, observation.user_class)
                && test.surprise >= LEAST_SENT
            {
                observation.calibrations.push(curve.of(test.detector, test.subject));
            }
            if let Some(day) = &mut learned {
                calibrations.note(index, test.surprise, day);
            }
        }
    }

    fn is_of_combined(&self, observation: &Observation) -> bool {
        let is_it =
            |(user, revision): &(UserId, u64)| *revision == observation.revision && *user == observation.user_id;
        self.shared.of_combined.iter().any(is_it)
    }

    /// Works the curves out of the days that have ended, after their last observations: these are compared with the days
    /// before.
    pub fn close_calibrations(&mut self) {
        self.shared.of_combined.clear();
        let calibrations = &mut self.shared.signals.calibrations;
        for _ in 0..std::mem::take(&mut calibrations.ended) {
            calibrations.close_day();
        }
    }
}

/// Learns the surprises of a user's day when it is closed for the first time.
pub(super) fn learn_day(profile: &mut Profile, shared: &mut Shared, day: &mut Day) {
    if !shared.is_only_read() {
        shared.signals.calibrations.learn_day(profile, day);
    }
}

impl Calibrations {
    /// Forgets all surprises if they depend on other settings now, as their `key` says.
    pub(crate) fn follow(&mut self, key: u64) {
        if self.key != key {
            (self.key, self.days) = (key, Default::default());
            for test in &mut self.tests {
                (test.surprises, test.curves) = Default::default();
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn key(&self) -> u64 {
        self.key
    }

    /// Returns what the tests of a day found, calibrated as for a class, each with its detector.
    pub(super) fn surprises(&self, day: &Day, class: UserClass) -> impl Iterator<Item = (&Text, f64)> {
        day.signals.tests.of_day.iter().filter_map(move |found| {
            let test = self.tests.get(usize::from(found.index))?;
            let (calibration, surprise) = (self.calibration(found.index, class), found.surprise());
            Some((&test.detector, calibration.map_or(surprise, |calibration| calibration.surprise(surprise))))
        })
    }

    /// Notes that a day of the org has ended.
    pub(crate) fn end_day(&mut self) {
        self.ended += 1;
    }

    /// Closes a day of the org: works the curves out, and discounts what they were made of.
    fn close_day(&mut self) {
        for test in &mut self.tests {
            let surface = surface_of(&test.subject);
            let days = self.days.map(|days| days.of(surface));
            let (all, mut org) = (days.iter().sum::<f64>(), Surprises::default());
            test.surprises.iter().for_each(|of_class| org.merge(of_class, 1.0));
            for ((curve, of_class), days) in test.curves.iter_mut().zip(&test.surprises).zip(days) {
                let others = all - days;
                let share = if others > 0.0 { ((ENOUGH - days).max(0.0) / others).min(1.0) } else { 0.0 };
                let mut shrunk = of_class.clone();
                shrunk.merge(&org, share as f32);
                shrunk.merge(of_class, -share as f32);
                *curve = shrunk.curve(days + share * others);
            }
        }
        let kept = (-1.0 / HALF_LIFE).exp2();
        self.days.iter_mut().for_each(|days| days.discount(kept));
        self.tests.iter_mut().flat_map(|test| &mut test.surprises).for_each(|of_class| of_class.discount(kept as f32));
    }

    fn learn_day(&mut self, profile: &mut Profile, day: &mut Day) {
        let class = profile.class;
        let weight = (profile.days / MATURE).min(1.0);
        if let Some(days) = self.days.get_mut(class as usize) {
            days.all += weight;
            for (used, of_surface) in day.surfaces.iter().zip(&mut days.by_surface) {
                *of_surface += if used.is_some() { weight } else { 0.0 };
            }
        }
        let cases = &mut profile.signals.cases;
        cases.retain(|(_, last)| day.number - last < ONE_CASE);
        let tests = &mut day.signals.tests;
        (tests.class, tests.weight, tests.key) = (Some(class), weight as f32, self.key);
        for test in &mut tests.of_day {
            self.bound(test, class, day.number, cases);
            self.add(test.index, class, test.learned(), weight as f32);
        }
        self.count_day(class, day);
    }

    /// Notes a surprise of a day; if the day was closed, it replaces what was learned of it.
    ///
    /// What is first found at the close counts on each day. Such tests look at weeks, as `slow_drain` does: with one case in
    /// 28 days, that one reached a surprise of 4 on 99 times as many days as promised, instead of 3.
    fn note(&mut self, index: u16, surprise: f64, day: &mut Day) {
        let tests = &mut day.signals.tests;
        let class = tests.class.filter(|_| tests.key == self.key);
        let weight = tests.weight;
        let (Some((before, test)), Some(class)) = (tests.note(index, surprise), class) else { return };
        self.add(index, class, before.learned(), -weight);
        self.add(index, class, test.learned(), weight);
        let now = *test;
        self.count_later(before, now, class, day);
    }

    /// Bounds what is learned of a test by the start of its tail if the account had another case of it lately.
    fn bound(&self, test: &mut DayTest, class: UserClass, day: i32, cases: &mut Cases) {
        let start = self.curve(test.index, class).map_or(f64::INFINITY, Curve::tail_start);
        if test.surprise() <= start {
            return;
        }
        if cases.iter().any(|(index, _)| *index == test.index) {
            test.most = start;
        }
        cases.retain(|(index, last)| *index != test.index || *last > day);
        cases.push((test.index, day));
    }

    fn add(&mut self, index: u16, class: UserClass, surprise: f64, weight: f32) {
        let test = self.tests.get_mut(usize::from(index));
        if let Some(of_class) = test.and_then(|test| test.surprises.get_mut(class as usize)) {
            of_class.add(surprise, weight);
        }
    }

    /// Returns the curve of a test; `None` before a day was closed since its first appearance.
    fn curve(&self, index: u16, class: UserClass) -> Option<&Curve> {
        let curve = self.tests.get(usize::from(index))?.curves.get(class as usize)?;
        (!curve.knots.is_empty()).then_some(curve)
    }

    /// Returns the calibration of a test; `None` as [`Calibrations::curve`] does.
    fn calibration(&self, index: u16, class: UserClass) -> Option<Calibration> {
        let TestHistory { detector, subject, .. } = self.tests.get(usize::from(index))?;
        self.curve(index, class).map(|curve| curve.of(detector, subject))
    }

    fn index_of(&mut self, test: &Tested) -> u16 {
        let is_same = |known: &TestHistory| known.detector == test.detector && known.subject == test.subject;
        let index = self.tests.iter().position(is_same).unwrap_or_else(|| {
            let (detector, subject) = (test.detector.into(), test.subject.into());
            self.tests.push(TestHistory { detector, subject, ..TestHistory::default() });
            self.tests.len() - 1
        });
        index as u16
    }
}

impl ClassDays {
    fn of(&self, surface: Option<Surface>) -> f64 {
        surface.and_then(|surface| self.by_surface.get(surface as usize).copied()).unwrap_or(self.all)
    }

    fn discount(&mut self, share: f64) {
        self.all *= share;
        self.by_surface.iter_mut().for_each(|days| *days *= share);
    }
}

/// Returns the surface that a test is about: only days with rows through it count.
fn surface_of(subject: &str) -> Option<Surface> {
    Surface::ALL.iter().find(|surface| surface.as_str() == subject).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Calibration, Timestamp};

    const TEST: Tested = Tested { detector: "row_spike", subject: "report", surprise: 0.0 };

    /// An org of so many accounts of a class, with the surprise of each account on each day.
    pub(super) fn org(
        days: i32,
        classes: &[(UserClass, u32)],
        surprise: impl Fn(UserClass, u32, i32) -> f64,
    ) -> Calibrations {
        let mut calibrations = Calibrations::default();
        let accounts = classes.iter().flat_map(|(class, accounts)| (0..*accounts).map(|account| (*class, account)));
        let mut profiles: Vec<(u32, Profile)> = Vec::new();
        for (class, account) in accounts {
            profiles.push((account, mature(class)));
        }
        for number in 0..days {
            for (account, profile) in &mut profiles {
                let mut day = Day::new(number, Timestamp(0), false);
                day.surface(Surface::Report);
                let index = calibrations.index_of(&TEST);
                let surprise = surprise(profile.class, *account, number);
                calibrations.note(index, surprise, &mut day);
                calibrations.learn_day(profile, &mut day);
            }
            calibrations.close_day();
        }
        calibrations
    }

    pub(super) fn mature(class: UserClass) -> Profile {
        Profile { class, days: MATURE, ..Profile::new() }
    }

    fn calibration(calibrations: &Calibrations, class: UserClass) -> Calibration {
        calibrations.curve(0, class).unwrap().of("row_spike", "report")
    }

    /// Spreads the surprises of accounts evenly: a surprise of s for one user-day in 10^s, times `factor`.
    pub(super) fn honest(account: u32, number: i32, factor: f64) -> f64 {
        let place = (account * 7_919 + number as u32 * 104_729) % 10_000;
        -((f64::from(place) + 0.5) / 10_000.0).log10() * factor
    }

    #[test]
    fn a_test_that_exaggerates_is_worth_less_from_the_first_days_on() {
        for days in [3, 60] {
            let org = org(days, &[(UserClass::Normal, 200)], |_, account, number| honest(account, number, 3.0));
            let found = calibration(&org, UserClass::Normal).surprise(6.0);
            assert!((1.5..3.0).contains(&found), "{days} {found}");
        }
    }

    #[test]
    fn a_class_with_few_days_is_measured_by_the_org_and_one_with_many_by_itself() {
        let factor = |class| if class == UserClass::Integration { 3.0 } else { 1.0 };
        let surprise = |class, account, number| honest(account, number, factor(class));
        let found = |integrations| {
            let org = org(40, &[(UserClass::Normal, 200), (UserClass::Integration, integrations)], surprise);
            calibration(&org, UserClass::Integration).surprise(5.0)
        };
        assert!(found(2) > 3.5, "{}", found(2));
        assert!(found(200) < 2.2, "{}", found(200));
    }

    #[test]
    fn what_one_account_does_day_after_day_is_one_case() {
        let of_one = |_, account, number| if account == 0 { 8.0 } else { honest(account, number, 1.0) };
        let of_many =
            |_, account, number: i32| if account == number as u32 { 8.0 } else { honest(account, number, 1.0) };
        let found = |surprise: &dyn Fn(UserClass, u32, i32) -> f64| {
            calibration(&org(40, &[(UserClass::Normal, 200)], surprise), UserClass::Normal).surprise(8.0)
        };
        assert!(found(&of_one) > found(&of_many) + 1.0, "{} {}", found(&of_one), found(&of_many));
    }

    #[test]
    fn a_late_surprise_replaces_that_of_its_closed_day() {
        let mut calibrations = org(1, &[(UserClass::Normal, 3)], |_, account, _| f64::from(account));
        let expect = org(1, &[(UserClass::Normal, 3)], |_, account, _| f64::from(account) + 1.0);
        let mut profile = mature(UserClass::Normal);
        calibrations = Calibrations { days: Default::default(), ..calibrations };
        calibrations.tests[0].surprises = Default::default();
        let mut days: Vec<Day> = (0..3)
            .map(|account| {
                let mut day = Day::new(0, Timestamp(0), false);
                day.surface(Surface::Report);
                calibrations.note(0, f64::from(account), &mut day);
                calibrations.learn_day(&mut profile, &mut day);
                day
            })
            .collect();
        for (account, day) in days.iter_mut().enumerate() {
            calibrations.note(0, account as f64 + 1.0, day);
        }
        calibrations.close_day();
        assert_eq!(calibrations, expect);
    }

    #[test]
    fn other_settings_forget_surprises_and_keep_the_places_of_tests() {
        let mut calibrations = org(3, &[(UserClass::Normal, 20)], |_, account, number| honest(account, number, 1.0));
        let mut day = Day::new(3, Timestamp(0), false);
        let mut profile = mature(UserClass::Normal);
        calibrations.note(0, 2.0, &mut day);
        calibrations.learn_day(&mut profile, &mut day);
        let mut org = Org::new(model::OrgId::new("00Dhn0000018hrcEAA"), &crate::Settings::default()).unwrap();
        org.shared.signals.calibrations = calibrations;
        org.calibrate_by(8);
        let calibrations = &mut org.shared.signals.calibrations;
        assert_eq!((calibrations.tests.len(), calibrations.curve(0, UserClass::Normal)), (1, None));
        calibrations.note(0, 5.0, &mut day);
        assert_eq!(
            calibrations.tests[0].surprises,
            <[Surprises; UserClass::ALL.len()]>::default(),
            "of other settings"
        );
    }
}
