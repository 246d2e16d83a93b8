//! Conversion of findings.

use super::field::{fields, numbers};
use crate::evidence::Evidence;
use crate::finding::{Contribution, Finding, Measure, Severity};

fields!(Finding => Finding {
    finding_id, revision, org_id, user_id, username, user_class, detector, severity, score, anomaly_score, confidence,
    surprise, observed_at, revised_at, summary, features, measures, event_ids, objects, withdrawn, config_hash, addresses,
    resource_id, resource_name, client, app, precision, evidence,
} renamed { surface: source });
fields!(Evidence => Evidence {
    activity_id, at, kind, operation, effect, outcome, surface, objects, resource_id, resource_name, scope, run, rows,
    rows_returned, bytes, address, asn, country, user_agent, client, application, app, api_type, session_key, login_key,
    request_id, delegate,
});
fields!(Contribution => Contribution { name, value, share });
fields!(Measure => Measure { name, value });
numbers!(Severity => Severity { Low, Medium, High, Critical });
