//! The pages: what people see, read and decide in a browser.
//!
//! A page is made of answers of the API: it calls the functions behind `/v1` with the session of the browser, and so shows
//! nothing that the API would not answer. Every page can be read without script; [`assets`] has what script adds.

mod account;
mod asker;
mod assets;
mod audit;
mod compare;
mod dates;
mod decide;
mod decided;
mod decisions;
mod detectors;
mod exposure;
mod failed;
mod fields;
mod filters;
mod first_times;
mod incident;
mod leaders;
mod letters;
mod links;
mod orgs;
mod queue;
mod sessions;
mod settings;
mod shell;
mod sign_in;
mod sources;
mod touched;
mod usual;

use crate::problem::Problem;
use crate::server::App;
use asker::Asker;
use axum::Router;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use dates::Dates;
use failed::Failed;
pub(crate) use failed::explain;
use fields::Fields;
use orgs::Orgs;

/// Returns the routes of all pages.
pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/", get(queue::page))
        .route("/views", post(queue::keep))
        .route("/views/forget", post(queue::forget))
        .route("/incidents/{incident_id}", get(incident::page))
        .route("/incidents/{incident_id}/text.md", get(incident::markdown))
        .route("/incidents/{incident_id}/activities.csv", get(incident::csv))
        .route("/compare", get(compare::page))
        .route("/accounts/{org_id}/{user_id}", get(account::page))
        .route("/accounts/{org_id}/{user_id}/reveal", post(account::reveal))
        .route("/objects/{org_id}/{name}", get(touched::object))
        .route("/resources/{org_id}/{id}", get(touched::resource))
        .route("/leaders", get(leaders::page))
        .route("/first-times", get(first_times::page))
        .route("/decide", get(decide::page).post(decide::record))
        .route("/decide/preview", post(decide::preview))
        .route("/decide/undo", post(decide::undo))
        .route("/detectors", get(detectors::page))
        .route("/detectors/{org}/{detector}", get(detectors::one))
        .route("/decisions", get(decisions::page))
        .route("/sources", get(sources::page))
        .route("/letters", get(letters::list))
        .route("/letters/{sequence}", get(letters::one))
        .route("/letters/{sequence}/replay", get(letters::ask).post(letters::replay))
        .route("/settings", get(settings::page).post(settings::change))
        .route("/audit", get(audit::page))
        .route("/sessions", get(sessions::page).post(sessions::make))
        .route("/sessions/{session}/end", get(sessions::ask_end).post(sessions::end))
        .route("/sign-in", get(sign_in::page).post(sign_in::with_token))
        .route("/sign-out", post(sign_in::leave))
        .route("/assets/{version}/{name}", get(assets::serve))
}

/// Returns the page for a path without one.
pub(crate) fn absent() -> Response {
    Failed::from(Problem::NotFound("there is nothing at this path".to_owned())).into_response()
}

/// What a page's handler returns.
type Page = Result<Response, Failed>;

/// Renders a template.
fn render(template: &impl askama::Template) -> Page {
    Ok((shell::headers(), Html(template.render()?)).into_response())
}
