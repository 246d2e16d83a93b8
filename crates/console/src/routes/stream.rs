//! The event stream: changes of incidents as they are committed.

use crate::access::{Credential, Visitor};
use crate::body::{IncidentChange, StreamEvent};
use crate::meter::OpenStream;
use crate::problem::{Problem, Problems};
use crate::server::{App, StreamPlace};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures::Stream;
use model::OrgId;
use runtime::error::chain;
use serde::Deserialize;
use serde_json::json;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;
use store::{StoreError, StreamPosition, StreamedChange};
use utoipa::IntoParams;

/// Changes that are read at once.
const AT_ONCE: u32 = 500;

/// Which changes.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// Those of this org; without it, of all orgs of the session.
    org: Option<String>,
    /// Those after the event with this id; without it, from now on.
    #[param(pattern = "^[0-9]+(-[0-9]+)?$")]
    after: Option<String>,
}

/// Follow changes of incidents
///
/// An event for each change, with an id to resume after; before them one that is called `start` and has the id from which
/// the stream goes on, or `reset` if the id that was named is of another database. The stream ends when the session does.
#[utoipa::path(get, path = "/v1/events", operation_id = "followEvents", tag = "incidents",
    params(Asked, ("last-event-id" = Option<String>, Header, pattern = "^[0-9]+(-[0-9]+)?$", description = "As `after`, and in its place if both are sent")),
    responses(
        (status = 200, description = "The changes, as they are committed; each event is a StreamEvent",
            content_type = "text/event-stream", body = StreamEvent),
        Problems))]
pub(crate) async fn follow(
    State(app): State<App>,
    mut visitor: Visitor,
    credential: Credential,
    asked: Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let Query(Asked { org, after }) = asked?;
    let org = org.as_deref().map(OrgId::new);
    if let Some(org) = &org {
        visitor.role_in(org)?;
    }
    let after = after.map(|text| id("after", &text)).transpose()?;
    let last = headers.get("last-event-id").map(|text| id("last-event-id", &String::from_utf8_lossy(text.as_bytes())));
    let latest = visitor.visit.latest_position().await?;
    let after = last.transpose()?.or(after).unwrap_or(latest);
    // An id of another database, as before a restore, is ahead of all: say so, and go on from now.
    let is_ahead = after > latest;
    let state = Follower {
        pause: Duration::from_millis(app.settings.stream_ms),
        _place: app.limits.open_stream(visitor.session.session_id)?,
        _open: app.meter.open_stream(),
        app,
        credential,
        org,
        after: after.min(latest),
        waiting: VecDeque::new(),
        beginning: Some(if is_ahead { "reset" } else { "start" }),
    };
    let events = futures::stream::unfold(state, async |mut state| Some((Ok(state.next().await?), state)));
    Ok(Sse::new(events).keep_alive(KeepAlive::new()))
}

/// Reads the id of an event.
fn id(key: &str, text: &str) -> Result<StreamPosition, Problem> {
    text.parse().map_err(|_| Problem::Malformed(format!("{key}: {text:?} is no id of an event")))
}

/// One client's place in the stream.
struct Follower {
    app: App,
    credential: Credential,
    org: Option<OrgId>,
    after: StreamPosition,
    waiting: VecDeque<StreamedChange>,
    pause: Duration,
    /// The event that says where the stream begins, until it is sent.
    beginning: Option<&'static str>,
    _place: StreamPlace,
    _open: OpenStream,
}

impl Follower {
    /// Waits for the next event; `None` when the stream ends.
    async fn next(&mut self) -> Option<Event> {
        if let Some(name) = self.beginning.take() {
            return Some(Event::default().event(name).id(self.after.to_string()).data("{}"));
        }
        loop {
            if let Some(change) = self.waiting.pop_front() {
                self.after = change.position;
                return Some(event(&change));
            }
            match self.read().await {
                Ok(Some(changes)) => self.waiting = changes.into(),
                // The session has ended.
                Ok(None) => return None,
                Err(error) => {
                    tracing::warn!(error = chain(&error), "an event stream cannot be read for now");
                }
            }
            if self.waiting.is_empty() {
                let stop = self.app.shutdown.clone();
                stop.run_until_cancelled(tokio::time::sleep(self.pause)).await?;
            }
        }
    }

    async fn read(&self) -> Result<Option<Vec<StreamedChange>>, StoreError> {
        let visitor = Visitor::open(&self.app, &self.credential.0).await?;
        let Some(Visitor { session, mut visit }) = visitor else { return Ok(None) };
        if self.org.as_ref().is_some_and(|org| session.role_in(org).is_none()) {
            return Ok(None);
        }
        visit.changes(self.org.as_ref(), self.after, AT_ONCE).await.map(Some)
    }
}

fn event(change: &StreamedChange) -> Event {
    let data = json!(IncidentChange::from(change));
    Event::default().event("incident").id(change.position.to_string()).data(data.to_string())
}
