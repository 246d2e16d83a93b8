//! Incidents as `TenantSecurityApiAnomaly`, with the calls and associated objects that Salesforce has for an object.

pub(crate) mod associated;
pub(crate) mod spans;

use super::incidents::sees_all_names;
use crate::access::Visitor;
use crate::body::{Described, Eyes, GroupBody, Groups, Queried, Record, Records};
use crate::problem::{Problem, Problems};
use crate::server::App;
use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use forms::query::{Answer, Cursor, Filter, GroupKey, Test, Value};
use forms::tenant::Field;
use forms::{Facts, Property, TenantSecurityApiAnomaly};
use model::{OrgId, Status, Uuid};
use serde::Deserialize;
use std::sync::Arc;
use store::Anomaly;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};

/// The parameters of a query, as its description has them: what a field allows is what its object's document says.
struct Asked;

impl IntoParams for Asked {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let parameter = |name: &str| ParameterBuilder::new().name(name).parameter_in(ParameterIn::Query);
        let text = |name: &str, description: &str| {
            let schema = ObjectBuilder::new().schema_type(Type::String);
            parameter(name).description(Some(description)).schema(Some(schema)).build()
        };
        let limit =
            ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(forms::Query::MAX_LIMIT));
        let limit =
            parameter("limit").description(Some("The most records or groups; 100 without it.")).schema(Some(limit));
        let mut all = vec![
            text("fields", "The fields of the records, separated by commas; without it, all."),
            text("sort", "Fields to sort by, separated by commas, `-` for descending; without it, `-EventDate`."),
            text("group", "Fields by which records are counted. `sort` may then have `count`."),
            text("cursor", "The `next_cursor` of the page before, asked for in the same order."),
            limit.build(),
        ];
        let filterable = Field::ALL.iter().map(|field| field.description()).filter(|field| field.has(Property::Filter));
        all.extend(filterable.map(|field| {
            let value = ObjectBuilder::new().schema_type(Type::String);
            let value = value.pattern(Some("^(eq|ne|in|like|lt|le|gt|ge):"));
            let values = ArrayBuilder::new().items(value);
            let description = "`op:value`: eq, ne, in, like, lt, le, gt or ge, as the field's type has them.";
            parameter(field.name).description(Some(description)).schema(Some(values)).build()
        }));
        all
    }
}

/// Query anomalies
///
/// A record of TenantSecurityApiAnomaly for each incident that no other one absorbed and that is not withdrawn. Only what
/// the object's description marks so is filtered, grouped and sorted; on names, it takes a role that sees them.
#[utoipa::path(get, path = "/v1/tenant-security-api-anomalies", operation_id = "queryAnomalies", tag = "anomalies",
    params(Asked),
    responses(
        (status = 200, description = "Records, or groups of them", body = Queried),
        Problems))]
pub(crate) async fn query(
    State(app): State<App>,
    mut visitor: Visitor,
    pairs: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Result<Json<Queried>, Problem> {
    let Query(pairs) = pairs?;
    let query = parse(pairs)?;
    check_names(&query, &visitor, &app)?;
    let forms::Query { filters, answer, limit } = query;
    match answer {
        Answer::Records { fields, sort, after } => {
            let page = visitor.visit.anomalies(&filters, &sort, after.as_ref(), limit).await?;
            let eyes = app.eyes(&visitor.session);
            let fields: Arc<[Field]> = fields.into();
            // A cursor is of what is stored, not of what the session sees.
            let last = page.found.last().filter(|_| page.has_more).and_then(of);
            let next_cursor = last.map(|last| Cursor::encode(&last, &sort));
            let records = page.found.into_iter().filter_map(|anomaly| record(anomaly, fields.clone(), eyes)).collect();
            Ok(Json(Queried::Records(Records { records, done: !page.has_more, next_cursor })))
        }
        Answer::Groups { by, sort } => {
            let (found, has_more) = visitor.visit.anomaly_groups(&filters, &by, &sort, limit).await?;
            let group = |group: store::AnomalyGroup| GroupBody {
                values: by.iter().map(|field| field.description().name).zip(group.values).collect(),
                count: group.records,
            };
            Ok(Json(Queried::Groups(Groups { groups: found.into_iter().map(group).collect(), done: !has_more })))
        }
    }
}

fn parse(pairs: Vec<(String, String)>) -> Result<forms::Query, Problem> {
    forms::Query::parse(pairs).map_err(|refused| Problem::Malformed(refused.to_string()))
}

/// Refuses to filter, group or sort by names that the session does not see: the answer would show them.
fn check_names(query: &forms::Query, visitor: &Visitor, app: &App) -> Result<(), Problem> {
    let is_name = |field: Field| field == Field::Username;
    let is_used = query.filters.iter().any(|filter| is_name(filter.field))
        || match &query.answer {
            Answer::Records { sort, .. } => sort.iter().any(|sort| is_name(sort.key)),
            Answer::Groups { by, sort } => {
                by.iter().copied().any(is_name)
                    || sort.iter().any(|sort| matches!(sort.key, GroupKey::Field(field) if is_name(field)))
            }
        };
    if !is_used || sees_all_names(visitor, app, &tenants(&query.filters)) {
        return Ok(());
    }
    let detail =
        "Username: this session does not see all names; use UserIdentifier, or keep to a Tenant in which it does";
    Err(Problem::Forbidden(detail.to_owned()))
}

/// Returns the orgs to which the first filter on them keeps; empty if none does.
fn tenants(filters: &[Filter]) -> Vec<OrgId> {
    let text = |value: &Value| match value {
        Value::Text(text) => Some(OrgId::new(text)),
        _ => None,
    };
    let of = |filter: &Filter| match &filter.test {
        Test::Equals(value) => Some(text(value).into_iter().collect()),
        Test::OneOf(values) => Some(values.iter().filter_map(text).collect()),
        _ => None,
    };
    filters.iter().filter(|filter| filter.field == Field::Tenant).find_map(of).unwrap_or_default()
}

fn of(anomaly: &Anomaly) -> Option<TenantSecurityApiAnomaly> {
    Facts::of(anomaly.subject()).map(|facts| TenantSecurityApiAnomaly::of(&facts))
}

fn record(anomaly: Anomaly, fields: Arc<[Field]>, eyes: Eyes<'_>) -> Option<Record> {
    let seen = Anomaly { incident: eyes.incident(anomaly.incident), ..anomaly };
    Some(Record { record: of(&seen)?, fields })
}

/// Describe anomalies
///
/// The fields of TenantSecurityApiAnomaly, what queries may do with each, and the associated objects.
#[utoipa::path(get, path = "/v1/tenant-security-api-anomalies/describe", operation_id = "describeAnomalies",
    tag = "anomalies",
    responses(
        (status = 200, description = "The description", body = Described),
        Problems))]
pub(crate) async fn describe(_: Visitor) -> Json<Described> {
    Json(Described::tenant_security_api_anomaly())
}

/// Which fields.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Fields {
    /// The fields of the record, separated by commas; without it, all.
    fields: Option<String>,
}

/// Retrieve an anomaly
#[utoipa::path(get, path = "/v1/tenant-security-api-anomalies/{incident_id}", operation_id = "retrieveAnomaly",
    tag = "anomalies",
    params(("incident_id" = Uuid, Path, description = "Id of the record: that of the incident"), Fields),
    responses(
        (status = 200, description = "The record", body = Record),
        Problems))]
pub(crate) async fn retrieve(
    State(app): State<App>,
    mut visitor: Visitor,
    incident_id: Result<Path<Uuid>, PathRejection>,
    asked: Result<Query<Fields>, QueryRejection>,
) -> Result<Json<Record>, Problem> {
    let Path(incident_id) = incident_id?;
    let anomaly = read(&mut visitor, incident_id).await?;
    let Query(Fields { fields }) = asked?;
    let fields = match parse(fields.into_iter().map(|fields| ("fields".to_owned(), fields)).collect())?.answer {
        Answer::Records { fields, .. } => fields,
        Answer::Groups { by, .. } => by,
    };
    let record = record(anomaly, fields.into(), app.eyes(&visitor.session));
    record.map(Json).ok_or_else(|| absent(incident_id))
}

/// Reads an incident that has a record which the session sees.
///
/// # Errors
/// 404 if there is none.
async fn read(visitor: &mut Visitor, incident_id: Uuid) -> Result<Anomaly, Problem> {
    let found = visitor.visit.anomaly(incident_id).await?;
    let (anomaly, _) = found.ok_or_else(|| absent(incident_id))?;
    visitor.role_in(&anomaly.incident.org_id).map_err(|_| absent(incident_id))?;
    if matches!(anomaly.status, Status::Merged | Status::Withdrawn) {
        let status = anomaly.status.as_str();
        return Err(Problem::NotFound(format!("record {incident_id}: deleted, as its incident is {status}")));
    }
    Ok(anomaly)
}

fn absent(incident_id: Uuid) -> Problem {
    Problem::NotFound(format!("record {incident_id}: does not exist"))
}
