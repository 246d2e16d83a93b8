//! Pushes, from the request to the activity stream.

use crate::support::{by_partition, entries, nats, partitions, post, post_traced, records, settings, texts};
use bus::{Bus, Publisher, PublisherSettings};
use ingest::http::Push;
use ingest::{PushSource, Settings, Sink, Source, SourceError, Tokens};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SpanData};
use runtime::admin::Health;
use runtime::telemetry::{Telemetry, TelemetrySettings};
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

struct Server {
    address: SocketAddr,
    shutdown: CancellationToken,
    running: JoinHandle<Result<(), SourceError>>,
}

async fn serve(bus: &Bus, settings: &Settings) -> Server {
    let publisher = Publisher::start(bus, PublisherSettings::default(), CancellationToken::new());
    let sink = Sink::to_stream(publisher, &bus.settings().prefix, partitions());
    let push = Push::new(settings, Tokens::load(settings).unwrap(), sink.clone(), &Health::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, shutdown) = (listener.local_addr().unwrap(), CancellationToken::new());
    let stop = shutdown.clone();
    let running = tokio::spawn(async move { PushSource::new(push, listener).run(&sink, stop).await });
    Server { address, shutdown, running }
}

#[tokio::test]
async fn accepted_events_are_in_the_stream_in_order() {
    let (_nats, bus) = nats().await;
    let server = serve(&bus, &settings()).await;
    let answer = post(server.address, &records((0..1400).rev())).await;
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    assert!(
        answer.ends_with(
            r#"{"accepted":1400,"backfill":0,"too_old":0,"ahead":0,"ignored":0,"rejected":[],"rejected_total":0}"#
        ),
        "{answer}"
    );
    assert_eq!(texts(&bus, 1400).await, by_partition((0..1400).rev()));
    server.shutdown.cancel();
    server.running.await.unwrap().unwrap();
}

#[tokio::test]
async fn events_are_accepted_only_once_jetstream_acknowledges() {
    let (mut nats, bus) = nats().await;
    let server = serve(&bus, &Settings { acknowledge_seconds: 1, ..settings() }).await;
    nats.stop().await;
    let answer = post(server.address, &records([1])).await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after: 1"), "{answer}");
    nats.restart().await.unwrap();
    let again = async { while !post(server.address, &records([1, 2])).await.starts_with("HTTP/1.1 202 ") {} };
    tokio::time::timeout(std::time::Duration::from_secs(30), again).await.unwrap();
    server.shutdown.cancel();
    server.running.await.unwrap().unwrap();
}

#[tokio::test]
async fn each_item_carries_the_span_of_its_request() {
    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    let exporter = InMemorySpanExporter::default();
    let telemetry_settings = TelemetrySettings::default();
    let telemetry = Telemetry::start_with_exporter("ingest", "test", &telemetry_settings, exporter.clone()).unwrap();
    let (_nats, bus) = nats().await;
    let server = serve(&bus, &settings()).await;
    assert!(post_traced(server.address, TRACE, &records([1, 2])).await.starts_with("HTTP/1.1 202 "));
    server.shutdown.cancel();
    server.running.await.unwrap().unwrap();
    let spans = exporter.get_finished_spans().unwrap();
    let of_request =
        |span: &&SpanData| span.name == "POST /v1/events" && span.span_context.trace_id().to_string() == TRACE;
    let span = spans.iter().find(of_request).unwrap();
    let traceparent = format!("00-{TRACE}-{}-01", span.span_context.span_id());
    let entries = entries(&bus, 2).await;
    assert!(entries.values().flatten().all(|item| item.traceparent == traceparent), "{entries:?}");
    let instruments: Vec<String> =
        telemetry.registry().gather().iter().map(|family| family.name().to_owned()).collect();
    for name in [
        "http_server_request_duration_seconds",
        "orgwatch_ingest_received_bytes_total",
        "orgwatch_ingest_records_total",
        "orgwatch_latency_source_seconds",
    ] {
        assert!(instruments.iter().any(|instrument| instrument == name), "{name} is not in {instruments:?}");
    }
    telemetry.shutdown().await;
}
