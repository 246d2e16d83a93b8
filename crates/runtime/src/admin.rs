//! The admin server: probes at `/livez`, `/startupz` and `/readyz`, and metrics at `/metrics`.

use std::io;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use prometheus::{Registry, TextEncoder};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

mod client;
mod health;

pub use client::ask;
pub use health::{Check, CheckState, Health, READY, Readiness};

/// Serves until `shutdown` is cancelled and open requests are answered. Stop it last, so that probes see a service that
/// drains.
///
/// `/livez` is 200 while the process runs. `/startupz` is 200 after [`Health::started`]. `/readyz` is 200 while all
/// checks are up; its JSON body names the checks that are down, with reasons. `/metrics` is Prometheus text. The checks
/// are also a gauge of the global meter.
///
/// # Errors
/// Those of the listener.
pub async fn serve(
    listener: TcpListener,
    health: Health,
    registry: Registry,
    shutdown: CancellationToken,
) -> io::Result<()> {
    health.observe(&opentelemetry::global::meter("orgwatch"));
    let router = Router::new()
        .route("/livez", get(async || "alive\n"))
        .route("/startupz", get(startup))
        .route("/readyz", get(readiness))
        .with_state(health)
        .merge(Router::new().route("/metrics", get(metrics)).with_state(registry));
    axum::serve(listener, router).with_graceful_shutdown(shutdown.cancelled_owned()).await
}

async fn startup(State(health): State<Health>) -> (StatusCode, &'static str) {
    if health.has_started() { (StatusCode::OK, "started\n") } else { (StatusCode::SERVICE_UNAVAILABLE, "starting\n") }
}

async fn readiness(State(health): State<Health>) -> (StatusCode, Json<Readiness>) {
    let readiness = health.readiness();
    (if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(readiness))
}

async fn metrics(State(registry): State<Registry>) -> Response {
    match TextEncoder::new().encode_to_string(&registry.gather()) {
        Ok(text) => ([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => {
            tracing::warn!(%error, "metrics cannot be written");
            (StatusCode::INTERNAL_SERVER_ERROR, "metrics cannot be written\n").into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::metrics::MeterProvider as _;
    use opentelemetry_sdk::metrics::SdkMeterProvider;

    use super::*;

    struct Server {
        address: std::net::SocketAddr,
        health: Health,
        registry: Registry,
        shutdown: CancellationToken,
        task: tokio::task::JoinHandle<io::Result<()>>,
    }

    async fn start() -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (health, registry, shutdown) = (Health::default(), Registry::new(), CancellationToken::new());
        let task = tokio::spawn(serve(listener, health.clone(), registry.clone(), shutdown.clone()));
        Server { address, health, registry, shutdown, task }
    }

    impl Server {
        /// Status and body.
        async fn get(&self, path: &str) -> (u16, String) {
            ask(self.address, path).await.unwrap()
        }

        async fn stop(self) {
            self.shutdown.cancel();
            self.task.await.unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn readiness_follows_the_checks() {
        let server = start().await;
        assert_eq!(server.get("/livez").await.0, 200);
        assert_eq!(server.get("/readyz").await, (200, r#"{"ready":true,"checks":[]}"#.to_owned()));
        let nats = server.health.register("nats");
        let postgres = server.health.register("postgres");
        nats.up();
        postgres.down("no connection for 30 s");
        let (status, body) = server.get("/readyz").await;
        assert_eq!(status, 503);
        insta::assert_snapshot!(body, @r#"{"ready":false,"checks":[{"name":"nats","up":true},{"name":"postgres","up":false,"reason":"no connection for 30 s"}]}"#);
        postgres.up();
        assert_eq!(server.get("/readyz").await.0, 200);
        assert_eq!(server.get("/nothing").await.0, 404);
        server.stop().await;
    }

    #[tokio::test]
    async fn startup_is_reported_once_it_is_complete() {
        let server = start().await;
        assert_eq!(server.get("/startupz").await, (503, "starting\n".to_owned()));
        server.health.started();
        assert_eq!(server.get("/startupz").await, (200, "started\n".to_owned()));
        server.stop().await;
    }

    #[tokio::test]
    async fn metrics_are_prometheus_text() {
        let server = start().await;
        let exporter = opentelemetry_prometheus::exporter().with_registry(server.registry.clone()).build().unwrap();
        let provider = SdkMeterProvider::builder().with_reader(exporter).build();
        provider.meter("orgwatch").u64_counter("orgwatch.test.things").build().add(3, &[]);
        let (status, body) = server.get("/metrics").await;
        assert_eq!(status, 200);
        assert!(body.contains("orgwatch_test_things_total{otel_scope_name=\"orgwatch\"} 3"), "{body}");
        server.stop().await;
    }
}
