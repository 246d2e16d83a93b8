//! The SQL of lists of incidents.

use super::{Group, IncidentOrder, IncidentQuery, Place};
use crate::convert::{small_severity, text};
use model::OrgId;
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

/// Incidents that are taken from an index of facets or words. A choice: with more of them a page is found sooner by walking
/// through the list in its order.
pub(super) const MOST_FOUND: i32 = 2_000;

/// The incidents that indexes have found; `None` where none was asked, or it has found too many to name.
#[derive(Default)]
pub(super) struct Found {
    pub(super) by_facets: Option<Vec<Uuid>>,
    pub(super) by_words: Option<Vec<Uuid>>,
}

impl Found {
    /// Whether a query selects few incidents of an org.
    pub(super) fn selects_few(&self, query: &IncidentQuery) -> bool {
        self.by_facets.is_some()
            || self.by_words.is_some()
            || query.user_id.is_some()
            || query.pattern.is_some()
            || query.changed
    }

    /// Whether a page is best found by walking through the list in its order: nothing selects few incidents, or those of
    /// another order.
    pub(super) fn is_walked(&self, query: &IncidentQuery) -> bool {
        let is_of_a_time = query.since.is_some() || query.until.is_some();
        !self.selects_few(query) && (query.order == IncidentOrder::Latest || !is_of_a_time)
    }
}

pub(super) fn few(ids: Vec<Uuid>) -> Option<Vec<Uuid>> {
    usize::try_from(MOST_FOUND).is_ok_and(|most| ids.len() < most).then_some(ids)
}

pub(super) const SELECT: &str = "
    SELECT i.incident_id, i.revision, i.org_id, i.user_id, i.username, i.user_class, i.severity, i.risk_score, i.status,
        i.disposition, i.summary, coalesce(i.detectors, '{}') AS detectors, i.first_event_at, i.last_event_at,
        orgwatch.to_ms(i.updated_at) AS updated_at, i.assignee, orgwatch.to_ms(i.snoozed_until) AS snoozed_until,
        l.revision AS seen_revision,
        (SELECT count(*) FROM (
            SELECT FROM orgwatch.incidents o
            WHERE o.org_id = i.org_id AND o.incident_id <> i.incident_id AND o.status <> 'merged'
              AND o.pattern = i.pattern LIMIT 100) o) AS similar
    FROM ";

pub(super) const FROM: &str = "orgwatch.incidents i
    LEFT JOIN orgwatch.looks l ON l.incident_id = i.incident_id AND l.subject = (SELECT orgwatch.session_subject())";

/// Lets processes of Postgres share a count. The planner expects few incidents of an org, and would have one read them all.
pub(super) const IN_PARALLEL: &str = "
    SET LOCAL parallel_setup_cost = 0;
    SET LOCAL parallel_tuple_cost = 0;
    SET LOCAL min_parallel_table_scan_size = 0;
    SET LOCAL min_parallel_index_scan_size = 0";

/// Takes back [`IN_PARALLEL`].
pub(super) const AS_BEFORE: &str = "
    SET LOCAL parallel_setup_cost TO DEFAULT;
    SET LOCAL parallel_tuple_cost TO DEFAULT;
    SET LOCAL min_parallel_table_scan_size TO DEFAULT;
    SET LOCAL min_parallel_index_scan_size TO DEFAULT";

/// Selects a page and one row more.
pub(super) fn list(query: &IncidentQuery, found: &Found, limit: u32) -> QueryBuilder<Postgres> {
    let mut builder = QueryBuilder::new(SELECT);
    builder.push(FROM);
    push_filter(&mut builder, query, found);
    let key = match query.order {
        IncidentOrder::Risk => "i.risk_score",
        IncidentOrder::Latest => "i.last_event_at",
    };
    if let Some(Place { key: value, incident_id }) = query.after {
        // An index finds the place by this alone, and not by what follows.
        builder.push(format_args!(" AND {key} <= ")).push_bind(value);
        builder.push(format_args!(" AND ({key} < ")).push_bind(value);
        builder.push(format_args!(" OR {key} = ")).push_bind(value);
        builder.push(" AND i.incident_id > ").push_bind(incident_id).push(")");
    }
    builder.push(format_args!(" ORDER BY {key} DESC, i.incident_id LIMIT "));
    builder.push_bind(i64::from(limit).saturating_add(1));
    builder
}

pub(super) fn count(query: &IncidentQuery, found: &Found, group: Group, limit: u32) -> QueryBuilder<Postgres> {
    let (value, of_several) = match group {
        Group::Org => ("i.org_id", ""),
        Group::User => ("i.user_id", ""),
        Group::Severity => ("(ARRAY['low', 'medium', 'high', 'critical'])[i.severity + 1]", ""),
        Group::Status => ("i.status", ""),
        Group::Class => ("i.user_class", ""),
        // Joined, so that they are counted while they are read, not gathered and sorted before.
        Group::Detector => ("several.value", " CROSS JOIN LATERAL unnest(i.detectors) AS several (value)"),
        Group::Object => ("several.value", " CROSS JOIN LATERAL unnest(i.facets) AS several (value)"),
    };
    // Facets are of several kinds, each with its prefix.
    let (shown, is_shown) = match group {
        Group::Object => ("substr(value, 8)", "starts_with(value, 'object:')"),
        _ => ("value", "value IS NOT NULL"),
    };
    let head = format!("SELECT {shown} AS shown, count(*) AS incidents, max(risk_score) AS highest FROM (SELECT ");
    let mut builder = QueryBuilder::new(head);
    // Who has seen them is joined only if the query asks for it.
    let from = if query.changed { FROM } else { "orgwatch.incidents i" };
    builder.push(value).push(format_args!(" AS value, i.risk_score FROM {from}{of_several}"));
    push_filter(&mut builder, query, found);
    builder.push(format_args!(") found WHERE {is_shown} GROUP BY value ORDER BY incidents DESC, value LIMIT "));
    builder.push_bind(i64::from(limit));
    builder
}

fn push_filter(builder: &mut QueryBuilder<Postgres>, query: &IncidentQuery, found: &Found) {
    if query.statuses.is_empty() {
        builder.push(" WHERE i.status <> 'merged'");
    } else {
        let statuses = texts(query.statuses.iter().map(|status| status.as_str()));
        builder.push(" WHERE i.status = ANY(").push_bind(statuses).push(")");
    }
    match query.orgs.as_slice() {
        [] => {}
        // Not by a list of one: an index then has the order, too.
        [org] => drop(builder.push(" AND i.org_id = ").push_bind(text(org.as_str()).into_owned())),
        orgs => {
            let orgs = texts(orgs.iter().map(OrgId::as_str));
            builder.push(" AND i.org_id = ANY(").push_bind(orgs).push(")");
        }
    }
    if let Some(pattern) = &query.pattern {
        builder.push(" AND i.pattern = ").push_bind(text(pattern).into_owned());
    }
    if let Some(user) = &query.user_id {
        builder.push(" AND i.user_id = ").push_bind(text(user.as_str()).into_owned());
    }
    if !query.severities.is_empty() {
        let severities: Vec<i16> = query.severities.iter().copied().map(small_severity).collect();
        builder.push(" AND i.severity = ANY(").push_bind(severities).push(")");
    }
    if !query.dispositions.is_empty() {
        let dispositions = texts(query.dispositions.iter().map(|disposition| disposition.as_str()));
        builder.push(" AND i.disposition = ANY(").push_bind(dispositions).push(")");
    }
    if !query.facets.is_empty() {
        match &found.by_facets {
            Some(ids) => builder.push(" AND i.incident_id = ANY(").push_bind(ids.clone()).push(")"),
            None => {
                let facets = texts(query.facets.iter().map(String::as_str));
                builder.push(" AND i.facets @> ").push_bind(facets)
            }
        };
    }
    if let Some(assignee) = &query.assignee {
        builder.push(" AND i.assignee = ").push_bind(text(assignee).into_owned());
    }
    if let Some(words) = &query.text {
        match &found.by_words {
            Some(ids) => builder.push(" AND i.incident_id = ANY(").push_bind(ids.clone()).push(")"),
            None => {
                let words = text(words).into_owned();
                builder.push(" AND i.words @@ plainto_tsquery('simple', ").push_bind(words).push(")")
            }
        };
    }
    if let Some(since) = query.since {
        builder.push(" AND i.last_event_at >= ").push_bind(since.0);
    }
    if let Some(until) = query.until {
        builder.push(" AND i.first_event_at < ").push_bind(until.0);
    }
    if query.changed {
        builder.push(" AND l.revision < i.revision");
    }
}

pub(super) fn texts<'a>(values: impl Iterator<Item = &'a str>) -> Vec<String> {
    values.map(|value| text(value).into_owned()).collect()
}
