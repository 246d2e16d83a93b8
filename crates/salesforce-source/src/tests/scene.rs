//! A fake org that is being read, and the state of its reader.

use crate::context::Context;
use crate::org::{self, OrgSetup};
use crate::settings::{ConnectedOrg, Files, Stored};
use crate::testing::SentFindings;
use crate::watch::Findings;
use fake_org::{Event, FakeOrg, LogTable, Script, Speed, StreamOrder};
use ingest::meter::Meter;
use ingest::testing::{Memory, ORG, StoredCoverage, StoredPositions, sink};
use ingest::{Coverage, Positions};
use model::{OrgId, Timestamp, id};
use salesforce_client::Client;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use store::SourceState;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The time of the first event of each script: 2026-03-02T00:00:00Z.
pub(super) const BEGIN: Timestamp = Timestamp(1_772_409_600_000);

/// An org, and the state that outlives a restart of its reader.
pub(super) struct Scene {
    pub(super) org: FakeOrg,
    pub(super) settings: ConnectedOrg,
    pub(super) memory: Arc<Memory>,
    pub(super) coverage: Arc<StoredCoverage>,
    findings: Arc<SentFindings>,
    positions: Arc<StoredPositions>,
    reading: Option<(CancellationToken, JoinHandle<()>)>,
}

impl Scene {
    /// Starts an org whose clock is moved by the test. Only streams are read.
    pub(super) async fn start(events: Vec<Event>) -> Self {
        Self::start_with(events, Vec::new()).await
    }

    /// Starts an org with log files of these rows, instead of those of the events.
    pub(super) async fn start_with(events: Vec<Event>, tables: Vec<LogTable>) -> Self {
        let mut script = Script::new(OrgId::new(ORG), events);
        script.log_tables = tables;
        script.settings = fake_org::Settings {
            start: BEGIN,
            speed: Speed::Manual,
            stream_order: StreamOrder::Topic,
            keepalive: Duration::from_millis(200),
            ..script.settings
        };
        Self::of(script).await
    }

    pub(super) async fn of(script: Script) -> Self {
        let (id, secret) = (script.settings.client_id.clone(), script.settings.client_secret.clone());
        let org_id = script.org_id.clone();
        let org = FakeOrg::start(script).await.unwrap();
        let connection = salesforce_client::Settings {
            login_url: org.login_url(),
            pubsub_url: org.pubsub_url(),
            client_id: id,
            client_secret: Some(secret.into()),
            ..salesforce_client::Settings::default()
        };
        let settings = ConnectedOrg {
            connection,
            org_id,
            reorder_ms: 20,
            stored: Stored::Off,
            stored_seconds: 1,
            log_files: Files::Off,
            log_file_seconds: 1,
            context_seconds: 0,
            ..ConnectedOrg::default()
        };
        let (memory, coverage, findings, positions) = Default::default();
        Self { org, settings, memory, coverage, findings, positions, reading: None }
    }

    /// Starts the reader, as the service does.
    pub(super) fn read(&mut self) {
        let setup = OrgSetup {
            name: "test".to_owned(),
            settings: Arc::new(self.settings.clone()),
            client: Client::new(&self.settings.connection).unwrap(),
            context: Arc::<Context>::default(),
            sink: sink(&self.memory),
            findings: Arc::clone(&self.findings) as Arc<dyn Findings>,
            positions: Arc::clone(&self.positions) as Arc<dyn Positions>,
            coverage: Arc::clone(&self.coverage) as Arc<dyn Coverage>,
            meter: Meter::new(),
        };
        let stop = CancellationToken::new();
        self.reading = Some((stop.clone(), tokio::spawn(org::run(setup, stop))));
    }

    pub(super) async fn stop(&mut self) {
        if let Some((stop, reading)) = self.reading.take() {
            stop.cancel();
            reading.await.unwrap();
        }
    }

    /// Advances the org's clock to a time after its beginning.
    pub(super) fn pass(&self, time: Duration) {
        self.org.control().advance_to(BEGIN.plus(i64::try_from(time.as_millis()).unwrap()));
    }

    /// Returns the ids of all sent activities, as often as they were sent.
    pub(super) fn sent(&self) -> Vec<String> {
        self.memory.texts().into_iter().filter(|text| !text.contains(' ')).collect()
    }

    /// Returns the ids of all sent activities.
    pub(super) fn ids(&self) -> BTreeSet<String> {
        self.sent().into_iter().collect()
    }

    /// Waits until all of these are sent.
    pub(super) async fn until_read(&self, wanted: &BTreeSet<String>) {
        let missing = || {
            let missing = wanted.difference(&self.ids()).count();
            let states = self.states();
            let states = states.iter().map(|state| format!("{} {}: {}", state.source, state.kind, state.state));
            format!("{missing} of {} were not sent; {}", wanted.len(), states.collect::<Vec<_>>().join(", "))
        };
        until(|| wanted.is_subset(&self.ids()), missing).await;
    }

    pub(super) fn states(&self) -> Vec<SourceState> {
        self.coverage.states.lock().unwrap().clone()
    }

    pub(super) fn open_gaps(&self) -> usize {
        self.coverage.gaps.lock().unwrap().iter().filter(|gap| gap.note.is_none()).count()
    }

    pub(super) fn calls(&self, name: &str) -> u64 {
        self.org.control().requests().get(name).copied().unwrap_or_default()
    }
}

/// Waits until a condition holds; fails with a message after a minute.
pub(super) async fn until(holds: impl Fn() -> bool, otherwise: impl Fn() -> String) {
    const PATIENCE: Duration = Duration::from_secs(60);
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "{}", otherwise());
}

/// Returns a stored event of an object, a time after the beginning.
pub(super) fn event(object: &str, number: u32, after: Duration) -> Event {
    let at = BEGIN.plus(i64::try_from(after.as_millis()).unwrap());
    let json = format!(
        r#"{{"attributes":{{"type":"{object}"}},"EventIdentifier":"{}","EventDate":"{at}","CreatedDate":"{at}","UserId":"005hn00000{:05}AAA","RowsProcessed":{number}.0}}"#,
        identifier(object, number),
        number % 7,
    );
    Event::read(&json).unwrap()
}

/// Returns the ids under which the events are published.
pub(super) fn ids(events: &[Event]) -> BTreeSet<String> {
    let identifier = |event: &Event| event.record.fields().get("EventIdentifier").unwrap().as_str().unwrap().to_owned();
    events.iter().map(|event| id::activity_id(&identifier(event)).to_string()).collect()
}

fn identifier(object: &str, number: u32) -> String {
    format!("{:08x}-4f6a-4c1e-9a70-{number:012}", id::hash(object.as_bytes()) as u32)
}
