//! A Postgres with two orgs, and a console that connects as its own role.

use ::settings::Hashed;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use bus::Bus;
use console::{App, Settings, router, token};
use model::decision::{Allowlist, Scope};
use model::{
    Decision, Finding, Incident, OrgId, Points, Receipt, RiskModel, Ruling, Severity, Status, Term, TermKind,
    Timestamp, UserClass, UserDay, UserId, Uuid,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use servers::Postgres;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use store::{
    Effect, HistoryWrite, IncidentWrite, NewGap, Owner, RiskWrite, Role, SourceState, StateEntry, Store, StoredFinding,
};
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

pub(crate) const OURS: &str = "00Dhn0000018hrcMAU";
pub(crate) const OTHER: &str = "00Dhn0000018hreMAE";

/// The id of an incident of the first org, and of one of the second.
pub(crate) const INCIDENT: Uuid = Uuid::from_u128(0x100);
pub(crate) const OTHER_INCIDENT: Uuid = Uuid::from_u128(0x900);

/// The hash of the settings that the first org has decided, and of those of the second.
pub(crate) const HASH: &str = "hash";
pub(crate) const OTHER_HASH: &str = "hash-of-the-other-org";

/// A console over a database of its own. The server stops when its last database is dropped.
pub(crate) struct Console {
    _server: Arc<Postgres>,
    pub(crate) url: String,
    /// As the owner, who may do everything.
    pub(crate) owner: Store,
    pub(crate) router: Router,
    app: App,
    pub(crate) shutdown: CancellationToken,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The ids of the listed incidents.
    pub(crate) fn ids(&self) -> Vec<String> {
        let items = self.json()["items"].as_array().cloned().unwrap_or_default();
        items.iter().map(|item| item["incident_id"].as_str().unwrap().to_owned()).collect()
    }
}

impl Console {
    pub(crate) async fn start() -> Self {
        Self::with(Settings { stream_ms: 100, apply_wait_ms: 0, ..Settings::default() }).await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        Self::following(settings, ::settings::Settings::default()).await
    }

    pub(crate) async fn following(settings: Settings, installed: ::settings::Settings) -> Self {
        static SERVER: Mutex<Weak<Postgres>> = Mutex::const_new(Weak::new());
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let mut shared = SERVER.lock().await;
        let server = match shared.upgrade() {
            Some(server) => server,
            None => Arc::new(Postgres::start().await.unwrap()),
        };
        *shared = Arc::downgrade(&server);
        drop(shared);
        let name = format!("test_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        execute(&server.url(), &format!("CREATE DATABASE {name}")).await;
        let url = server.url_of(&name);
        let owner = store(&url).await;
        owner.migrate().await.unwrap();
        execute(&url, &format!("CREATE ROLE console_of_{name} LOGIN IN ROLE orgwatch_console")).await;
        let store = store(&url.replace("postgres@", &format!("console_of_{name}@"))).await;
        fill(&owner, &OrgId::new(OURS), INCIDENT.as_u128()).await;
        fill(&owner, &OrgId::new(OTHER), OTHER_INCIDENT.as_u128()).await;
        for org in [OURS, OTHER] {
            let clock = format!(
                "INSERT INTO orgwatch.org_clocks (partition, org_id, clock) VALUES (1, '{org}', 1772461912867)"
            );
            execute(&url, &clock).await;
        }
        let shutdown = CancellationToken::new();
        let (_, rules) = watch::channel(Arc::new(Hashed::from(installed)));
        let app = App::new(store, rules, settings, shutdown.clone());
        Self { _server: server, url, owner, router: router(app.clone()), app, shutdown }
    }

    /// Adds a NATS.
    pub(crate) fn with_bus(self, bus: Bus) -> Self {
        Self { router: router(self.app.clone().with_bus(bus)), ..self }
    }

    /// Makes a token with a role in each of these orgs.
    pub(crate) async fn token(&self, roles: &[(&str, Role)]) -> SecretString {
        let roles: BTreeMap<String, Role> = roles.iter().map(|(org, role)| ((*org).to_owned(), *role)).collect();
        let (secret, token) = token("a test", roles, Timestamp(4_000_000_000_000)).unwrap();
        self.owner.create_token(&token).await.unwrap();
        secret
    }

    /// Sends a request with a token.
    pub(crate) async fn send(&self, token: &SecretString, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.send_with(token, method, path, body, &[]).await
    }

    pub(crate) async fn send_with(
        &self,
        token: &SecretString,
        method: &str,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header("authorization", format!("Bearer {}", token.expose_secret()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = match body {
            Some(body) => request.header("content-type", "application/json").body(Body::from(body.to_string())),
            None => request.body(Body::empty()),
        };
        self.answer(request.unwrap()).await
    }

    pub(crate) async fn get(&self, token: &SecretString, path: &str) -> Answer {
        self.send(token, "GET", path, None).await
    }

    pub(crate) async fn answer(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Answer { status: parts.status, headers: parts.headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    /// Connects as the console's role, next to its pool.
    pub(crate) async fn sql(&self) -> PgConnection {
        let name = self.url.rsplit('/').next().unwrap();
        PgConnection::connect(&self.url.replace("postgres@", &format!("console_of_{name}@"))).await.unwrap()
    }

    /// Runs a statement as the owner of the database.
    pub(crate) async fn execute(&self, statement: &str) {
        execute(&self.url, statement).await;
    }

    /// Writes closed days, as baseline does.
    pub(crate) async fn put_days(&self, days: &[UserDay]) {
        self.baseline(9).await.checkpoint(9, 1, &[], &[], &[], days).await.unwrap();
    }

    /// Lets a decision take effect with an hour of event time, as baseline does.
    pub(crate) async fn take_effect(&self, decision_id: Uuid, hour: Timestamp) {
        let effects = [Effect { decision_id, hour }];
        self.baseline(8).await.checkpoint(8, 1, &[], &[], &effects, &[]).await.unwrap();
    }

    /// Writes what is learned of an org, as baseline does.
    pub(crate) async fn put_state(&self, partition: i32, org: &str, records: Vec<::profile::Record>) {
        let entry = |record: ::profile::Record| {
            Some(StateEntry { org_id: OrgId::new(org), key: record.key, bytes: record.bytes? })
        };
        let entries: Vec<StateEntry> = records.into_iter().filter_map(entry).collect();
        let owner = self.baseline(partition).await;
        owner.checkpoint(partition, 1, &entries, &[], &[], &[]).await.unwrap();
        owner.close().await.unwrap();
    }

    /// Connects as the owner of a partition.
    async fn baseline(&self, partition: i32) -> Owner {
        let settings = store::Settings { url: SecretString::from(self.url.as_str()), ..store::Settings::default() };
        let owner = Owner::connect(&settings, "baseline", "baseline", 1).await.unwrap();
        assert!(owner.try_acquire(partition).await.unwrap());
        owner
    }

    /// Opens another incident of the account, as the correlator does.
    pub(crate) async fn open(&self, incident: Incident) {
        let account = (incident.org_id.clone(), incident.user_id.clone());
        write(&self.owner, &account, incident, "opened").await;
    }

    /// Changes an incident, as the correlator does.
    pub(crate) async fn change(&self, org: &str, incident_id: Uuid, revision: u64) {
        let account = (OrgId::new(org), UserId::new("005hn00000emma1AAA"));
        let mut changed = incident(&account, incident_id.as_u128());
        changed.revision = revision;
        write(&self.owner, &account, changed, "updated").await;
    }
}

async fn store(url: &str) -> Store {
    let settings = store::Settings { url: SecretString::from(url), ..store::Settings::default() };
    Store::connect(&settings, "orgwatch-test").await.unwrap()
}

async fn execute(url: &str, statement: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut connection).await.unwrap();
}

/// Writes an incident with a finding, and all that belongs to it, so that each table has a row of each org.
async fn fill(store: &Store, org: &OrgId, id: u128) {
    let account = (org.clone(), UserId::new("005hn00000emma1AAA"));
    let user = Some(account.1.clone());
    let hash = if org.as_str() == OURS { HASH } else { OTHER_HASH };
    let mut incident = incident(&account, id);
    incident.receipt.config_hash = hash.into();
    write(store, &account, incident, "opened").await;
    for (number, user, ruling) in [
        (
            1,
            user.clone(),
            Ruling::Suppression {
                scope: Scope { detectors: ["off_hours".into()].into(), ..Scope::default() },
                incident_id: None,
            },
        ),
        (2, user, Ruling::Comment { incident_id: Uuid::from_u128(id) }),
        (3, None, Ruling::Settings { hash: hash.into(), toml: String::new() }),
    ] {
        store.record(&decision(id + 0x10 + number, org, user, ruling)).await.unwrap();
    }
    let (source, kind) = ("stream".to_owned(), "login".to_owned());
    let state = SourceState {
        source: source.clone(),
        kind: kind.clone(),
        state: "leading".into(),
        last_event_at: Some(Timestamp(1_500)),
        last_heard_at: None,
        detail: None,
    };
    store.put_source_states(org, &[state]).await.unwrap();
    let gap = NewGap { source, kind, from: Timestamp(0), to: Timestamp(1_000), reason: "lost".into() };
    store.open_gap(org, &gap).await.unwrap();
    store.put_settings(hash, "[risk]\n").await.unwrap();
}

async fn write(store: &Store, account: &(OrgId, UserId), incident: Incident, change: &str) {
    let mut correlation = store.correlate(std::slice::from_ref(account)).await.unwrap();
    let findings: Vec<StoredFinding> = incident.findings.iter().map(|finding| stored(finding, &incident)).collect();
    correlation.put_findings(&findings).await.unwrap();
    correlation.put_history(&[history(&incident, change)]).await.unwrap();
    let risk = RiskWrite {
        org_id: account.0.clone(),
        user_id: account.1.clone(),
        username: incident.username.clone(),
        user_class: UserClass::Power,
        risk_score: incident.risk_score,
        incidents: 1,
        last_event_at: Some(incident.last_event_at),
    };
    correlation.put_risk(&[risk]).await.unwrap();
    correlation.put_incidents(&[open(incident)]).await.unwrap();
    correlation.commit().await.unwrap();
}

fn stored(finding: &Finding, incident: &Incident) -> StoredFinding {
    StoredFinding {
        finding: finding.clone(),
        first_observed_at: Some(finding.observed_at),
        traceparent: None,
        incident_id: Some(incident.incident_id),
        hidden_by: None,
    }
}

fn history(incident: &Incident, change: &str) -> HistoryWrite {
    HistoryWrite {
        incident_id: incident.incident_id,
        revision: incident.revision,
        org_id: incident.org_id.clone(),
        change: change.to_owned(),
        risk_score: incident.risk_score,
        severity: incident.severity,
        message: Vec::new(),
        end_reason: None,
        merged_into: None,
    }
}

pub(crate) fn open(incident: Incident) -> IncidentWrite {
    IncidentWrite {
        incident,
        status: Status::Open,
        trace_id: Some("4bf92f3577b34da6a3ce929d0e0e4736".into()),
        merged_into: None,
        ended: false,
        disposition: None,
        assignee: None,
        snoozed_until: None,
    }
}

pub(crate) fn incident((org_id, user_id): &(OrgId, UserId), id: u128) -> Incident {
    let risk_score = Points(7_250);
    let at = Timestamp(1_772_400_000_000);
    let finding = Finding {
        finding_id: Uuid::from_u128(id + 1),
        revision: 1,
        org_id: org_id.clone(),
        user_id: user_id.clone(),
        username: Some("emma@lumenworks.example".into()),
        user_class: UserClass::Power,
        detector: "row_spike".into(),
        severity: Severity::High,
        score: 7.25,
        anomaly_score: 0.75,
        confidence: 0.8,
        surprise: 7.0,
        observed_at: at,
        revised_at: at,
        summary: "emma@lumenworks.example exported 1,937,568 rows of Contact in an hour".into(),
        features: Vec::new(),
        measures: Vec::new(),
        event_ids: Vec::new(),
        objects: vec!["Contact".into()],
        surface: None,
        withdrawn: false,
        config_hash: "hash".into(),
        addresses: vec!["192.0.2.7".into()],
        resource_id: Some("00Ohn000003aBcDEAU".into()),
        resource_name: Some("All contacts".into()),
        client: Some("Chrome on macOS".into()),
        app: None,
        precision: None,
        evidence: Vec::new(),
    };
    let term = Term {
        kind: TermKind::Finding,
        name: "row_spike".into(),
        finding_id: Some(finding.finding_id),
        score: 7.25,
        weight: 1.0,
        decay: 1.0,
        damping: 1.0,
        multiplier: 1.0,
        points: risk_score,
        reason: "emma@lumenworks.example read far more than usual".into(),
    };
    Incident {
        incident_id: Uuid::from_u128(id),
        revision: 1,
        org_id: org_id.clone(),
        user_id: user_id.clone(),
        username: Some("emma@lumenworks.example".into()),
        user_class: UserClass::Power,
        severity: Severity::High,
        risk_score,
        first_event_at: at,
        last_event_at: at,
        findings: vec![finding],
        receipt: Receipt { model: RiskModel::NoisyOr, config_hash: "hash".into(), risk_score, terms: vec![term] },
        disposition: None,
    }
}

pub(crate) fn decision(id: u128, org: &OrgId, user: Option<UserId>, ruling: Ruling) -> Decision {
    Decision {
        decision_id: Uuid::from_u128(id),
        org_id: org.clone(),
        user_id: user,
        ruling,
        from: Timestamp(0),
        until: None,
        decided_by: "nobody".into(),
        claimed_by: None,
        reason: "a migration".into(),
        decided_at: Timestamp(0),
        in_force: BTreeMap::new(),
    }
}

/// An allowlist that allows nothing in particular.
pub(crate) fn allowlist() -> Allowlist {
    Allowlist::default()
}
