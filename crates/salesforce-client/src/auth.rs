//! Access tokens: one per client, minted when needed.

pub(crate) mod jwt;
mod mint;

use crate::http::Http;
use crate::{Error, Result, Settings};
use model::OrgId;
use reqwest::Url;
use secrecy::SecretString;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Mutex;

/// The name of the token request in errors.
pub(crate) const TOKEN: &str = "token";

/// The org of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The org.
    pub org_id: OrgId,
    /// The base URL of the org's REST API, without a slash at the end.
    pub instance_url: String,
}

/// An access token and the instance that accepts it.
pub(crate) struct Token {
    pub(crate) identity: Identity,
    pub(crate) instance: Url,
    /// Visible ASCII only, so that it can be sent as a header.
    pub(crate) secret: SecretString,
}

/// Mints tokens and shares the latest one.
pub(crate) struct Tokens {
    settings: Settings,
    latest: Mutex<Latest>,
    /// How many tokens were requested, whether successfully or not.
    attempts: AtomicU64,
}

/// The outcome of the latest request for a token.
enum Latest {
    None,
    Token(Arc<Token>),
    Failure(Error),
}

impl Token {
    /// Resolves `path` against the instance. `None` if the URL leads to another origin, which must not see the token.
    pub(crate) fn locate(&self, path: &str) -> Option<Url> {
        self.instance.join(path).ok().filter(|url| url.origin() == self.instance.origin())
    }
}

impl Tokens {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings, latest: Mutex::new(Latest::None), attempts: AtomicU64::new(0) }
    }

    /// Returns the present token, and mints one if there is none.
    pub(crate) async fn current(&self, http: &Http) -> Result<Arc<Token>> {
        self.other_than(None, http).await
    }

    /// Returns a token other than `stale`: mints one unless another task already has.
    pub(crate) async fn renewed(&self, stale: &Arc<Token>, http: &Http) -> Result<Arc<Token>> {
        self.other_than(Some(stale), http).await
    }

    async fn other_than(&self, stale: Option<&Arc<Token>>, http: &Http) -> Result<Arc<Token>> {
        let attempts = self.attempts.load(Ordering::Acquire);
        let mut latest = self.latest.lock().await;
        match &*latest {
            Latest::Token(token) if !stale.is_some_and(|stale| Arc::ptr_eq(stale, token)) => return Ok(token.clone()),
            // Salesforce limits logins, so a failure while this task waited for the lock is returned to it as well.
            Latest::Failure(error) if self.attempts.load(Ordering::Acquire) != attempts => return Err(error.clone()),
            Latest::Token(_) | Latest::Failure(_) | Latest::None => {}
        }
        let minted = mint::mint(&self.settings, http).await.map(Arc::new);
        self.attempts.fetch_add(1, Ordering::Release);
        *latest = match &minted {
            Ok(token) => Latest::Token(token.clone()),
            Err(error) => Latest::Failure(error.clone()),
        };
        minted
    }
}
