//! An org whose clock stands at noon, and what has been read of it.

use crate::Sink;
use crate::meter::Meter;
use crate::orgs::common::Common;
use crate::orgs::context::Context;
use crate::orgs::leads::Leads;
use crate::orgs::settings::{ConnectedOrg, Start};
use crate::orgs::stored::Rounds;
use crate::orgs::stored::gaps::Filling;
use crate::orgs::stored::reader::Reader;
use crate::orgs::watch::Watch;
use crate::source::{Coverage, SourceError};
use crate::testing::{Kept, Memory, Noted, ORG};
use fake_org::{Control, Event, FakeOrg, Script, Speed};
use model::partition::Partitions;
use model::{Channel, Kind, OrgId, Timestamp};
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
    pub(super) kept: Arc<Kept>,
    pub(super) noted: Arc<Noted>,
    pub(super) common: Common,
}

/// An event of an object; `number` tells it from all others, and `seconds` is when it happens from noon on.
pub(super) fn row(object: &str, number: u32, seconds: f64) -> Event {
    let at = NOON.plus((seconds * 1_000.0) as i64);
    let id = id(number);
    let more = if object == "ListViewEvent" { r#","RowsProcessed":7.0"# } else { "" };
    Event::read(&format!(
        r#"{{"attributes":{{"type":"{object}"}},"EventIdentifier":"{id}","EventDate":"{at}","UserId":"005000000000001AAA"{more}}}"#
    ))
    .unwrap()
}

/// So many events of one object, one each second, the last just before noon.
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
    /// Stored events lead for all of `kinds`.
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
        let (memory, kept, noted) = (Arc::<Memory>::default(), Arc::<Kept>::default(), Arc::<Noted>::default());
        let coverage = Arc::clone(&noted) as Arc<dyn Coverage>;
        let common = Common {
            org: OrgId::new(ORG),
            client: Client::new(&settings.connection).unwrap(),
            settings: Arc::new(settings),
            sink: Sink::new(Arc::clone(&memory) as _, Partitions::new(1, BTreeMap::new())),
            positions: Arc::clone(&kept) as _,
            watch: Watch::new(OrgId::new(ORG), coverage),
            context: Arc::new(Context::default()),
            leads: Arc::new(Leads::new(kinds.iter().map(|kind| (*kind, Channel::Stored)).collect(), [].into())),
            meter: Meter::new(),
        };
        Self { control: fake.control(), _fake: fake, memory, kept, noted, common }
    }

    pub(super) fn rounds(&self) -> Rounds {
        Rounds { reader: Reader::new(self.common.clone()), filling: Filling::default() }
    }

    /// A round of a process that has just started.
    pub(super) async fn round(&self) -> Result<Duration, SourceError> {
        self.rounds().round().await
    }

    /// What was published, in its order.
    pub(super) fn published(&self) -> Vec<String> {
        self.memory.texts()
    }

    pub(super) fn position(&self, source: &str) -> Option<i64> {
        let kept = self.kept.0.lock().unwrap();
        kept.get(&(source.to_owned(), ORG.to_owned()))?.get("to")?.as_i64()
    }

    /// Has a gap, in seconds from noon on.
    pub(super) fn miss(&self, kind: Kind, from: i64, to: i64) {
        let (source, reason) = ("stream".to_owned(), "replay id expired".to_owned());
        let (from, to) = (NOON.plus(from * 1_000), NOON.plus(to * 1_000));
        self.noted.miss(&self.common.org, NewGap { source, kind: kind.as_str().to_owned(), from, to, reason });
    }

    /// What became of each gap.
    pub(super) fn notes(&self) -> Vec<Option<String>> {
        self.noted.all_gaps().into_iter().map(|gap| gap.note).collect()
    }

    pub(super) fn asked(&self, call: &str) -> u64 {
        self.control.requests().get(call).copied().unwrap_or_default()
    }
}
