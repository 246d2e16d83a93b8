//! Conversion of incidents.

use super::field::{fields, numbers};
use crate::decision::Disposition;
use crate::incident::{Incident, Receipt, RiskModel, Term, TermKind};

fields!(Incident => Incident {
    incident_id, revision, org_id, user_id, username, user_class, severity, risk_score, first_event_at, last_event_at,
    findings, disposition,
} required { receipt });
fields!(Receipt => Receipt { model, config_hash, risk_score, terms });
fields!(Term => Term { kind, name, finding_id, score, weight, decay, damping, multiplier, points, reason });
numbers!(RiskModel => RiskModel { NoisyOr, Sum });
numbers!(Disposition => Disposition { Malicious, Suspicious, Benign, FalsePositive });
numbers!(TermKind => TermKind { Finding, Modifier, Cap });
