//! Simulated orgs, and what is found in them.

use engine::compare::PlainDetectors;
use engine::evaluate::{Alert, Label, Labels};
use engine::{Backtest, DayScores, Finished, Period};
use model::time::DAY;
use model::{Finding, OrgId, Timestamp, UserId};
use salesforce::{Chunks, Context, Format};
use settings::Settings;
use simulator::{Attacks, Plan, Simulation, WorldKind};
use std::collections::BTreeMap;

/// An org to simulate.
#[derive(Clone, Copy)]
pub(crate) struct Org {
    pub(crate) world: WorldKind,
    pub(crate) seed: u64,
    pub(crate) users: u32,
    pub(crate) days: u32,
    /// The first days only teach.
    pub(crate) taught: i64,
    pub(crate) attacks: Attacks,
}

/// What was found in one org.
pub(crate) struct Run {
    pub(crate) start: Timestamp,
    pub(crate) ours: Vec<Alert>,
    pub(crate) plain: Vec<Alert>,
    pub(crate) labels: Vec<Label>,
    pub(crate) user_days: u64,
    pub(crate) scores: Vec<DayScores>,
    /// Findings by account, by time.
    pub(crate) findings: BTreeMap<UserId, Vec<Finding>>,
}

/// Simulates an org and runs over it. Its accounts get ids of their own by `index`: accounts of several orgs share ids.
pub(crate) fn run(index: usize, org: &Org) -> Run {
    let plan = Plan { world: org.world, attacks: org.attacks, ..Plan::new(org.users, org.days, org.seed) };
    let start = Timestamp(plan.start.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis());
    let learn_until = (org.taught > 0).then(|| start.plus(org.taught * DAY));
    let mut feed = Feed::new(&plan.org_id, learn_until);
    let simulation = Simulation::new(plan).unwrap();
    let mut labels = Labels::parse(&serde_json::to_vec(simulation.labels()).unwrap()).unwrap().labels;
    let mut text = Vec::new();
    for day in simulation {
        text.clear();
        day.events.iter().for_each(|event| event.write_json(&mut text));
        feed.push(&text);
    }
    let (finished, plain) = feed.finish();
    let unique = |user: &UserId| UserId::new(&format!("{index} {user}"));
    let unique_alerts = |alerts: Vec<Alert>| -> Vec<Alert> {
        alerts.into_iter().map(|alert| Alert { user_id: unique(&alert.user_id), ..alert }).collect()
    };
    let mut findings: BTreeMap<UserId, Vec<Finding>> = BTreeMap::new();
    for finding in finished.findings {
        findings.entry(unique(&finding.user_id)).or_default().push(finding);
    }
    labels.iter_mut().for_each(|label| label.user_id = unique(&label.user_id));
    Run {
        start,
        ours: unique_alerts(finished.incidents.iter().map(Alert::from).collect()),
        plain: unique_alerts(plain),
        labels,
        user_days: finished.counts.user_days,
        scores: finished.scores,
        findings,
    }
}

/// A backtest that takes in stored events as text.
pub(crate) struct Feed {
    backtest: Backtest,
    context: Context,
}

impl Feed {
    pub(crate) fn new(org: &str, learn_until: Option<Timestamp>) -> Self {
        let period = Period { learn_until, ..Period::default() };
        let plain = Some(PlainDetectors::new(learn_until));
        let backtest = Backtest::new(Settings::default(), period, plain).unwrap().with_scores();
        Self { backtest, context: Context { org: Some(OrgId::new(org)), ..Context::default() } }
    }

    /// Takes in events in order of time, one JSON object a line.
    pub(crate) fn push(&mut self, text: &[u8]) {
        let mut chunks = Chunks::new(text, Format::JsonLines);
        while let Some(chunk) = chunks.next_chunk().unwrap() {
            let parsed = salesforce::parse(&chunk, &self.context);
            assert!(parsed.rejects.is_empty(), "{:?}", parsed.rejects.first());
            for activity in parsed.activities {
                self.backtest.push(activity).unwrap();
            }
            chunks.recycle(chunk);
        }
    }

    /// Returns what orgwatch found, and the alerts of the article's detectors.
    pub(crate) fn finish(self) -> (Finished, Vec<Alert>) {
        let outcome = self.backtest.finish().unwrap();
        (outcome.finished, outcome.plain.unwrap().alerts())
    }
}
