//! An org whose log files are read, and what became of them.

use super::super::super::common::Common;
use super::super::super::leads::Leads;
use super::super::super::settings::ConnectedOrg;
use super::super::super::watch::Watch;
use super::super::file::tests::at;
use super::super::files::LogFiles;
use super::super::stop::{Rounds, Stop};
use crate::meter::Meter;
use crate::source::{Coverage, Positions};
use crate::testing::{Kept, Memory, Noted, ORG, spread};
use crate::{Outlet, Sink};
use fake_org::{FakeOrg, LogBody, LogRow, LogTable, Script, Speed};
use model::{Channel, Kind, OrgId};
use salesforce_client::Client;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Where the org is reached that is nowhere.
pub(super) const NOWHERE: &str = "http://127.0.0.1:9";

/// What is kept of an org while it is read, and may be read again.
#[derive(Clone, Default)]
pub(super) struct Records {
    pub(super) kept: Arc<Kept>,
    pub(super) noted: Arc<Noted>,
}

impl Records {
    pub(super) fn kept(&self, source: &str) -> Option<serde_json::Value> {
        self.kept.0.lock().unwrap().get(&(source.to_owned(), ORG.to_owned())).cloned()
    }

    pub(super) fn common(&self, settings: ConnectedOrg, leads: &[(Kind, Channel)], outlet: Arc<dyn Outlet>) -> Common {
        let org = OrgId::new(ORG);
        Common {
            client: Client::new(&settings.connection).unwrap(),
            settings: Arc::new(settings),
            sink: Sink::new(outlet, spread()),
            positions: Arc::clone(&self.kept) as Arc<dyn Positions>,
            watch: Watch::new(org.clone(), Arc::clone(&self.noted) as Arc<dyn Coverage>),
            context: Arc::default(),
            leads: Arc::new(Leads::new(
                leads.iter().copied().collect(),
                leads.iter().map(|(kind, _)| (*kind, Channel::LogFile)).collect(),
            )),
            meter: Meter::new(),
            org,
        }
    }
}

/// As it is reached at an address.
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

/// A running org, whose time passes by hand.
pub(super) struct World {
    pub(super) org: FakeOrg,
    pub(super) records: Records,
    pub(super) settings: ConnectedOrg,
    pub(super) leads: Vec<(Kind, Channel)>,
}

impl World {
    /// At a time, with what has happened until then and will happen.
    pub(super) async fn start(now: &str, tables: Vec<LogTable>, more: fake_org::Settings) -> Self {
        let mut script = Script::new(OrgId::new(ORG), Vec::new());
        script.settings = fake_org::Settings { start: at(now), speed: Speed::Manual, ..more };
        script.log_tables = tables;
        let org = FakeOrg::start(script).await.unwrap();
        let settings = settings(&org.login_url());
        let leads = [Kind::Login, Kind::Logout, Kind::BulkApi].map(|kind| (kind, Channel::LogFile)).to_vec();
        Self { org, records: Records::default(), settings, leads }
    }

    /// As the service has it after a start.
    pub(super) async fn common(&self, memory: &Arc<Memory>) -> Common {
        let outlet = Arc::clone(memory) as Arc<dyn Outlet>;
        let common = self.records.common(self.settings.clone(), &self.leads, outlet);
        common.client.identity().await.unwrap();
        common
    }

    /// One round of log files after a start.
    pub(super) async fn round(&self, memory: &Arc<Memory>) -> Result<(), Stop> {
        LogFiles::resume(self.common(memory).await).await?.round().await
    }

    /// The rows that a round brings, by their ids; each must have come once.
    pub(super) async fn read(&self) -> BTreeSet<String> {
        let memory = Arc::new(Memory::default());
        self.round(&memory).await.unwrap();
        once(&memory)
    }

    /// An hourly file with these rows.
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

/// Each must have been sent once.
pub(super) fn once(memory: &Memory) -> BTreeSet<String> {
    let sent = memory.texts();
    let ids: BTreeSet<String> = sent.iter().cloned().collect();
    assert_eq!(ids.len(), sent.len());
    ids
}

pub(super) const HEADER: &str =
    "\"EVENT_TYPE\",\"TIMESTAMP\",\"REQUEST_ID\",\"ORGANIZATION_ID\",\"USER_ID\",\"TIMESTAMP_DERIVED\"";

/// Rows that differ by their request alone are different events.
pub(super) fn row(event_type: &str, time: &str, request: &str) -> String {
    let compact: String = time.chars().filter(|character| character.is_ascii_digit()).collect();
    format!("\"{event_type}\",\"{compact}\",\"{request}\",\"{ORG}\",\"0055f00000CyENt\",\"{time}\"")
}

/// A row each time.
pub(super) fn table(event_type: &str, times: &[&str]) -> LogTable {
    let row = |(number, time): (usize, &&str)| LogRow {
        at: at(time),
        line: row(event_type, time, &number.to_string()).into(),
    };
    let columns = HEADER.replace('"', "").split(',').map(str::to_owned).collect();
    LogTable { event_type: event_type.to_owned(), columns, rows: times.iter().enumerate().map(row).collect() }
}
