//! How right detectors are, from what people said of incidents: a Beta posterior for each class and detector.
//!
//! A detector of which nobody has said anything is taken to be right three times in four, so being right changes
//! little, and being wrong much. Each disposition counts by the detector's share of the incident's points, so a
//! detector that hardly contributed hardly moves.

use model::decision::Disposed;
use model::{Precision, Text, UserClass};
use std::collections::BTreeMap;

/// Days of event time in which the credit of a disposition falls evenly to nothing. A choice: one quarter, the same as the
/// half-life of calibrations.
pub(super) const FADED: i64 = 90;
/// The prior: Beta(3, 1). Its mean is below what was measured: seven simulated orgs had some 400 attacks that were
/// found, and 67 false alarms. It weighs as four alarms, a choice on fifteen simulated orgs with an analyst: the first
/// false one that a detector raised alone moves its factor by a fifth, and one of which it had a quarter of the points by
/// a seventeenth. On these orgs, of 1,080 attacks and 168 false alarms, factors hid 16 attacks and spared 43 false
/// alarms where the prior weighed as two; 4 and 39 with four; and 4 and 29 with eight.
const PRIOR: (f64, f64) = (3.0, 1.0);
/// The least and the most that a factor can be. Choices: a detector that is always wrong still counts half, since an
/// attacker may raise false alarms on purpose.
const BOUNDS: (f64, f64) = (0.5, 1.25);

/// Factors of detectors that differ from 1, by [`UserClass`], each list in the order of detectors.
pub(super) type Factors = [Vec<Precision>; UserClass::ALL.len()];

/// What people's dispositions credit to one detector for one class.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Credit {
    /// Incidents that were malicious, each counted by the detector's share of its points and by how recent it is.
    pub right: f64,
    /// Those that were benign or false positives.
    pub wrong: f64,
}

/// Credits by [`UserClass`], each by detector.
type Credits<'a> = [BTreeMap<&'a Text, Credit>; UserClass::ALL.len()];

/// Rounds the shares of a disposition to six decimals, which JSON keeps exactly, so that a stored disposition counts the same
/// to the last bit. A share is clamped to 0 to 1, and one that is no number is dropped.
pub(super) fn round(disposed: &mut Disposed) {
    disposed.credits.retain(|_, share| share.is_finite());
    disposed.credits.values_mut().for_each(|share| *share = to_six_decimals(share.clamp(0.0, 1.0)));
}

fn to_six_decimals(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

/// Returns the credits after [rounded](round) dispositions of so many days ago.
pub(super) fn credits<'a>(dispositions: impl Iterator<Item = (&'a Disposed, i64)>) -> Credits<'a> {
    let mut credits = Credits::default();
    for (disposed, age) in dispositions {
        let Some(was_right) = disposed.disposition.was_right() else { continue };
        let Some(of_class) = credits.get_mut(disposed.user_class as usize) else { continue };
        let kept = 1.0 - age.clamp(0, FADED) as f64 / FADED as f64;
        for (detector, share) in &disposed.credits {
            let credit = of_class.entry(detector).or_default();
            *(if was_right { &mut credit.right } else { &mut credit.wrong }) += share * kept;
        }
    }
    credits
}

/// Returns the factors after [rounded](round) dispositions of so many days ago.
pub(super) fn factors<'a>(dispositions: impl Iterator<Item = (&'a Disposed, i64)>) -> Factors {
    credits(dispositions).map(|of_class| {
        let factors = of_class.into_iter().map(|(detector, credit)| (detector, credit.factor()));
        let differing = factors.filter(|(_, factor)| *factor != 1.0);
        differing.map(|(detector, factor)| Precision { detector: detector.clone(), factor }).collect()
    })
}

impl Credit {
    /// Returns how often the detector is right, the mean of the posterior: 0 to 1.
    pub fn precision(self) -> f64 {
        let (right, wrong) = (PRIOR.0 + self.right, PRIOR.1 + self.wrong);
        right / (right + wrong)
    }

    /// Returns the factor on the detector's weight: the precision as a multiple of that without credits, within .5 and
    /// 1.25, to six decimals.
    pub fn factor(self) -> f64 {
        let factor = self.precision() / Self::default().precision();
        to_six_decimals(factor.clamp(BOUNDS.0, BOUNDS.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Disposition, Uuid};
    use proptest::prelude::*;

    fn disposed(disposition: Disposition, shares: &[(&str, f64)]) -> Disposed {
        Disposed {
            incident_id: Uuid::nil(),
            disposition,
            teaches: true,
            credits: shares.iter().map(|(detector, share)| ((*detector).into(), *share)).collect(),
            user_class: UserClass::Power,
            severity: model::Severity::Critical,
        }
    }

    /// Returns the factor of `row_spike` after so many alarms of its own.
    fn factor(disposition: Disposition, alarms: usize, age: i64) -> f64 {
        let disposed = disposed(disposition, &[("row_spike", 1.0)]);
        let of_class = factors(std::iter::repeat_n((&disposed, age), alarms));
        assert!(of_class[UserClass::Normal as usize].is_empty(), "of another class");
        of_class[UserClass::Power as usize].first().map_or(1.0, |precision| precision.factor)
    }

    #[test]
    fn one_disposition_moves_a_factor_little_and_many_to_its_bound() {
        assert_eq!(
            [0, 1, 2, 4, 40].map(|alarms| factor(Disposition::FalsePositive, alarms, 0)),
            [1.0, 0.8, 0.666667, 0.5, 0.5]
        );
        assert_eq!([1, 2, 40].map(|alarms| factor(Disposition::Malicious, alarms, 0)), [1.066667, 1.111111, 1.25]);
        assert_eq!(factor(Disposition::Suspicious, 9, 0), 1.0, "nobody knows");
        let shared = disposed(Disposition::Benign, &[("new_access", 0.75), ("row_spike", 0.25)]);
        let both = factors([(&shared, 0)].into_iter())[UserClass::Power as usize].clone();
        let both: Vec<_> = both.iter().map(|known| (known.detector.as_str(), known.factor)).collect();
        assert_eq!(both, [("new_access", 0.842105), ("row_spike", 0.941176)]);
    }

    #[test]
    fn credit_fades_within_a_quarter() {
        assert_eq!(
            [0, 45, 89, 90, 400].map(|age| factor(Disposition::Benign, 2, age)),
            [0.666667, 0.8, 0.994475, 1.0, 1.0]
        );
    }

    proptest! {
        #[test]
        fn factors_stay_within_their_bounds(
            alarms in prop::collection::vec((any::<bool>(), any::<f64>(), -10i64..200), 0..200),
        ) {
            let all: Vec<_> = alarms
                .iter()
                .map(|(right, share, age)| {
                    let disposition = if *right { Disposition::Malicious } else { Disposition::Benign };
                    let mut disposed = disposed(disposition, &[("row_spike", *share)]);
                    round(&mut disposed);
                    (disposed, *age)
                })
                .collect();
            for known in factors(all.iter().map(|(disposed, age)| (disposed, *age))).iter().flatten() {
                prop_assert!((0.5..=1.25).contains(&known.factor) && known.factor != 1.0);
            }
        }
    }
}
