//! Who reads an object or a report.

use super::days::{Asked, span};
use super::settings::followed;
use crate::access::Visitor;
use crate::body::TouchedBody;
use crate::page::MOST;
use crate::problem::{Conflicts, Problem, Problems};
use crate::server::App;
use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use model::{FirstOf, OrgId, Text};
use risk::Decisions;
use runtime::clock::now;
use store::{DecisionFilter, IncidentFilter, IncidentOrder, IncidentQuery};

/// Read who reads an object
///
/// The accounts with incidents that touched it, of all incidents that are stored, and those that accessed it for the first
/// time on closed days of a span. An account's first five active days have no first times, and of a day with more than 12
/// new objects only 12 are stored.
#[utoipa::path(get, path = "/v1/orgs/{org_id}/objects/{name}", operation_id = "readObject", tag = "accounts",
    params(("org_id" = String, Path, description = "Salesforce id of the org"),
           ("name" = String, Path, description = "API name of the object"), Asked),
    responses(
        (status = 200, description = "Who reads it; without incidents and first times also if there is no such object",
            body = TouchedBody),
        Conflicts, Problems))]
pub(crate) async fn object(
    State(app): State<App>,
    mut visitor: Visitor,
    path: Result<Path<(String, String)>, PathRejection>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<TouchedBody>, Problem> {
    let (Path((org, name)), Query(Asked { from, to })) = (path?, asked?);
    let org = OrgId::new(&org);
    visitor.role_in(&org)?;
    let span = span(from, to)?;
    let sensitivity = sensitivity(&app, &mut visitor, &org, &Text::from(name.as_str())).await?;
    let touched = visitor.visit.touched(&org, &format!("object:{name}"), MOST).await?;
    let firsts = visitor.visit.first_days(&org, (FirstOf::Object, &[&name]), span, MOST).await?;
    let of = (&org, "object", &*name);
    let body = TouchedBody::of(of, &touched, span, &firsts, app.eyes(&visitor.session));
    Ok(Json(TouchedBody { sensitivity, ..body }))
}

/// Read who reads a resource
///
/// Such as a report. The accounts with incidents that touched it, of all incidents that are stored, and those that exported
/// it for the first time on closed days of a span, if it is a report. First times go by name, so reports of the same name
/// count as one; an account's first five active days have none, and of a day with more than 12 new reports only 12 are stored.
#[utoipa::path(get, path = "/v1/orgs/{org_id}/resources/{id}", operation_id = "readResource", tag = "accounts",
    params(("org_id" = String, Path, description = "Salesforce id of the org"),
           ("id" = String, Path, description = "Salesforce id of the resource, or its name"), Asked),
    responses(
        (status = 200, description = "Who reads it; without incidents and first times also if there is no such resource",
            body = TouchedBody),
        Problems))]
pub(crate) async fn resource(
    State(app): State<App>,
    mut visitor: Visitor,
    path: Result<Path<(String, String)>, PathRejection>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<TouchedBody>, Problem> {
    let (Path((org, id)), Query(Asked { from, to })) = (path?, asked?);
    let org = OrgId::new(&org);
    visitor.role_in(&org)?;
    let span = span(from, to)?;
    let facet = format!("resource:{id}");
    let touched = visitor.visit.touched(&org, &facet, MOST).await?;
    let name = match touched.incidents {
        0 => None,
        _ => name(&mut visitor, &org, (&id, facet)).await?,
    };
    let names: Vec<&str> = [Some(&*id), name.as_deref()].into_iter().flatten().collect();
    let firsts = visitor.visit.first_days(&org, (FirstOf::Report, &names), span, MOST).await?;
    let of = (&org, "resource", &*id);
    let body = TouchedBody::of(of, &touched, span, &firsts, app.eyes(&visitor.session));
    Ok(Json(TouchedBody { name, ..body }))
}

/// Returns the factor of an object at the event time that the org has reached.
async fn sensitivity(app: &App, visitor: &mut Visitor, org: &OrgId, object: &Text) -> Result<Option<f64>, Problem> {
    let settings = followed(app, visitor, org).await?.settings.risk_of(org);
    let filter = DecisionFilter { org_id: Some(org.clone()), ..DecisionFilter::default() };
    let decisions = visitor.visit.decisions(&filter).await?;
    let of_all = decisions.into_iter().filter(|decision| decision.user_id.is_none());
    let at = visitor.visit.org_clock(org).await?.unwrap_or_else(now);
    Ok(Decisions::new(of_all).sensitivity(object, at, &settings))
}

/// Returns the name that findings of the latest incident that touched a resource have of it.
async fn name(visitor: &mut Visitor, org: &OrgId, (id, facet): (&str, String)) -> Result<Option<String>, Problem> {
    let query = IncidentQuery {
        orgs: vec![org.clone()],
        facets: vec![facet],
        order: IncidentOrder::Latest,
        ..IncidentQuery::default()
    };
    let latest = visitor.visit.list_incidents(&query, 1).await?.rows.pop();
    let filter = IncidentFilter { ids: latest.map(|row| vec![row.incident_id]), ..IncidentFilter::default() };
    // Without an id, the filter would select all.
    let stored = if filter.ids.is_some() { visitor.visit.incidents(&filter).await? } else { Vec::new() };
    let findings = stored.iter().flat_map(|stored| &stored.incident.findings);
    let named = findings.filter(|finding| finding.resource_id.as_deref() == Some(id));
    Ok(named.filter_map(|finding| finding.resource_name.as_ref()).next_back().map(ToString::to_string))
}
