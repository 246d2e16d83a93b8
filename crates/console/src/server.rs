//! The server: what all requests share, and what is done about each.

use crate::body::Eyes;
use crate::meter::Meter;
use crate::problem::{NATS, Problem};
use crate::sign_in::SignIn;
use crate::{ConsoleError, Settings, pages, routes};
use ::settings::Hashed;
use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Uri, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use bus::Bus;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, NotUntil, Quota};
use model::Uuid;
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use store::Store;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};
use tracing::Instrument;

/// The largest body of a request, in bytes: a choice far above the settings of an org.
const LARGEST_BODY: usize = 1 << 20;

/// How long to wait for the body of a request. A choice.
const BODY_WAIT: Duration = Duration::from_secs(10);

/// What requests share. Clones share it.
#[derive(Clone)]
pub struct App {
    pub(crate) store: Store,
    pub(crate) rules: watch::Receiver<Arc<Hashed>>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) meter: Meter,
    pub(crate) sign_in: Option<Arc<SignIn>>,
    /// Where dead letters are read, and how far consumers are.
    pub(crate) bus: Option<Bus>,
    /// Event streams end with it.
    pub(crate) shutdown: CancellationToken,
}

impl App {
    /// Makes the state of a router.
    pub fn new(
        store: Store,
        rules: watch::Receiver<Arc<Hashed>>,
        settings: Settings,
        shutdown: CancellationToken,
    ) -> Self {
        let limits = Arc::new(Limits::new(settings.requests_per_minute));
        Self {
            store,
            rules,
            settings: Arc::new(settings),
            limits,
            meter: Meter::new(),
            sign_in: None,
            bus: None,
            shutdown,
        }
    }

    /// Adds dead letters, and how far consumers are.
    #[must_use]
    pub fn with_bus(mut self, bus: Bus) -> Self {
        self.bus = Some(bus);
        self
    }

    /// Adds the sign-in of persons, if the settings have one.
    ///
    /// # Errors
    /// If the secret of the console at the provider cannot be read, or there is no HTTP client.
    pub fn with_sign_in(mut self) -> Result<Self, ConsoleError> {
        let settings = self.settings.sign_in.clone();
        self.sign_in = settings.map(SignIn::new).transpose()?.map(Arc::new);
        Ok(self)
    }

    /// Returns the connection to NATS.
    ///
    /// # Errors
    /// 503 if there is none.
    pub(crate) fn bus(&self) -> Result<&Bus, Problem> {
        self.bus.as_ref().ok_or(Problem::Unavailable(NATS))
    }

    /// Returns how a session sees names.
    pub(crate) fn eyes<'a>(&self, session: &'a store::Session) -> Eyes<'a> {
        Eyes { session, names_from: self.settings.names_from }
    }
}

/// Event streams that a session may have open at this replica. A choice: more than one client with many tabs opens.
const MOST_STREAMS: usize = 20;

/// How many requests a session may send, and how many event streams it has open.
pub(crate) struct Limits {
    requests: DefaultKeyedRateLimiter<Uuid>,
    streams: Mutex<BTreeMap<Uuid, usize>>,
}

/// The place of an open event stream among those of its session, until it is dropped.
pub(crate) struct StreamPlace {
    limits: Arc<Limits>,
    session: Uuid,
}

impl Limits {
    fn new(per_minute: u32) -> Self {
        let requests = governor::RateLimiter::keyed(self::per_minute(per_minute));
        Self { requests, streams: Mutex::default() }
    }

    /// Takes a place for an event stream of a session.
    ///
    /// # Errors
    /// 429 if it has too many open.
    pub(crate) fn open_stream(self: &Arc<Self>, session: Uuid) -> Result<StreamPlace, Problem> {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let open = streams.entry(session).or_default();
        if *open >= MOST_STREAMS {
            return Err(Problem::TooMany(1));
        }
        *open += 1;
        Ok(StreamPlace { limits: self.clone(), session })
    }

    /// Counts a request of a session.
    ///
    /// # Errors
    /// 429 if it has sent too many.
    pub(crate) fn check(&self, session: Uuid) -> Result<(), Problem> {
        // Sessions that have sent nothing for a minute need no place.
        if self.requests.len() > 10_000 {
            self.requests.retain_recent();
        }
        self.requests.check_key(&session).map_err(until_served)
    }
}

impl Drop for StreamPlace {
    fn drop(&mut self) {
        let mut streams = self.limits.streams.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = streams.get_mut(&self.session) {
            *open = open.saturating_sub(1);
            if *open == 0 {
                streams.remove(&self.session);
            }
        }
    }
}

/// Returns the quota of so many requests in a minute, at once or spread.
pub(crate) fn per_minute(requests: u32) -> Quota {
    Quota::per_minute(NonZeroU32::new(requests).unwrap_or(NonZeroU32::MIN))
}

/// Returns the answer to a request beyond a quota.
pub(crate) fn until_served(until: NotUntil<<DefaultClock as Clock>::Instant>) -> Problem {
    let wait = until.wait_time_from(DefaultClock::default().now());
    Problem::TooMany(wait.as_secs() + 1)
}

/// Returns the router of the API and the pages.
pub fn router(app: App) -> Router {
    let compressed = SizeAbove::new(1_024).and(NotForContentType::SSE);
    let (api, _) = routes::all().split_for_parts();
    let meter = app.meter.clone();
    api.merge(pages::router())
        .fallback(absent)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(from_fn_with_state(app.clone(), pages::explain))
        .with_state(app)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(from_fn(receive))
        .layer(CompressionLayer::new().compress_when(compressed))
        .layer(from_fn(secure))
        .layer(from_fn_with_state(meter, trace))
}

/// Receives the whole body before a transaction is begun: one that trickles in must not hold a connection to the database.
async fn receive(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let received = tokio::time::timeout(BODY_WAIT, axum::body::to_bytes(body, LARGEST_BODY)).await;
    match received {
        Ok(Ok(bytes)) => next.run(Request::from_parts(parts, bytes.into())).await,
        Ok(Err(_)) => Problem::TooLarge.into_response(),
        Err(_) => Problem::Slow.into_response(),
    }
}

/// Answers for a path without a route: to a program, or to a person.
async fn absent(uri: Uri) -> Response {
    match uri.path().starts_with("/v1/") {
        true => Problem::NotFound("there is nothing at this path: see /v1/openapi.json".to_owned()).into_response(),
        false => pages::absent(),
    }
}

async fn method_not_allowed() -> Response {
    let problem = Problem::NotFound("this path has other methods: see /v1/openapi.json".to_owned());
    let mut response = problem.into_response();
    *response.status_mut() = axum::http::StatusCode::METHOD_NOT_ALLOWED;
    response
}

/// Adds the headers that keep answers out of other sites and caches.
async fn secure(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let policy = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Opens a span for a request, without its query, which may hold names, and measures it.
async fn trace(State(meter): State<Meter>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map(MatchedPath::as_str);
    let span = tracing::info_span!(
        "http.server",
        http.request.method = %method,
        http.route = route.unwrap_or("unmatched"),
        http.response.status_code = tracing::field::Empty,
        orgwatch.session.id = tracing::field::Empty,
    );
    let response = next.run(request).instrument(span.clone()).await;
    span.record("http.response.status_code", response.status().as_u16());
    meter.request(&method, route, response.status(), started.elapsed());
    response
}
