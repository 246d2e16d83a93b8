//! How much time one query of an event log object covers.

use model::time::{HOUR, MINUTE};

/// The length of the next query in milliseconds, from a minute to an hour: halved when a query times out, doubled when
/// one succeeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step(i64);

const SHORTEST: i64 = MINUTE;
const LONGEST: i64 = HOUR;

impl Step {
    /// Returns the step in milliseconds.
    pub fn milliseconds(self) -> i64 {
        self.0
    }

    /// Returns half the step; `None` if it is the shortest already.
    #[must_use]
    pub fn shorter(self) -> Option<Self> {
        (self.0 > SHORTEST).then(|| Self((self.0 / 2).max(SHORTEST)))
    }

    /// Returns twice the step, at most the longest.
    #[must_use]
    pub fn longer(self) -> Self {
        Self(self.0.saturating_mul(2).min(LONGEST))
    }
}

impl Default for Step {
    /// The longest.
    fn default() -> Self {
        Self(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_halve_down_to_a_minute_and_grow_again() {
        let shorter = std::iter::successors(Some(Step::default()), |step| step.shorter());
        assert_eq!(shorter.map(|step| step.0 / MINUTE).collect::<Vec<_>>(), [60, 30, 15, 7, 3, 1, 1]);
        assert_eq!(Step(SHORTEST).shorter(), None);
        assert_eq!(Step(SHORTEST).longer(), Step(2 * MINUTE));
        assert_eq!(Step(LONGEST).longer(), Step(LONGEST));
    }
}
