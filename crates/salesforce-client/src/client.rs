//! The client of one org.

use crate::auth::{Token, Tokens};
use crate::http::Http;
use crate::pubsub::connection::{Connection, Opened};
use crate::pubsub::schemas::{Parsed, Schemas};
use crate::rest::QUERY;
use crate::{
    Description, Error, Identity, Limits, Page, Replay, Result, Settings, SettingsError, Subscription, Topic, Trouble,
    Usage,
};
use bytes::Bytes;
use futures::stream::BoxStream;
use model::Timestamp;
use reqwest::RequestBuilder;
use std::fmt;
use std::sync::Arc;

/// A client of one org, logged in as one user of one app. Clones share token, schemas and connections.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    login_url: String,
    /// The path of the REST API's version, such as `/services/data/v64.0`.
    data: String,
    http: Http,
    tokens: Tokens,
    connection: Connection,
    schemas: Schemas,
}

impl Client {
    /// Creates a client without connecting. A file with the secret is read for each token, and may come later.
    ///
    /// # Errors
    /// If a setting is missing or invalid.
    pub fn new(settings: &Settings) -> std::result::Result<Self, SettingsError> {
        if let Some(error) = settings.check().into_iter().next() {
            return Err(error);
        }
        if !settings.has_secret_file() {
            settings.credential()?;
        }
        let shared = Shared {
            login_url: settings.login_url.clone(),
            data: format!("/services/data/v{}", settings.api_version),
            http: Http::new(settings)?,
            tokens: Tokens::new(settings.clone()),
            connection: Connection::new(settings)?,
            schemas: Schemas::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Returns the org of the present token, and mints one if there is none.
    ///
    /// # Errors
    /// If Salesforce refuses a token.
    pub async fn identity(&self) -> Result<Identity> {
        let token = self.shared.tokens.current(&self.shared.http).await?;
        Ok(token.identity.clone())
    }

    /// Runs a query and returns the first page of its result. `batch` is the size of a page, clamped to 200 to 2,000
    /// records; Salesforce may send smaller pages.
    ///
    /// # Errors
    /// If the call fails; [`Error::trouble`] says whether another attempt may succeed.
    pub async fn query(&self, soql: &str, batch: u16) -> Result<Page> {
        let path = format!("{}/query", self.shared.data);
        let body = self.with_token(|token| {
            let request = self.request(QUERY, &token, &path).map(|request| {
                let batch = format!("batchSize={}", batch.clamp(200, 2_000));
                request.query(&[("q", soql)]).header("Sforce-Query-Options", batch)
            });
            async move { self.shared.http.text(QUERY, request?).await }
        });
        Page::read(body.await?)
    }

    /// Returns a further page, named by [`Page::next`] of the page before.
    ///
    /// # Errors
    /// As [`Self::query`], and with [`Trouble::Cursor`] if the cursor has expired.
    pub async fn more(&self, next: &str) -> Result<Page> {
        Page::read(self.get(QUERY, next).await?)
    }

    /// Describes an object: the fields that this user may read.
    ///
    /// # Errors
    /// With [`Trouble::Denied`] if the object does not exist or this user may not see it.
    pub async fn describe(&self, object: &str) -> Result<Description> {
        Description::read(&self.get("describe", &format!("{}/sobjects/{object}/describe", self.shared.data)).await?)
    }

    /// Asks for the org's limit of API calls per day and the calls that remain.
    ///
    /// # Errors
    /// If the call fails.
    pub async fn limits(&self) -> Result<Limits> {
        Limits::read(&self.get("limits", &format!("{}/limits", self.shared.data)).await?)
    }

    /// Returns the API calls of the day according to the latest answer's header; `None` before the first answer.
    pub fn usage(&self) -> Option<Usage> {
        self.shared.http.latest().usage
    }

    /// Returns the org's time according to the latest answer's header, in whole seconds; `None` before the first
    /// answer.
    pub fn server_time(&self) -> Option<Timestamp> {
        self.shared.http.latest().server_time
    }

    /// Streams the bytes of a file, such as an event log file's `LogFile`, without holding the whole file. `path` is
    /// relative to the instance, or a URL of the instance.
    ///
    /// # Errors
    /// If the download cannot start. A failure later on is the last item of the stream.
    pub async fn download(&self, path: &str) -> Result<BoxStream<'static, Result<Bytes>>> {
        let call = "download";
        let started = self.with_token(|token| {
            let request = self.request(call, &token, path);
            async move { self.shared.http.stream(call, request?).await }
        });
        started.await
    }

    /// Looks up a topic, such as `/event/ListViewEventStream`.
    ///
    /// # Errors
    /// With [`Trouble::Denied`] if the topic does not exist or this user may not see it.
    pub async fn topic(&self, name: &str) -> Result<Topic> {
        self.with_token(|token| async move { self.shared.connection.topic(&token, name).await }).await
    }

    /// Creates a subscription to a topic. It connects at the first [`Subscription::next`], which also returns the error
    /// if Salesforce refuses the topic or the position: Salesforce may start its answer only when there is an event.
    ///
    /// # Errors
    /// If Salesforce refuses a token.
    pub async fn subscribe(&self, topic: &str, replay: Replay) -> Result<Subscription> {
        self.identity().await?;
        Ok(Subscription::new(self.clone(), topic.to_owned(), replay))
    }

    pub(crate) async fn open(&self, topic: &str, replay: &Replay) -> Result<Opened> {
        self.with_token(|token| async move { self.shared.connection.open(&token, topic, replay).await }).await
    }

    pub(crate) async fn schema(&self, id: &str) -> Result<Parsed> {
        let fetch = || self.with_token(|token| async move { self.shared.connection.schema(&token, id).await });
        self.shared.schemas.get(id, fetch).await
    }

    async fn get(&self, call: &'static str, path: &str) -> Result<Bytes> {
        let answer = self.with_token(|token| {
            let request = self.request(call, &token, path);
            async move { self.shared.http.text(call, request?).await }
        });
        answer.await
    }

    fn request(&self, call: &'static str, token: &Token, path: &str) -> Result<RequestBuilder> {
        let Some(url) = token.locate(path) else {
            let problem = "the path leads to another host than the instance".to_owned();
            return Err(Error::Unexpected { call, problem });
        };
        Ok(self.shared.http.get(url, &token.secret))
    }

    /// Calls with the present token and, if Salesforce refuses it, once more with a new one.
    async fn with_token<T, F: Future<Output = Result<T>>>(&self, call: impl Fn(Arc<Token>) -> F) -> Result<T> {
        let Shared { tokens, http, .. } = &*self.shared;
        let token = tokens.current(http).await?;
        match call(token.clone()).await {
            Err(error) if error.trouble() == Trouble::Login => call(tokens.renewed(&token, http).await?).await,
            outcome => outcome,
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("login_url", &self.shared.login_url).finish_non_exhaustive()
    }
}
