//! The list of incidents: filtered, searched, sorted, grouped, a page at a time.

use super::Visit;
use crate::convert::{severity, small_severity, text, unsigned};
use crate::error::{Context, Result};
use crate::{Disposition, Status, looks, words};
use model::{OrgId, Points, Severity, Timestamp, UserId, Uuid};
use sqlx::{FromRow, Postgres, QueryBuilder};

/// Which incidents, in which order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IncidentQuery {
    /// Those of these orgs; empty: of all orgs of the session.
    pub orgs: Vec<OrgId>,
    /// Those of this account.
    pub user_id: Option<UserId>,
    /// Those with one of these statuses; empty: all but `merged`.
    pub statuses: Vec<Status>,
    /// Those with one of these severities; empty: all.
    pub severities: Vec<Severity>,
    /// Those that somebody has called one of these.
    pub dispositions: Vec<Disposition>,
    /// Those with findings of exactly these detectors, joined by `+`.
    pub pattern: Option<String>,
    /// Those with each of these facets, such as `object:Contact` or `detector:row_spike`.
    pub facets: Vec<String>,
    /// Those that this person works on.
    pub assignee: Option<String>,
    /// Those with all these words.
    pub text: Option<String>,
    /// Those with an event at this event time or later.
    pub since: Option<Timestamp>,
    /// Those with an event before this event time.
    pub until: Option<Timestamp>,
    /// Whether only those that have changed since the person of the session looked.
    pub changed: bool,
    /// The order.
    pub order: IncidentOrder,
    /// The last incident of the page before.
    pub after: Option<Place>,
}

/// The order of a list of incidents. Ties are broken by id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IncidentOrder {
    /// The highest risk first.
    #[default]
    Risk,
    /// The latest event first.
    Latest,
}

/// Where a page of a list ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The value by which the list is sorted: hundredths of a point, or milliseconds.
    pub key: i64,
    /// The incident.
    pub incident_id: Uuid,
}

/// By what incidents are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// The org.
    Org,
    /// The account.
    User,
    /// The severity.
    Severity,
    /// The status.
    Status,
    /// Each detector with a finding.
    Detector,
    /// The class of the account.
    Class,
    /// Each object that was touched.
    Object,
}

/// A page of a list of incidents.
#[derive(Clone, Debug, PartialEq)]
pub struct IncidentPage {
    /// The incidents.
    pub rows: Vec<IncidentRow>,
    /// Where it ends, if there are more.
    pub next: Option<Place>,
}

/// An incident in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct IncidentRow {
    /// The incident.
    pub incident_id: Uuid,
    /// Its revision.
    pub revision: u64,
    /// Its org.
    pub org_id: OrgId,
    /// The account.
    pub user_id: UserId,
    /// The account's username, where it is known.
    pub username: Option<String>,
    /// The account's class.
    pub user_class: String,
    /// Its severity.
    pub severity: Severity,
    /// Its risk.
    pub risk_score: Points,
    /// Where it stands in its life.
    pub status: Status,
    /// What people decided that it was.
    pub disposition: Option<Disposition>,
    /// What happened, in a sentence; `None` in rows of an earlier version.
    pub summary: Option<String>,
    /// The detectors of its findings.
    pub detectors: Vec<String>,
    /// Event time of its first finding.
    pub first_event_at: Timestamp,
    /// Event time of its latest finding.
    pub last_event_at: Timestamp,
    /// When it last changed, by the database's clock.
    pub updated_at: Timestamp,
    /// Who works on it.
    pub assignee: Option<String>,
    /// Until when, by the wall clock, it is of no concern.
    pub snoozed_until: Option<Timestamp>,
    /// The revision that the person of the session has seen; `None` if none.
    pub seen_revision: Option<u64>,
    /// How many other incidents of the org have findings of the same detectors, at most 100.
    pub similar: u64,
}

/// A value with the number of its incidents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The value.
    pub value: String,
    /// How many incidents have it.
    pub incidents: u64,
    /// The highest risk of them.
    pub highest_risk: Points,
}

impl Visit {
    /// Returns at most `limit` incidents.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn list_incidents(&mut self, query: &IncidentQuery, limit: u32) -> Result<IncidentPage> {
        let mut rows: Vec<Row> =
            list(query, limit).build_query_as().fetch_all(&mut *self.transaction).await.context("list incidents")?;
        let is_last = rows.len() <= usize::try_from(limit).unwrap_or(usize::MAX);
        if !is_last {
            rows.pop();
        }
        let place = |row: &Row| Place {
            key: match query.order {
                IncidentOrder::Risk => i64::from(row.risk_score),
                IncidentOrder::Latest => row.last_event_at,
            },
            incident_id: row.incident_id,
        };
        let next = if is_last { None } else { rows.last().map(place) };
        Ok(IncidentPage { rows: rows.into_iter().map(IncidentRow::try_from).collect::<Result<_>>()?, next })
    }

    /// Counts the incidents of a query by a value, the most frequent first, at most `limit` values. Order and place of the
    /// query say nothing here.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn count_incidents(&mut self, query: &IncidentQuery, group: Group, limit: u32) -> Result<Vec<Counted>> {
        let rows: Vec<(String, i64, i32)> = count(query, group, limit)
            .build_query_as()
            .fetch_all(&mut *self.transaction)
            .await
            .context("count incidents")?;
        let counted = |(value, incidents, highest)| Counted {
            value,
            incidents: unsigned(incidents),
            highest_risk: Points(highest),
        };
        Ok(rows.into_iter().map(counted).collect())
    }

    /// Notes that the person of the session has seen an incident at a revision. An earlier look at a later one stays.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn look(&mut self, incident_id: Uuid, revision: u64) -> Result<()> {
        looks::look(&mut *self.transaction, incident_id, revision).await
    }

    /// Returns at most `limit` incidents of the org with findings of exactly the same detectors, the latest first, without
    /// the incident itself.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn similar_incidents(&mut self, row: &IncidentRow, limit: u32) -> Result<Vec<IncidentRow>> {
        let query = IncidentQuery {
            orgs: vec![row.org_id.clone()],
            pattern: Some(row.detectors.join("+")),
            order: IncidentOrder::Latest,
            ..IncidentQuery::default()
        };
        let page = self.list_incidents(&query, limit.saturating_add(1)).await?;
        let others = page.rows.into_iter().filter(|other| other.incident_id != row.incident_id);
        Ok(others.take(usize::try_from(limit).unwrap_or(usize::MAX)).collect())
    }

    /// Returns one incident as it is in a list.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn incident_row(&mut self, incident_id: Uuid) -> Result<Option<IncidentRow>> {
        let mut builder = QueryBuilder::new(SELECT);
        builder.push(FROM).push(" WHERE i.incident_id = ").push_bind(incident_id);
        let row: Option<Row> =
            builder.build_query_as().fetch_optional(&mut *self.transaction).await.context("read an incident")?;
        row.map(IncidentRow::try_from).transpose()
    }
}

const SELECT: &str = "
    SELECT i.incident_id, i.revision, i.org_id, i.user_id, i.username, i.user_class, i.severity, i.risk_score, i.status,
        i.disposition, i.summary, coalesce(i.detectors, '{}') AS detectors, i.first_event_at, i.last_event_at,
        orgwatch.to_ms(i.updated_at) AS updated_at, i.assignee, orgwatch.to_ms(i.snoozed_until) AS snoozed_until,
        l.revision AS seen_revision,
        (SELECT count(*) FROM (
            SELECT FROM orgwatch.incidents o
            WHERE o.org_id = i.org_id AND o.incident_id <> i.incident_id AND o.status <> 'merged'
              AND o.pattern = i.pattern LIMIT 100) o) AS similar
    FROM ";

const FROM: &str = "orgwatch.incidents i
    LEFT JOIN orgwatch.looks l ON l.incident_id = i.incident_id AND l.subject = (SELECT orgwatch.session_subject())";

/// Selects a page and one row more.
fn list(query: &IncidentQuery, limit: u32) -> QueryBuilder<Postgres> {
    let mut builder = QueryBuilder::new(SELECT);
    builder.push(FROM);
    push_filter(&mut builder, query);
    let key = match query.order {
        IncidentOrder::Risk => "i.risk_score",
        IncidentOrder::Latest => "i.last_event_at",
    };
    if let Some(Place { key: value, incident_id }) = query.after {
        builder.push(format_args!(" AND ({key} < ")).push_bind(value);
        builder.push(format_args!(" OR {key} = ")).push_bind(value);
        builder.push(" AND i.incident_id > ").push_bind(incident_id).push(")");
    }
    builder.push(format_args!(" ORDER BY {key} DESC, i.incident_id LIMIT "));
    builder.push_bind(i64::from(limit).saturating_add(1));
    builder
}

fn count(query: &IncidentQuery, group: Group, limit: u32) -> QueryBuilder<Postgres> {
    let value = match group {
        Group::Org => "i.org_id",
        Group::User => "i.user_id",
        Group::Severity => "(ARRAY['low', 'medium', 'high', 'critical'])[i.severity + 1]",
        Group::Status => "i.status",
        Group::Class => "i.user_class",
        Group::Detector => "unnest(i.detectors)",
        // Other facets are null, which are not counted.
        Group::Object => "substring(unnest(i.facets) FROM '^object:(.*)$')",
    };
    let head = "SELECT value, count(*) AS incidents, max(risk_score) AS highest FROM (SELECT ";
    let mut builder = QueryBuilder::new(head);
    builder.push(value).push(format_args!(" AS value, i.risk_score FROM {FROM}"));
    push_filter(&mut builder, query);
    builder.push(") found WHERE value IS NOT NULL GROUP BY value ORDER BY incidents DESC, value LIMIT ");
    builder.push_bind(i64::from(limit));
    builder
}

fn push_filter(builder: &mut QueryBuilder<Postgres>, query: &IncidentQuery) {
    let owned =
        |values: &mut dyn Iterator<Item = &str>| values.map(|value| text(value).into_owned()).collect::<Vec<_>>();
    if query.statuses.is_empty() {
        builder.push(" WHERE i.status <> 'merged'");
    } else {
        let statuses = owned(&mut query.statuses.iter().map(|status| status.as_str()));
        builder.push(" WHERE i.status = ANY(").push_bind(statuses).push(")");
    }
    match query.orgs.as_slice() {
        [] => {}
        // Not by a list of one: an index then has the order, too.
        [org] => drop(builder.push(" AND i.org_id = ").push_bind(text(org.as_str()).into_owned())),
        orgs => {
            let orgs = owned(&mut orgs.iter().map(OrgId::as_str));
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
        let dispositions = owned(&mut query.dispositions.iter().map(|disposition| disposition.as_str()));
        builder.push(" AND i.disposition = ANY(").push_bind(dispositions).push(")");
    }
    if !query.facets.is_empty() {
        let facets = owned(&mut query.facets.iter().map(String::as_str));
        builder.push(" AND i.incident_id IN (SELECT orgwatch.incidents_with_facets(").push_bind(facets).push("))");
    }
    if let Some(assignee) = &query.assignee {
        builder.push(" AND i.assignee = ").push_bind(text(assignee).into_owned());
    }
    if let Some(words) = &query.text {
        let words = text(words).into_owned();
        builder.push(" AND i.incident_id IN (SELECT orgwatch.incidents_with_words(").push_bind(words).push("))");
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

#[derive(FromRow)]
struct Row {
    incident_id: Uuid,
    revision: i64,
    org_id: String,
    user_id: String,
    username: Option<String>,
    user_class: String,
    severity: i16,
    risk_score: i32,
    status: String,
    disposition: Option<String>,
    summary: Option<String>,
    detectors: Vec<String>,
    first_event_at: i64,
    last_event_at: i64,
    updated_at: i64,
    assignee: Option<String>,
    snoozed_until: Option<i64>,
    seen_revision: Option<i64>,
    similar: i64,
}

impl TryFrom<Row> for IncidentRow {
    type Error = crate::StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            incident_id: row.incident_id,
            revision: unsigned(row.revision),
            org_id: OrgId::new(&row.org_id),
            user_id: UserId::new(&row.user_id),
            username: row.username,
            user_class: row.user_class,
            severity: severity(row.severity)?,
            risk_score: Points(row.risk_score),
            status: words::status(&row.status)?,
            disposition: row.disposition.as_deref().map(words::disposition).transpose()?,
            summary: row.summary,
            detectors: row.detectors,
            first_event_at: Timestamp(row.first_event_at),
            last_event_at: Timestamp(row.last_event_at),
            updated_at: Timestamp(row.updated_at),
            assignee: row.assignee,
            snoozed_until: row.snoozed_until.map(Timestamp),
            seen_revision: row.seen_revision.map(unsigned),
            similar: unsigned(row.similar),
        })
    }
}
