//! How well sources are heard, as metrics.

use super::board::Hearing;
use model::OrgId;
use opentelemetry::metrics::Gauge;
use opentelemetry::{KeyValue, global};

/// To be made once telemetry has started.
#[derive(Clone, Debug)]
pub(super) struct Gauges {
    lag: Gauge<f64>,
    blind: Gauge<u64>,
}

impl Gauges {
    pub(super) fn new() -> Self {
        let meter = global::meter("orgwatch");
        let lag = meter.f64_gauge("orgwatch.source.lag").with_unit("s");
        let blind = meter.u64_gauge("orgwatch.source.blind");
        Self {
            lag: lag.with_description("Since the leading source of a kind was last heard").build(),
            blind: blind.with_description("Whether a kind of events is not seen").build(),
        }
    }

    pub(super) fn record(&self, org: &OrgId, hearing: &[Hearing]) {
        for Hearing { kind, source, lag, is_blind } in hearing {
            let labels = [
                KeyValue::new("org", org.as_str().to_owned()),
                KeyValue::new("source", source.as_str()),
                KeyValue::new("kind", kind.as_str()),
            ];
            self.lag.record(lag.as_secs_f64(), &labels);
            self.blind.record((*is_blind).into(), &labels);
        }
    }
}
