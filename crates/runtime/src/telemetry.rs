//! Logs, traces and metrics of one process.
//!
//! The executable starts telemetry once; services only use `tracing` and the global meter. Logs are lines on standard
//! output. Spans have ids, and `traceparent` is passed on, with or without a collector. Spans and metrics are sent by
//! OTLP if an endpoint is set, and metrics can always be scraped from [`Telemetry::registry`].
//!
//! Spans name their service in the field [`SERVICE_FIELD`], because one process may run several services.

use std::time::Duration;

use opentelemetry::metrics::MeterProvider as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{KeyValue, global};
use opentelemetry_otlp::{ExporterBuildError, MetricExporter, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkError;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, TracerProviderBuilder};
use prometheus::Registry;
use serde::{Deserialize, Serialize};
use tokio::runtime::{Handle, TryCurrentError};
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

mod json;
mod layers;

/// The span field that names the service: `info_span!("process", orgwatch.service = "baseline")`.
pub const SERVICE_FIELD: &str = "orgwatch.service";

/// The environment variable of the log filter. It overrides [`TelemetrySettings::level`].
pub const LOG_VARIABLE: &str = "ORGWATCH_LOG";

/// The section `telemetry` of the configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetrySettings {
    /// The form of log lines.
    pub logs: LogFormat,
    /// A level, or directives such as `info,bus=debug`.
    pub level: String,
    /// The collector for OTLP over gRPC, such as `http://collector:4317`. Nothing is sent without it.
    pub otlp_endpoint: Option<String>,
    /// The share of new traces that is recorded, from 0 to 1. A trace from outside keeps its sampling decision.
    pub trace_ratio: f64,
    /// Seconds between exports of metrics to the collector.
    pub metrics_seconds: u64,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// One JSON object per line.
    #[default]
    Json,
    /// Text for people.
    Text,
}

impl Default for TelemetrySettings {
    fn default() -> Self {
        Self {
            logs: LogFormat::Json,
            level: "info".to_owned(),
            otlp_endpoint: None,
            trace_ratio: 1.0,
            metrics_seconds: 15,
        }
    }
}

impl TelemetrySettings {
    /// Returns all problems of the values, as `KEY: PROBLEM` without the name of the section.
    pub fn check(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if let Err(error) = layers::filter(&self.level) {
            problems.push(format!("level: {error}"));
        }
        if !(0.0..=1.0).contains(&self.trace_ratio) {
            problems.push(format!("trace_ratio: must be from 0 to 1, is {}", self.trace_ratio));
        }
        if self.metrics_seconds == 0 {
            problems.push("metrics_seconds: must be 1 or more, is 0".to_owned());
        }
        problems
    }
}

/// Why telemetry could not start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// Values out of range.
    #[error("telemetry settings are not valid: {}", problems.join("; "))]
    Settings {
        /// One text per problem.
        problems: Vec<String>,
    },
    /// The environment variable holds no valid filter.
    #[error("{LOG_VARIABLE}: {message}")]
    Variable {
        /// The problem.
        message: String,
    },
    /// The endpoint is not valid.
    #[error("cannot send telemetry to {endpoint}")]
    Endpoint {
        /// The endpoint.
        endpoint: String,
        /// The cause.
        source: ExporterBuildError,
    },
    /// An endpoint is set, and there is no tokio runtime.
    #[error("sending telemetry needs a tokio runtime")]
    Runtime {
        /// The cause.
        source: TryCurrentError,
    },
    /// The exporter for Prometheus could not be created.
    #[error("metrics cannot be exported for prometheus")]
    Prometheus {
        /// The cause.
        source: OTelSdkError,
    },
    /// Telemetry can start only once.
    #[error("telemetry was already started in this process")]
    Started {
        /// The cause.
        source: TryInitError,
    },
}

/// Running telemetry. [Shut it down](Self::shutdown), or the last spans are lost.
#[derive(Debug)]
pub struct Telemetry {
    tracers: SdkTracerProvider,
    meters: SdkMeterProvider,
    registry: Registry,
}

impl Telemetry {
    /// Starts telemetry for the process: log lines on standard output, the global tracer, meter and propagator (W3C
    /// trace context). `service` is a name such as `orgwatch-ingest`, and `instance` tells replicas apart. Meters taken
    /// before never record anything.
    ///
    /// With an endpoint it needs a multi-threaded tokio runtime, such as that of [`crate::run::block_on`].
    ///
    /// # Errors
    /// If the settings or `ORGWATCH_LOG` are not valid, if there is an endpoint and no runtime, or if telemetry was
    /// already started, which then keeps running.
    pub fn start(service: &str, instance: &str, settings: &TelemetrySettings) -> Result<Self, TelemetryError> {
        let tracers = SdkTracerProvider::builder();
        let Some(endpoint) = &settings.otlp_endpoint else {
            return Self::install(service, instance, settings, tracers);
        };
        Handle::try_current().map_err(|source| TelemetryError::Runtime { source })?;
        let exporter = SpanExporter::builder().with_tonic().with_endpoint(endpoint).build();
        let exporter = exporter.map_err(|source| TelemetryError::Endpoint { endpoint: endpoint.clone(), source })?;
        Self::install(service, instance, settings, tracers.with_batch_exporter(exporter))
    }

    /// Works as [`start`](Self::start), but exports every span to `exporter` as soon as it ends. For tests, with
    /// `opentelemetry_sdk::trace::InMemorySpanExporter`.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_with_exporter(
        service: &str,
        instance: &str,
        settings: &TelemetrySettings,
        exporter: impl opentelemetry_sdk::trace::SpanExporter + 'static,
    ) -> Result<Self, TelemetryError> {
        Self::install(service, instance, settings, SdkTracerProvider::builder().with_simple_exporter(exporter))
    }

    /// Returns the registry that `/metrics` serves. Clones share its content.
    pub fn registry(&self) -> Registry {
        self.registry.clone()
    }

    /// Sends all remaining spans and metrics, and stops. What cannot be sent is lost, and a warning is logged.
    pub async fn shutdown(self) {
        // Exporters block their thread while they need the runtime, so this must not run on a worker.
        let flushed = tokio::task::spawn_blocking(move || {
            let Self { tracers, meters, .. } = self;
            [("traces", tracers.shutdown()), ("metrics", meters.shutdown())]
        });
        match flushed.await {
            Ok(results) => {
                for (signal, result) in results {
                    if let Err(error) = result {
                        tracing::warn!(signal, %error, "telemetry was lost at shutdown");
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "telemetry could not be shut down"),
        }
    }

    fn install(
        service: &str,
        instance: &str,
        settings: &TelemetrySettings,
        tracers: TracerProviderBuilder,
    ) -> Result<Self, TelemetryError> {
        let problems = settings.check();
        if !problems.is_empty() {
            return Err(TelemetryError::Settings { problems });
        }
        let filter = match std::env::var(LOG_VARIABLE) {
            Ok(directives) if !directives.is_empty() => layers::filter(&directives),
            _ => layers::filter(&settings.level),
        };
        let filter = filter.map_err(|error| TelemetryError::Variable { message: error.to_string() })?;
        let resource = resource(service, instance);
        let telemetry = Self::build(settings, tracers, resource)?;
        layers::subscriber(settings.logs, filter, telemetry.tracers.tracer("orgwatch"), std::io::stdout)
            .try_init()
            .map_err(|source| TelemetryError::Started { source })?;
        global::set_text_map_propagator(TraceContextPropagator::new());
        global::set_tracer_provider(telemetry.tracers.clone());
        global::set_meter_provider(telemetry.meters.clone());
        Ok(telemetry)
    }

    fn build(
        settings: &TelemetrySettings,
        tracers: TracerProviderBuilder,
        resource: Resource,
    ) -> Result<Self, TelemetryError> {
        let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(settings.trace_ratio)));
        let tracers = tracers.with_sampler(sampler).with_resource(resource.clone()).build();
        let registry = Registry::new();
        let scraped = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .build()
            .map_err(|source| TelemetryError::Prometheus { source })?;
        let mut meters = SdkMeterProvider::builder().with_resource(resource).with_reader(scraped);
        if let Some(endpoint) = &settings.otlp_endpoint {
            let exporter = MetricExporter::builder().with_tonic().with_endpoint(endpoint).build();
            let exporter =
                exporter.map_err(|source| TelemetryError::Endpoint { endpoint: endpoint.clone(), source })?;
            let interval = Duration::from_secs(settings.metrics_seconds);
            meters = meters.with_reader(PeriodicReader::builder(exporter).with_interval(interval).build());
        }
        let meters = meters.build();
        crate::process::observe(&meters.meter("orgwatch"));
        Ok(Self { tracers, meters, registry })
    }
}

fn resource(service: &str, instance: &str) -> Resource {
    Resource::builder()
        .with_service_name(service.to_owned())
        .with_attribute(KeyValue::new("service.instance.id", instance.to_owned()))
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build()
}

#[cfg(test)]
mod tests;
