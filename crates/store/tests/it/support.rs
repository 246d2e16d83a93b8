//! One Postgres server for all tests that run at the same time, and one database for each.

use model::time::DAY;
use model::{
    Band, DayFacts, DayFirsts, DaySurprise, DayUnjudged, DayVolume, Decision, Finding, FirstOf, Incident, OrgId,
    Points, Receipt, RiskModel, Ruling, Severity, Surface, Text, Timestamp, UserClass, UserDay, UserId, Uuid,
};
use secrecy::SecretString;
use servers::Postgres;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use store::{IncidentWrite, Owner, Settings, Status, Store, StoredFinding};
use tokio::sync::Mutex;

pub(crate) const ORG: &str = "00Dhn0000018hrcMAU";

/// An empty database. The server stops when its last database is dropped.
pub(crate) struct Database {
    pub(crate) server: Arc<Postgres>,
    name: String,
}

impl Database {
    pub(crate) async fn empty() -> Self {
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
        let mut connection = PgConnection::connect(&server.url()).await.unwrap();
        sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await.unwrap();
        Self { server, name }
    }

    /// A migrated database, and a store on it.
    pub(crate) async fn migrated() -> (Self, Store) {
        let database = Self::empty().await;
        let store = database.store().await;
        store.migrate().await.unwrap();
        (database, store)
    }

    pub(crate) async fn store(&self) -> Store {
        Store::connect(&self.settings(), "orgwatch-test").await.unwrap()
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings { url: SecretString::from(self.url()), ..Settings::default() }
    }

    pub(crate) fn url(&self) -> String {
        self.server.url_of(&self.name)
    }

    /// A connection beside the store.
    pub(crate) async fn connection(&self) -> PgConnection {
        PgConnection::connect(&self.url()).await.unwrap()
    }

    /// Has the server terminate the session with that `application_name`, and waits until it is gone.
    pub(crate) async fn terminate(&self, application: &str) {
        let mut connection = self.connection().await;
        let ended: Vec<bool> = sqlx::query_scalar(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
             WHERE application_name = $1 AND datname = current_database()",
        )
        .bind(application)
        .fetch_all(&mut connection)
        .await
        .unwrap();
        assert_eq!(ended, [true], "{application}");
    }

    /// Waits until some session of this database waits for a lock.
    pub(crate) async fn until_a_session_waits(&self) {
        let mut connection = self.connection().await;
        let waiting = "SELECT EXISTS (SELECT FROM pg_stat_activity
                       WHERE datname = current_database() AND wait_event_type = 'Lock')";
        let poll = async {
            while !sqlx::query_scalar::<_, bool>(waiting).fetch_one(&mut connection).await.unwrap() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), poll).await.unwrap();
    }
}

pub(crate) fn org() -> OrgId {
    OrgId::new(ORG)
}

pub(crate) fn user(name: &str) -> (OrgId, UserId) {
    (org(), UserId::new(name))
}

pub(crate) fn finding(id: u128, user: &(OrgId, UserId)) -> Finding {
    Finding {
        finding_id: Uuid::from_u128(id),
        revision: 1,
        org_id: user.0.clone(),
        user_id: user.1.clone(),
        username: Some("emma.martin".into()),
        user_class: UserClass::Power,
        detector: "row_spike".into(),
        severity: Severity::High,
        score: 7.5,
        anomaly_score: 0.9,
        confidence: 0.8,
        surprise: 7.0,
        observed_at: Timestamp(1_000),
        revised_at: Timestamp(2_000),
        summary: "1,937,568 rows in an hour".into(),
        features: vec![],
        measures: vec![],
        event_ids: vec![Uuid::from_u128(77)],
        objects: vec!["Contact".into()],
        surface: None,
        withdrawn: false,
        config_hash: "hash".into(),
        addresses: Vec::new(),
        resource_id: None,
        resource_name: None,
        client: None,
        app: None,
        precision: None,
        evidence: Vec::new(),
    }
}

pub(crate) fn stored(finding: Finding) -> StoredFinding {
    let first_observed_at = Some(finding.observed_at);
    StoredFinding {
        finding,
        first_observed_at,
        traceparent: Some("00-1-2-01".into()),
        incident_id: None,
        hidden_by: None,
    }
}

pub(crate) fn incident(id: u128, user: &(OrgId, UserId)) -> Incident {
    let risk_score = Points(7_250);
    Incident {
        incident_id: Uuid::from_u128(id),
        revision: 3,
        org_id: user.0.clone(),
        user_id: user.1.clone(),
        username: None,
        user_class: UserClass::Power,
        severity: Severity::High,
        risk_score,
        first_event_at: Timestamp(1_000),
        last_event_at: Timestamp(2_000),
        findings: vec![finding(id + 1, user)],
        receipt: Receipt { model: RiskModel::NoisyOr, config_hash: "hash".into(), risk_score, terms: vec![] },
        disposition: None,
    }
}

pub(crate) fn open(incident: Incident) -> IncidentWrite {
    IncidentWrite {
        incident,
        status: Status::Open,
        trace_id: Some("trace".into()),
        merged_into: None,
        ended: false,
        disposition: None,
        assignee: None,
        snoozed_until: None,
    }
}

/// A closed day of a user, `day` days after 1970-01-01.
pub(crate) fn user_day((org_id, user_id): &(OrgId, UserId), day: i64) -> UserDay {
    let firsts =
        |what, count, names: &[&str]| DayFirsts { what, count, names: names.iter().copied().map(Text::from).collect() };
    let band = Band { expected: 99, low: 20, high: 500 };
    UserDay {
        org_id: org_id.clone(),
        user_id: user_id.clone(),
        day: Timestamp(day * DAY),
        username: Some("emma.martin".into()),
        user_class: UserClass::Power,
        facts: DayFacts {
            last_at: Timestamp(day * DAY + 1_001),
            volumes: vec![
                DayVolume { surface: Surface::ListView, rows: 4_151, requests: 12, usual: Some(band) },
                DayVolume { surface: Surface::Api, rows: 7, requests: 1, usual: None },
            ],
            downloads: 2,
            bytes: 1 << 40,
            written: 3,
            firsts: vec![
                firsts(FirstOf::Object, 2, &["Case", "Lead"]),
                firsts(FirstOf::Report, 1, &["Pipe\0line"]),
                firsts(FirstOf::Network, 1, &["AS64500"]),
            ],
            surprises: vec![
                DaySurprise { detector: "row_spike".into(), surprise: 3.217 },
                DaySurprise { detector: "view_burst".into(), surprise: 1.0 },
            ],
            held: true,
            hours: Some(0b1111 << 8),
            unjudged: Some(vec![DayUnjudged { detector: "mass_change".into(), reason: "no baseline".into() }]),
        },
    }
}

/// Writes closed days as a checkpoint of partition 9 does.
pub(crate) async fn put_user_days(database: &Database, user_days: &[UserDay]) {
    let owner = Owner::connect(&database.settings(), "days", "days", 1).await.unwrap();
    assert!(owner.try_acquire(9).await.unwrap());
    owner.checkpoint(9, 1, &[], &[], &[], user_days).await.unwrap();
}

pub(crate) fn decision(id: u128, org: &OrgId, user: Option<&str>, ruling: Ruling) -> Decision {
    Decision {
        decision_id: Uuid::from_u128(id),
        org_id: org.clone(),
        user_id: user.map(UserId::new),
        ruling,
        from: Timestamp(1_000),
        until: Some(Timestamp(2_001)),
        decided_by: "nobody".into(),
        claimed_by: Some("alice".into()),
        reason: "migration".into(),
        decided_at: Timestamp(0),
        in_force: Default::default(),
    }
}

/// Writes incidents of one user in one correlation.
pub(crate) async fn put_incidents(store: &Store, user: &(OrgId, UserId), incidents: &[IncidentWrite]) {
    let mut correlation = store.correlate(std::slice::from_ref(user)).await.unwrap();
    correlation.put_incidents(incidents).await.unwrap();
    correlation.commit().await.unwrap();
}
