//! The pages: what people see, read and decide in a browser.
//!
//! A page is made of answers of the API: it calls the functions behind `/v1` with the session of the browser, and so shows
//! nothing that the API would not answer. Every page can be read without script; [`assets`] has what script adds.

mod asker;
mod assets;
mod compare;
mod decide;
mod exposure;
mod failed;
mod fields;
mod filters;
mod incident;
mod links;
mod orgs;
mod queue;
mod shell;
mod sign_in;
mod usual;

use crate::server::App;
use asker::Asker;
use axum::Router;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use failed::Failed;
use fields::Fields;
use orgs::Orgs;

/// Returns the routes of all pages.
pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/", get(queue::page))
        .route("/incidents/{incident_id}", get(incident::page))
        .route("/incidents/{incident_id}/text.md", get(incident::markdown))
        .route("/incidents/{incident_id}/activities.csv", get(incident::csv))
        .route("/compare", get(compare::page))
        .route("/decide", get(decide::page).post(decide::record))
        .route("/decide/undo", post(decide::undo))
        .route("/sign-in", get(sign_in::page).post(sign_in::with_token))
        .route("/sign-out", post(sign_in::leave))
        .route("/assets/{version}/{name}", get(assets::serve))
}

/// What a page's handler returns.
type Page = Result<Response, Failed>;

/// Renders a template.
fn render(template: &impl askama::Template) -> Page {
    Ok((shell::headers(), Html(template.render()?)).into_response())
}
