//! `slow_drain`: a little more than usual, on many days.

use super::detector;
use crate::judgement::{Explanation, Judgement};
use crate::{Settings, Unscoreable, score, text};
use model::{Drain, Observation};

detector! {
    /// Judges the e-process over the days of a surface (see `DrainState` in `crates/profile/src/user/rows.rs`): by
    /// chance it reaches 10^s about once in 10^s days.
    SlowDrain = "slow_drain", Volume, ceiling 9.0,
    next "Add up what was read since the run began, and ask the manager whether the task has changed.",
    Drain => drain
}

/// log10 of the surfaces of an account in which a run may happen by chance: about three. Set on simulated orgs together
/// with the weights of risk; 1.0 was tried and taken back.
const SURFACES: f64 = 0.5;

fn drain<'a>(drain: &'a Drain, _: &'a Observation, settings: &'a Settings) -> Result<Judgement<'a>, Unscoreable> {
    let few = drain.rows < settings.least_rows;
    Ok(Judgement::new(if few { 0.0 } else { (drain.log10_e - SURFACES).max(0.0) }, drain.surface.as_str(), move || {
        Explanation {
            confidence: score::confidence(drain.evidence),
            day: Some(drain.since),
            summary: format!(
                "Read {} rows through {} over {} active days, {:.1} times the usual {}",
                text::count(drain.rows),
                text::through(drain.surface),
                drain.days,
                drain.excess,
                text::count(drain.usual_rows),
            ),
            features: vec![("rowCountOverDays", format!("{:.0}", drain.rows), 1.0)],
            measures: vec![
                ("rows", drain.rows),
                ("usual_rows", drain.usual_rows),
                ("days", f64::from(drain.days)),
                ("log10_e", drain.log10_e),
                ("baseline_days", drain.evidence),
            ],
            surface: Some(drain.surface),
            ..Explanation::default()
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{finding, verdict};
    use super::*;
    use crate::Verdict;
    use model::{Feature, Surface, Timestamp};

    fn drained(log10_e: f64) -> Feature {
        let (rows, usual_rows) = (4_200.0, 1_500.0);
        let surface = Surface::Report;
        Feature::Drain(Drain {
            surface,
            since: Timestamp(0),
            log10_e,
            days: 9,
            excess: 2.8,
            rows,
            usual_rows,
            evidence: 50.0,
        })
    }

    #[test]
    fn nine_days_of_a_little_more_are_anomalous() {
        let finding = finding(&SlowDrain, drained(4.5));
        insta::assert_snapshot!(finding.summary, @"Read 4,200 rows through reports over 9 active days, 2.8 times the usual 1,500");
    }

    #[test]
    fn three_good_days_are_normal() {
        assert_eq!(verdict(&SlowDrain, drained(1.8)), Verdict::Normal);
    }
}
