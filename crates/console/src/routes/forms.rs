//! Incidents and their changes in the forms that other systems read.

use super::incidents;
use crate::access::Visitor;
use crate::body::{EventBody, Events, Record};
use crate::page;
use crate::problem::{Problem, Problems};
use crate::server::App;
use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use forms::tenant::Field;
use forms::{ApiAnomalyEvent, Facts, TenantSecurityApiAnomaly, cef, ecs, ocsf};
use model::{OrgId, Uuid};
use serde::Deserialize;
use store::{Anomaly, StreamPosition};
use utoipa::{IntoParams, ToSchema};

/// A form of an incident.
#[derive(Clone, Copy, ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum Form {
    /// Salesforce's event.
    ApiAnomalyEvent,
    /// Salesforce's record.
    TenantSecurityApiAnomaly,
    /// A Detection Finding of the Open Cybersecurity Schema Framework.
    Ocsf,
    /// An alert of the Elastic Common Schema.
    Ecs,
    /// A line of the Common Event Format.
    Cef,
}

impl Form {
    const ALL: [(&'static str, Self); 5] = [
        ("api-anomaly-event", Self::ApiAnomalyEvent),
        ("tenant-security-api-anomaly", Self::TenantSecurityApiAnomaly),
        ("ocsf", Self::Ocsf),
        ("ecs", Self::Ecs),
        ("cef", Self::Cef),
    ];
}

/// Read an incident in another form
///
/// The names are those of the form. An incident that another one absorbed, or that is withdrawn, is there, too.
#[utoipa::path(get, path = "/v1/incidents/{incident_id}/forms/{form}", operation_id = "readIncidentForm",
    tag = "anomalies",
    params(
        ("incident_id" = Uuid, Path, description = "Id of the incident"),
        ("form" = inline(Form), Path, description = "The form")
    ),
    responses(
        (status = 200, description = "The incident; as a line of text in the form cef",
            content((Object = "application/json"), (String = "text/plain"))),
        Problems))]
pub(crate) async fn incident(
    State(app): State<App>,
    mut visitor: Visitor,
    path: Result<Path<(Uuid, String)>, PathRejection>,
) -> Result<Response, Problem> {
    let Path((incident_id, name)) = path?;
    incidents::read(&mut visitor, incident_id).await?;
    let absent = || Problem::NotFound(format!("incident {incident_id}: has no findings, so it has no form"));
    let (anomaly, position) = visitor.visit.anomaly(incident_id).await?.ok_or_else(absent)?;
    let seen = Anomaly { incident: app.eyes(&visitor.session).incident(anomaly.incident), ..anomaly };
    let facts = Facts::of(seen.subject()).ok_or_else(absent)?;
    let form = Form::ALL.into_iter().find(|(known, _)| *known == name);
    let known = || Form::ALL.map(|(name, _)| name).join(", ");
    let (_, form) = form.ok_or_else(|| Problem::NotFound(format!("form: one of {}, not {name:?}", known())))?;
    Ok(match form {
        Form::ApiAnomalyEvent => Json(event(&facts, position)).into_response(),
        Form::TenantSecurityApiAnomaly => {
            Json(Record { record: TenantSecurityApiAnomaly::of(&facts), fields: Field::ALL.into() }).into_response()
        }
        Form::Ocsf => Json(ocsf::detection_finding(&facts)).into_response(),
        Form::Ecs => Json(ecs::alert(&facts)).into_response(),
        Form::Cef => cef::line(&facts).into_response(),
    })
}

fn event(facts: &Facts<'_>, position: Option<StreamPosition>) -> EventBody {
    EventBody(ApiAnomalyEvent::of(facts, position.map(|position| position.to_string())))
}

/// Which changes.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// Those of this org; without it, of all orgs of the session.
    org: Option<String>,
    /// Those after this `next_after` or ReplayId; without it, from the oldest one that is stored.
    #[param(pattern = "^[0-9]+(-[0-9]+)?$")]
    after: Option<String>,
    /// The most events, 1 to 200; 50 without it.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// List changes of incidents as ApiAnomalyEvents
///
/// In the order of the event stream, with its positions as ReplayId. A change that was not published has the incident as it
/// is now.
#[utoipa::path(get, path = "/v1/api-anomaly-events", operation_id = "listApiAnomalyEvents", tag = "anomalies",
    params(Asked),
    responses(
        (status = 200, description = "The events", body = Events),
        Problems))]
pub(crate) async fn events(
    State(app): State<App>,
    mut visitor: Visitor,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Events>, Problem> {
    let Query(Asked { org, after, limit }) = asked?;
    let limit = page::limit(limit)?;
    let org = org.as_deref().map(OrgId::new);
    if let Some(org) = &org {
        visitor.role_in(org)?;
    }
    let after = match after {
        None => StreamPosition::default(),
        Some(text) => {
            text.parse().map_err(|_| Problem::Malformed(format!("after: {text:?} is no position of an event")))?
        }
    };
    // As after a restore: what follows would be passed over.
    if after > visitor.visit.latest_position().await? {
        return Err(Problem::Malformed(format!("after: {after} is ahead of all events; leave it out to start again")));
    }
    let changes = visitor.visit.anomaly_events(org.as_ref(), after, limit).await?;
    let next_after = changes.last().map_or(after, |change| change.position).to_string();
    let eyes = app.eyes(&visitor.session);
    let items = changes.into_iter().filter_map(|change| {
        let seen = Anomaly { incident: eyes.incident(change.anomaly.incident), ..change.anomaly };
        Some(event(&Facts::of(seen.subject())?, Some(change.position)))
    });
    Ok(Json(Events { items: items.collect(), next_after }))
}
