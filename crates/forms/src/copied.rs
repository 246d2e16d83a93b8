//! What a record has of the incident's leading finding, so that a database can keep copies and find records by them.

use crate::leading::Leading;
use crate::names::{EventName, MetricsType, title};
use model::Finding;

/// The fields of `TenantSecurityApiAnomaly` that are of the leading finding alone, and that queries may use.
#[derive(Clone, Debug, PartialEq)]
pub struct OfFinding<'a> {
    /// `EventName`; `None` if a later version's detector raised the finding.
    pub event_name: Option<EventName>,
    /// `MetricsType`.
    pub metrics_type: MetricsType,
    /// `Name`.
    pub name: String,
    /// `Operation`.
    pub operation: Option<&'a str>,
    /// `RequestIdentifier`.
    pub request_identifier: Option<&'a str>,
    /// `RowsProcessed`.
    pub rows_processed: Option<f64>,
}

impl<'a> OfFinding<'a> {
    /// Works out the fields of a finding as it is stored for itself, with its evidence.
    pub fn of(finding: &'a Finding) -> Self {
        Self::with(finding, &Leading::of(&finding.evidence))
    }

    /// Works out the fields of a finding and the activity that stands for it.
    pub(crate) fn with(finding: &Finding, leading: &Leading<'a>) -> Self {
        Self {
            event_name: EventName::of(&finding.detector, finding.surface),
            metrics_type: MetricsType::of(&finding.detector),
            name: title(&finding.detector),
            operation: leading.operation,
            request_identifier: leading.request_id,
            rows_processed: leading.rows.map(|rows| rows as f64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TenantSecurityApiAnomaly;
    use crate::facts::{Facts, leading_finding};
    use crate::testing::{evidence, rich, subject};

    #[test]
    fn copies_are_what_the_record_has() {
        let (incident, evidence) = (rich(), evidence());
        let record = TenantSecurityApiAnomaly::of(&Facts::of(subject(&incident, &evidence)).unwrap());
        let stored = Finding { evidence: evidence.clone(), ..leading_finding(&incident).unwrap().clone() };
        let copied = OfFinding::of(&stored);
        assert_eq!(copied.event_name, record.event_name);
        assert_eq!((copied.metrics_type, &copied.name), (record.metrics_type, &record.name));
        assert_eq!(copied.operation, record.operation.as_deref());
        assert_eq!(copied.request_identifier, record.request_identifier.as_deref());
        assert_eq!((copied.rows_processed, copied.rows_processed), (record.rows_processed, Some(110_000.0)));
    }
}
