//! What the tests of every user-day found, raised or not: to rank days, and to check what the p-values promise.

use detect::{DETECTORS, Test};
use model::{Finding, Observation, OrgId, Points, Text, Timestamp, UserClass, UserId, Uuid};
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
    /// The risk of the day's findings by themselves, 0 to 100.
    pub risk_score: Points,
}

/// The largest surprise of a test on one day.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct DayTest {
    /// The detector.
    pub detector: &'static str,
    /// What of the account the test is about, such as a surface; empty if the detector has one test only.
    pub subject: &'static str,
    /// −log10 p.
    pub surprise: f64,
    /// The p-value, 0 to 1.
    pub p: f64,
}

/// The tests of user-days under way.
#[derive(Debug, Default)]
pub(crate) struct Scores(BTreeMap<(OrgId, UserId, Timestamp), UserDay>);

#[derive(Debug, Default)]
struct UserDay {
    username: Option<Text>,
    class: Option<UserClass>,
    tests: BTreeMap<(&'static str, &'static str), f64>,
    findings: BTreeSet<Uuid>,
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
        for detector in DETECTORS.iter().filter(|detector| settings.is_enabled(detector.name())) {
            for Test { subject, surprise } in detector.tests(observation, settings) {
                if surprise > 0.0 {
                    let largest = day.tests.entry((detector.name(), subject)).or_default();
                    *largest = surprise.max(*largest);
                }
            }
        }
    }

    /// Notes a finding of the day of an observation.
    pub(crate) fn note_finding(&mut self, observation: &Observation, finding: &Finding) {
        self.day(&observation.org_id, &observation.user_id, observation.day).findings.insert(finding.finding_id);
    }

    /// Returns all days that begin at `from` or later, by org, user and day. `risk` scores findings, given by their ids, of
    /// which some may be withdrawn; `None` if all are.
    pub(crate) fn finish(
        self,
        from: Timestamp,
        risk: impl Fn(&OrgId, &UserId, &BTreeSet<Uuid>) -> Option<Points>,
    ) -> Vec<DayScores> {
        let scored = |((org_id, user_id, day), of_day): ((OrgId, UserId, Timestamp), UserDay)| {
            let risk_score = risk(&org_id, &user_id, &of_day.findings);
            let tests = of_day.tests.into_iter().map(|((detector, subject), surprise)| DayTest {
                detector,
                subject,
                surprise,
                p: 10f64.powf(-surprise),
            });
            DayScores {
                org_id,
                user_id,
                username: of_day.username,
                user_class: of_day.class,
                day,
                tests: tests.collect(),
                raised: risk_score.is_some(),
                risk_score: risk_score.unwrap_or_default(),
            }
        };
        self.0.into_iter().filter(|((_, _, day), _)| *day >= from).map(scored).collect()
    }

    fn day(&mut self, org: &OrgId, user: &UserId, day: Timestamp) -> &mut UserDay {
        self.0.entry((org.clone(), user.clone(), day)).or_default()
    }
}
