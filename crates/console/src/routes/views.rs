//! Lists of incidents that people keep under a name.

use super::incidents::Asked;
use crate::access::Visitor;
use crate::body::{ViewBody, ViewQuery};
use crate::problem::{BodyProblems, Conflicts, Problem, Problems};
use crate::server::App;
use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, Uri};
use store::KeptView;

/// List your views
///
/// Lists of incidents that the person or token of the session keeps; nobody else sees them.
#[utoipa::path(get, path = "/v1/views", operation_id = "listViews", tag = "incidents",
    responses(
        (status = 200, description = "The views, by name", body = Vec<ViewBody>),
        Problems))]
pub(crate) async fn list(mut visitor: Visitor) -> Result<Json<Vec<ViewBody>>, Problem> {
    let views = visitor.visit.kept_views().await?;
    Ok(Json(views.into_iter().map(ViewBody::from).collect()))
}

/// Keep a view
///
/// In place of the one of the same name; at most 50.
#[utoipa::path(put, path = "/v1/views/{name}", operation_id = "keepView", tag = "incidents",
    params(("name" = String, Path, description = "Its name, 1 to 80 characters")),
    request_body = ViewQuery,
    responses(
        (status = 204, description = "Kept"),
        Conflicts, BodyProblems, Problems))]
pub(crate) async fn keep(
    State(app): State<App>,
    mut visitor: Visitor,
    name: Result<Path<String>, PathRejection>,
    view: Result<Json<ViewQuery>, JsonRejection>,
) -> Result<StatusCode, Problem> {
    let (Path(name), Json(ViewQuery { query })) = (name?, view?);
    if name.trim().is_empty() || name.chars().count() > 80 {
        return Err(Problem::Invalid("name: 1 to 80 characters".to_owned()));
    }
    if query.len() > 2_000 {
        return Err(Problem::Invalid("query: at most 2,000 bytes".to_owned()));
    }
    let uri: Uri = format!("/?{query}").parse().map_err(|_| Problem::Invalid("query: is not one".to_owned()))?;
    // A list that the session cannot ask for would be a view that never opens.
    Query::<Asked>::try_from_uri(&uri)?.0.query(&visitor, &app)?;
    if !visitor.visit.keep_view(&KeptView { name, query }).await? {
        return Err(Problem::Conflict("you keep 50 views already: forget one first".to_owned()));
    }
    visitor.visit.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Forget a view
#[utoipa::path(delete, path = "/v1/views/{name}", operation_id = "forgetView", tag = "incidents",
    params(("name" = String, Path, description = "Its name")),
    responses(
        (status = 204, description = "Forgotten"),
        Problems))]
pub(crate) async fn forget(
    mut visitor: Visitor,
    name: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, Problem> {
    let Path(name) = name?;
    if !visitor.visit.forget_view(&name).await? {
        return Err(Problem::NotFound("you keep no view of this name".to_owned()));
    }
    visitor.visit.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
