//! An org whose log files are read, and what became of them.

use super::super::super::common::Common;
use super::super::super::leads::Leads;
use super::super::super::settings::ConnectedOrg;
use super::super::super::watch::Watch;
use crate::meter::Meter;
use crate::source::{Coverage, Positions};
use crate::testing::{Kept, ORG, spread};
use crate::{Outlet, Sink};
use futures::future::BoxFuture;
use model::{Channel, Kind, OrgId, Uuid};
use salesforce_client::Client;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use store::{Gap, NewGap, SourceState};

/// Where the org is reached that is nowhere.
pub(crate) const NOWHERE: &str = "http://127.0.0.1:9";

/// What is kept of an org while it is read, and may be read again.
#[derive(Clone, Default)]
pub(super) struct Records {
    pub(super) kept: Arc<Kept>,
    pub(super) gaps: Arc<Gaps>,
}

/// Gaps, in memory.
#[derive(Default)]
pub(super) struct Gaps(pub(super) Mutex<Vec<Gap>>);

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
            watch: Watch::new(org.clone(), Arc::clone(&self.gaps) as Arc<dyn Coverage>),
            context: Arc::default(),
            leads: Arc::new(Leads::new(leads.iter().copied().collect::<BTreeMap<_, _>>())),
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

impl Coverage for Gaps {
    fn note<'a>(&'a self, _: &'a OrgId, _: &'a [SourceState]) -> BoxFuture<'a, store::Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn open_gap<'a>(&'a self, org: &'a OrgId, gap: &'a NewGap) -> BoxFuture<'a, store::Result<()>> {
        let NewGap { source, kind, from, to, reason } = gap.clone();
        let gap = Gap { id: Uuid::nil(), org_id: org.clone(), source, kind, from, to, reason, note: None };
        self.0.lock().unwrap().push(gap);
        Box::pin(async { Ok(()) })
    }

    fn gaps<'a>(&'a self, _: &'a OrgId) -> BoxFuture<'a, store::Result<Vec<Gap>>> {
        let gaps = self.0.lock().unwrap().clone();
        Box::pin(async { Ok(gaps) })
    }

    fn close_gap<'a>(&'a self, _: &'a Gap, _: &'a str) -> BoxFuture<'a, store::Result<()>> {
        Box::pin(async { Ok(()) })
    }
}
