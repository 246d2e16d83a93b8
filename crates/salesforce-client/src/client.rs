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

/// One org, as one app and user see it. Clones share token, schemas and connections.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    login_url: String,
    /// Where the REST interface of this version begins.
    data: String,
    http: Http,
    tokens: Tokens,
    connection: Connection,
    schemas: Schemas,
}

impl Client {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// If a setting is missing or wrong, or a file of secrets cannot be read.
    pub fn new(settings: &Settings) -> std::result::Result<Self, SettingsError> {
        if let Some(error) = settings.check().into_iter().next() {
            return Err(error);
        }
        // It is read again for each token; this is to tell at once what is wrong with it.
        settings.credential()?;
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

    /// Whose token we have; mints one if there is none.
    ///
    /// # Errors
    /// If none is given out.
    pub async fn identity(&self) -> Result<Identity> {
        let token = self.shared.tokens.current(&self.shared.http).await?;
        Ok(token.identity.clone())
    }

    /// The first page of a query's result, of at most `batch` records (200 to 2,000; fewer is legal).
    ///
    /// # Errors
    /// [`Trouble`] tells which are worth another try.
    pub async fn query(&self, soql: &str, batch: u16) -> Result<Page> {
        let path = format!("{}/query", self.shared.data);
        let body = self.with_token(|token| {
            let ask = self.ask(QUERY, &token, &path).map(|request| {
                let batch = format!("batchSize={}", batch.clamp(200, 2_000));
                request.query(&[("q", soql)]).header("Sforce-Query-Options", batch)
            });
            async move { self.shared.http.text(QUERY, ask?).await }
        });
        Page::read(body.await?)
    }

    /// A further page, by [`Page::next`].
    ///
    /// # Errors
    /// As [`Self::query`], and [`Trouble::Cursor`] when it was asked for too late.
    pub async fn more(&self, next: &str) -> Result<Page> {
        Page::read(self.get(QUERY, next).await?)
    }

    /// An object and the fields of it that this user may read.
    ///
    /// # Errors
    /// [`Trouble::Denied`] if this user does not see such an object.
    pub async fn describe(&self, object: &str) -> Result<Description> {
        Description::read(&self.get("describe", &format!("{}/sobjects/{object}/describe", self.shared.data)).await?)
    }

    /// Calls of the day, as the org counts them.
    ///
    /// # Errors
    /// As any call.
    pub async fn limits(&self) -> Result<Limits> {
        Limits::read(&self.get("limits", &format!("{}/limits", self.shared.data)).await?)
    }

    /// Calls of the day by the latest answer; `None` before the first.
    pub fn usage(&self) -> Option<Usage> {
        self.shared.http.heard().usage
    }

    /// The org's clock by the latest answer, in whole seconds; `None` before the first.
    pub fn server_time(&self) -> Option<Timestamp> {
        self.shared.http.heard().server_time
    }

    /// The bytes of a file, such as an event log file's `LogFile`, as they come: never the whole in memory. `path` is
    /// relative to the instance, or a URL there.
    ///
    /// # Errors
    /// If it does not begin; a part that fails is in the stream, and the last.
    pub async fn download(&self, path: &str) -> Result<BoxStream<'static, Result<Bytes>>> {
        let call = "download";
        let begun = self.with_token(|token| {
            let ask = self.ask(call, &token, path);
            async move { self.shared.http.stream(call, ask?).await }
        });
        begun.await
    }

    /// A topic such as `/event/ListViewEventStream`.
    ///
    /// # Errors
    /// [`Trouble::Denied`] if there is none for this user.
    pub async fn topic(&self, name: &str) -> Result<Topic> {
        self.with_token(|token| async move { self.shared.connection.topic(&token, name).await }).await
    }

    /// Subscribes to a topic. Nothing is asked of Salesforce before the first [`Subscription::next`], which tells also
    /// if the topic or the position is refused: Salesforce may begin its answer as late as it has something to say.
    ///
    /// # Errors
    /// If there is no token.
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
            let ask = self.ask(call, &token, path);
            async move { self.shared.http.text(call, ask?).await }
        });
        answer.await
    }

    fn ask(&self, call: &'static str, token: &Token, path: &str) -> Result<RequestBuilder> {
        let Some(url) = token.locate(path) else {
            let problem = "a path leads away from the instance".to_owned();
            return Err(Error::Unexpected { call, problem });
        };
        Ok(self.shared.http.get(url, &token.secret))
    }

    /// Calls with the token that we have and, where that is not taken, once more with a new one.
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
