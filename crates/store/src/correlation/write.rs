//! Writes of a correlation. Each list is written by one statement, so no key may occur in a list twice.

use super::{Correlation, HistoryWrite, IncidentWrite, OutboxWrite, RiskWrite};
use crate::convert::{bigint, json, small_severity, text};
use crate::error::{Context, Result, StoreError};
use crate::facets::{FacetColumns, Facets};
use crate::names::NameColumns;
use crate::{Disposition, StoredFinding};
use model::codec::Message;
use std::borrow::Cow;
use uuid::Uuid;

impl Correlation {
    /// Inserts findings, or replaces stored ones whatever their revision: the caller has merged them.
    ///
    /// # Errors
    /// [`StoreError::NotLocked`] for a finding of a user that is not locked; if the database refuses.
    pub async fn put_findings(&mut self, findings: &[StoredFinding]) -> Result<()> {
        if findings.is_empty() {
            return Ok(());
        }
        let mut revisions = Vec::with_capacity(findings.len());
        for StoredFinding { finding, .. } in findings {
            self.check(&finding.org_id, &finding.user_id)?;
            revisions.push(bigint("revision", finding.revision)?);
        }
        let ids = column(findings, |f| f.finding.finding_id);
        let orgs = column(findings, |f| f.finding.org_id.as_str());
        let users = column(findings, |f| f.finding.user_id.as_str());
        let detectors = column(findings, |f| text(&f.finding.detector));
        let severities = column(findings, |f| small_severity(f.finding.severity));
        let scores = column(findings, |f| f.finding.score);
        let anomalies = column(findings, |f| f.finding.anomaly_score);
        let confidences = column(findings, |f| f.finding.confidence);
        let observed = column(findings, |f| f.finding.observed_at.0);
        let revised = column(findings, |f| f.finding.revised_at.0);
        let withdrawn = column(findings, |f| f.finding.withdrawn);
        let summaries = column(findings, |f| text(&f.finding.summary));
        let messages = column(findings, |f| f.finding.encode());
        let first_observed = column(findings, |f| f.first_observed_at.map(|at| at.0));
        let traceparents = column(findings, |f| f.traceparent.as_deref());
        let incidents = column(findings, |f| f.incident_id);
        let hidden = column(findings, |f| f.hidden_by);
        let names = NameColumns::of(findings.iter().map(|f| &f.finding));
        sqlx::query!(
            r#"INSERT INTO orgwatch.findings (finding_id, org_id, user_id, detector, severity, score, revision,
                   observed_at, revised_at, withdrawn, summary, message, first_observed_at, traceparent, incident_id,
                   anomaly_score, confidence, hidden_by, event_name, metrics_type, title, operation, request_identifier,
                   rows_processed)
               SELECT * FROM UNNEST($1::uuid[], $2::text[], $3::text[], $4::text[], $5::smallint[],
                   $6::double precision[], $7::bigint[], $8::bigint[], $9::bigint[], $10::boolean[], $11::text[],
                   $12::bytea[], $13::bigint[], $14::text[], $15::uuid[], $16::double precision[],
                   $17::double precision[], $18::uuid[], $19::text[], $20::text[], $21::text[], $22::text[], $23::text[],
                   $24::double precision[])
               ON CONFLICT (finding_id) DO UPDATE SET
                   severity = EXCLUDED.severity, score = EXCLUDED.score, revision = EXCLUDED.revision,
                   observed_at = EXCLUDED.observed_at, revised_at = EXCLUDED.revised_at,
                   withdrawn = EXCLUDED.withdrawn, summary = EXCLUDED.summary, message = EXCLUDED.message,
                   first_observed_at = EXCLUDED.first_observed_at, traceparent = EXCLUDED.traceparent,
                   incident_id = EXCLUDED.incident_id, anomaly_score = EXCLUDED.anomaly_score,
                   confidence = EXCLUDED.confidence, hidden_by = EXCLUDED.hidden_by, event_name = EXCLUDED.event_name,
                   metrics_type = EXCLUDED.metrics_type, title = EXCLUDED.title, operation = EXCLUDED.operation,
                   request_identifier = EXCLUDED.request_identifier, rows_processed = EXCLUDED.rows_processed"#,
            &ids,
            &orgs as &[&str],
            &users as &[&str],
            &detectors as &[Cow<'_, str>],
            &severities,
            &scores,
            &revisions,
            &observed,
            &revised,
            &withdrawn,
            &summaries as &[Cow<'_, str>],
            &messages,
            &first_observed as &[Option<i64>],
            &traceparents as &[Option<&str>],
            &incidents as &[Option<Uuid>],
            &anomalies,
            &confidences,
            &hidden as &[Option<Uuid>],
            &names.event_names as &[Option<&str>],
            &names.metrics_types as &[&str],
            &names.titles,
            &names.operations as &[Option<Cow<'_, str>>],
            &names.requests as &[Option<Cow<'_, str>>],
            &names.rows as &[Option<f64>]
        )
        .execute(&mut *self.transaction)
        .await
        .context("write findings")
        .map(drop)
    }

    /// Inserts incidents, or replaces stored ones except for trace id and time of opening.
    ///
    /// # Errors
    /// [`StoreError::NotLocked`] for an incident of a user that is not locked; if the database refuses.
    pub async fn put_incidents(&mut self, incidents: &[IncidentWrite]) -> Result<()> {
        if incidents.is_empty() {
            return Ok(());
        }
        let mut revisions = Vec::with_capacity(incidents.len());
        let mut receipts = Vec::with_capacity(incidents.len());
        for IncidentWrite { incident, .. } in incidents {
            self.check(&incident.org_id, &incident.user_id)?;
            revisions.push(bigint("revision", incident.revision)?);
            receipts.push(
                json(&incident.receipt)
                    .map_err(|source| StoreError::Receipt { incident_id: incident.incident_id.to_string(), source })?,
            );
        }
        let ids = column(incidents, |i| i.incident.incident_id);
        let orgs = column(incidents, |i| i.incident.org_id.as_str());
        let users = column(incidents, |i| i.incident.user_id.as_str());
        let usernames = column(incidents, |i| i.incident.username.as_deref().map(text));
        let classes = column(incidents, |i| i.incident.user_class.as_str());
        let severities = column(incidents, |i| small_severity(i.incident.severity));
        let scores = column(incidents, |i| i.incident.risk_score.0);
        let statuses = column(incidents, |i| i.status.as_str());
        let merged = column(incidents, |i| i.merged_into);
        let first = column(incidents, |i| i.incident.first_event_at.0);
        let last = column(incidents, |i| i.incident.last_event_at.0);
        let messages = column(incidents, |i| i.incident.encode());
        let traces = column(incidents, |i| i.trace_id.as_deref());
        let ended = column(incidents, |i| i.ended);
        let dispositions = column(incidents, |i| i.disposition.map(Disposition::as_str));
        let assignees = column(incidents, |i| i.assignee.as_deref().map(text));
        let snoozed = column(incidents, |i| i.snoozed_until.map(|until| until.0));
        let facets: Vec<Facets> = incidents.iter().map(|i| Facets::of(&i.incident)).collect();
        let found = FacetColumns::of(&facets);
        sqlx::query!(
            r#"INSERT INTO orgwatch.incidents AS i (incident_id, org_id, user_id, username, user_class, severity,
                   risk_score, status, merged_into, first_event_at, last_event_at, revision, receipt, message,
                   trace_id, ended, disposition, assignee, snoozed_until, closed_at, summary, detectors, pattern,
                   facets, words, leading_finding_id)
               SELECT t.incident_id, t.org_id, t.user_id, t.username, t.user_class, t.severity, t.risk_score, t.status,
                   t.merged_into, t.first_event_at, t.last_event_at, t.revision, t.receipt, t.message, t.trace_id,
                   t.ended, t.disposition, t.assignee, orgwatch.from_ms(t.snoozed_until),
                   CASE WHEN t.status IN ('resolved', 'merged', 'withdrawn') THEN now() END, t.summary,
                   ARRAY(SELECT jsonb_array_elements_text(t.detectors)),
                   (SELECT string_agg(d, '+') FROM jsonb_array_elements_text(t.detectors) d),
                   ARRAY(SELECT jsonb_array_elements_text(t.facets)), to_tsvector('simple', t.words), t.leading_id
               FROM UNNEST($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::smallint[], $7::integer[],
                   $8::text[], $9::uuid[], $10::bigint[], $11::bigint[], $12::bigint[], $13::jsonb[], $14::bytea[],
                   $15::text[], $16::boolean[], $17::text[], $18::text[], $19::bigint[], $20::text[], $21::jsonb[],
                   $22::jsonb[], $23::text[], $24::uuid[])
                   AS t (incident_id, org_id, user_id, username, user_class, severity, risk_score, status, merged_into,
                   first_event_at, last_event_at, revision, receipt, message, trace_id, ended, disposition, assignee,
                   snoozed_until, summary, detectors, facets, words, leading_id)
               ON CONFLICT (incident_id) DO UPDATE SET
                   username = EXCLUDED.username, user_class = EXCLUDED.user_class, severity = EXCLUDED.severity,
                   risk_score = EXCLUDED.risk_score, status = EXCLUDED.status, merged_into = EXCLUDED.merged_into,
                   first_event_at = EXCLUDED.first_event_at, last_event_at = EXCLUDED.last_event_at,
                   revision = EXCLUDED.revision, receipt = EXCLUDED.receipt, message = EXCLUDED.message,
                   trace_id = COALESCE(i.trace_id, EXCLUDED.trace_id), ended = EXCLUDED.ended,
                   disposition = EXCLUDED.disposition, assignee = EXCLUDED.assignee,
                   snoozed_until = EXCLUDED.snoozed_until, updated_at = now(), summary = EXCLUDED.summary,
                   detectors = EXCLUDED.detectors, pattern = EXCLUDED.pattern, facets = EXCLUDED.facets,
                   words = EXCLUDED.words, leading_finding_id = EXCLUDED.leading_finding_id,
                   closed_at = CASE WHEN EXCLUDED.closed_at IS NULL THEN NULL
                       ELSE COALESCE(i.closed_at, EXCLUDED.closed_at) END"#,
            &ids,
            &orgs as &[&str],
            &users as &[&str],
            &usernames as &[Option<Cow<'_, str>>],
            &classes as &[&str],
            &severities,
            &scores,
            &statuses as &[&str],
            &merged as &[Option<Uuid>],
            &first,
            &last,
            &revisions,
            &receipts,
            &messages,
            &traces as &[Option<&str>],
            &ended,
            &dispositions as &[Option<&str>],
            &assignees as &[Option<Cow<'_, str>>],
            &snoozed as &[Option<i64>],
            &found.summaries as &[Cow<'_, str>],
            &found.detectors,
            &found.facets,
            &found.words as &[Cow<'_, str>],
            &found.leading as &[Option<Uuid>]
        )
        .execute(&mut *self.transaction)
        .await
        .context("write incidents")
        .map(drop)
    }

    /// Appends lines to the histories of incidents.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn put_history(&mut self, lines: &[HistoryWrite]) -> Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let ids = column(lines, |line| line.incident_id);
        let revisions = lines.iter().map(|line| bigint("revision", line.revision)).collect::<Result<Vec<i64>>>()?;
        let orgs = column(lines, |line| line.org_id.as_str());
        let changes = column(lines, |line| line.change.as_str());
        let scores = column(lines, |line| line.risk_score.0);
        let severities = column(lines, |line| small_severity(line.severity));
        let messages = column(lines, |line| line.message.as_slice());
        let reasons = column(lines, |line| line.end_reason.as_deref());
        let merged = column(lines, |line| line.merged_into);
        sqlx::query!(
            r#"INSERT INTO orgwatch.incident_history (incident_id, revision, org_id, change, risk_score, severity,
                   message, end_reason, merged_into)
               SELECT * FROM UNNEST($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::integer[], $6::smallint[],
                   $7::bytea[], $8::text[], $9::uuid[])"#,
            &ids,
            &revisions,
            &orgs as &[&str],
            &changes as &[&str],
            &scores,
            &severities,
            &messages as &[&[u8]],
            &reasons as &[Option<&str>],
            &merged as &[Option<Uuid>]
        )
        .execute(&mut *self.transaction)
        .await
        .context("write the history of incidents")
        .map(drop)
    }

    /// Appends messages to the outbox. They are published in the order of the list.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn put_outbox(&mut self, messages: &[OutboxWrite]) -> Result<()> {
        if messages.is_empty() {
            return Ok(());
        }
        let ids = column(messages, |message| message.incident_id);
        let revisions =
            messages.iter().map(|message| bigint("revision", message.revision)).collect::<Result<Vec<i64>>>()?;
        let orgs = column(messages, |message| message.org_id.as_str());
        let changes = column(messages, |message| message.change.as_str());
        let bytes = column(messages, |message| message.message.as_slice());
        let traceparents = column(messages, |message| message.traceparent.as_deref());
        let reasons = column(messages, |message| message.end_reason.as_deref());
        let merged = column(messages, |message| message.merged_into);
        sqlx::query!(
            r#"INSERT INTO orgwatch.outbox (incident_id, revision, org_id, change, message, traceparent, end_reason,
                   merged_into)
               SELECT incident_id, revision, org_id, change, message, traceparent, end_reason, merged_into
               FROM UNNEST($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::bytea[], $6::text[], $7::text[],
                       $8::uuid[])
                   WITH ORDINALITY AS t (incident_id, revision, org_id, change, message, traceparent, end_reason,
                       merged_into, place)
               ORDER BY place"#,
            &ids,
            &revisions,
            &orgs as &[&str],
            &changes as &[&str],
            &bytes as &[&[u8]],
            &traceparents as &[Option<&str>],
            &reasons as &[Option<&str>],
            &merged as &[Option<Uuid>]
        )
        .execute(&mut *self.transaction)
        .await
        .context("write the outbox")
        .map(drop)
    }

    /// Replaces the risks of accounts.
    ///
    /// # Errors
    /// [`StoreError::NotLocked`] for a user that is not locked; if the database refuses.
    pub async fn put_risk(&mut self, risks: &[RiskWrite]) -> Result<()> {
        if risks.is_empty() {
            return Ok(());
        }
        for risk in risks {
            self.check(&risk.org_id, &risk.user_id)?;
        }
        let orgs = column(risks, |risk| risk.org_id.as_str());
        let users = column(risks, |risk| risk.user_id.as_str());
        let usernames = column(risks, |risk| risk.username.as_deref().map(text));
        let classes = column(risks, |risk| risk.user_class.as_str());
        let scores = column(risks, |risk| risk.risk_score.0);
        let incidents = column(risks, |risk| i32::try_from(risk.incidents).unwrap_or(i32::MAX));
        let last = column(risks, |risk| risk.last_event_at.map(|at| at.0));
        sqlx::query!(
            r#"UPDATE orgwatch.entity_risk r SET username = t.username, user_class = t.user_class,
                   risk_score = t.risk_score, incidents = t.incidents, last_event_at = t.last_event_at
               FROM UNNEST($1::text[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::integer[], $7::bigint[])
                   AS t (org_id, user_id, username, user_class, risk_score, incidents, last_event_at)
               WHERE r.org_id = t.org_id AND r.user_id = t.user_id"#,
            &orgs as &[&str],
            &users as &[&str],
            &usernames as &[Option<Cow<'_, str>>],
            &classes as &[&str],
            &scores,
            &incidents,
            &last as &[Option<i64>]
        )
        .execute(&mut *self.transaction)
        .await
        .context("write the risk of users")
        .map(drop)
    }
}

/// Collects one value of each row, as a parameter of `UNNEST`.
fn column<'a, T, V>(rows: &'a [T], value: impl FnMut(&'a T) -> V) -> Vec<V> {
    rows.iter().map(value).collect()
}
