//! `POST /v1/events`: pushed events.

mod answer;
mod connections;
mod decoders;
mod places;
mod receive;
mod serve;

pub(crate) use serve::serve;

use crate::decode::{DecodeError, Decoded, Packing, decode};
use crate::idle::Idle;
use crate::meter::{Counts, Meter, SourceKind};
use crate::tokens::Keyring;
use crate::{Settings, Sink, Ticket, Tokens};
use answer::{Accepted, Refusal};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bus::PublishError;
use connections::{Connection, Connections};
use decoders::Decoders;
use futures::future::try_join_all;
use model::{Activity, OrgId};
use places::Places;
use receive::Limits;
use runtime::admin::Health;
use runtime::clock::now;
use salesforce::{Context, TypeNames};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tracing::field::Empty;
use tracing::{Instrument, Span};

/// The state that requests share.
pub struct Push {
    keyring: Arc<Keyring>,
    sink: Sink,
    limits: Limits,
    max_unpacked_bytes: u64,
    acknowledge_wait: Duration,
    header_wait: Duration,
    connections: Connections,
    places: Places,
    decoders: Decoders,
    idle: Mutex<Idle>,
    meter: Meter,
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
        let mut idle = Idle::default();
        for (org, of_org) in &settings.orgs {
            if let Some(after) = settings.idle_after(of_org) {
                idle.watch(OrgId::new(org.as_str()), after, now());
            }
        }
        Self {
            keyring: Arc::new(Keyring::new(tokens, health)),
            sink,
            limits: Limits::new(settings),
            max_unpacked_bytes: settings.max_unpacked_bytes,
            acknowledge_wait: seconds(settings.acknowledge_seconds),
            header_wait: seconds(settings.header_seconds),
            connections: Connections::new(settings),
            places: Places::new(settings),
            decoders: Decoders::new(settings),
            idle: Mutex::new(idle),
            meter: Meter::new(),
        }
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
        if let Some(connection) = request.extensions().get::<Arc<Connection>>() {
            connection.authenticated();
        }
        let packing = packing(headers)?;
        let asked = Asked::of(request.uri().query())?;
        let sink = if asked.is_watched { self.sink.watching() } else { self.sink.clone() };
        self.limits.check(declared_length(headers))?;

        let mut place = self.places.take(&org)?;
        let body = self.limits.receive(request.into_body(), &mut place).await?;
        self.meter.bytes(SourceKind::Push, body.len());
        let decoder = self.decoders.take(&org).await?;
        let (sender, batches) = mpsc::channel(1);
        let max_bytes = self.max_unpacked_bytes;
        let context = Context { org: Some(org.clone()), types: asked.types, ..Context::default() };
        // The place is taken until the thread has ended, also if the client goes away. Then the receiver of the batches
        // goes away, too, and the thread ends with its next chunk.
        let decoding = tokio::task::spawn_blocking(move || {
            let _held = (place, decoder);
            let take = |batch: Vec<Activity>| {
                if batch.is_empty() { !sender.is_closed() } else { sender.blocking_send(batch).is_ok() }
            };
            decode(body, packing, context, max_bytes, now(), take)
        });
        let sent = self.send(&org, &sink, batches).await;
        let decoded = decoding.await.map_err(Refusal::Failed)?;
        if let Err(DecodeError::Canceled) = &decoded {
            // Only sending that has failed cancels it.
            sent?;
            return Err(DecodeError::Canceled.into());
        }
        self.conclude(&org, decoded?, sent?).await
    }

    /// Sends the batches in order. If one fails, `batches` is closed, which stops decoding.
    async fn send(
        &self,
        org: &OrgId,
        sink: &Sink,
        mut batches: mpsc::Receiver<Vec<Activity>>,
    ) -> Result<Sent, Refusal> {
        let Sent { mut tickets, mut counts } = Sent::default();
        while let Some(activities) = batches.recv().await {
            activities.iter().for_each(|activity| self.meter.latency(SourceKind::Push, activity));
            let batch = sink.batch(activities);
            counts.backfill += batch.backfill;
            counts.too_old += batch.too_old;
            counts.ahead += batch.ahead;
            // Nothing is sent yet before the first batch, so the client may be asked to send the body later.
            let sent = if tickets.is_empty() {
                self.idle().heard(org, now());
                timeout(self.acknowledge_wait, sink.offer(batch)).await
            } else {
                timeout(self.acknowledge_wait, sink.send_batch(batch)).await
            };
            match sent {
                Ok(Ok(ticket)) => tickets.push(ticket),
                Ok(Err(PublishError::Busy)) => return Err(Refusal::PublisherIsBusy),
                Ok(Err(error)) => return Err(Refusal::NotPublished(error)),
                Err(_) => return Err(Refusal::NotAcknowledged),
            }
        }
        Ok(Sent { tickets, counts })
    }

    /// Waits until everything sent is acknowledged, and counts the records.
    async fn conclude(&self, org: &OrgId, decoded: Decoded, sent: Sent) -> Result<Accepted, Refusal> {
        let Decoded { accepted, rejects, counts: read, cut_off } = decoded;
        let Sent { tickets, counts } = sent;
        let ignored = read.ignored();
        let counts = Counts {
            accepted: accepted.saturating_sub(counts.too_old + counts.ahead),
            rejected: rejects.total,
            ignored,
            ..counts
        };
        for (fault, found) in rejects.faults.iter() {
            tracing::warn!(org.id = %org, records = found.count, line = found.first.line, reason = fault, "records set aside");
        }
        self.meter.unread(SourceKind::Push, &read);
        if ignored > 0 && accepted == 0 {
            self.idle().heard(org, now());
        }
        match timeout(self.acknowledge_wait, try_join_all(tickets)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(Refusal::NotPublished(error)),
            Err(_) => return Err(Refusal::NotAcknowledged),
        }
        self.meter.records(SourceKind::Push, counts);
        let stored = Accepted::new(counts, read, rejects);
        match cut_off {
            Some(at) => Err(Refusal::CutOff { at, stored: Box::new(stored) }),
            None if accepted == 0 && ignored == 0 => Err(Refusal::NoEvents(Box::new(stored))),
            None => Ok(stored),
        }
    }
}

/// What was sent of a push.
#[derive(Default)]
struct Sent {
    tickets: Vec<Ticket>,
    /// Backfill, and events that are too old.
    counts: Counts,
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
    let response = span.in_scope(|| answered(&push, &span, answer));
    span.record("http.response.status_code", response.status().as_u16());
    push.meter.request(response.status().as_u16(), started.elapsed());
    response
}

fn answered(push: &Push, span: &Span, answer: Result<Accepted, Refusal>) -> Response {
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
            push.meter.refused(refusal.label());
            refusal.into_response()
        }
    }
}

fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// What the query of an address asks for.
#[derive(Default)]
struct Asked {
    /// To watch events of any age.
    is_watched: bool,
    /// To read records that do not say their type as this one.
    types: TypeNames,
}

impl Asked {
    fn of(query: Option<&str>) -> Result<Self, Refusal> {
        let mut asked = Self::default();
        for part in query.unwrap_or_default().split('&').filter(|part| !part.is_empty()) {
            match part.split_once('=') {
                Some(("watch", "true")) => asked.is_watched = true,
                Some(("watch", "false")) => asked.is_watched = false,
                Some(("type", name)) => {
                    asked.types = TypeNames::asked(name).ok_or_else(|| Refusal::Type(name.to_owned()))?;
                }
                _ => return Err(Refusal::Query(part.to_owned())),
            }
        }
        Ok(asked)
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
