//! Tests of detectors while a day closes: what is decided then cannot wait for the detectors.

use super::{Calibrations, Tested};
use crate::user::Day;
use model::{Calibration, Observation, UserClass};
use std::fmt;
use std::sync::Arc;

/// Asks the tests of all detectors what they find in an observation.
#[derive(Clone, Default)]
pub(crate) struct Tester(pub(crate) Option<Arc<Tests>>);

/// Returns what the tests find.
type Tests = dyn Fn(&Observation) -> Vec<Tested> + Send + Sync;

impl fmt::Debug for Tester {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tester").field(&self.0.is_some()).finish()
    }
}

impl Calibrations {
    /// Whether a test of a day was so surprised, as far as it is known by now. `least` is a calibrated surprise.
    pub(in crate::org) fn was_surprised(&self, class: UserClass, day: &Day, least: f64) -> bool {
        let of_day = &day.signals.tests.of_day;
        of_day.iter().any(|test| self.is_surprise(test.index, class, test.surprise(), least))
    }

    /// Whether what a test found is a calibrated surprise of at least `least`.
    pub(in crate::org) fn is_surprised(&self, test: &Tested, class: UserClass, least: f64) -> bool {
        let is_it = |known: &super::TestHistory| known.detector == test.detector && known.subject == test.subject;
        let index = self.tests.iter().position(is_it);
        index.is_some_and(|index| self.is_surprise(index as u16, class, test.surprise, least))
    }

    /// A test that is not calibrated yet surprises nobody.
    fn is_surprise(&self, index: u16, class: UserClass, surprise: f64, least: f64) -> bool {
        // What is far below needs no calibration.
        surprise >= least - Calibration::MOST_GAIN
            && self.calibration(index, class).is_some_and(|calibration| calibration.surprise(surprise) >= least)
    }
}
