//! How long answers take over a database as large as it gets: `cargo xtask bench-api`.
//!
//! 50,000 incidents with 1,000,000 findings, and 2,000,000 closed days of 5,000 accounts; `ORGWATCH_BENCH_INCIDENTS` makes
//! all of it smaller. The targets are those of the first release: a list within 100 ms, an incident with its findings
//! within 50 ms, the data of any page within 150 ms, at the 95th percentile.
#![expect(clippy::unwrap_used, reason = "a benchmark fails on any error")]
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::indexing_slicing, reason = "positions are those of measured times")]

use console::{App, Settings, router, token};
use model::codec::Message;
use model::{
    Evidence, Finding, Incident, OrgId, Points, Receipt, RiskModel, Severity, Term, TermKind, Timestamp, UserClass,
    UserId, Uuid,
};
use secrecy::{ExposeSecret, SecretString};
use servers::Postgres;
use sqlx::{Connection, PgConnection};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{Role, Store};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const ORG: &str = "00Dhn0000018hrcMAU";
/// Findings of an incident.
const FINDINGS: i64 = 20;
/// Closed days of an account: as many as are kept.
const DAYS: i64 = 400;
/// Start of the first of them.
const FIRST_DAY: i64 = 1_772_323_200_000 - (DAYS - 1) * 86_400_000;
/// Requests of each kind.
const REQUESTS: usize = 200;

#[tokio::main]
async fn main() {
    rustls::crypto::ring::default_provider().install_default().unwrap();
    let incidents: i64 = std::env::var("ORGWATCH_BENCH_INCIDENTS").map_or(50_000, |text| text.parse().unwrap());
    let server = Postgres::start().await.unwrap();
    let owner = connect(&server.url()).await;
    owner.migrate().await.unwrap();
    let began = Instant::now();
    fill(&server.url(), incidents).await;
    let (findings, days) = (incidents * FINDINGS, (incidents / 10) * DAYS);
    println!("{incidents} incidents, {findings} findings and {days} days stored in {:.0?}", began.elapsed());
    let mut sql = PgConnection::connect(&server.url()).await.unwrap();
    sqlx::raw_sql("CREATE ROLE bench LOGIN IN ROLE orgwatch_console").execute(&mut sql).await.unwrap();
    let clock = "INSERT INTO orgwatch.org_clocks (partition, org_id, clock) VALUES (0, $1, $2)";
    sqlx::query(clock).bind(ORG).bind(FIRST_DAY + DAYS * 86_400_000).execute(&mut sql).await.unwrap();

    let store = connect(&server.url().replace("postgres@", "bench@")).await;
    let roles = BTreeMap::from([("*".to_owned(), Role::Analyst)]);
    let (secret, made) = token("bench", roles, Timestamp(4_000_000_000_000)).unwrap();
    owner.create_token(&made).await.unwrap();
    let (_sender, rules) = watch::channel(Arc::new(::settings::Hashed::from(::settings::Settings::default())));
    let settings = Settings { requests_per_minute: 100_000, ..Settings::default() };
    let app = App::new(store, rules, settings, CancellationToken::new());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router(app)).await });
    let client = Client { http: reqwest::Client::new(), base: format!("http://{address}"), secret };

    let at = |days: i64| Timestamp(FIRST_DAY + days * 86_400_000);
    let span = format!("from={}&to={}", at(DAYS - 90), at(DAYS));
    // With all incidents, which are of the days after these.
    let all_days = format!("from={}&to={}", at(DAYS - 90), at(DAYS + 60));
    println!("{:<66} {:>8} {:>8} {:>8}  target", "", "p50", "p95", "p99");
    for (path, target) in [
        ("/v1/incidents", 100),
        ("/v1/incidents?sort=latest", 100),
        (&*format!("/v1/incidents?org={ORG}"), 100),
        (&format!("/v1/incidents?org={ORG}&status=open&severity=high,critical&sort=latest"), 100),
        ("/v1/incidents?detector=off_hours", 100),
        ("/v1/incidents?object=Object_17__c&sort=latest", 100),
        ("/v1/incidents?address=192.0.2.77", 100),
        ("/v1/incidents?q=omar%20account", 100),
        ("/v1/incidents?changed=true", 100),
        ("/v1/incidents?limit=200", 100),
        ("/v1/incidents/count?by=severity", 100),
        ("/v1/incidents/count?by=detector", 100),
        ("/v1/incidents/count?by=object", 100),
        (&format!("/v1/orgs/{ORG}/accounts"), 100),
        ("/v1/orgs", 100),
        ("/v1/detectors", 100),
        ("/v1/tenant-security-api-anomalies", 100),
        (&format!("/v1/orgs/{ORG}/accounts/user7/days?{span}"), 100),
        (&format!("/v1/orgs/{ORG}/heat-map?measure=first_reports&{span}"), 150),
        (&format!("/v1/orgs/{ORG}/detectors/row_spike?{span}"), 150),
        (&format!("/v1/orgs/{ORG}/detectors/row_spike/days?least=1&{span}"), 100),
        (&format!("/v1/orgs/{ORG}/detectors/row_spike/days?least=5&{span}"), 100),
        (&format!("/v1/orgs/{ORG}/detectors/row_spike/what-if?least=2.5&{span}"), 150),
        (&format!("/v1/orgs/{ORG}/detectors/row_spike/what-if?least=6&{all_days}"), 1_000),
        // No finding is weaker, which is only known once all are looked at.
        (&format!("/v1/orgs/{ORG}/detectors/row_spike/what-if?least=1&{all_days}"), 1_000),
        (&format!("/v1/orgs/{ORG}/objects/Contact?{span}"), 150),
        (&format!("/v1/orgs/{ORG}/objects/Object_17__c?{span}"), 150),
        (&format!("/v1/orgs/{ORG}/resources/Pipeline?{span}"), 150),
    ] {
        client.measure(path, target, async |_| path.to_owned()).await;
    }
    let one =
        async |n: usize| format!("/v1/incidents/{}", Uuid::from_u128(1 + (n as u128 * 7_919) % incidents as u128));
    client.measure("/v1/incidents/{incident_id}", 50, one).await;
    let similar = async |n: usize| format!("{}/similar", one(n).await);
    client.measure("/v1/incidents/{incident_id}/similar", 100, similar).await;
    let target = 150;
    for path in [
        "/",
        "/?status=open,acknowledged&severity=high&sort=latest",
        "/leaders",
        "/leaders?by=object",
        "/first-times",
        &format!("/accounts/{ORG}/user7"),
        &format!("/accounts/{ORG}/user7?day={}", &at(DAYS - 3).to_string()[..10]),
        &format!("/objects/{ORG}/Contact"),
        &format!("/resources/{ORG}/Pipeline"),
        "/detectors",
        &format!("/detectors/{ORG}/row_spike"),
        "/decisions",
        "/sources",
        "/settings",
    ] {
        client.measure(&format!("page {path}"), target, async |_| path.to_owned()).await;
    }
    let page_of = async |n: usize| one(n).await.replace("/v1/", "/");
    client.measure("page /incidents/{incident_id}", target, page_of).await;
    let pair = async |n: usize| {
        let [a, b] = [one(n).await, one(n + 1).await].map(|path| path.replace("/v1/incidents/", ""));
        format!("/compare?a={a}&b={b}")
    };
    client.measure("page /compare", target, pair).await;
    let mut cursor = String::new();
    for _ in 0..50 {
        let page: serde_json::Value =
            serde_json::from_str(&client.get(&format!("/v1/incidents?{cursor}")).await).unwrap();
        cursor = format!("cursor={}", page["next_cursor"].as_str().unwrap());
    }
    let deep = format!("/v1/incidents?{cursor}");
    client.measure("/v1/incidents, page 51", 100, async |_| deep.clone()).await;
}

struct Client {
    http: reqwest::Client,
    base: String,
    secret: SecretString,
}

impl Client {
    async fn get(&self, path: &str) -> String {
        let request = self.http.get(format!("{}{path}", self.base)).bearer_auth(self.secret.expose_secret());
        let response = request.send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {text}");
        text
    }

    async fn measure(&self, name: &str, target: u64, path: impl AsyncFn(usize) -> String) {
        // Fewer of what takes long.
        let requests = if target < 1_000 { REQUESTS } else { REQUESTS / 10 };
        let mut times = Vec::with_capacity(requests);
        for number in 0..requests {
            let path = path(number).await;
            let start = Instant::now();
            self.get(&path).await;
            times.push(start.elapsed());
        }
        times.sort();
        let [half, late, last] = [50, 95, 99].map(|percent| times[(requests - 1) * percent / 100]);
        let verdict = if late <= Duration::from_millis(target) { "met" } else { "MISSED" };
        let ms = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1_000.0);
        println!("{name:<66} {:>8} {:>8} {:>8}  {target} ms {verdict}", ms(half), ms(late), ms(last));
    }
}

async fn connect(url: &str) -> Store {
    let settings = store::Settings { url: SecretString::from(url), ..store::Settings::default() };
    Store::connect(&settings, "orgwatch-bench").await.unwrap()
}

/// Stores incidents with their findings. Their messages are those of one template: what is read of them is as long as in
/// reality, and what lists show differs by row.
async fn fill(url: &str, incidents: i64) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let template = incident();
    let finding = template.findings.first().cloned().unwrap();
    let mut bare = template.clone();
    bare.findings.iter_mut().for_each(|finding| finding.evidence.clear());
    let statements = [
        "INSERT INTO orgwatch.user_days (day, last_at, bytes, written, partition, downloads, first_objects, first_scopes,
             first_reports, first_networks, first_clients, first_countries, first_apps, held, org_id, user_id, user_class,
             username, volumes, first_names, surprises)
         SELECT orgwatch.from_ms(DAY0 + d * 86400000::bigint), orgwatch.from_ms(DAY0 + d * 86400000::bigint + 64800000), 0, 0, 1, 0,
             (n % 23 = 0)::int, 0, (n % 41 = 0)::int, 0, 0, 0, 0, false, $1, 'user' || u, 'normal',
             'user' || u || '@lumenworks.example',
             '{\"list_view\": [240, 12, 220, 60, 900], \"report\": [4151, 3, 3900, 900, 17000]}',
             CASE WHEN n % 41 = 0 THEN '{\"report\": [\"Pipeline\"]}'::jsonb END,
             CASE WHEN n % 10 = 0 THEN jsonb_build_object('row_spike', 1 + 6 * power(n % 997 / 997.0, 8), 'new_access', 1.5) END
         FROM generate_series(0, $2 / 10 - 1) u CROSS JOIN generate_series(0, DAYS - 1) d
         CROSS JOIN LATERAL (SELECT u * 7919 + d * 31 AS n) mixed
         WHERE $3::bytea IS NOT NULL AND $4::bytea IS NOT NULL",
        "INSERT INTO orgwatch.entity_risk (org_id, user_id, username, user_class, risk_score, incidents, last_event_at)
         SELECT $1, 'user' || n, 'user' || n || '@lumenworks.example', 'normal', n * 37 % 10001, 10, 1772400000000 + n
         FROM generate_series(0, $2 / 10) n WHERE $3::bytea IS NOT NULL AND $4::bytea IS NOT NULL",
        "INSERT INTO orgwatch.findings (finding_id, org_id, user_id, detector, severity, score, revision, observed_at,
             revised_at, withdrawn, summary, message, first_observed_at, incident_id, anomaly_score, confidence)
         SELECT lpad(to_hex(1000000000 + n), 32, '0')::uuid, $1, 'user' || n % ($2 / 10), 'row_spike', n % 4, 5, 1,
             1772400000000 + n, 1772400000000 + n, false, 'read far more rows than usual', $3, 1772400000000 + n,
             lpad(to_hex(1 + n % $2), 32, '0')::uuid, .5, .5
         FROM generate_series(0, $2 * 20 - 1) n WHERE $4::bytea IS NOT NULL",
        "INSERT INTO orgwatch.incidents (incident_id, org_id, user_id, username, user_class, severity, risk_score, status,
             first_event_at, last_event_at, revision, receipt, message, summary, detectors, pattern, facets, words)
         SELECT lpad(to_hex(1 + n), 32, '0')::uuid, $1, 'user' || n % ($2 / 10),
             (ARRAY['omar', 'emma', 'carl', 'anna'])[1 + n % 4] || n % ($2 / 10) || '@lumenworks.example', 'normal',
             least(3, n * 7919 % 10001 / 2000), n * 7919 % 10001, (ARRAY['open', 'acknowledged', 'resolved', 'open'])[1 + n % 4],
             1772400000000 + n * 60000, 1772403600000 + n * 60000, 1, '{}', $4, 'read far more rows than usual',
             d, array_to_string(d, '+'), ARRAY['detector:' || d[1], 'detector:row_spike', 'object:Object_' || n % 400 || '__c', 'object:Contact',
                 'address:192.0.' || n / 256 % 256 || '.' || n % 256],
             to_tsvector('simple', (ARRAY['omar', 'emma', 'carl', 'anna'])[1 + n % 4] || ' account Object_' || n % 400 ||
                 ' 192.0.' || n / 256 % 256 || '.' || n % 256)
         FROM generate_series(0, $2 - 1) n
         CROSS JOIN LATERAL (SELECT ARRAY[(ARRAY['bulk_export', 'new_access', 'off_hours'])[1 + n % 3], 'row_spike',
             'z_' || n % 40] AS d) detectors WHERE $3::bytea IS NOT NULL",
        "INSERT INTO orgwatch.org_clocks (partition, org_id, clock)
         SELECT 1, $1, 1772461912867 WHERE $2::bigint > 0 AND $3::bytea IS NOT NULL AND $4::bytea IS NOT NULL",
    ];
    for statement in statements {
        let statement = statement.replace("DAYS", &DAYS.to_string()).replace("DAY0", &FIRST_DAY.to_string());
        sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(ORG)
            .bind(incidents)
            .bind(finding.encode())
            .bind(bare.encode())
            .execute(&mut connection)
            .await
            .unwrap();
    }
    sqlx::raw_sql("VACUUM ANALYZE").execute(&mut connection).await.unwrap();
}

/// An incident with as many findings as most have, each with evidence.
fn incident() -> Incident {
    let (org_id, user_id) = (OrgId::new(ORG), UserId::new("user1"));
    let at = Timestamp(1_772_400_000_000);
    let findings: Vec<Finding> = (0..FINDINGS as u128).map(|number| finding(&org_id, &user_id, number, at)).collect();
    let terms = findings.iter().map(|finding| Term {
        kind: TermKind::Finding,
        name: finding.detector.clone(),
        finding_id: Some(finding.finding_id),
        score: 5.0,
        weight: 0.5,
        decay: 1.0,
        damping: 1.0,
        multiplier: 1.0,
        points: Points(250),
        reason: "read far more rows than usual".into(),
    });
    let receipt = Receipt {
        model: RiskModel::NoisyOr,
        config_hash: "hash".into(),
        risk_score: Points(5_000),
        terms: terms.collect(),
    };
    Incident {
        incident_id: Uuid::from_u128(1),
        revision: 1,
        org_id,
        user_id,
        username: Some("emma@lumenworks.example".into()),
        user_class: UserClass::Normal,
        severity: Severity::Medium,
        risk_score: Points(5_000),
        first_event_at: at,
        last_event_at: at,
        findings,
        receipt,
        disposition: None,
    }
}

fn finding(org_id: &OrgId, user_id: &UserId, number: u128, at: Timestamp) -> Finding {
    let evidence = |n: u128| Evidence {
        activity_id: Uuid::from_u128(number * 100 + n),
        at,
        kind: model::Kind::Api,
        operation: Some("Query".into()),
        effect: model::Effect::Read,
        outcome: model::Outcome::Success,
        surface: Some(model::Surface::Api),
        objects: vec!["Contact".into(), "Account".into()],
        resource_id: None,
        resource_name: None,
        scope: None,
        run: Some(7),
        rows: Some(2_000),
        rows_returned: Some(2_000),
        bytes: Some(100_000),
        address: Some("192.0.2.7".into()),
        asn: None,
        country: Some("US".into()),
        user_agent: Some("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 Chrome/140.0".into()),
        client: Some("Chrome on macOS".into()),
        application: None,
        app: None,
        api_type: Some("REST".into()),
        session_key: Some("vMASKIU6AxEr+Op5".into()),
        login_key: Some("lUqjLPQTWRdvRG4".into()),
        request_id: Some("3nWgxWbDKWWDIk0FKfF5D".into()),
        delegate: None,
    };
    Finding {
        finding_id: Uuid::from_u128(number + 1),
        revision: 1,
        org_id: org_id.clone(),
        user_id: user_id.clone(),
        username: Some("emma@lumenworks.example".into()),
        user_class: UserClass::Normal,
        detector: "row_spike".into(),
        severity: Severity::Medium,
        score: 5.0,
        anomaly_score: 0.5,
        confidence: 0.5,
        surprise: 5.0,
        observed_at: at,
        revised_at: at,
        summary: "read far more rows than usual".into(),
        features: Vec::new(),
        measures: Vec::new(),
        event_ids: (0..12).map(Uuid::from_u128).collect(),
        objects: vec!["Contact".into()],
        surface: None,
        withdrawn: false,
        config_hash: "hash".into(),
        addresses: vec!["192.0.2.7".into()],
        resource_id: None,
        resource_name: None,
        client: None,
        app: None,
        precision: None,
        evidence: (0..12).map(evidence).collect(),
    }
}
