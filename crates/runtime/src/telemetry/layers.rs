//! The subscriber for spans and events.

use opentelemetry_sdk::trace::SdkTracer;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{EnvFilter, ParseError, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, Registry};

use super::LogFormat;
use super::json::JsonLine;

/// Parses a level or directives.
///
/// # Errors
/// If it is neither.
pub(super) fn filter(directives: &str) -> Result<EnvFilter, ParseError> {
    EnvFilter::builder().parse(directives)
}

/// Returns a subscriber that writes log lines to `writer`, by the filter, and passes spans to the tracer.
pub(super) fn subscriber<W>(
    format: LogFormat,
    filter: EnvFilter,
    tracer: SdkTracer,
    writer: W,
) -> impl Subscriber + Send + Sync
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let lines = match format {
        LogFormat::Json => lines.fmt_fields(JsonFields::new()).event_format(JsonLine).boxed(),
        LogFormat::Text => lines.boxed(),
    };
    Registry::default()
        .with(tracing_opentelemetry::layer().with_tracer(tracer).with_filter(spans()))
        .with(lines.with_filter(filter))
}

/// Returns the filter of spans, which is independent of the log filter. The crates that send telemetry are excluded, or
/// each export would be traced itself.
fn spans() -> Targets {
    let quiet =
        ["h2", "hyper", "hyper_util", "opentelemetry", "opentelemetry_sdk", "opentelemetry_otlp", "tonic", "tower"];
    Targets::new().with_default(LevelFilter::INFO).with_targets(quiet.map(|target| (target, LevelFilter::OFF)))
}
