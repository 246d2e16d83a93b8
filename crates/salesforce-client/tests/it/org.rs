//! A stub of Salesforce's OAuth and REST APIs.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{self, Path, Query, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures::{StreamExt, stream};
use salesforce_client::{Client, Settings};
use secrecy::SecretString;
use serde_json::json;
use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::sync::{Barrier, Notify};

/// A stub of an org. It stops when it is dropped.
pub(crate) struct Org {
    pub(crate) url: String,
    pub(crate) state: Arc<State>,
    serving: tokio::task::JoinHandle<()>,
}

/// Settings of the stub's answers, and records of its requests.
pub(crate) struct State {
    /// The number of requested tokens, and so the number of the latest.
    pub(crate) minted: AtomicUsize,
    /// Tokens up to this number are refused.
    pub(crate) expired: AtomicUsize,
    pub(crate) is_login_refused: AtomicBool,
    /// Whether the answer to a login lacks the id URL.
    pub(crate) is_id_absent: AtomicBool,
    /// Requests with an expired token wait here for each other.
    pub(crate) refused_together: Mutex<Option<Arc<Barrier>>>,
    /// Breaks off the download of the broken file.
    pub(crate) breaks: Notify,
    /// Bodies of logins.
    pub(crate) logins: Mutex<Vec<String>>,
    /// Queries and their `Sforce-Query-Options`.
    pub(crate) queries: Mutex<Vec<(String, String)>>,
}

pub(crate) const ORG_ID: &str = "00D5f000000CyENEA0";
pub(crate) const SECRET: &str = "s3cr3t-of-the-app";

impl Org {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State {
            minted: AtomicUsize::new(0),
            expired: AtomicUsize::new(0),
            is_login_refused: AtomicBool::new(false),
            is_id_absent: AtomicBool::new(false),
            refused_together: Mutex::new(None),
            breaks: Notify::new(),
            logins: Mutex::default(),
            queries: Mutex::default(),
        });
        let with_token = Router::new()
            .route("/services/oauth2/userinfo", get(async || json!({ "organization_id": ORG_ID }).to_string()))
            .route("/services/data/v64.0/query", get(query))
            .route("/services/data/v64.0/query/{locator}", get(more))
            .route("/services/data/v64.0/limits", get(limits))
            .route("/services/data/v64.0/sobjects/{object}/describe", get(describe))
            .route("/services/data/v64.0/sobjects/EventLogFile/{id}/LogFile", get(file))
            .layer(middleware::from_fn_with_state(state.clone(), check_token));
        let router = Router::new()
            .route("/services/oauth2/token", post(mint))
            .merge(with_token)
            .with_state((state.clone(), url.clone()));
        let serving = tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
        Self { url, state, serving }
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings {
            login_url: self.url.clone(),
            pubsub_url: self.url.clone(),
            client_id: "3MVG9".to_owned(),
            client_secret: Some(SecretString::from(SECRET)),
            timeout_seconds: 5,
            ..Settings::default()
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(&self.settings()).unwrap()
    }
}

impl Drop for Org {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl State {
    /// Refuses all tokens minted so far.
    pub(crate) fn expire(&self) {
        self.expired.store(self.minted.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    /// Refuses all tokens, including future ones.
    pub(crate) fn expire_all(&self) {
        self.expired.store(usize::MAX, Ordering::SeqCst);
    }

    pub(crate) fn minted(&self) -> usize {
        self.minted.load(Ordering::SeqCst)
    }

    pub(crate) fn accepts(&self, token: &str) -> bool {
        let number = token.strip_prefix("hidden-token-").and_then(|number| number.parse::<usize>().ok());
        number.is_some_and(|number| number > self.expired.load(Ordering::SeqCst))
    }
}

type Shared = extract::State<(Arc<State>, String)>;

async fn mint(extract::State((state, url)): Shared, body: String) -> Response {
    state.logins.lock().unwrap().push(body);
    let number = state.minted.fetch_add(1, Ordering::SeqCst) + 1;
    if state.is_login_refused.load(Ordering::SeqCst) {
        let body = r#"{"error":"invalid_grant","error_description":"no such user"}"#;
        return (StatusCode::BAD_REQUEST, body).into_response();
    }
    let mut answer = json!({
        "access_token": format!("hidden-token-{number}"),
        "instance_url": url,
        "id": format!("https://login.salesforce.com/id/{ORG_ID}/0055f00000CyENtAAN"),
        "token_type": "Bearer",
    });
    if state.is_id_absent.load(Ordering::SeqCst) {
        answer.as_object_mut().unwrap().remove("id");
    }
    answer.to_string().into_response()
}

async fn check_token(extract::State(state): extract::State<Arc<State>>, request: Request, next: Next) -> Response {
    let value = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if value.and_then(|value| value.strip_prefix("Bearer ")).is_some_and(|token| state.accepts(token)) {
        return next.run(request).await;
    }
    let together = state.refused_together.lock().unwrap().clone();
    if let Some(barrier) = together {
        barrier.wait().await;
    }
    let body = r#"[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]"#;
    (StatusCode::UNAUTHORIZED, body).into_response()
}

async fn query(
    extract::State((state, _)): Shared,
    Query(parts): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let options = headers.get("sforce-query-options").map(|value| value.to_str().unwrap().to_owned());
    state.queries.lock().unwrap().push((parts["q"].clone(), options.unwrap_or_default()));
    let body = json!({
        "totalSize": 3,
        "done": false,
        "nextRecordsUrl": "/services/data/v64.0/query/01g-2",
        "records": [{"Id": "a"}, {"Id": "b"}],
    });
    let headers = [("Sforce-Limit-Info", "api-usage=18/5000"), ("Date", "Mon, 02 Mar 2026 14:31:52 GMT")];
    (headers, body.to_string()).into_response()
}

async fn more(Path(locator): Path<String>) -> Response {
    match locator.as_str() {
        "01g-2" => json!({"totalSize": 3, "done": true, "records": [{"Id": "c"}]}).to_string().into_response(),
        "elsewhere" => (StatusCode::FOUND, [(header::LOCATION, "/services/data/v64.0/query/01g-2")]).into_response(),
        _ => {
            let body = r#"[{"message":"invalid query locator","errorCode":"INVALID_QUERY_LOCATOR"}]"#;
            (StatusCode::BAD_REQUEST, body).into_response()
        }
    }
}

async fn limits() -> String {
    json!({ "DailyApiRequests": { "Max": 5000, "Remaining": 4981 } }).to_string()
}

async fn describe(Path(object): Path<String>) -> Response {
    if object != "LoginEvent" {
        let body = r#"[{"message":"The requested resource does not exist","errorCode":"NOT_FOUND"}]"#;
        return (StatusCode::NOT_FOUND, body).into_response();
    }
    let fields = json!([{ "name": "EventDate", "type": "datetime" }]);
    json!({ "name": object, "queryable": true, "fields": fields }).to_string().into_response()
}

async fn file(extract::State((state, _)): Shared, Path(id): Path<String>) -> Body {
    let parts = stream::iter(["one,", "two,", "three"].map(|part| Ok(Bytes::from_static(part.as_bytes()))));
    match id.as_str() {
        "whole" => Body::from_stream(parts),
        "stalled" => Body::from_stream(parts.chain(stream::pending())),
        _ => Body::from_stream(parts.chain(stream::once(async move {
            state.breaks.notified().await;
            Err(io::Error::other("the server broke"))
        }))),
    }
}
