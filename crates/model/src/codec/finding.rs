//! Conversion of findings.

use super::field::{fields, numbers};
use crate::finding::{Contribution, Finding, Measure, Severity};

fields!(Finding => Finding {
    finding_id, revision, org_id, user_id, username, user_class, detector, severity, score, anomaly_score, confidence,
    surprise, observed_at, revised_at, summary, features, measures, event_ids, objects, withdrawn, config_hash, addresses,
    resource_id, resource_name, client, app, precision,
} renamed { surface: source });
fields!(Contribution => Contribution { name, value, share });
fields!(Measure => Measure { name, value });
numbers!(Severity => Severity { Low, Medium, High, Critical });
