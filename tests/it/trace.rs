//! One trace from the request with an event to the notification of its incident.

use crate::kit::{Fleet, PATIENCE};
use crate::metrics;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bus::Consumer;
use h2::server::SendResponse;
use hmac::{Hmac, KeyInit, Mac};
use model::time::{DAY, HOUR, MINUTE};
use model::{OrgId, Severity, Timestamp};
use notifier::{DestinationKind, DestinationSettings};
use opentelemetry::trace::SpanId;
use opentelemetry_sdk::trace::{InMemorySpanExporter, SpanData};
use orgwatchd::{Config, Node};
use runtime::telemetry::{Telemetry, TelemetrySettings};
use secrecy::SecretString;
use serde_json::{Value, json};
use servers::{Nats, Postgres};
use settings::Settings as Rules;
use sha2::Sha256;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::IncidentFilter;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio_util::sync::CancellationToken;

const ORG: &str = "00Dhn0000018hrcEAA";
const USER: &str = "005hn00000EmmaMAAU";
const TOKEN: &str = "a-token-of-this-org";
/// Key of the webhook, from the example of Standard Webhooks.
const KEY: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// Fifteen usual days of an account, then one view of far more rows.
fn events() -> String {
    let start = Timestamp::parse("2026-03-02T09:00:00Z").unwrap();
    let mut lines = String::new();
    let mut view = |at: Timestamp, rows: u64| {
        let number = lines.lines().count();
        let event = json!({
            "attributes": { "type": "ListViewEvent" },
            "EventIdentifier": format!("6b1f0a52-7c39-4d1e-9b0a-{number:012x}"),
            "EventDate": at.to_string(), "UserId": USER, "Username": "emma.martin@example.com",
            "SessionKey": "session", "LoginKey": "login", "SourceIp": "198.51.100.23",
            "QueriedEntities": "Account", "DeveloperName": "MyAccounts", "Name": "MyAccounts", "Scope": "Mine",
            "RowsProcessed": rows, "NumberOfColumns": 6, "EventSource": "Lightning",
            "ExecutionIdentifier": format!("list-{number}"), "Sequence": 1,
        });
        lines.push_str(&format!("{event}\n"));
    };
    for day in 0..15_i64 {
        for hour in 0..4 {
            view(start.plus(day * DAY + hour * HOUR), 20 + (day * 7 + hour * 5).unsigned_abs() % 13);
        }
    }
    view(start.plus(15 * DAY), 25);
    view(start.plus(15 * DAY + 30 * MINUTE), 50_000);
    lines
}

/// Returns a free address.
async fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// Pushes events as soon as ingest listens.
async fn push(address: SocketAddr, body: &str) {
    let connected = async {
        loop {
            if let Ok(stream) = TcpStream::connect(address).await {
                break stream;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let mut stream = tokio::time::timeout(PATIENCE, connected).await.unwrap();
    let head = format!(
        "POST /v1/events HTTP/1.1\r\nHost: ingest\r\nConnection: close\r\nAuthorization: Bearer {TOKEN}\r\n\
         traceparent: 00-{TRACE}-{CALLER}-01\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let accepted = format!("{{\"accepted\":{},\"backfill\":0,\"too_old\":0,", body.lines().count());
    assert!(answer.starts_with("HTTP/1.1 202 ") && answer.contains(&accepted), "{answer}");
}

struct Request {
    /// By name, in lower case.
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

/// Starts a receiver that accepts every request.
async fn webhook() -> (SocketAddr, UnboundedReceiver<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, requests) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let request = read(&mut stream).await;
            stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await.unwrap();
            sender.send(request).unwrap_or_default();
        }
    });
    (address, requests)
}

async fn read(stream: &mut TcpStream) -> Request {
    let mut bytes = Vec::new();
    let end = loop {
        assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0);
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let fields = head.lines().filter_map(|line| line.split_once(": "));
    let headers: BTreeMap<_, _> = fields.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    let length: usize = headers["content-length"].parse().unwrap();
    let mut body = bytes.split_off(end + 4);
    while body.len() < length {
        assert_ne!(stream.read_buf(&mut body).await.unwrap(), 0);
    }
    Request { headers, body }
}

/// Verifies the signature as Standard Webhooks prescribes.
fn verify(request: &Request) {
    let (id, timestamp) = (&request.headers["webhook-id"], &request.headers["webhook-timestamp"]);
    let mut mac = Hmac::<Sha256>::new_from_slice(&STANDARD.decode(KEY).unwrap()).unwrap();
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(&request.body);
    let signature = request.headers["webhook-signature"].strip_prefix("v1,").unwrap();
    mac.verify_slice(&STANDARD.decode(signature).unwrap()).unwrap();
}

/// Returns the names from a span up to the first one of the trace in this process, and the parent of that one.
fn ancestors(spans: &[SpanData], name: &str) -> (Vec<String>, SpanId) {
    let of_trace = |span: &&SpanData| span.span_context.trace_id().to_string() == TRACE;
    let mut next = spans.iter().filter(of_trace).find(|span| span.name == name);
    let (mut names, mut parent) = (Vec::new(), SpanId::INVALID);
    while let Some(span) = next {
        names.push(span.name.to_string());
        parent = span.parent_span_id;
        next = spans.iter().filter(of_trace).find(|span| span.span_context.span_id() == parent);
    }
    (names, parent)
}

/// Waits until every stage after ingest is idle.
async fn idle(node: &Node, group: &detector::Group) {
    let baselines = (0..node.config.partitions.count).map(Consumer::baseline);
    let shared = [Consumer::detector(group.name()), Consumer::correlator()];
    for consumer in baselines.chain(shared) {
        drained(node, &consumer).await;
    }
    while node.store.outbox_backlog().await.unwrap().0 > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drained(node, &Consumer::notifier()).await;
}

async fn drained(node: &Node, consumer: &Consumer) {
    while !node.bus.backlog(consumer).await.unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_from_the_request_to_the_webhook() {
    let exporter = InMemorySpanExporter::default();
    let settings = TelemetrySettings { level: "error".to_owned(), ..TelemetrySettings::default() };
    let telemetry = Telemetry::start_with_exporter("test", "test", &settings, exporter.clone()).unwrap();
    runtime::run::install_tls();
    let (nats, postgres) = (Nats::start().await.unwrap(), Postgres::start().await.unwrap());
    let (hook, mut requests) = webhook().await;
    let mut config = Config::default();
    config.nats.servers = vec![nats.url()];
    config.nats.partitions = config.partitions.count;
    config.postgres.url = postgres.url().into();
    config.ingest.listen = free().await;
    config.admin.listen = free().await;
    config.ingest.backfill_hours = 0;
    let org = ingest::OrgSettings { tokens: vec![TOKEN.into()], ..ingest::OrgSettings::default() };
    config.ingest.orgs.insert(OrgId::new(ORG), org);
    let channel = DestinationSettings {
        url: Some(SecretString::from(format!("http://{hook}/"))),
        secret: Some(SecretString::from(format!("whsec_{KEY}"))),
        ..DestinationSettings::new(DestinationKind::Webhook)
    };
    config.notifier.destinations.insert("soc".to_owned(), channel);

    let (group, shutdown) = (detector::Group::all(), CancellationToken::new());
    let (address, admin) = (config.ingest.listen, config.admin.listen);
    let node = Node::connect(config, "test", &[group.declaration()]).await.unwrap();
    node.serve_admin(telemetry.registry(), shutdown.clone()).await.unwrap();
    let detector = node.detector(group.clone(), shutdown.clone()).await.unwrap();
    let (baseline, correlator) =
        (node.baseline(1, shutdown.clone()).await.unwrap(), node.correlator(shutdown.clone()).await.unwrap());
    let services = [
        tokio::spawn({
            let node = node.clone();
            let shutdown = shutdown.clone();
            async move { node.ingest(1, shutdown).await.unwrap() }
        }),
        tokio::spawn({
            let shutdown = shutdown.clone();
            async move { baseline.run(shutdown).await.unwrap() }
        }),
        tokio::spawn({
            let shutdown = shutdown.clone();
            async move { detector.run(shutdown).await.unwrap() }
        }),
        tokio::spawn({
            let shutdown = shutdown.clone();
            async move { correlator.run(shutdown).await.unwrap() }
        }),
        tokio::spawn({
            let (node, shutdown) = (node.clone(), shutdown.clone());
            async move { node.notifier(shutdown).await.unwrap() }
        }),
    ];
    push(address, &events()).await;
    let request = tokio::time::timeout(PATIENCE, requests.recv()).await.unwrap().unwrap();
    idle(&node, &group).await;
    let scraped = get(admin, "/metrics").await;
    shutdown.cancel();
    for service in services {
        service.await.unwrap();
    }

    assert!(requests.try_recv().is_err(), "the incident is notified once");
    verify(&request);
    let event: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!((&event["type"], &event["subject"]), (&"org.orgwatch.incident.opened".into(), &USER.into()));
    assert_eq!(event["data"]["severity"], "high", "{event}");
    let spans = exporter.get_finished_spans().unwrap();
    let (names, caller) = ancestors(&spans, "send soc");
    assert_eq!(names, ["send soc", "correlate", "judge", "observe", "POST /v1/events"]);
    assert_eq!(caller.to_string(), CALLER);
    let sent = spans.iter().find(|span| span.name == "send soc").unwrap();
    assert_eq!(request.headers["traceparent"], format!("00-{TRACE}-{}-01", sent.span_context.span_id()));
    assert_eq!(event["traceparent"], format!("00-{TRACE}-{}-01", sent.parent_span_id));
    let incidents = node.store.incidents(&IncidentFilter::default()).await.unwrap();
    let [incident] = incidents.as_slice() else { panic!("{incidents:?}") };
    assert_eq!(incident.trace_id.as_deref(), Some(TRACE));
    assert_eq!(event["data"]["incident_id"], incident.incident.incident_id.to_string());
    let of_each_service = [
        "orgwatch_ingest_records_total",
        "orgwatch_baseline_partitions_configured",
        "orgwatch_detector_verdicts_total",
        "orgwatch_incidents_total",
        "orgwatch_notifier_deliveries_total",
        "orgwatch_ready",
    ];
    metrics::assert_clean(&scraped, &of_each_service);
    telemetry.shutdown().await;
}

/// Returns the body of an answer to a GET.
async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    body.to_owned()
}

#[test]
fn a_backtest_of_the_events_gives_one_incident_of_severity_high() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.ndjson");
    std::fs::write(&path, events()).unwrap();
    let options = orgwatch::Options { org: Some(OrgId::new(ORG)), ..orgwatch::Options::default() };
    let run = orgwatch::Backtest::new(&[path], Rules::default(), options).unwrap();
    let outcome = orgwatch::backtest(run, |_, _| Ok(()), |_| ()).unwrap();
    let severities: Vec<_> = outcome.finished.incidents.iter().map(|incident| incident.severity).collect();
    let findings: Vec<_> = outcome.finished.findings.iter().map(|f| (f.detector.as_str(), f.score)).collect();
    assert_eq!(severities, [Severity::High], "{findings:?}");
}

/// The bodies of all requests over OTLP.
type Collected = Arc<Mutex<Vec<Vec<u8>>>>;

/// Starts a minimal collector: HTTP/2, with an empty answer in gRPC.
async fn collector() -> (SocketAddr, Collected) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let collected = Collected::default();
    let bodies = Arc::clone(&collected);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(collect(stream, Arc::clone(&bodies)));
        }
    });
    (address, collected)
}

async fn collect(stream: TcpStream, bodies: Collected) {
    let mut connection = h2::server::handshake(stream).await.unwrap();
    while let Some(Ok((request, answer))) = connection.accept().await {
        let bodies = Arc::clone(&bodies);
        tokio::spawn(async move {
            let (mut body, mut whole) = (request.into_body(), Vec::new());
            while let Some(Ok(part)) = body.data().await {
                body.flow_control().release_capacity(part.len()).unwrap();
                whole.extend_from_slice(&part);
            }
            bodies.lock().unwrap().push(whole);
            accept(answer).unwrap();
        });
    }
}

fn accept(mut answer: SendResponse<bytes::Bytes>) -> Result<(), h2::Error> {
    let head = http::Response::builder().header("content-type", "application/grpc").body(()).unwrap();
    let mut stream = answer.send_response(head, false)?;
    // An empty, uncompressed message.
    stream.send_data(bytes::Bytes::from_static(&[0; 5]), false)?;
    let status = [(http::HeaderName::from_static("grpc-status"), http::HeaderValue::from_static("0"))];
    stream.send_trailers(status.into_iter().collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_executable_sends_the_spans_of_the_trace() {
    const SERVICES: [&str; 5] = ["ingest", "baseline", "detector", "correlator", "notifier"];
    let folder = tempfile::tempdir().unwrap();
    let (nats, postgres) = (Nats::start().await.unwrap(), Postgres::start().await.unwrap());
    let (hook, mut requests) = webhook().await;
    let (otlp, collected) = collector().await;
    let path = folder.path().join("orgwatchd.toml");
    let text = format!(
        r#"
        nats.servers = ["{}"]
        postgres.url = "{}"
        ingest.orgs.{ORG}.tokens = ["{TOKEN}"]
        ingest.backfill_hours = 0
        notifier.destinations.soc = {{ kind = "webhook", url = "http://{hook}/" }}
        "#,
        nats.url(),
        postgres.url(),
    );
    std::fs::write(&path, text).unwrap();
    let address = free().await;
    let mut fleet = Fleet::new(path, folder.path().to_owned())
        .with("ORGWATCH_TELEMETRY__OTLP_ENDPOINT", format!("http://{otlp}"))
        .with("ORGWATCH_INGEST__LISTEN", address.to_string());
    SERVICES.iter().for_each(|service| fleet.start(service));
    push(address, &events()).await;
    let notified = tokio::time::timeout(PATIENCE, requests.recv()).await;
    assert!(notified.is_ok(), "{}", SERVICES.map(|name| format!("{name}: {}", fleet.log(name))).join("\n"));
    // At shutdown services send their remaining spans.
    fleet.stop().await;

    let trace: [u8; 16] = u128::from_str_radix(TRACE, 16).unwrap().to_be_bytes();
    let bodies = collected.lock().unwrap();
    let has = |body: &[u8], bytes: &[u8]| body.windows(bytes.len()).any(|window| window == bytes);
    let spans = ["POST /v1/events", "observe", "judge", "correlate", "send soc"];
    for (service, span) in SERVICES.iter().zip(spans) {
        let name = format!("orgwatch-{service}");
        let is_it = |body: &&Vec<u8>| [&trace[..], name.as_bytes(), span.as_bytes()].iter().all(|part| has(body, part));
        assert!(bodies.iter().any(|body| is_it(&body)), "no span {span} of {name} among {} requests", bodies.len());
    }
}
