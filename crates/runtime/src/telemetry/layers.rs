//! The subscriber for spans and events.

use std::io::IsTerminal;

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

/// Libraries that report their own routine at INFO. The names are prefixes: `sqlx` is `sqlx_postgres` too.
const LIBRARIES: [&str; 11] =
    ["async_nats", "axum", "h2", "hyper", "opentelemetry", "reqwest", "rustls", "sqlx", "tokio", "tonic", "tower"];

/// Parses a level or directives. A level below WARN holds for orgwatch: libraries stay at WARN, unless a directive names
/// them, such as `info,sqlx=debug`.
///
/// # Errors
/// If it is neither.
pub(super) fn filter(directives: &str) -> Result<EnvFilter, ParseError> {
    let mut levels = directives.split(',').filter_map(|directive| directive.trim().parse::<LevelFilter>().ok());
    if !levels.any(|level| level > LevelFilter::WARN) {
        return EnvFilter::builder().parse(directives);
    }
    // Of two directives for one target the last holds.
    let quiet = LIBRARIES.map(|library| format!("{library}=warn")).join(",");
    EnvFilter::builder().parse(format!("{quiet},{directives}"))
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
        LogFormat::Text => lines.with_ansi(has_colors()).boxed(),
    };
    Registry::default()
        .with(tracing_opentelemetry::layer().with_tracer(tracer).with_filter(spans()))
        .with(lines.with_filter(filter))
}

/// Returns whether text on standard output may have colors: only on a terminal, and not if `NO_COLOR` is set
/// (no-color.org).
fn has_colors() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Returns the filter of spans, which is independent of the log filter. The crates that send telemetry are excluded, or
/// each export would be traced itself.
fn spans() -> Targets {
    let quiet =
        ["h2", "hyper", "hyper_util", "opentelemetry", "opentelemetry_sdk", "opentelemetry_otlp", "tonic", "tower"];
    Targets::new().with_default(LevelFilter::INFO).with_targets(quiet.map(|target| (target, LevelFilter::OFF)))
}
