//! The list of incidents: filtered, searched, sorted, grouped, a page at a time.

mod sql;

use super::Visit;
use crate::convert::{severity, text, unsigned};
use crate::error::{Context, Result};
use crate::{Disposition, Status, looks, words};
use model::{OrgId, Points, Severity, Timestamp, UserId, Uuid};
use sql::{FROM, Found, MOST_FOUND, SELECT, few, texts};
use sqlx::{FromRow, QueryBuilder};

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
        let found = self.found(query).await?;
        let is_walked = found.is_walked(query);
        if is_walked {
            // Otherwise the planner would sort all rows of an org.
            self.plan("SET LOCAL enable_sort = off").await?;
        }
        let mut list = sql::list(query, &found, limit);
        let rows = list.build_query_as().fetch_all(&mut *self.transaction).await;
        let mut rows: Vec<Row> = rows.context("list incidents")?;
        if is_walked {
            self.plan("SET LOCAL enable_sort TO DEFAULT").await?;
        }
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
        let found = self.found(query).await?;
        let is_parallel = !found.selects_few(query);
        if is_parallel {
            self.plan(sql::IN_PARALLEL).await?;
        }
        let mut count = sql::count(query, &found, group, limit);
        let rows = count.build_query_as().fetch_all(&mut *self.transaction).await;
        let rows: Vec<(String, i64, i32)> = rows.context("count incidents")?;
        if is_parallel {
            self.plan(sql::AS_BEFORE).await?;
        }
        let counted = |(value, incidents, highest)| Counted {
            value,
            incidents: unsigned(incidents),
            highest_risk: Points(highest),
        };
        Ok(rows.into_iter().map(counted).collect())
    }

    /// Asks the indexes of facets and words, which row policies keep from queries.
    async fn found(&mut self, query: &IncidentQuery) -> Result<Found> {
        let mut found = Found::default();
        if !query.facets.is_empty() {
            let facets = texts(query.facets.iter().map(String::as_str));
            let ids = sqlx::query_scalar("SELECT orgwatch.incidents_with_facets($1, $2)").bind(facets);
            let ids = ids.bind(MOST_FOUND).fetch_all(&mut *self.transaction).await;
            found.by_facets = few(ids.context("find incidents by facets")?);
        }
        if let Some(words) = &query.text {
            let ids = sqlx::query_scalar("SELECT orgwatch.incidents_with_words($1, $2)").bind(text(words));
            let ids = ids.bind(MOST_FOUND).fetch_all(&mut *self.transaction).await;
            found.by_words = few(ids.context("find incidents by words")?);
        }
        Ok(found)
    }

    /// Returns when, by the database's clock, the first destination confirmed a delivery of an incident; `None`: none has, or
    /// it is no longer stored.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn first_delivered_at(&mut self, incident_id: Uuid) -> Result<Option<Timestamp>> {
        let at = sqlx::query_scalar!(
            "SELECT orgwatch.to_ms(min(confirmed_at)) FROM orgwatch.deliveries WHERE incident_id = $1",
            incident_id
        );
        let at = at.fetch_one(&mut *self.transaction).await.context("read when an incident was delivered")?;
        Ok(at.map(Timestamp))
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
