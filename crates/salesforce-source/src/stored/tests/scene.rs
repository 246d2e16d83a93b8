//! A fake org whose clock shows noon, and the state of its reader.

use crate::common::Common;
use crate::context::Context;
use crate::settings::{ConnectedOrg, Start};
use crate::stored::Rounds;
use crate::stored::gaps::Filling;
use crate::stored::reader::Reader;
use crate::watch::Watch;
use fake_org::{Control, Event, FakeOrg, Script, Speed};
use ingest::meter::Meter;
use ingest::testing::{Memory, ORG, StoredCoverage, StoredPositions};
use ingest::{Coverage, Sink, SourceError};
use model::partition::Partitions;
use model::{Channel, Kind, OrgId, Timestamp};
use salesforce::reading::leads::Leads;
use salesforce_client::Client;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use store::NewGap;

pub(super) const NOON: Timestamp = Timestamp(1_772_452_800_000);

pub(super) struct Scene {
    _fake: FakeOrg,
    pub(super) control: Control,
    pub(super) memory: Arc<Memory>,
    pub(super) positions: Arc<StoredPositions>,
    pub(super) coverage: Arc<StoredCoverage>,
    pub(super) common: Common,
}

/// Returns an event of an object; `number` identifies it, and `seconds` is its time after noon.
pub(super) fn row(object: &str, number: u32, seconds: f64) -> Event {
    let at = NOON.plus((seconds * 1_000.0) as i64);
    let id = id(number);
    let more = if object == "ListViewEvent" { r#","RowsProcessed":7.0"# } else { "" };
    Event::read(&format!(
        r#"{{"attributes":{{"type":"{object}"}},"EventIdentifier":"{id}","EventDate":"{at}","UserId":"005000000000001AAA"{more}}}"#
    ))
    .unwrap()
}

/// Returns events of one object, one each second, the last just before noon.
pub(super) fn rows(object: &str, count: u32) -> Vec<Event> {
    (0..count).map(|number| row(object, number, f64::from(number) - f64::from(count))).collect()
}

pub(super) fn id(number: u32) -> String {
    format!("7d0c2b1e-4f6a-4c1e-9a70-{number:012}")
}

pub(super) fn ids(numbers: impl IntoIterator<Item = u32>) -> Vec<String> {
    numbers.into_iter().map(id).collect()
}

impl Scene {
    /// Starts an org in which stored events lead for all of `kinds`.
    pub(super) async fn new(events: Vec<Event>, kinds: &[Kind]) -> Self {
        Self::with(events, kinds, |_, _| {}).await
    }

    pub(super) async fn with(
        events: Vec<Event>,
        kinds: &[Kind],
        change: impl FnOnce(&mut fake_org::Settings, &mut ConnectedOrg),
    ) -> Self {
        let mut script = Script::new(OrgId::new(ORG), events);
        script.settings.speed = Speed::Manual;
        script.settings.start = NOON;
        let mut settings = ConnectedOrg {
            org_id: OrgId::new(ORG),
            kinds: Some(kinds.to_vec()),
            start: Start::Latest,
            ..ConnectedOrg::default()
        };
        change(&mut script.settings, &mut settings);
        let secret = script.settings.client_secret.clone();
        let client_id = script.settings.client_id.clone();
        let fake = FakeOrg::start(script).await.unwrap();
        settings.connection = salesforce_client::Settings {
            login_url: fake.login_url(),
            pubsub_url: fake.pubsub_url(),
            client_id,
            client_secret: Some(secret.into()),
            ..Default::default()
        };
        let (memory, positions) = (Arc::<Memory>::default(), Arc::<StoredPositions>::default());
        let coverage = Arc::<StoredCoverage>::default();
        let watch = Watch::new(OrgId::new(ORG), Arc::clone(&coverage) as Arc<dyn Coverage>);
        let common = Common {
            org: OrgId::new(ORG),
            client: Client::new(&settings.connection).unwrap(),
            settings: Arc::new(settings),
            sink: Sink::new(Arc::clone(&memory) as _, Partitions::new(1, BTreeMap::new())),
            positions: Arc::clone(&positions) as _,
            watch,
            context: Arc::new(Context::default()),
            leads: Arc::new(Leads::new(kinds.iter().map(|kind| (*kind, Channel::Stored)).collect(), [].into())),
            gaps: Arc::default(),
            meter: Meter::new(),
        };
        Self { control: fake.control(), _fake: fake, memory, positions, coverage, common }
    }

    pub(super) fn rounds(&self) -> Rounds {
        Rounds { reader: Reader::new(self.common.clone()), filling: Filling::default() }
    }

    /// Runs a round as after a restart.
    pub(super) async fn round(&self) -> Result<Duration, SourceError> {
        self.rounds().round().await
    }

    /// Returns the published ids, in order.
    pub(super) fn published(&self) -> Vec<String> {
        self.memory.texts()
    }

    pub(super) fn position(&self, source: &str) -> Option<i64> {
        let stored = self.positions.0.lock().unwrap();
        stored.get(&(source.to_owned(), ORG.to_owned()))?.get("to")?.as_i64()
    }

    /// Stores a gap, in seconds after noon.
    pub(super) fn miss(&self, kind: Kind, from: i64, to: i64) {
        let (source, reason) = ("stream".to_owned(), "replay id expired".to_owned());
        let (from, to) = (NOON.plus(from * 1_000), NOON.plus(to * 1_000));
        self.coverage.add_gap(&self.common.org, NewGap { source, kind: kind.as_str().to_owned(), from, to, reason });
    }

    /// Returns the note of each gap; `None` while it is open.
    pub(super) fn notes(&self) -> Vec<Option<String>> {
        self.coverage.all_gaps().into_iter().map(|gap| gap.note).collect()
    }

    pub(super) fn asked(&self, call: &str) -> u64 {
        self.control.requests().get(call).copied().unwrap_or_default()
    }
}
