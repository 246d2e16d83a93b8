//! People decide while events flow and services are killed: the outcome equals that of a backtest with the exported
//! decisions, whatever the order in which findings and decisions met.

use crate::kit::{Fleet, PATIENCE, backtest_with, eventually, export, org_id, orgs, orgwatchd};
use model::decision::{Allowlist, Scope, WatchCause};
use model::{Decision, Disposition, Incident, Ruling, Timestamp, UserClass, Uuid, id};
use orgwatchd::{Config, Node, idle};
use servers::{Nats, Postgres};
use settings::{Hashed, Settings};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use store::{DecisionFilter, IncidentFilter};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

const SERVICES: [&str; 11] = [
    "ingest",
    "baseline-1",
    "baseline-2",
    "baseline-3",
    "detector-1",
    "detector-2",
    "detector-3",
    "correlator-1",
    "correlator-2",
    "correlator-3",
    "notifier",
];
/// Replicas that are killed, each after another decision.
const KILLED: [&str; 4] = ["baseline-1", "correlator-2", "baseline-3", "detector-2"];
/// Event seconds per second: some days of events are left when the last decision is made.
const SPEED: u32 = 30_000;
/// Decisions that are made while events flow.
const DECISIONS: usize = 14;
/// One org lies in two partitions.
const SETTINGS: &str = "partitions = { count = 8, spread = { \"00Dhn0000000001AAA\" = 2 } }\n";

struct Site {
    folder: TempDir,
    fleet: Fleet,
    node: Node,
    learn_until: Timestamp,
    _nats: Nats,
    _postgres: Postgres,
}

impl Site {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        orgs(folder.path(), 2, 24);
        let (nats, postgres) = tokio::join!(Nats::start(), Postgres::start());
        let (nats, postgres) = (nats.unwrap(), postgres.unwrap());
        let learn_until = Timestamp::parse("2026-01-17").unwrap();
        let text = format!(
            r#"
            nats.servers = ["{}"]
            postgres.url = "{}"
            detector.learn_until = "{learn_until}"
            baseline = {{ checkpoint_ms = 100, balance_ms = 200 }}
            ingest.files = {{ paths = ["{}"], watch = true, end = true, speed = {SPEED}, paced_from = "{learn_until}" }}
            {SETTINGS}"#,
            nats.url(),
            postgres.url(),
            folder.path().join("events").display()
        );
        let config = folder.path().join("orgwatchd.toml");
        std::fs::write(&config, text).unwrap();
        let fleet = Fleet::new(config.clone(), folder.path().to_owned());
        let loaded = Config::load(Some(&config)).unwrap();
        let node = Node::connect(loaded, "test", &[detector::Group::all().declaration()]).await.unwrap();
        Self { folder, fleet, node, learn_until, _nats: nats, _postgres: postgres }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn decisions(&self) -> Vec<Decision> {
        self.node.store.decisions(&DecisionFilter::default()).await.unwrap()
    }

    /// Waits for an incident that is none of `known`.
    async fn next(&self, known: &BTreeSet<Uuid>) -> Incident {
        eventually("another incident", async || {
            let stored = self.node.store.incidents(&IncidentFilter::default()).await.unwrap();
            let mut new = stored.into_iter().map(|stored| stored.incident);
            new.find(|incident| !known.contains(&incident.incident_id))
        })
        .await
    }

    async fn until_idle(&self) {
        let (group, shutdown) = (detector::Group::all(), CancellationToken::new());
        let done = tokio::time::timeout(PATIENCE, idle::wait(&self.node, &group, &shutdown)).await;
        assert!(done.is_ok(), "not idle");
    }
}

/// Returns a decision on an incident or its account, of another kind for each number.
fn decide(number: usize, incident: &Incident, earlier: &[Decision]) -> Decision {
    let disposed = |disposition| Ruling::Disposition(risk::dispose(incident, disposition, true, true));
    let of_incident = (incident.first_event_at, Some(incident.last_event_at.plus(1)));
    let from_now = (incident.first_event_at.plus(-86_400_000), None);
    let (ruling, (from, until)) = match number {
        0 | 5 => (disposed(Disposition::Malicious), of_incident),
        1 | 6 => (disposed(Disposition::FalsePositive), of_incident),
        2 => (Ruling::Class { class: UserClass::Power }, from_now),
        3 => (Ruling::Watch { cause: WatchCause::Departing, factor: 3.0 }, from_now),
        4 => (settings(), from_now),
        7 => (
            Ruling::Suppression {
                scope: Scope { detectors: ["row_spike".into()].into(), ..Scope::default() },
                incident_id: None,
            },
            from_now,
        ),
        8 => (Ruling::Sensitivity { object: "Contact".into(), factor: 2.5 }, from_now),
        9 => (Ruling::Undone { decision_id: earlier[0].decision_id }, from_now),
        10 => (Ruling::Undone { decision_id: earlier[2].decision_id }, from_now),
        11 => (Ruling::Allowlist { allowlist: Allowlist { most_rows: Some(100), ..Allowlist::default() } }, from_now),
        12 => (Ruling::Ended { decision_id: earlier[7].decision_id }, (incident.first_event_at, None)),
        _ => (disposed(Disposition::Benign), of_incident),
    };
    // What replaces another decision is about the same account; some concern the whole org.
    let replaced = earlier.iter().find(|known| Some(known.decision_id) == ruling.replaces());
    let user_id = match replaced {
        Some(known) => known.user_id.clone(),
        None => (!matches!(number, 4 | 7 | 8)).then(|| incident.user_id.clone()),
    };
    Decision {
        decision_id: id::derive(&["test", &number.to_string()]),
        org_id: replaced.map_or(&incident.org_id, |known| &known.org_id).clone(),
        user_id,
        ruling,
        from,
        until,
        decided_by: "".into(),
        claimed_by: None,
        reason: "a test".to_owned(),
        decided_at: Timestamp(0),
        in_force: BTreeMap::new(),
    }
}

/// Settings by which less is raised, and weighs otherwise.
fn settings() -> Ruling {
    let text = format!("{SETTINGS}[detect]\nraise_at = 2.6\n[risk]\ndamping = 0.5\n");
    let Hashed { hash, settings } = Settings::parse(&text, Path::new("test")).unwrap().into();
    Ruling::Settings { hash, toml: settings.stored().unwrap() }
}

#[tokio::test(flavor = "multi_thread")]
async fn decisions_among_events_and_kills_are_those_of_a_backtest() {
    let mut site = Site::new().await;
    let store = site.node.store.clone();
    SERVICES.iter().for_each(|service| site.fleet.start(service));
    let (mut known, mut made) = (BTreeSet::new(), Vec::new());
    for number in 0..DECISIONS {
        let incident = site.next(&known).await;
        known.insert(incident.incident_id);
        let decision = decide(number, &incident, &made);
        if let Ruling::Settings { hash, toml } = &decision.ruling {
            store.put_settings(hash, toml).await.unwrap();
        }
        made.push(store.record(&decision).await.unwrap());
        if let Some(name) = KILLED.get(number / 3).filter(|_| number % 3 == 1) {
            site.fleet.kill(name).await;
            site.fleet.start(name);
        }
    }
    site.until_idle().await;
    let ids: Vec<Uuid> = made.iter().map(|decision| decision.decision_id).collect();
    eventually("all decisions are applied", async || (!store.is_due(&ids).await.unwrap()).then_some(())).await;
    site.until_idle().await;
    site.fleet.stop().await;

    let taken = site.decisions().await;
    let in_force = |decision: &&Decision| !decision.in_force.is_empty();
    let learned = taken.iter().filter(|decision| decision.ruling.is_learned());
    assert!(learned.clone().filter(in_force).count() >= 5, "decisions came while events flowed: {taken:#?}");
    let spread = |decision: &&Decision| decision.in_force.len() == 2;
    assert!(learned.filter(|decision| decision.org_id == org_id(1)).filter(in_force).all(|d| spread(&d)));

    let file = site.path("decisions.ndjson");
    let config = site.path("orgwatchd.toml");
    orgwatchd(&["--config", config.to_str().unwrap(), "export", "--decisions", file.to_str().unwrap()]).await;
    let exported: Vec<Decision> =
        std::fs::read_to_string(&file).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(exported, taken);
    let rules = || Settings::parse(SETTINGS, Path::new("test")).unwrap();
    let events = site.path("events");
    let expected = backtest_with(&events, rules(), site.learn_until, exported);
    let without = backtest_with(&events, rules(), site.learn_until, Vec::new());
    assert!(expected != without, "decisions make a difference");
    export(&config).await.assert_equals(&expected);
}
