//! What the tests of every user-day found, raised or not: to rank days, and to check what the p-values promise.

use detect::DETECTORS;
use model::{DayFacts, Finding, Observation, OrgId, Points, Text, Timestamp, UserClass, UserDay, UserId, Uuid};
use profile::Tested;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What was found of one user on one day.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DayScores {
    /// The org of the account.
    pub org_id: OrgId,
    /// The account.
    pub user_id: UserId,
    /// Its username, once an observation had it.
    pub username: Option<Text>,
    /// Its class at the last observation of the day; `None` if nothing was observed.
    pub user_class: Option<UserClass>,
    /// Start of the day in the org's time zone.
    pub day: Timestamp,
    /// The largest surprise of the day by detector and subject, in their order. Those without any are left out.
    pub tests: Vec<DayTest>,
    /// Whether the day has a finding that was not withdrawn.
    pub raised: bool,
    /// The risk of the day by itself, 0 to 100, to rank days by: of its findings, or of its tests if that is higher. It
    /// tells days without findings apart, too.
    pub risk_score: f64,
    /// What the account did, as it is stored live; `None` if the day has not closed.
    #[serde(flatten)]
    pub facts: Option<DayFacts>,
}

/// The largest surprise of a test on one day.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct DayTest {
    /// The detector.
    pub detector: &'static str,
    /// What of the account the test is about, such as a surface; empty if the detector has one test only.
    pub subject: &'static str,
    /// −log10 p by the detector's model.
    pub surprise: f64,
    /// The calibrated p-value, 0 to 1.
    pub p: f64,
}

/// The tests of user-days under way.
#[derive(Debug, Default)]
pub(crate) struct Scores(BTreeMap<(OrgId, UserId, Timestamp), Scored>);

#[derive(Debug, Default)]
struct Scored {
    username: Option<Text>,
    class: Option<UserClass>,
    /// Surprise by the model and calibrated, by detector and subject.
    tests: BTreeMap<(&'static str, &'static str), (f64, f64)>,
    findings: BTreeSet<Uuid>,
    facts: Option<DayFacts>,
}

impl Scores {
    /// Notes that the user was active on the day.
    pub(crate) fn note_activity(&mut self, org: &OrgId, user: &UserId, day: Timestamp) {
        self.day(org, user, day);
    }

    /// Notes what the tests found of an observation.
    pub(crate) fn note_tests(&mut self, observation: &Observation, settings: &detect::Settings) {
        let day = self.day(&observation.org_id, &observation.user_id, observation.day);
        day.class = Some(observation.user_class);
        day.username = observation.username.clone().or(day.username.take());
        for Tested { detector, subject, surprise } in detect::tests(observation, settings, |_, _| {}) {
            if surprise > 0.0 {
                let calibrated = observation.calibrated(detector, subject, surprise);
                let largest = day.tests.entry((detector, subject)).or_default();
                *largest = (surprise.max(largest.0), calibrated.max(largest.1));
            }
        }
    }

    /// Notes a finding of the day of an observation.
    pub(crate) fn note_finding(&mut self, observation: &Observation, finding: &Finding) {
        self.day(&observation.org_id, &observation.user_id, observation.day).findings.insert(finding.finding_id);
    }

    /// Notes days that have closed; those that closed before close once more.
    pub(crate) fn note_closed(&mut self, user_days: Vec<UserDay>) {
        for UserDay { org_id, user_id, day, username, facts, .. } in user_days {
            let of_day = self.0.entry((org_id, user_id, day)).or_default();
            of_day.username = of_day.username.take().or(username);
            of_day.facts = Some(facts);
        }
    }

    /// Returns all days that begin at `from` or later, by org, user and day. `risk` scores findings, given by their ids, of
    /// which some may be withdrawn; `None` if all are.
    pub(crate) fn finish(
        self,
        from: Timestamp,
        risk: impl Fn(&OrgId, &UserId, &BTreeSet<Uuid>) -> Option<Points>,
    ) -> Vec<DayScores> {
        let scored = |((org_id, user_id, day), of_day): ((OrgId, UserId, Timestamp), Scored)| {
            let risk_of_findings = risk(&org_id, &user_id, &of_day.findings);
            let calibrated = of_day.tests.iter().map(|((name, _), (_, calibrated))| (*name, *calibrated));
            let risk_of_tests = 100.0 * risk_of_tests(calibrated);
            let tests = of_day.tests.into_iter().map(|((detector, subject), (surprise, calibrated))| DayTest {
                detector,
                subject,
                surprise,
                p: 10f64.powf(-calibrated),
            });
            DayScores {
                org_id,
                user_id,
                username: of_day.username,
                user_class: of_day.class,
                day,
                tests: tests.collect(),
                raised: risk_of_findings.is_some(),
                risk_score: risk_of_findings.map_or(0.0, Points::to_f64).max(risk_of_tests),
                facts: of_day.facts,
            }
        };
        self.0.into_iter().filter(|((_, _, day), _)| *day >= from).map(scored).collect()
    }

    fn day(&mut self, org: &OrgId, user: &UserId, day: Timestamp) -> &mut Scored {
        self.0.entry((org.clone(), user.clone(), day)).or_default()
    }
}

/// Returns the probability of an attack by the surprises of a day's tests, each with its detector, raised or not: the odds
/// of any day, multiplied by how far the tests speak against an ordinary one.
///
/// A p-value becomes the e-value 1/(2·√p). The mean of the detectors' e-values is one, too, however they depend on each
/// other; those that found nothing have p = 1 (Vovk and Wang, "E-values: Calibration, combination and applications",
/// Annals of Statistics 49, 2021).
fn risk_of_tests<'a>(tests: impl Iterator<Item = (&'a str, f64)>) -> f64 {
    /// The odds of an attack on any user-day. A choice: it scales risks below the line and leaves their order alone.
    const ODDS: f64 = 1e-3;
    let mut largest: BTreeMap<&str, f64> = BTreeMap::new();
    for (detector, surprise) in tests {
        let of_detector = largest.entry(detector).or_default();
        *of_detector = surprise.max(*of_detector);
    }
    let silent = DETECTORS.len().saturating_sub(largest.len()) as f64;
    let sum: f64 = largest.values().map(|surprise| 10f64.powf(surprise / 2.0)).sum::<f64>() + silent;
    let odds = ODDS * sum / (2.0 * DETECTORS.len() as f64);
    odds / (1.0 + odds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Tests = &'static [(&'static str, &'static str, f64)];

    fn scores(days: &[(i64, Tests)]) -> Scores {
        let mut scores = Scores::default();
        for (day, tests) in days {
            let of_day = scores.day(&OrgId::new("org"), &UserId::new("user"), Timestamp(*day));
            let test = |(detector, subject, surprise): &(&'static str, &'static str, f64)| {
                ((*detector, *subject), (*surprise, *surprise))
            };
            of_day.tests = tests.iter().map(test).collect();
        }
        scores
    }

    #[test]
    fn days_before_the_end_of_learning_are_left_out_and_the_others_keep_their_tests() {
        let tests: Tests = &[("row_spike", "report", 3.0), ("row_spike", "api", 1.0), ("off_hours", "", 2.0)];
        let days = scores(&[(1, tests), (2, tests), (3, &[])]).finish(Timestamp(2), |_, _, _| None);
        assert_eq!(days.iter().map(|day| day.day.0).collect::<Vec<_>>(), [2, 3]);
        let found: Vec<_> = days[0].tests.iter().map(|test| (test.detector, test.subject, test.surprise)).collect();
        assert_eq!(found, [("off_hours", "", 2.0), ("row_spike", "api", 1.0), ("row_spike", "report", 3.0)]);
        assert!((days[0].tests[2].p - 1e-3).abs() < 1e-12);
    }

    #[test]
    fn a_day_has_the_risk_of_its_findings_and_one_without_any_that_of_its_tests() {
        let tests: Tests = &[("row_spike", "report", 3.0)];
        let day = |risk: Option<Points>| scores(&[(1, tests)]).finish(Timestamp(0), |_, _, _| risk).remove(0);
        let raised = day(Some(Points::from_f64(40.0)));
        assert_eq!((raised.raised, raised.risk_score), (true, 40.0));
        let unraised = day(None);
        assert!(!unraised.raised && unraised.risk_score > 0.0 && unraised.risk_score < 1.0, "{unraised:?}");
        assert_eq!(day(Some(Points::default())).risk_score, unraised.risk_score);
    }

    #[test]
    fn tests_that_found_nothing_leave_half_of_the_usual_odds() {
        let risk = risk_of_tests([].into_iter());
        assert!((risk / (1.0 - risk) - 5e-4).abs() < 1e-12, "{risk}");
    }

    proptest! {
        #[test]
        fn more_surprise_is_more_risk_and_a_detector_counts_once(a in 0.0..20.0, more in 0.01..5.0, other in 0.0..20.0) {
            let risk = |surprise| risk_of_tests([("row_spike", surprise), ("off_hours", other)].into_iter());
            prop_assert!(risk(a) < risk(a + more));
            let twice = risk_of_tests([("row_spike", a + more), ("off_hours", other), ("row_spike", a)].into_iter());
            prop_assert_eq!(twice, risk(a + more));
            prop_assert!((0.0..=1.0).contains(&twice));
        }
    }
}
