//! Metrics of the leading channels.

use model::OrgId;
use opentelemetry::metrics::Gauge;
use opentelemetry::{KeyValue, global};
use salesforce::reading::coverage::LeadStatus;
use salesforce::reading::source_name;

/// The instruments. Make them after telemetry has started.
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
            lag: lag.with_description("Seconds since the leading channel of a kind last answered").build(),
            blind: blind.with_description("1 while a kind of events is not seen").build(),
        }
    }

    pub(super) fn record(&self, org: &OrgId, leads: &[LeadStatus]) {
        for LeadStatus { kind, channel, lag, is_blind } in leads {
            let labels = [
                KeyValue::new("org", org.as_str().to_owned()),
                KeyValue::new("source", source_name(*channel)),
                KeyValue::new("kind", kind.as_str()),
            ];
            self.lag.record(lag.as_secs_f64(), &labels);
            self.blind.record((*is_blind).into(), &labels);
        }
    }
}
