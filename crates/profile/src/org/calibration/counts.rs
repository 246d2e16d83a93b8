//! How often tests reach the surprise that calibration promises of one user-day in a hundred: for those who check that
//! it holds. Counts are no state: nothing is decided by them, and they begin at 0 when an org is restored.

use super::{Calibrations, TestHistory, surface_of};
use crate::estimate::{Curve, Surprises};
use crate::org::Org;
use crate::user::{Day, DayTest};
use model::{Calibration, Text, UserClass};

/// How often a test was as surprised as once in a hundred user-days.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TestCount {
    /// The detector.
    pub detector: Text,
    /// What of the account the test is about, such as a surface; empty if the detector has one test only.
    pub subject: Text,
    /// Closed user-days that are compared by the test.
    pub tests: u64,
    /// Those with a largest surprise, calibrated, of 2 or more, which is promised of one in a hundred.
    pub rare: u64,
}

/// What was counted of one test since it was last taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counted {
    tests: u64,
    rare: u64,
}

/// The calibrated surprise that is counted: that of one user-day in a hundred. Further out a week has too few.
const RARE: f64 = 2.0;

impl Org {
    /// Takes what was counted of the org's tests since the last call; those with nothing to count have zeros. User-days count once, as calibration learns them in full: not those of backfill, of what is judged in
    /// silence, or of accounts in their first weeks.
    pub fn take_test_counts(&mut self) -> Vec<TestCount> {
        let take = |test: &mut TestHistory| {
            let Counted { tests, rare } = std::mem::take(&mut test.counted);
            TestCount { detector: test.detector.clone(), subject: test.subject.clone(), tests, rare }
        };
        self.shared.signals.calibrations.tests.iter_mut().map(take).collect()
    }
}

impl Calibrations {
    /// Counts the tests of a user's day that was closed for the first time.
    pub(super) fn count_day(&mut self, class: UserClass, day: &Day) {
        let tests = &day.signals.tests;
        if !tests.counts_in_full() {
            return;
        }
        for (index, test) in self.tests.iter_mut().enumerate() {
            let Some(curve) = test.promise(class, day) else { continue };
            let of_day = tests.of_day.iter().find(|of_day| usize::from(of_day.index) == index);
            let is_rare = of_day.is_some_and(|of_day| test.is_rare(curve, of_day));
            test.counted.tests += 1;
            test.counted.rare += u64::from(is_rare);
        }
    }

    /// Counts a test of a closed day that has found more since.
    pub(super) fn count_later(&mut self, before: DayTest, now: DayTest, class: UserClass, day: &Day) {
        let test = self.tests.get_mut(usize::from(now.index)).filter(|_| day.signals.tests.counts_in_full());
        if let Some(test) = test
            && let Some(curve) = test.promise(class, day)
            && !test.is_rare(curve, &before)
            && test.is_rare(curve, &now)
        {
            test.counted.rare += 1;
        }
    }
}

impl TestHistory {
    /// Returns the curve of a class if it promises how often a day as this one is so surprised: it was learned from enough
    /// days, the day is among those that it is about, and the test finds something at all, as a disabled one does not.
    fn promise(&self, class: UserClass, day: &Day) -> Option<&Curve> {
        let curve = self.curves.get(class as usize).filter(|curve| curve.days >= Calibration::LEAST_DAYS)?;
        let is_about = |surface| day.surfaces.get(surface as usize).is_some_and(Option::is_some);
        let is_compared = surface_of(&self.subject).is_none_or(is_about);
        (is_compared && !self.surprises.iter().all(Surprises::is_empty)).then_some(curve)
    }

    fn is_rare(&self, curve: &Curve, test: &DayTest) -> bool {
        // A little less counts as well: curves are in thousandths.
        curve.of(&self.detector, &self.subject).surprise(test.surprise()) >= RARE - 1e-3
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{honest, mature, org};
    use super::*;
    use crate::org::testing::Fed;
    use model::time::{DAY, HOUR};
    use model::{Channel, Kind, Timestamp};

    /// The counts of a calibration's only detector.
    fn count(calibrations: Calibrations) -> TestCount {
        let mut org = Fed::new().org;
        org.shared.signals.calibrations = calibrations;
        let [count] = &org.take_test_counts()[..] else { panic!("one detector") };
        assert_eq!(org.take_test_counts(), [TestCount { tests: 0, rare: 0, ..count.clone() }], "taken");
        count.clone()
    }

    fn ratio(count: &TestCount) -> f64 {
        100.0 * count.rare as f64 / count.tests as f64
    }

    fn of(days: i32, factor: impl Fn(i32) -> f64) -> Calibrations {
        org(days, &[(UserClass::Normal, 200)], |_, account, number| honest(account, number, factor(number)))
    }

    #[test]
    fn what_is_calibrated_keeps_its_promise() {
        for factor in [1.0, 3.0] {
            let count = count(of(60, |_| factor));
            assert_eq!(count.tests, 49 * 200, "from the day on after which 2,000 user-days weigh in");
            assert!((0.6..1.5).contains(&ratio(&count)), "{factor} {count:?}");
        }
    }

    #[test]
    fn a_change_of_the_org_breaks_it() {
        let changed = |factor| move |number| if number < 60 { 1.0 } else { factor };
        let before = count(of(60, |_| 1.0));
        for (factor, expect) in [(2.0, 3.0..100.0), (0.2, 0.0..1.0 / 3.0)] {
            let after = count(of(65, changed(factor)));
            let week = TestCount { tests: after.tests - before.tests, rare: after.rare - before.rare, ..after };
            assert_eq!(week.tests, 1_000);
            assert!(expect.contains(&ratio(&week)), "{factor} {week:?}");
        }
    }

    #[test]
    fn a_day_that_finds_more_after_its_close_counts_once() {
        let mut calibrations = of(30, |_| 1.0);
        let before = count(calibrations.clone());
        let mut profile = mature(UserClass::Normal);
        let mut day = Day::new(30, Timestamp(0), false);
        day.surface(model::Surface::Report);
        calibrations.note(0, 1.0, &mut day);
        calibrations.learn_day(&mut profile, &mut day);
        for surprise in [1.5, 5.0, 6.0] {
            calibrations.note(0, surprise, &mut day);
        }
        let after = count(calibrations);
        assert_eq!((after.tests, after.rare), (before.tests + 1, before.rare + 1));
    }

    #[test]
    fn new_accounts_other_surfaces_and_silent_tests_do_not_count() {
        let mut calibrations = of(30, |_| 1.0);
        let before = count(calibrations.clone());
        let learned = |calibrations: &mut Calibrations, profile: &mut crate::Profile, surface| {
            let mut day = Day::new(30, Timestamp(0), false);
            day.surface(surface);
            calibrations.learn_day(profile, &mut day);
        };
        let mut new = crate::Profile { days: super::super::MATURE - 1.0, ..mature(UserClass::Normal) };
        learned(&mut calibrations, &mut new, model::Surface::Report);
        learned(&mut calibrations, &mut mature(UserClass::Normal), model::Surface::Api);
        assert_eq!(count(calibrations.clone()), before);
        calibrations.tests[0].surprises = Default::default();
        learned(&mut calibrations, &mut mature(UserClass::Normal), model::Surface::Report);
        assert_eq!(count(calibrations), before, "a test that finds nothing any more");
    }

    #[test]
    fn backfill_does_not_count() {
        let tests = |is_backfill: bool| {
            let mut fed = Fed::new();
            fed.org.shared.signals.calibrations = of(30, |_| 1.0);
            fed.org.take_test_counts();
            for day in 0..40 {
                let mut report = fed.activity(day * DAY + 12 * HOUR, "emma", Channel::Stream, Kind::Report);
                report.rows = Some(100);
                match is_backfill {
                    true => fed.org.backfill(&report, &mut Vec::new()),
                    false => fed.org.observe(&report, &mut Vec::new()),
                };
            }
            fed.org.take_test_counts()[0].tests
        };
        assert_eq!((tests(true), tests(false)), (0, 10), "closed days from the thirtieth on");
    }
}
