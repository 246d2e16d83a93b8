//! `POST /v1/events`: pushed events.

mod answer;

use crate::decode::{Decoded, Packing, decode};
use crate::idle::Idle;
use crate::meter::{Counts, Meter, SourceKind};
use crate::tokens::Keyring;
use crate::{Settings, Sink, Tokens};
use answer::{Accepted, Refusal};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bus::PublishError;
use futures::StreamExt;
use model::OrgId;
use runtime::admin::Health;
use runtime::clock::now;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tracing::field::Empty;
use tracing::{Instrument, Span};

/// The state that requests share.
pub struct Push {
    keyring: Arc<Keyring>,
    sink: Sink,
    limits: Limits,
    /// One permit for each request at a time.
    room: Semaphore,
    idle: Mutex<Idle>,
    meter: Meter,
}

struct Limits {
    body: u64,
    unpacked: u64,
    body_wait: Duration,
    acknowledge_wait: Duration,
}

pub(crate) const ROUTE: &str = "/v1/events";

/// Returns the router of pushes; probes and metrics are on the admin server.
///
/// A request is answered with 202 once JetStream has acknowledged its events. After 429 or 503 the client sends the same
/// again; events have identities, so none counts twice.
pub fn router(push: Arc<Push>) -> Router {
    Router::new().route(ROUTE, post(events)).with_state(push)
}

impl Push {
    /// Makes the state for a router. `health` reports token files that cannot be read.
    pub fn new(settings: &Settings, tokens: Tokens, sink: Sink, health: &Health) -> Self {
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        let limits = Limits {
            body: settings.max_body_bytes,
            unpacked: settings.max_unpacked_bytes,
            body_wait: seconds(settings.body_seconds),
            acknowledge_wait: seconds(settings.acknowledge_seconds),
        };
        let mut idle = Idle::default();
        for (org, of_org) in &settings.orgs {
            if let Some(after) = settings.idle_after(of_org) {
                idle.watch(OrgId::new(org.as_str()), after, now());
            }
        }
        let room = Semaphore::new(settings.max_requests as usize);
        let keyring = Arc::new(Keyring::new(tokens, health));
        Self { keyring, sink, limits, room, idle: Mutex::new(idle), meter: Meter::new() }
    }

    pub(crate) fn keyring(&self) -> &Arc<Keyring> {
        &self.keyring
    }

    pub(crate) fn idle(&self) -> MutexGuard<'_, Idle> {
        // No change under this lock can be interrupted halfway.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(self: Arc<Self>, request: Request) -> Result<Accepted, Refusal> {
        let headers = request.headers();
        let token = bearer(headers).ok_or(Refusal::NoToken)?;
        let org = self.keyring.org_of(token).ok_or(Refusal::WrongToken)?;
        Span::current().record("orgwatch.org.id", org.as_str());
        let packing = packing(headers)?;
        self.check_length(headers)?;

        let _room = self.room.try_acquire().map_err(|_| Refusal::Busy)?;
        let read = self.read(request.into_body());
        let body = tokio::time::timeout(self.limits.body_wait, read).await.map_err(|_| Refusal::Slow)??;
        self.meter.bytes(SourceKind::Push, body.len() as u64);
        let (max_bytes, owner) = (self.limits.unpacked, org.clone());
        let decoding = tokio::task::spawn_blocking(move || decode(&body, packing, &owner, max_bytes, now()));
        let decoded = decoding.await.map_err(Refusal::Failed)??;
        self.publish(&org, decoded).await
    }

    fn check_length(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let length = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if length.is_some_and(|length| length > self.limits.body) {
            return Err(Refusal::TooLarge(self.limits.body));
        }
        Ok(())
    }

    async fn read(&self, body: Body) -> Result<Vec<u8>, Refusal> {
        let mut parts = body.into_data_stream();
        let mut whole = Vec::new();
        while let Some(part) = parts.next().await {
            let part = part.map_err(Refusal::BrokenOff)?;
            if (whole.len() + part.len()) as u64 > self.limits.body {
                return Err(Refusal::TooLarge(self.limits.body));
            }
            whole.extend_from_slice(&part);
        }
        Ok(whole)
    }

    async fn publish(&self, org: &OrgId, decoded: Decoded) -> Result<Accepted, Refusal> {
        let Decoded { activities, rejects, ignored } = decoded;
        let counts = Counts { accepted: activities.len(), rejected: rejects.len(), ignored, outside: 0 };
        if let Some(first) = rejects.first() {
            let reason = first.reason.as_str();
            tracing::warn!(org.id = %org, records = counts.rejected, line = first.line, reason, "records set aside");
        }
        if counts.accepted == 0 && ignored == 0 {
            self.meter.records(SourceKind::Push, counts);
            return Err(Refusal::NoEvents(rejects));
        }
        self.idle().heard(org, now());
        activities.iter().for_each(|activity| self.meter.latency(SourceKind::Push, activity));
        let stored = async { self.sink.offer(activities).await?.await };
        match tokio::time::timeout(self.limits.acknowledge_wait, stored).await {
            Ok(Ok(())) => {}
            Ok(Err(PublishError::Busy)) => return Err(Refusal::Busy),
            Ok(Err(error)) => return Err(Refusal::NotPublished(error)),
            Err(_) => return Err(Refusal::NotAcknowledged),
        }
        self.meter.records(SourceKind::Push, counts);
        Ok(Accepted::new(counts, rejects))
    }
}

async fn events(State(push): State<Arc<Push>>, request: Request) -> Response {
    let started = Instant::now();
    let span = tracing::info_span!(
        "POST /v1/events",
        orgwatch.service = "ingest",
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = "POST",
        http.route = ROUTE,
        http.response.status_code = Empty,
        orgwatch.org.id = Empty,
        orgwatch.records.accepted = Empty,
        orgwatch.records.rejected = Empty,
    );
    if let Some(parent) = request.headers().get("traceparent").and_then(|parent| parent.to_str().ok()) {
        bus::trace::parent(&span, parent);
    }
    let answer = Arc::clone(&push).answer(request).instrument(span.clone()).await;
    let response = span.in_scope(|| answered(&span, answer));
    span.record("http.response.status_code", response.status().as_u16());
    push.meter.request(response.status().as_u16(), started.elapsed());
    response
}

fn answered(span: &Span, answer: Result<Accepted, Refusal>) -> Response {
    match answer {
        Ok(accepted) => {
            span.record("orgwatch.records.accepted", accepted.accepted);
            span.record("orgwatch.records.rejected", accepted.rejected_total);
            accepted.into_response()
        }
        Err(refusal) => {
            if refusal.status().is_server_error() {
                span.record("otel.status_code", "ERROR");
                tracing::warn!(
                    error = &refusal as &dyn std::error::Error,
                    "request not stored, the client has to send it again"
                );
            } else {
                tracing::debug!(error = &refusal as &dyn std::error::Error, "request refused");
            }
            refusal.into_response()
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn packing(headers: &HeaderMap) -> Result<Packing, Refusal> {
    let mut named = headers.get_all(header::CONTENT_ENCODING).iter();
    let (first, second) = (named.next(), named.next());
    let Some(name) = first else { return Ok(Packing::Detect) };
    let known = name.to_str().ok().and_then(Packing::from_content_encoding).filter(|_| second.is_none());
    known.ok_or_else(|| Refusal::Encoding(String::from_utf8_lossy(name.as_bytes()).into_owned()))
}

#[cfg(test)]
mod tests;
