//! The REST API's routes.

use crate::body;
use crate::fault::Fault;
use crate::oauth::{self, bearer};
use crate::objects::Class;
use crate::org::Org;
use crate::query::{self, Answer};
use crate::refusal::Refusal;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, DATE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::map_response_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;

type Result<T> = std::result::Result<T, Refusal>;

pub(crate) fn router(org: Arc<Org>) -> Router {
    Router::new()
        .route("/services/oauth2/token", post(oauth::token))
        .route("/services/oauth2/userinfo", any(oauth::userinfo))
        .route("/services/data/{version}/query", get(first_page))
        .route("/services/data/{version}/query/", get(first_page))
        .route("/services/data/{version}/query/{locator}", get(further_page))
        .route("/services/data/{version}/sobjects/{object}/describe", get(describe))
        .route("/services/data/{version}/sobjects/EventLogFile/{id}/LogFile", get(download))
        .route("/services/data/{version}/limits", get(limits))
        .fallback(async || Refusal::not_found())
        .layer(map_response_with_state(Arc::clone(&org), stamp))
        .with_state(org)
}

/// Adds the headers of every answer: the org's time in seconds, and the API usage.
async fn stamp(State(org): State<Arc<Org>>, mut response: Response) -> Response {
    let date = org.clock.now().to_utc().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let usage = format!("api-usage={}/{}", calls_used(&org), org.settings.calls_max);
    for (name, value) in [(DATE.as_str(), date), ("sforce-limit-info", usage)] {
        if let (Ok(value), Ok(name)) = (HeaderValue::from_str(&value), axum::http::HeaderName::try_from(name)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn calls_used(org: &Org) -> u64 {
    let rest = ["query", "query_more", "describe", "download", "limits"];
    let counts = org.counts();
    org.settings.calls_used + rest.iter().filter_map(|call| counts.get(call)).sum::<u64>()
}

/// Counts a call, and refuses it if a fault, its token or the limit of calls says so.
fn admit(org: &Org, call: &'static str, headers: &HeaderMap) -> Result<()> {
    org.count(call);
    if org.faults.occurs(&[call], &Fault::Unavailable) {
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "SERVER_UNAVAILABLE", "The server is busy"));
    }
    if !org.tokens.is_valid(bearer(headers)) {
        return Err(Refusal::session());
    }
    if calls_used(org) > org.settings.calls_max || org.faults.occurs(&[call], &Fault::LimitExceeded) {
        let message = "TotalRequests Limit exceeded.";
        return Err(Refusal::new(StatusCode::FORBIDDEN, "REQUEST_LIMIT_EXCEEDED", message));
    }
    Ok(())
}

async fn first_page(
    State(org): State<Arc<Org>>,
    Path(version): Path<String>,
    Query(parameters): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Result<Response> {
    admit(&org, "query", &headers)?;
    let soql = parameters.get("q").ok_or_else(|| Refusal::malformed("no query was given"))?;
    let mut answer = query::run(&org, soql)?;
    let size = page_size(&org, &headers);
    let big = answer.object().is_some_and(|object| object.class == Class::Big);
    let names: Vec<&str> = answer.object().map(query::names).unwrap_or_default();
    if big && org.faults.occurs(&names, &Fault::OnePage) {
        answer.truncate(size);
    }
    let answer = Arc::new(answer);
    let id = if answer.total > size { org.cursors.keep(Arc::clone(&answer)) } else { String::new() };
    page(&org, "query", &version, &answer, &id, 0, size)
}

async fn further_page(
    State(org): State<Arc<Org>>,
    Path((version, locator)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response> {
    admit(&org, "query_more", &headers)?;
    let found = locator.rsplit_once('-').and_then(|(id, first)| Some((id, first.parse().ok()?, org.cursors.get(id)?)));
    let expired = org.faults.occurs(&["query_more"], &Fault::LocatorExpired);
    let Some((id, first, answer)) = found.filter(|_| !expired) else {
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "INVALID_QUERY_LOCATOR", "invalid query locator"));
    };
    page(&org, "query_more", &version, &answer, id, first, page_size(&org, &headers))
}

fn page(
    org: &Org,
    call: &str,
    version: &str,
    answer: &Answer,
    id: &str,
    first: usize,
    size: usize,
) -> Result<Response> {
    let end = first.saturating_add(size);
    let next = (end < answer.total).then(|| format!("/services/data/{version}/query/{id}-{end}"));
    let text = answer.page(org, version, first, size, next.as_deref());
    let names: Vec<&str> = answer.object().map(query::names).unwrap_or_default().into_iter().chain([call]).collect();
    Ok(body::json(org, &names, text))
}

/// The size of a page: the client's `batchSize`, clamped to 200 to 2,000, and at most the org's setting.
fn page_size(org: &Org, headers: &HeaderMap) -> usize {
    let options = headers.get("sforce-query-options").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let wanted = options.split(',').find_map(|option| option.trim().strip_prefix("batchSize=")?.trim().parse().ok());
    wanted.map_or(org.settings.page, |wanted: usize| wanted.clamp(200, 2_000).min(org.settings.page))
}

async fn describe(
    State(org): State<Arc<Org>>,
    Path((_, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response> {
    admit(&org, "describe", &headers)?;
    let object = query::object(&org, &name).ok_or_else(Refusal::not_found)?;
    let description = object.describe(|field| query::is_hidden(&org, &object, field));
    Ok(body::json(&org, &["describe", &object.name], description.to_string()))
}

async fn limits(State(org): State<Arc<Org>>, headers: HeaderMap) -> Result<Response> {
    admit(&org, "limits", &headers)?;
    let max = org.settings.calls_max;
    let calls = json!({ "Max": max, "Remaining": max.saturating_sub(calls_used(&org)) });
    Ok(body::json(&org, &["limits"], json!({ "DailyApiRequests": calls }).to_string()))
}

async fn download(
    State(org): State<Arc<Org>>,
    Path((_, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response> {
    admit(&org, "download", &headers)?;
    let file = org.files.find(&org, &id).ok_or_else(Refusal::not_found)?;
    let accepted = headers.get("accept-encoding").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let event_type = file.event_type.clone();
    let names = ["download", event_type.as_str()];
    let chunks = file.chunks(&org);
    if org.settings.gzip && accepted.contains("gzip") {
        let content = body::stream(&org, &names, body::gzip(chunks));
        return Ok(([(CONTENT_TYPE, "text/csv"), (CONTENT_ENCODING, "gzip")], content).into_response());
    }
    Ok(([(CONTENT_TYPE, "text/csv")], body::stream(&org, &names, chunks)).into_response())
}
