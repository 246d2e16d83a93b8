//! A console with sign-in over a Postgres of its own, and a browser.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::Response;
use console::{App, GroupRole, Settings, SignInSettings, router};
use secrecy::SecretString;
use serde_json::Value;
use servers::Postgres;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{AuditEntry, Role, Store};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

pub(super) const PUBLIC: &str = "https://orgwatch.example";
pub(super) const CALLBACK: &str = "https://orgwatch.example/v1/sign-in/callback";
pub(super) const ORG: &str = "00Dhn0000018hrcMAU";

/// A console over a database of its own.
pub(super) struct World {
    postgres: Postgres,
    store: Store,
    /// As the owner, who may do everything.
    pub(super) owner: Store,
    settings: Settings,
    pub(super) router: Router,
}

/// What an answer says.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

/// The cookies of a person at a console.
#[derive(Clone, Default)]
pub(super) struct Browser {
    pub(super) cookies: BTreeMap<String, String>,
}

/// Settings by which the group soc analyses all orgs, and the group leads responds in one.
pub(super) fn sign_in(issuer: String) -> SignInSettings {
    let mapped = |group: &str, org: &str, role| GroupRole { group: group.to_owned(), org: org.to_owned(), role };
    SignInSettings {
        issuer,
        client_id: "orgwatch".to_owned(),
        client_secret: Some(SecretString::from("a secret: with % and +")),
        public_url: PUBLIC.to_owned(),
        per_minute: 10_000,
        roles: vec![mapped("soc", "*", Role::Analyst), mapped("leads", ORG, Role::Responder)],
        ..SignInSettings::default()
    }
}

impl World {
    pub(super) async fn start(sign_in: SignInSettings) -> Self {
        assert_eq!(sign_in.check(), Vec::<String>::new());
        let postgres = Postgres::start().await.unwrap();
        let url = postgres.url();
        let owner = connect(&url).await;
        owner.migrate().await.unwrap();
        let mut connection = PgConnection::connect(&url).await.unwrap();
        let login = "CREATE ROLE console_login LOGIN IN ROLE orgwatch_console";
        sqlx::raw_sql(login).execute(&mut connection).await.unwrap();
        let store = connect(&url.replace("postgres@", "console_login@")).await;
        let settings = Settings { sign_in: Some(sign_in), stream_ms: 100, ..Settings::default() };
        let router = replica(&store, &settings);
        Self { postgres, store, owner, settings, router }
    }

    /// Another replica of the console, which shares nothing but the database.
    pub(super) fn replica(&self) -> Router {
        replica(&self.store, &self.settings)
    }

    pub(super) async fn sql(&self, statement: &str) {
        let mut connection = PgConnection::connect(&self.postgres.url()).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut connection).await.unwrap();
    }

    /// What is kept of the provider's tokens in the database.
    pub(super) async fn sealed(&self) -> Vec<u8> {
        let mut connection = PgConnection::connect(&self.postgres.url()).await.unwrap();
        let read = "SELECT sealed FROM orgwatch.sessions";
        sqlx::query_scalar(read).fetch_one(&mut connection).await.unwrap()
    }

    /// The audit trail, the latest first: who did what, to whom, and the reason.
    pub(super) async fn audit(&self) -> Vec<(String, String, String, String)> {
        let line = |entry: AuditEntry| {
            let reason = entry.detail["reason"].as_str().unwrap_or_default().to_owned();
            (entry.actor, entry.action, entry.subject, reason)
        };
        self.owner.audit_page(None, 100).await.unwrap().entries.into_iter().map(line).collect()
    }
}

fn replica(store: &Store, settings: &Settings) -> Router {
    let (_, rules) = watch::channel(Arc::new(::settings::Hashed::from(::settings::Settings::default())));
    let app = App::new(store.clone(), rules, settings.clone(), CancellationToken::new());
    router(app.with_sign_in().unwrap())
}

async fn connect(url: &str) -> Store {
    let settings = store::Settings { url: SecretString::from(url), ..store::Settings::default() };
    Store::connect(&settings, "orgwatch-test").await.unwrap()
}

impl Answer {
    pub(super) async fn of(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Self { status: parts.status, headers: parts.headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(super) fn location(&self) -> String {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.text);
        self.headers["location"].to_str().unwrap().to_owned()
    }
}

impl Browser {
    pub(super) async fn send(&mut self, router: &Router, method: &str, path: &str, site: &str) -> Response {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = Request::builder().method(method).uri(path);
        let request = request.header("cookie", cookies.join("; ")).header("sec-fetch-site", site);
        let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        for cookie in response.headers().get_all("set-cookie") {
            let text = cookie.to_str().unwrap();
            let (pair, attributes) = text.split_once("; ").unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            assert!(attributes.starts_with("Path=/; Secure; HttpOnly; SameSite=Lax"), "{text}");
            if attributes.ends_with("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        response
    }

    pub(super) async fn get(&mut self, router: &Router, path: &str) -> Answer {
        Answer::of(self.send(router, "GET", path, "same-origin").await).await
    }

    /// Begins a sign-in, and returns the URL at the provider.
    pub(super) async fn begin(&mut self, router: &Router) -> reqwest::Url {
        self.get(router, "/v1/sign-in?return_to=/incidents").await.location().parse().unwrap()
    }

    /// Comes back from the provider.
    pub(super) async fn come_back(&mut self, router: &Router, url: &str) -> Answer {
        let path = url.strip_prefix(PUBLIC).unwrap();
        Answer::of(self.send(router, "GET", path, "cross-site").await).await
    }

    pub(super) fn has_session(&self) -> bool {
        self.cookies.contains_key("__Host-orgwatch")
    }
}

/// Repeats requests until one is answered as expected.
pub(super) async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let poll = async {
        while !is_so().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), poll).await.unwrap();
}
