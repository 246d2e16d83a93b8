//! Incidents and findings.

use crate::access::Visitor;
use crate::body::{self, Count, FindingBody, IncidentItem};
use crate::decide::list_of;
use crate::page::{self, Page};
use crate::problem::{Problem, Problems};
use crate::server::App;
use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::{Disposition, OrgId, Severity, Status, Timestamp, UserId, Uuid};
use serde::Deserialize;
use store::{
    FindingFilter, Group, IncidentFilter, IncidentOrder, IncidentQuery, ListedIncident, Place, StoredIncident,
};
use utoipa::openapi::Object;
use utoipa::{IntoParams, ToSchema};

/// The most changes of an incident that are returned.
pub(crate) const CHANGES: u32 = 1_000;

/// Which incidents. Several values of one key are separated by commas.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// Those of these orgs.
    org: Option<String>,
    /// Those of this account.
    user: Option<String>,
    /// Those with one of these statuses: open, acknowledged, resolved, merged, withdrawn. Without it, all but merged.
    #[param(schema_with = statuses)]
    status: Option<String>,
    /// Those with one of these severities: low, medium, high, critical.
    #[param(schema_with = severities)]
    severity: Option<String>,
    /// Those that are one of malicious, suspicious, benign, false_positive.
    #[param(schema_with = dispositions)]
    disposition: Option<String>,
    /// Those with a finding of each of these detectors.
    detector: Option<String>,
    /// Those that touched each of these objects.
    object: Option<String>,
    /// Those that touched each of these reports, list views, files or pages, by id or name.
    resource: Option<String>,
    /// Those with activities from each of these addresses or networks: /24 of IPv4, /64 of IPv6.
    address: Option<String>,
    /// Those with activities of each of these connected apps.
    app: Option<String>,
    /// Those with activities of each of these types of client.
    client: Option<String>,
    /// Those that this person works on.
    assignee: Option<String>,
    /// Those with all these words in names, objects, addresses or summaries. It takes a role that sees names.
    q: Option<String>,
    /// Those with an event at this event time or later.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Those with an event before this event time.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// Whether only those that have changed since the person of the session looked.
    #[serde(default)]
    changed: bool,
    /// The order: the highest risk or the latest event first.
    #[param(inline)]
    #[serde(default)]
    sort: Sort,
    /// The `next_cursor` of the page before, asked for in the same order.
    cursor: Option<String>,
    /// The most incidents of a page, 1 to 200; 50 without it.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// The order of a list of incidents.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Sort {
    /// The highest risk first.
    #[default]
    Risk,
    /// The latest event first.
    Latest,
}

/// By what incidents are counted.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum By {
    /// The org.
    Org,
    /// The account.
    User,
    /// The severity.
    Severity,
    /// The status.
    Status,
    /// Each detector.
    Detector,
    /// The class of the account.
    Class,
    /// Each object that was touched.
    Object,
}

fn statuses() -> Object {
    list_of("Statuses.", Status::ALL.iter().map(|word| word.as_str()))
}

fn severities() -> Object {
    list_of("Severities.", Severity::ALL.iter().map(|word| word.as_str()))
}

fn dispositions() -> Object {
    list_of("Dispositions.", Disposition::ALL.iter().map(|word| word.as_str()))
}

impl Asked {
    /// Returns what a session asks for.
    ///
    /// # Errors
    /// If a value is none of its key, or the session may not ask for it.
    pub(super) fn query(self, visitor: &Visitor, app: &App) -> Result<IncidentQuery, Problem> {
        let listed = |text: Option<String>| -> Vec<String> {
            let text = text.unwrap_or_default();
            text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
        };
        let orgs = visitor.orgs(&listed(self.org))?;
        if self.q.is_some() && !sees_all_names(visitor, app, &orgs) {
            let detail =
                "q: a search finds names, which this session does not see; filter by object, resource or address";
            return Err(Problem::Forbidden(detail.to_owned()));
        }
        let order = match self.sort {
            Sort::Risk => IncidentOrder::Risk,
            Sort::Latest => IncidentOrder::Latest,
        };
        let mut facets = Vec::new();
        for (kind, values) in [
            ("detector", self.detector),
            ("object", self.object),
            ("resource", self.resource),
            ("address", self.address),
            ("app", self.app),
            ("client", self.client),
        ] {
            facets.extend(listed(values).into_iter().map(|value| format!("{kind}:{value}")));
        }
        Ok(IncidentQuery {
            orgs,
            user_id: self.user.as_deref().map(UserId::new),
            statuses: words("status", &listed(self.status), Status::ALL, Status::as_str)?,
            severities: words("severity", &listed(self.severity), Severity::ALL, Severity::as_str)?,
            dispositions: words("disposition", &listed(self.disposition), Disposition::ALL, Disposition::as_str)?,
            pattern: None,
            facets,
            assignee: self.assignee,
            text: self.q,
            since: self.since,
            until: self.until,
            changed: self.changed,
            order,
            after: self.cursor.as_deref().map(place).transpose()?,
        })
    }
}

/// Reads words of a list.
fn words<T: Copy>(key: &str, texts: &[String], all: &[T], word: impl Fn(T) -> &'static str) -> Result<Vec<T>, Problem> {
    let read = |text: &String| {
        let found = all.iter().copied().find(|value| word(*value) == text);
        found.ok_or_else(|| {
            let known: Vec<&str> = all.iter().map(|value| word(*value)).collect();
            Problem::Malformed(format!("{key}: one of {}, not {text:?}", known.join(", ")))
        })
    };
    texts.iter().map(read).collect()
}

/// Whether the session sees the names of these orgs; of all its orgs if there are none.
pub(crate) fn sees_all_names(visitor: &Visitor, app: &App, orgs: &[OrgId]) -> bool {
    let sees = |role: Option<store::Role>| role.is_some_and(|role| role >= app.settings.names_from);
    if orgs.is_empty() {
        return visitor.session.roles.values().all(|role| sees(Some(*role)));
    }
    orgs.iter().all(|org| sees(visitor.session.role_in(org)))
}

fn place(cursor: &str) -> Result<Place, Problem> {
    let [key, incident_id] = page::place(cursor)?;
    let (Ok(key), Ok(incident_id)) = (key.parse(), incident_id.parse()) else { return Err(page::foreign()) };
    Ok(Place { key, incident_id })
}

/// List incidents
#[utoipa::path(get, path = "/v1/incidents", operation_id = "listIncidents", tag = "incidents", params(Asked),
    responses(
        (status = 200, description = "A page of incidents", body = Page<IncidentItem>),
        Problems))]
pub(crate) async fn list(
    State(app): State<App>,
    mut visitor: Visitor,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Page<IncidentItem>>, Problem> {
    let Query(asked) = asked?;
    let limit = page::limit(asked.limit)?;
    let query = asked.query(&visitor, &app)?;
    let found = visitor.visit.list_incidents(&query, limit).await?;
    let eyes = app.eyes(&visitor.session);
    let next_cursor =
        found.next.map(|Place { key, incident_id }| page::cursor(&[&key.to_string(), &incident_id.to_string()]));
    Ok(Json(Page { items: found.rows.iter().map(|row| IncidentItem::of(row, eyes)).collect(), next_cursor }))
}

/// By what to count, next to the keys of the list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Grouped {
    /// By what.
    #[param(inline)]
    by: By,
}

/// Count incidents
///
/// By a value, the most frequent first: at most 200 values.
#[utoipa::path(get, path = "/v1/incidents/count", operation_id = "countIncidents", tag = "incidents", params(Grouped, Asked),
    responses(
        (status = 200, description = "The values", body = Vec<Count>),
        Problems))]
pub(crate) async fn count(
    State(app): State<App>,
    mut visitor: Visitor,
    grouped: Result<Query<Grouped>, QueryRejection>,
    request: axum::http::Uri,
) -> Result<Json<Vec<Count>>, Problem> {
    let Query(Grouped { by }) = grouped?;
    let asked = without(&request, "by");
    let Query(asked) = Query::<Asked>::try_from_uri(&asked)?;
    let limit = asked.limit.map_or(Ok(page::MOST), |limit| page::limit(Some(limit)))?;
    let query = asked.query(&visitor, &app)?;
    let group = match by {
        By::Org => Group::Org,
        By::User => Group::User,
        By::Severity => Group::Severity,
        By::Status => Group::Status,
        By::Detector => Group::Detector,
        By::Class => Group::Class,
        By::Object => Group::Object,
    };
    let counted = visitor.visit.count_incidents(&query, group, limit).await?;
    Ok(Json(counted.into_iter().map(Count::from).collect()))
}

/// Returns a request's path and query without one key.
fn without(uri: &axum::http::Uri, key: &str) -> axum::http::Uri {
    let query = uri.query().unwrap_or_default();
    let rest: Vec<&str> = query.split('&').filter(|pair| pair.split('=').next() != Some(key)).collect();
    format!("/?{}", rest.join("&")).parse().unwrap_or_default()
}

/// Read an incident
///
/// With its receipt and findings. The tag of the answer is what `if-match` of a decision takes.
#[utoipa::path(get, path = "/v1/incidents/{incident_id}", operation_id = "readIncident", tag = "incidents",
    params(
        ("incident_id" = Uuid, Path, description = "Id of the incident"),
        ("if-none-match" = Option<String>, Header, description = "The tag of the version that the client has")),
    responses(
        (status = 200, description = "The incident", body = body::Incident, headers(("etag" = String, description = "Its version"))),
        (status = 304, description = "The client has this version already"),
        Problems))]
pub(crate) async fn one(
    State(app): State<App>,
    mut visitor: Visitor,
    incident_id: Result<Path<Uuid>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Path(incident_id) = incident_id?;
    let (stored, row) = read(&mut visitor, incident_id).await?;
    let tag = tag(&stored, &row);
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return Ok(StatusCode::NOT_MODIFIED.into_response());
    }
    let filter = FindingFilter { incident_ids: Some(vec![incident_id]), ..FindingFilter::default() };
    let findings = visitor.visit.findings(&filter).await?;
    let stages = body::Stage::all(&stored, visitor.visit.first_delivered_at(incident_id).await?);
    let incident = body::Incident::of(&stored, &row, findings, stages, app.eyes(&visitor.session));
    let mut response = Json(incident).into_response();
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    Ok(response)
}

/// Returns the version of an incident: any change of it changes this.
pub(crate) fn tag(stored: &StoredIncident, row: &ListedIncident) -> String {
    format!("\"{}-{}\"", row.revision, stored.updated_at.0)
}

/// Reads an incident that the session sees.
///
/// # Errors
/// 404 if there is none.
pub(crate) async fn read(
    visitor: &mut Visitor,
    incident_id: Uuid,
) -> Result<(StoredIncident, ListedIncident), Problem> {
    let absent = || Problem::NotFound(format!("incident {incident_id}: does not exist"));
    let row = visitor.visit.incident_row(incident_id).await?.ok_or_else(absent)?;
    visitor.role_in(&row.org_id).map_err(|_| absent())?;
    let filter = IncidentFilter {
        ids: Some(vec![incident_id]),
        statuses: Some(Status::ALL.to_vec()),
        ..IncidentFilter::default()
    };
    let stored = visitor.visit.incidents(&filter).await?.pop().ok_or_else(absent)?;
    Ok((stored, row))
}

/// Note a look at an incident
///
/// From then on lists say whether it has changed since.
#[utoipa::path(post, path = "/v1/incidents/{incident_id}/look", operation_id = "lookAtIncident", tag = "incidents",
    params(("incident_id" = Uuid, Path, description = "Id of the incident")),
    responses(
        (status = 204, description = "Noted"),
        Problems))]
pub(crate) async fn look(
    mut visitor: Visitor,
    incident_id: Result<Path<Uuid>, PathRejection>,
) -> Result<StatusCode, Problem> {
    let Path(incident_id) = incident_id?;
    let (_, row) = read(&mut visitor, incident_id).await?;
    visitor.visit.look(incident_id, row.revision).await?;
    visitor.visit.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Read the history of an incident
///
/// Its latest changes, at most 1,000.
#[utoipa::path(get, path = "/v1/incidents/{incident_id}/history", operation_id = "readIncidentHistory", tag = "incidents",
    params(("incident_id" = Uuid, Path, description = "Id of the incident")),
    responses(
        (status = 200, description = "The changes, the latest first", body = Vec<body::Change>),
        Problems))]
pub(crate) async fn history(
    mut visitor: Visitor,
    incident_id: Result<Path<Uuid>, PathRejection>,
) -> Result<Json<Vec<body::Change>>, Problem> {
    let Path(incident_id) = incident_id?;
    read(&mut visitor, incident_id).await?;
    let changes = visitor.visit.history(incident_id, CHANGES).await?;
    Ok(Json(changes.into_iter().map(body::Change::from).collect()))
}

/// List similar incidents
///
/// Those of the org with findings of exactly the same detectors, the latest first: at most 50.
#[utoipa::path(get, path = "/v1/incidents/{incident_id}/similar", operation_id = "listSimilarIncidents", tag = "incidents",
    params(("incident_id" = Uuid, Path, description = "Id of the incident")),
    responses(
        (status = 200, description = "The incidents", body = Vec<IncidentItem>),
        Problems))]
pub(crate) async fn similar(
    State(app): State<App>,
    mut visitor: Visitor,
    incident_id: Result<Path<Uuid>, PathRejection>,
) -> Result<Json<Vec<IncidentItem>>, Problem> {
    let Path(incident_id) = incident_id?;
    let (_, row) = read(&mut visitor, incident_id).await?;
    let similar = visitor.visit.similar_incidents(&row, 50).await?;
    let eyes = app.eyes(&visitor.session);
    Ok(Json(similar.iter().map(|row| IncidentItem::of(row, eyes)).collect()))
}

/// Read a finding
#[utoipa::path(get, path = "/v1/findings/{finding_id}", operation_id = "readFinding", tag = "incidents",
    params(("finding_id" = Uuid, Path, description = "Id of the finding")),
    responses(
        (status = 200, description = "The finding", body = FindingBody),
        Problems))]
pub(crate) async fn finding(
    State(app): State<App>,
    mut visitor: Visitor,
    finding_id: Result<Path<Uuid>, PathRejection>,
) -> Result<Json<FindingBody>, Problem> {
    let Path(finding_id) = finding_id?;
    let absent = || Problem::NotFound(format!("finding {finding_id}: does not exist"));
    let filter = FindingFilter { ids: Some(vec![finding_id]), ..FindingFilter::default() };
    let found = visitor.visit.findings(&filter).await?.pop().ok_or_else(absent)?;
    visitor.role_in(&found.finding.org_id).map_err(|_| absent())?;
    Ok(Json(FindingBody::of(&found, app.eyes(&visitor.session))))
}
