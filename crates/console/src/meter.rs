//! The instruments of the console.

use axum::http::{Method, StatusCode};
use opentelemetry::metrics::{Histogram, UpDownCounter};
use opentelemetry::{KeyValue, global};
use std::time::Duration;

/// The instruments. Make it after telemetry has started. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Meter {
    requests: Histogram<f64>,
    streams: UpDownCounter<i64>,
}

/// An event stream, which counts as open until it is dropped.
#[derive(Debug)]
pub(crate) struct OpenStream(UpDownCounter<i64>);

impl Meter {
    pub(crate) fn new() -> Self {
        Self::of(&global::meter("orgwatch"))
    }

    fn of(meter: &opentelemetry::metrics::Meter) -> Self {
        let streams = meter.i64_up_down_counter("orgwatch.console.streams").with_unit("{stream}");
        Self {
            requests: runtime::latency::requests(meter),
            streams: streams.with_description("Open event streams").build(),
        }
    }

    /// Records a request to a route, `None` for a path that no route has. Of an event stream it ends when the stream begins.
    pub(crate) fn request(&self, method: &Method, route: Option<&str>, status: StatusCode, took: Duration) {
        let mut labels = vec![
            KeyValue::new("http.request.method", known(method).to_owned()),
            KeyValue::new("http.response.status_code", i64::from(status.as_u16())),
        ];
        labels.extend(route.map(|route| KeyValue::new("http.route", route.to_owned())));
        self.requests.record(took.as_secs_f64(), &labels);
    }

    /// Counts an event stream that begins.
    pub(crate) fn open_stream(&self) -> OpenStream {
        self.streams.add(1, &[]);
        OpenStream(self.streams.clone())
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.add(-1, &[]);
    }
}

/// Returns the name of a method. Clients may invent some, and a label must have few values: those are `_OTHER`, as in
/// OpenTelemetry's conventions.
fn known(method: &Method) -> &str {
    match *method {
        Method::GET
        | Method::HEAD
        | Method::POST
        | Method::PUT
        | Method::PATCH
        | Method::DELETE
        | Method::OPTIONS
        | Method::TRACE
        | Method::CONNECT => method.as_str(),
        _ => "_OTHER",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry::metrics::MeterProvider;
    use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
    use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};

    /// Returns a line for each point that `with` has recorded, while what it returns still lives.
    fn exported<T>(with: impl FnOnce(&Meter) -> T) -> Vec<String> {
        let exporter = InMemoryMetricExporter::default();
        let reader = PeriodicReader::builder(exporter.clone()).build();
        let provider = SdkMeterProvider::builder().with_reader(reader).build();
        let kept = with(&Meter::of(&provider.meter("orgwatch")));
        provider.force_flush().unwrap();
        drop(kept);
        let mut lines = Vec::new();
        for resource in exporter.get_finished_metrics().unwrap() {
            for metric in resource.scope_metrics().flat_map(|scope| scope.metrics()) {
                match metric.data() {
                    AggregatedMetrics::F64(MetricData::Histogram(found)) => {
                        for point in found.data_points() {
                            lines.push(format!("{}{} {}", metric.name(), labels(point.attributes()), point.count()));
                        }
                    }
                    AggregatedMetrics::I64(MetricData::Sum(found)) => {
                        for point in found.data_points() {
                            lines.push(format!("{}{} {}", metric.name(), labels(point.attributes()), point.value()));
                        }
                    }
                    _ => lines.push(format!("{}: of another kind", metric.name())),
                }
            }
        }
        lines.sort();
        lines
    }

    fn labels<'a>(found: impl Iterator<Item = &'a KeyValue>) -> String {
        let mut labels: Vec<_> = found.map(|label| format!(" {}={}", label.key, label.value)).collect();
        labels.sort();
        labels.concat()
    }

    #[test]
    fn requests_are_counted_by_route_method_and_status() {
        let took = Duration::from_millis(7);
        let lines = exported(|meter| {
            meter.request(&Method::GET, Some("/v1/orgs"), StatusCode::OK, took);
            meter.request(&Method::GET, Some("/v1/orgs"), StatusCode::OK, took);
            meter.request(&Method::from_bytes(b"BREW").unwrap(), None, StatusCode::NOT_FOUND, took);
        });
        let name = "http.server.request.duration";
        let expected = [
            format!("{name} http.request.method=GET http.response.status_code=200 http.route=/v1/orgs 2"),
            format!("{name} http.request.method=_OTHER http.response.status_code=404 1"),
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_stream_counts_until_it_is_dropped() {
        let lines = exported(|meter| {
            drop(meter.open_stream());
            meter.open_stream()
        });
        assert_eq!(lines, ["orgwatch.console.streams 1"]);
    }
}
