//! A fake org whose log files are read, and the stored state of its reader.

use super::super::files::LogFiles;
use super::super::stop::{Rounds, Stop};
use super::at;
use crate::common::Common;
use crate::settings::ConnectedOrg;
use crate::watch::Watch;
use fake_org::{FakeOrg, LogBody, LogRow, LogTable, Script, Speed};
use ingest::meter::Meter;
use ingest::testing::{Memory, ORG, StoredCoverage, StoredPositions, spread};
use ingest::{Coverage, Outlet, Positions, Sink};
use model::{Channel, Kind, OrgId};
use salesforce::reading::leads::Leads;
use salesforce_client::Client;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The address of no org.
pub(super) const UNREACHABLE: &str = "http://127.0.0.1:9";

/// The positions and the coverage of an org, which outlive a restart.
#[derive(Clone, Default)]
pub(super) struct Stored {
    pub(super) positions: Arc<StoredPositions>,
    pub(super) coverage: Arc<StoredCoverage>,
}

impl Stored {
    pub(super) fn position(&self, source: &str) -> Option<serde_json::Value> {
        self.positions.0.lock().unwrap().get(&(source.to_owned(), ORG.to_owned())).cloned()
    }

    pub(super) fn common(&self, settings: ConnectedOrg, leads: &[(Kind, Channel)], outlet: Arc<dyn Outlet>) -> Common {
        let org = OrgId::new(ORG);
        Common {
            client: Client::new(&settings.connection).unwrap(),
            settings: Arc::new(settings),
            sink: Sink::new(outlet, spread()),
            positions: Arc::clone(&self.positions) as Arc<dyn Positions>,
            watch: Watch::new(org.clone(), Arc::clone(&self.coverage) as Arc<dyn Coverage>),
            context: Arc::default(),
            leads: Arc::new(Leads::new(
                leads.iter().copied().collect(),
                leads.iter().map(|(kind, _)| (*kind, Channel::LogFile)).collect(),
            )),
            gaps: Arc::default(),
            meter: Meter::new(),
            org,
        }
    }
}

/// Returns the settings of an org at an address.
pub(super) fn settings(url: &str) -> ConnectedOrg {
    let connection = salesforce_client::Settings {
        login_url: url.to_owned(),
        pubsub_url: url.to_owned(),
        client_id: "fake-consumer-key".to_owned(),
        client_secret: Some("fake-consumer-secret".into()),
        ..salesforce_client::Settings::default()
    };
    ConnectedOrg { connection, org_id: OrgId::new(ORG), ..ConnectedOrg::default() }
}

/// A running org whose clock is moved by the test.
pub(super) struct World {
    pub(super) org: FakeOrg,
    pub(super) stored: Stored,
    pub(super) settings: ConnectedOrg,
    pub(super) leads: Vec<(Kind, Channel)>,
}

impl World {
    /// Starts an org at a time, with its log rows of before and after.
    pub(super) async fn start(now: &str, tables: Vec<LogTable>, more: fake_org::Settings) -> Self {
        let mut script = Script::new(OrgId::new(ORG), Vec::new());
        script.settings = fake_org::Settings { start: at(now), speed: Speed::Manual, ..more };
        script.log_tables = tables;
        let org = FakeOrg::start(script).await.unwrap();
        let settings = settings(&org.login_url());
        let leads = [Kind::Login, Kind::Logout, Kind::BulkApi].map(|kind| (kind, Channel::LogFile)).to_vec();
        Self { org, stored: Stored::default(), settings, leads }
    }

    /// Returns the state of a reader after a restart.
    pub(super) async fn common(&self, memory: &Arc<Memory>) -> Common {
        let outlet = Arc::clone(memory) as Arc<dyn Outlet>;
        let common = self.stored.common(self.settings.clone(), &self.leads, outlet);
        common.client.identity().await.unwrap();
        common
    }

    /// Runs one round of log files after a restart.
    pub(super) async fn round(&self, memory: &Arc<Memory>) -> Result<(), Stop> {
        LogFiles::resume(self.common(memory).await).await?.round().await
    }

    /// Runs a round after a restart, and returns the ids of its rows, each of which must be sent once.
    pub(super) async fn read(&self) -> BTreeSet<String> {
        let memory = Arc::new(Memory::default());
        self.round(&memory).await.unwrap();
        once(&memory)
    }

    /// Adds an hourly file with these rows, and returns its id.
    pub(super) fn add(&self, log_date: &str, sequence: u32, created: &str, rows: &[String]) -> String {
        let body = LogBody::Bytes(format!("{HEADER}\n{}\n", rows.join("\n")).into());
        let (event_type, log_date, created) = ("Logout".to_owned(), at(log_date), at(created));
        let interval = fake_org::Interval::Hourly;
        self.org.control().add_log_file(fake_org::LogFile { event_type, log_date, interval, sequence, created, body })
    }

    pub(super) fn advance(&self, time: &str) {
        self.org.control().advance_to(at(time));
    }

    pub(super) fn calls(&self, name: &str) -> u64 {
        self.org.control().requests().get(name).copied().unwrap_or_default()
    }
}

/// Returns the sent ids, each of which must be sent once.
pub(super) fn once(memory: &Memory) -> BTreeSet<String> {
    let sent = memory.texts();
    let ids: BTreeSet<String> = sent.iter().cloned().collect();
    assert_eq!(ids.len(), sent.len());
    ids
}

pub(super) const HEADER: &str =
    "\"EVENT_TYPE\",\"TIMESTAMP\",\"REQUEST_ID\",\"ORGANIZATION_ID\",\"USER_ID\",\"TIMESTAMP_DERIVED\"";

/// Returns a row; rows that differ only in the request are different events.
pub(super) fn row(event_type: &str, time: &str, request: &str) -> String {
    let compact: String = time.chars().filter(|character| character.is_ascii_digit()).collect();
    format!("\"{event_type}\",\"{compact}\",\"{request}\",\"{ORG}\",\"0055f00000CyENt\",\"{time}\"")
}

/// Returns a table with a row at each time.
pub(super) fn table(event_type: &str, times: &[&str]) -> LogTable {
    let row = |(number, time): (usize, &&str)| LogRow {
        at: at(time),
        line: row(event_type, time, &number.to_string()).into(),
    };
    let columns = HEADER.replace('"', "").split(',').map(str::to_owned).collect();
    LogTable { event_type: event_type.to_owned(), columns, rows: times.iter().enumerate().map(row).collect() }
}
