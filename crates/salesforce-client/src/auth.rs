//! Tokens.

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

/// What the call that mints tokens is named in errors.
pub(crate) const TOKEN: &str = "token";

/// Whom a token belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub org_id: OrgId,
    /// Where the org's REST interface is.
    pub instance_url: String,
}

/// A token and where it is taken. Visible ASCII, so that it can be a header.
pub(crate) struct Token {
    pub(crate) identity: Identity,
    pub(crate) instance: Url,
    pub(crate) secret: SecretString,
}

/// The token of an org: one at a time, minted when needed.
pub(crate) struct Tokens {
    settings: Settings,
    held: Mutex<Held>,
    /// How many were asked for, whatever came of it.
    attempts: AtomicU64,
}

enum Held {
    Nothing,
    Token(Arc<Token>),
    Failure(Error),
}

impl Token {
    /// Where `path` leads; `None` if away from the instance, which alone may see the token.
    pub(crate) fn locate(&self, path: &str) -> Option<Url> {
        self.instance.join(path).ok().filter(|url| url.origin() == self.instance.origin())
    }
}

impl Tokens {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings, held: Mutex::new(Held::Nothing), attempts: AtomicU64::new(0) }
    }

    pub(crate) async fn current(&self, http: &Http) -> Result<Arc<Token>> {
        self.other_than(None, http).await
    }

    /// A token that is not `stale`: minted, unless somebody else was faster.
    pub(crate) async fn renewed(&self, stale: &Arc<Token>, http: &Http) -> Result<Arc<Token>> {
        self.other_than(Some(stale), http).await
    }

    async fn other_than(&self, stale: Option<&Arc<Token>>, http: &Http) -> Result<Arc<Token>> {
        let attempts = self.attempts.load(Ordering::Acquire);
        let mut held = self.held.lock().await;
        match &*held {
            Held::Token(token) if !stale.is_some_and(|stale| Arc::ptr_eq(stale, token)) => return Ok(token.clone()),
            // Salesforce counts logins: what failed while we stood in line failed for us too.
            Held::Failure(error) if self.attempts.load(Ordering::Acquire) != attempts => return Err(error.clone()),
            Held::Token(_) | Held::Failure(_) | Held::Nothing => {}
        }
        let minted = mint::mint(&self.settings, http).await.map(Arc::new);
        self.attempts.fetch_add(1, Ordering::Release);
        *held = match &minted {
            Ok(token) => Held::Token(token.clone()),
            Err(error) => Held::Failure(error.clone()),
        };
        minted
    }
}
