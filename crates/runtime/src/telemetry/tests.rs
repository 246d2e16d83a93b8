use std::io;
use std::sync::{Arc, Mutex};

use opentelemetry::trace::{TraceContextExt, TracerProvider as _};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::SpanData;
use serde_json::Value;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::fmt::MakeWriter;

use super::*;

/// Ended spans, in memory.
#[derive(Clone, Debug, Default)]
struct Spans(Arc<Mutex<Vec<SpanData>>>);

impl opentelemetry_sdk::trace::SpanExporter for Spans {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap().extend(batch);
        Ok(())
    }
}

impl Spans {
    fn names(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().map(|span| span.name.to_string()).collect()
    }
}

/// Log lines, in memory.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'writer> MakeWriter<'writer> for Lines {
    type Writer = Self;

    fn make_writer(&'writer self) -> Self {
        self.clone()
    }
}

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn json(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Runs `work` with separate telemetry, not that of the process.
fn observe(settings: &TelemetrySettings, work: impl FnOnce()) -> (Lines, Spans) {
    let (lines, spans) = (Lines::default(), Spans::default());
    let tracers = SdkTracerProvider::builder().with_simple_exporter(spans.clone());
    let telemetry = Telemetry::build(settings, tracers, resource("orgwatch-test", "one")).unwrap();
    let filter = layers::filter(&settings.level).unwrap();
    let tracer = telemetry.tracers.tracer("orgwatch");
    let subscriber = layers::subscriber(settings.logs, filter, tracer, lines.clone());
    tracing::subscriber::with_default(subscriber, work);
    (lines, spans)
}

#[test]
fn a_log_line_has_the_ids_of_its_span() {
    let (lines, spans) = observe(&TelemetrySettings::default(), || {
        tracing::info!("outside");
        let outer = tracing::info_span!("process", orgwatch.service = "baseline", partition = 3, count = 1);
        outer.in_scope(|| {
            let inner = tracing::info_span!("commit", rows = tracing::field::Empty);
            inner.record("rows", 12);
            inner.in_scope(|| tracing::warn!(count = 2, late = true, "closed {} hours", 4));
        });
    });
    assert!(lines.text().starts_with(r#"{"timestamp":"#), "in a readable order");
    let mut lines = lines.json();
    assert_eq!(lines[0]["message"], "outside");
    assert!(lines[0].get("trace_id").is_none());
    let commit = spans.0.lock().unwrap()[0].clone();
    let process = spans.0.lock().unwrap()[1].clone();
    assert_eq!(lines[1]["trace_id"], commit.span_context.trace_id().to_string());
    assert_eq!(lines[1]["span_id"], commit.span_context.span_id().to_string());
    assert_eq!(commit.parent_span_id, process.span_context.span_id());
    assert!(process.attributes.iter().any(|attribute| attribute.key.as_str() == SERVICE_FIELD));
    for key in ["timestamp", "trace_id", "span_id"] {
        assert!(lines[1].as_object_mut().unwrap().remove(key).unwrap().as_str().unwrap().len() >= 16);
    }
    insta::assert_json_snapshot!(lines[1]);
}

#[test]
fn errors_are_logged_with_their_sources() {
    let (lines, _) = observe(&TelemetrySettings::default(), || {
        let source = io::Error::new(io::ErrorKind::NotFound, "no such file");
        let error = crate::config::ConfigError::Read { path: "a.toml".into(), source };
        tracing::error!(error = &error as &dyn std::error::Error, "cannot start");
    });
    assert_eq!(lines.json()[0]["fields"]["error"], "a.toml: cannot be read: no such file");
}

#[test]
fn a_trace_from_outside_is_continued() {
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let (lines, spans) = observe(&TelemetrySettings { trace_ratio: 0.0, ..Default::default() }, || {
        let headers = std::collections::HashMap::from([("traceparent".to_owned(), parent.to_owned())]);
        let context = opentelemetry::propagation::TextMapPropagator::extract(&TraceContextPropagator::new(), &headers);
        let span = tracing::info_span!("process");
        span.set_parent(context).unwrap();
        span.in_scope(|| tracing::info!("here"));
        tracing::info_span!("new, and not sampled").in_scope(|| {
            assert!(opentelemetry::Context::current().span().span_context().is_valid());
            tracing::info!("there");
        });
    });
    assert_eq!(lines.json()[0]["trace_id"], "0af7651916cd43dd8448eb211c80319c");
    assert!(lines.json()[1]["trace_id"].is_string(), "ids also without sampling");
    assert_eq!(spans.names(), ["process"]);
}

#[test]
fn crates_that_send_telemetry_are_not_traced() {
    let (_, spans) = observe(&TelemetrySettings::default(), || {
        drop(tracing::info_span!(target: "h2::client", "frame").entered());
        drop(tracing::info_span!(target: "hyper_util::client", "connect").entered());
        drop(tracing::info_span!(target: "tonic", "call").entered());
        drop(tracing::info_span!("ours").entered());
        drop(tracing::debug_span!("detail").entered());
    });
    assert_eq!(spans.names(), ["ours"]);
}

#[test]
fn text_is_one_line_and_levels_are_applied() {
    let settings = TelemetrySettings { logs: LogFormat::Text, level: "warn".into(), ..Default::default() };
    let (lines, _) = observe(&settings, || {
        tracing::info!("quiet");
        tracing::warn!(partition = 3, "loud");
    });
    let text = lines.text();
    assert!(text.contains("loud") && text.contains("WARN") && !text.contains("quiet"), "{text}");
    assert_eq!(text.lines().count(), 1);
}

#[test]
fn libraries_are_quiet_unless_they_are_named() {
    let logged = |level: &str| {
        let (lines, _) = observe(&TelemetrySettings { level: level.into(), ..Default::default() }, || {
            tracing::info!(target: "correlator::meter", "ours");
            tracing::debug!(target: "bus", "detail");
            tracing::info!(target: "async_nats", "event: connected");
            tracing::debug!(target: "sqlx::query", "slow statement");
            tracing::info!(target: "sqlx_postgres::connection", "notice");
            tracing::info!(target: "hyper_util::client", "connecting");
            tracing::warn!(target: "async_nats", "lost");
        });
        let lines = lines.json();
        lines.iter().map(|line| line["message"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(logged(&TelemetrySettings::default().level), ["ours", "lost"]);
    assert_eq!(logged("debug"), ["ours", "detail", "lost"]);
    assert_eq!(logged("info,sqlx=debug"), ["ours", "slow statement", "notice", "lost"]);
    assert_eq!(logged("warn"), ["lost"]);
    assert_eq!(logged("error"), [""; 0], "no library is louder than the level");
}

#[test]
fn invalid_settings_are_reported() {
    let settings =
        TelemetrySettings { level: "bus=loud".into(), trace_ratio: 1.5, metrics_seconds: 0, ..Default::default() };
    insta::assert_snapshot!(Telemetry::start("orgwatch-test", "one", &settings).unwrap_err());
}

/// The only test that changes the globals of the process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_start_serves_the_process() {
    let spans = Spans::default();
    let settings = TelemetrySettings { level: "off".into(), ..Default::default() };
    let telemetry = Telemetry::start_with_exporter("orgwatch-test", "one", &settings, spans.clone()).unwrap();
    let again = Telemetry::start("orgwatch-test", "two", &settings);
    assert!(matches!(again, Err(TelemetryError::Started { .. })));

    global::meter("orgwatch").u64_counter("orgwatch.test.started").build().add(1, &[]);
    let text = prometheus::TextEncoder::new().encode_to_string(&telemetry.registry().gather()).unwrap();
    assert!(text.contains("orgwatch_test_started_total"), "{text}");
    for series in ["process_cpu_time_seconds_total{cpu_mode=\"user\"", "process_memory_usage_bytes{"] {
        assert!(text.lines().any(|line| line.starts_with(series)), "{series} in {text}");
    }
    assert!(text.contains("service_name=\"orgwatch-test\"") && text.contains("service_instance_id=\"one\""), "{text}");

    let span = tracing::info_span!("global");
    let mut headers = std::collections::HashMap::new();
    global::get_text_map_propagator(|propagator| propagator.inject_context(&span.context(), &mut headers));
    assert!(headers["traceparent"].starts_with("00-"));
    drop(span);
    assert!(spans.names().contains(&"global".to_owned()));
    telemetry.shutdown().await;
}

#[test]
fn an_endpoint_needs_a_runtime() {
    let settings = TelemetrySettings { otlp_endpoint: Some("http://127.0.0.1:4317".into()), ..Default::default() };
    let outcome = Telemetry::start("orgwatch-test", "one", &settings);
    assert!(matches!(outcome, Err(TelemetryError::Runtime { .. })));
}

/// Returns separate telemetry that sends to `address`, with one span to send.
fn sending_to(address: std::net::SocketAddr) -> Telemetry {
    let endpoint = format!("http://{address}");
    let exporter = SpanExporter::builder().with_tonic().with_endpoint(&endpoint).build().unwrap();
    let settings = TelemetrySettings { otlp_endpoint: Some(endpoint), ..Default::default() };
    let tracers = SdkTracerProvider::builder().with_batch_exporter(exporter);
    let telemetry = Telemetry::build(&settings, tracers, resource("orgwatch-test", "one")).unwrap();
    drop(opentelemetry::trace::Tracer::start(&telemetry.tracers.tracer("orgwatch"), "work"));
    telemetry
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_collector_does_not_block_shutdown() {
    // A port that was just free, so no server answers.
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    sending_to(address).shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutdown_sends_the_remaining_spans() {
    let collector = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let telemetry = sending_to(collector.local_addr().unwrap());
    let called = tokio::spawn(async move {
        let (mut stream, _) = collector.accept().await.unwrap();
        let mut preface = [0; 14];
        tokio::io::AsyncReadExt::read_exact(&mut stream, &mut preface).await.unwrap();
        preface
    });
    telemetry.shutdown().await;
    assert_eq!(&called.await.unwrap(), b"PRI * HTTP/2.0", "the preface of gRPC");
}
