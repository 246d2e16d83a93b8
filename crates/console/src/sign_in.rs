//! Sign-in by OpenID Connect: the authorization code flow with PKCE.

mod cache;
mod check;
mod id_token;
mod keys;
mod provider;
mod refused;
mod sealed;
mod settings;

pub(crate) use check::{audit, check};
pub(crate) use refused::Refused;
pub(crate) use settings::CALLBACK;
pub use settings::{Algorithm, GroupRole, SignInSettings};

use crate::ConsoleError;
use crate::problem::Problem;
use crate::server::{per_minute, until_served};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use governor::DefaultKeyedRateLimiter;
use id_token::Claims;
use model::time::{MINUTE, SECOND};
use model::{Timestamp, Uuid};
use provider::{Provider, ProviderError, Tokens};
use ring::error::Unspecified;
use runtime::clock::now;
use sealed::Purpose;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use store::Role;
use subtle::ConstantTimeEq;

/// How long a person may take at the provider, in milliseconds. A choice.
const PATIENCE: i64 = 10 * MINUTE;

/// The sign-in of a console.
pub(crate) struct SignIn {
    pub(crate) settings: SignInSettings,
    provider: Provider,
    limits: DefaultKeyedRateLimiter<(IpAddr, Step)>,
}

/// A request of a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    /// The way to the provider.
    Begin,
    /// The way back.
    Finish,
}

/// A sign-in on its way to the provider.
pub(crate) struct Begun {
    /// Where the browser goes.
    pub(crate) location: String,
    /// What it keeps meanwhile.
    pub(crate) state: String,
}

/// What the provider appends to the callback.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Answer {
    pub(crate) state: Option<String>,
    pub(crate) code: Option<String>,
    pub(crate) iss: Option<String>,
    pub(crate) error: Option<String>,
}

/// A person for whom the provider has vouched, with access.
pub(crate) struct Person {
    /// What people see of who it is.
    pub(crate) name: String,
    /// Who it is for good.
    pub(crate) subject: String,
    /// The role in each org.
    pub(crate) roles: BTreeMap<String, Role>,
    /// Where the person wanted to go: a path of the console.
    pub(crate) return_to: String,
    kept: Kept,
}

/// What a browser keeps during a sign-in, encrypted.
#[derive(Serialize, Deserialize)]
struct State {
    state: String,
    nonce: String,
    verifier: String,
    return_to: String,
    until: Timestamp,
}

/// What is kept of the provider's tokens to ask for a person's groups, encrypted.
#[derive(Clone, Serialize, Deserialize)]
struct Kept {
    /// The person at the provider.
    subject: String,
    access: String,
    /// When the access token expires; `None` if the provider does not say.
    access_until: Option<Timestamp>,
    refresh: Option<String>,
    /// Whether the userinfo endpoint has the groups.
    by_userinfo: bool,
}

impl SignIn {
    /// Makes the client of the provider; nothing is asked yet, so that the console starts while the provider is away.
    ///
    /// # Errors
    /// If the secret cannot be read, or the system's certificates cannot.
    pub(crate) fn new(settings: SignInSettings) -> Result<Self, ConsoleError> {
        settings.secret().map_err(ConsoleError::ClientSecret)?;
        let provider = Provider::new().map_err(ConsoleError::Client)?;
        let limits = governor::RateLimiter::keyed(per_minute(settings.per_minute));
        Ok(Self { settings, provider, limits })
    }

    /// Counts a request of a sign-in from an address.
    ///
    /// # Errors
    /// 429 if there were too many.
    pub(crate) fn throttle(&self, address: IpAddr, step: Step) -> Result<(), Problem> {
        if self.limits.len() > 10_000 {
            self.limits.retain_recent();
        }
        // Whoever has an address of IPv6 has its network, too.
        let address = match address {
            IpAddr::V6(v6) => IpAddr::from((u128::from(v6) & !u128::from(u64::MAX)).to_be_bytes()),
            v4 => v4,
        };
        self.limits.check_key(&(address, step)).map_err(until_served)
    }

    /// Begins a sign-in.
    ///
    /// # Errors
    /// If the provider does not answer, or the system has no random numbers.
    pub(crate) async fn begin(&self, return_to: String) -> Result<Begun, Refused> {
        let state = State {
            state: sealed::random()?,
            nonce: sealed::random()?,
            verifier: sealed::random()?,
            return_to,
            until: now().plus(PATIENCE),
        };
        let metadata = self.provider.metadata(&self.settings).await?;
        let mut location = metadata.authorization_endpoint.clone();
        location
            .query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", &self.settings.redirect_uri())
            .append_pair("scope", &self.settings.scopes.join(" "))
            .append_pair("state", &state.state)
            .append_pair("nonce", &state.nonce)
            .append_pair("code_challenge", &URL_SAFE_NO_PAD.encode(Sha256::digest(&state.verifier)))
            .append_pair("code_challenge_method", "S256");
        let sealed = sealed::seal(&self.secret()?, Purpose::State, b"", &state)?;
        Ok(Begun { location: location.into(), state: URL_SAFE_NO_PAD.encode(sealed) })
    }

    /// Finishes a sign-in with what the browser kept and what the provider appended.
    ///
    /// # Errors
    /// If either is not of this sign-in, the provider does not vouch for the person, or the person has no access.
    pub(crate) async fn finish(&self, kept: Option<&str>, answer: &Answer) -> Result<Person, Refused> {
        let state = self.state(kept, answer).ok_or(Refused::State)?;
        let metadata = self.provider.metadata(&self.settings).await?;
        // An answer of another provider must not be taken for one of this (RFC 9207).
        let is_of_other = answer.iss.as_ref().is_some_and(|issuer| *issuer != self.settings.issuer);
        if is_of_other || (answer.iss.is_none() && metadata.names_issuer) {
            return Err(Refused::State);
        }
        if let Some(error) = &answer.error {
            return Err(Refused::Declined(error_code(error).unwrap_or_default()));
        }
        let code = answer.code.as_deref().ok_or(Refused::State)?;
        let tokens = self.provider.exchange(&self.settings, code, &state.verifier).await?;
        let id_token = tokens.id_token.as_ref().ok_or(Refused::NoIdToken)?;
        let claims = self.provider.verify(&self.settings, id_token, Some(&state.nonce)).await?;
        let subject = id_token::text(&claims, "sub").unwrap_or_default().to_owned();
        let userinfo = match &metadata.userinfo_endpoint {
            Some(url) => self.provider.userinfo(url.clone(), &tokens.access_token, &subject).await?,
            None => Claims::new(),
        };
        self.person(&claims, &userinfo, Kept::new(subject, tokens, &self.settings, &userinfo), state.return_to)
    }

    fn state(&self, kept: Option<&str>, answer: &Answer) -> Option<State> {
        let bytes = URL_SAFE_NO_PAD.decode(kept?).ok()?;
        let state: State = sealed::open(&self.secret().ok()?, Purpose::State, b"", &bytes)?;
        let is_same = bool::from(state.state.as_bytes().ct_eq(answer.state.as_ref()?.as_bytes()));
        (is_same && now() < state.until).then_some(state)
    }

    fn person(&self, claims: &Claims, userinfo: &Claims, kept: Kept, return_to: String) -> Result<Person, Refused> {
        let SignInSettings { issuer, groups_claim, name_claim, .. } = &self.settings;
        let name = id_token::text(claims, name_claim).or_else(|| id_token::text(userinfo, name_claim));
        let name = name.ok_or_else(|| Refused::NoName(name_claim.clone()))?;
        let is_unverified = |claims: &Claims| claims.get("email_verified") == Some(&Value::Bool(false));
        // Whoever may choose any address could otherwise act in the name of its owner.
        if name_claim == "email" && (is_unverified(claims) || is_unverified(userinfo)) {
            return Err(Refused::Unverified);
        }
        let name = name.to_owned();
        let own = groups(claims, groups_claim).or_else(|| groups(userinfo, groups_claim));
        let own = own.ok_or_else(|| Refused::NoGroups { name: name.clone(), claim: groups_claim.clone() })?;
        let roles = self.settings.roles_of(&own);
        if roles.is_empty() {
            return Err(Refused::Unmapped(name));
        }
        if !kept.by_userinfo && kept.refresh.is_none() {
            return Err(Refused::Uncheckable(name));
        }
        let subject = format!("{issuer} {}", kept.subject);
        Ok(Person { name, subject, roles, return_to, kept })
    }

    fn secret(&self) -> Result<SecretString, ProviderError> {
        self.settings.secret().map_err(ProviderError::Secret)
    }
}

impl Person {
    /// Encrypts what is kept of the provider's tokens, under the secret of the session.
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub(crate) fn sealed(&self, secret: &SecretString, session_id: Uuid) -> Result<Vec<u8>, Unspecified> {
        self.kept.seal(secret, session_id)
    }
}

impl Kept {
    fn new(subject: String, tokens: Tokens, settings: &SignInSettings, userinfo: &Claims) -> Self {
        let by_userinfo = groups(userinfo, &settings.groups_claim).is_some();
        let mut kept = Self { subject, access: String::new(), access_until: None, refresh: None, by_userinfo };
        kept.replace(&tokens);
        kept
    }

    /// Keeps new tokens. A provider that gives no new refresh token goes on with the old one.
    fn replace(&mut self, tokens: &Tokens) {
        self.access = tokens.access_token.expose_secret().to_owned();
        self.access_until = tokens.expires_in.map(|seconds| now().plus(i64::from(seconds) * SECOND));
        if let Some(refresh) = &tokens.refresh_token {
            self.refresh = Some(refresh.expose_secret().to_owned());
        }
    }

    fn seal(&self, secret: &SecretString, session_id: Uuid) -> Result<Vec<u8>, Unspecified> {
        sealed::seal(secret, Purpose::Tokens, session_id.as_bytes(), self)
    }
}

/// Whether a text is a path of the console, to which a browser may be sent: no host, and nothing that browsers read as one.
pub(crate) fn is_own_path(text: &str) -> bool {
    let has_host = text.starts_with("//") || text.contains('\\');
    text.starts_with('/') && !has_host && text.len() <= 1_000 && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Returns the groups of a claim; `None` if there is no such claim, or it is no text and no list of texts.
fn groups(claims: &Claims, name: &str) -> Option<BTreeSet<String>> {
    match claims.get(name)? {
        Value::String(group) => Some([group.clone()].into()),
        Value::Array(all) => all.iter().map(|group| group.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

/// Returns a provider's code of an error if it may be shown: anybody can write it into a link.
fn error_code(text: &str) -> Option<String> {
    let is_code = text.len() <= 40 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    (is_code && !text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn browsers_are_sent_to_own_paths_alone() {
        for path in ["/", "/incidents/1?tab=history#top", "/v1/events?org=a%2Fb"] {
            assert!(is_own_path(path), "{path}");
        }
        for other in [
            "",
            "incidents",
            "//evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/a\r\nset-cookie: a=b",
            "/ä",
        ] {
            assert!(!is_own_path(other), "{other}");
        }
        assert!(!is_own_path(&format!("/{}", "a".repeat(1_000))));
    }

    #[test]
    fn groups_are_texts() {
        let check = |claim: Value, expect: Option<&[&str]>| {
            let claims: Claims = [("groups".to_owned(), claim.clone())].into_iter().collect();
            let expect = expect.map(|groups| groups.iter().map(|group| (*group).to_owned()).collect());
            assert_eq!(groups(&claims, "groups"), expect, "{claim}");
        };
        check(json!(["a", "b"]), Some(&["a", "b"]));
        check(json!([]), Some(&[]));
        check(json!("a"), Some(&["a"]));
        check(json!([1]), None);
        check(json!({ "a": true }), None);
        check(Value::Null, None);
    }

    #[test]
    fn a_code_of_an_error_is_a_word() {
        assert_eq!(error_code("access_denied").as_deref(), Some("access_denied"));
        for other in ["", "<b>", "call 555-0100", &"a".repeat(41)] {
            assert_eq!(error_code(other), None, "{other}");
        }
    }
}
