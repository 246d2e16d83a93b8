//! The OpenID provider: its discovery document, keys, tokens and userinfo.

use super::cache::Cache;
use super::id_token::{self, Claims, Expected, TokenError};
use super::keys::Keys;
use super::settings::{SignInSettings, is_private};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{ACCEPT, AUTHORIZATION};
use reqwest::{RequestBuilder, StatusCode, Url, redirect};
use runtime::clock::now;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;

/// How long an answer may take. A choice.
const TIMEOUT: Duration = Duration::from_secs(5);
/// For how long the discovery document and the keys are used. A choice: a key that the provider withdraws is accepted for no
/// longer.
const FRESH: Duration = Duration::from_secs(15 * 60);
/// The largest answer, in bytes. A choice far above tokens with some hundred groups.
const LARGEST: usize = 1 << 20;

/// The client of a provider.
pub(crate) struct Provider {
    http: reqwest::Client,
    metadata: Cache<Metadata>,
    keys: Cache<Keys>,
}

/// The endpoints of the provider.
pub(crate) struct Metadata {
    /// Where the browser is sent.
    pub(crate) authorization_endpoint: Url,
    token_endpoint: Url,
    /// Where the claims of a person are.
    pub(crate) userinfo_endpoint: Option<Url>,
    jwks_uri: Url,
    /// Whether the token endpoint takes the client's secret in a header.
    takes_basic: bool,
    /// Whether the answer of an authorization names the issuer (RFC 9207).
    pub(crate) names_issuer: bool,
}

/// What the console uses of the discovery document, as it is written.
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: Option<String>,
    jwks_uri: String,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// What the token endpoint answers.
#[derive(Deserialize)]
pub(crate) struct Tokens {
    /// A token for the userinfo endpoint.
    pub(crate) access_token: SecretString,
    /// In how many seconds it expires.
    pub(crate) expires_in: Option<u32>,
    /// A token for new tokens.
    pub(crate) refresh_token: Option<SecretString>,
    /// Who signed in.
    pub(crate) id_token: Option<SecretString>,
}

/// Why the provider's answer is of no use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProviderError {
    /// It did not answer, or with an error of its own.
    #[error("{call}: the provider does not answer")]
    Away {
        /// The call.
        call: &'static str,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// It refused the request.
    #[error("{call}: the provider refused with status {status}{code}")]
    Refused {
        /// The call.
        call: &'static str,
        /// The status.
        status: u16,
        /// The code of RFC 6749 after a colon, if there is one.
        code: String,
    },
    /// Its answer is not understood.
    #[error("{call}: {problem}")]
    Unexpected {
        /// The call.
        call: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// Its ID token is not accepted.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// It failed to answer a moment ago, and is not asked again so soon.
    #[error("{call}: the provider did not answer a moment ago")]
    Paused {
        /// The call.
        call: &'static str,
    },
    /// It took too long, over all calls of a check.
    #[error("the provider takes too long")]
    Slow,
    /// The secret of the client cannot be read.
    #[error("console.sign_in.client_secret_file cannot be read")]
    Secret(#[source] std::io::Error),
}

impl ProviderError {
    /// Whether the provider says that a code or token holds no longer. An error of the client is none: it is the operator's.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::Refused { call: USERINFO, status, .. } => matches!(status, 401 | 403),
            Self::Refused { code, .. } => code == ": invalid_grant",
            _ => false,
        }
    }
}

const DISCOVERY: &str = "discovery";
const KEYS: &str = "keys";
const TOKEN: &str = "token endpoint";
const USERINFO: &str = "userinfo";

type Result<T> = std::result::Result<T, ProviderError>;

impl Provider {
    /// Makes a client; nothing is asked yet.
    ///
    /// # Errors
    /// If the system's certificates cannot be read.
    pub(crate) fn new() -> std::result::Result<Self, reqwest::Error> {
        // Fails if the process has installed a provider already, which is then the same one.
        drop(rustls::crypto::ring::default_provider().install_default());
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            // A redirect could lead to another host, which must not see tokens.
            .redirect(redirect::Policy::none())
            .referer(false)
            .user_agent(concat!("orgwatch/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { http, metadata: Cache::new(DISCOVERY), keys: Cache::new(KEYS) })
    }

    /// Returns the discovery document.
    ///
    /// # Errors
    /// If the provider does not answer, or its document is of another issuer or names endpoints without TLS.
    pub(crate) async fn metadata(&self, settings: &SignInSettings) -> Result<Arc<Metadata>> {
        let fetch = async {
            let url = format!("{}/.well-known/openid-configuration", settings.issuer.trim_end_matches('/'));
            let read: Discovery = self.json(DISCOVERY, self.http.get(url)).await?;
            if read.issuer != settings.issuer {
                return Err(unexpected(DISCOVERY, "the document is of another issuer than console.sign_in.issuer"));
            }
            Metadata::of(&read)
        };
        self.metadata.get(FRESH, fetch).await.map(|(metadata, _)| metadata)
    }

    /// Exchanges the code of a sign-in for tokens.
    ///
    /// # Errors
    /// If the provider refuses or does not answer.
    pub(crate) async fn exchange(&self, settings: &SignInSettings, code: &str, verifier: &str) -> Result<Tokens> {
        let redirect = settings.redirect_uri();
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &redirect),
            ("code_verifier", verifier),
        ];
        self.tokens(settings, &form).await
    }

    /// Exchanges a refresh token for new tokens.
    ///
    /// # Errors
    /// If the provider refuses or does not answer.
    pub(crate) async fn refresh(&self, settings: &SignInSettings, token: &SecretString) -> Result<Tokens> {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token.expose_secret())];
        self.tokens(settings, &form).await
    }

    /// Returns the claims of the person of an access token. They are not signed: the connection vouches for them.
    ///
    /// # Errors
    /// If the provider refuses, does not answer, or the claims are of another person than `subject`.
    pub(crate) async fn userinfo(&self, url: Url, token: &SecretString, subject: &str) -> Result<Claims> {
        let request = self.http.get(url).bearer_auth(token.expose_secret());
        let claims: Claims = self.json(USERINFO, request).await?;
        if id_token::text(&claims, "sub") != Some(subject) {
            return Err(unexpected(USERINFO, "the claims are of another person"));
        }
        Ok(claims)
    }

    /// Verifies an ID token, and returns its claims. Keys are fetched once more if the token is signed by an unknown one.
    ///
    /// # Errors
    /// If the keys cannot be fetched, or the token is refused.
    pub(crate) async fn verify(
        &self,
        settings: &SignInSettings,
        token: &SecretString,
        nonce: Option<&str>,
    ) -> Result<Claims> {
        let expected = Expected {
            issuer: &settings.issuer,
            client_id: &settings.client_id,
            algorithms: &settings.algorithms,
            nonce,
            now: now(),
        };
        let jwks_uri = self.metadata(settings).await?.jwks_uri.clone();
        let (keys, is_new) = self.keys(&jwks_uri, FRESH).await?;
        match id_token::verify(token.expose_secret(), &keys, expected) {
            Err(TokenError::UnknownKey) if !is_new => {
                let (keys, _) = self.keys(&jwks_uri, Duration::ZERO).await?;
                Ok(id_token::verify(token.expose_secret(), &keys, expected)?)
            }
            outcome => Ok(outcome?),
        }
    }

    /// Returns the keys, and whether they were fetched for this call: those that are known if they are younger than this.
    async fn keys(&self, url: &Url, younger: Duration) -> Result<(Arc<Keys>, bool)> {
        let fetch = async {
            let body = self.body(KEYS, self.http.get(url.clone())).await?;
            Keys::parse(&body).map_err(|_| unexpected(KEYS, "the answer is no set of keys"))
        };
        self.keys.get(younger, fetch).await
    }

    async fn tokens(&self, settings: &SignInSettings, form: &[(&str, &str)]) -> Result<Tokens> {
        let metadata = self.metadata(settings).await?;
        let secret = settings.secret().map_err(ProviderError::Secret)?;
        let request = self.http.post(metadata.token_endpoint.clone());
        let request = if metadata.takes_basic {
            let (id, secret) = (form_encoded(&settings.client_id), form_encoded(secret.expose_secret()));
            let credentials = STANDARD.encode(format!("{id}:{secret}"));
            request.header(AUTHORIZATION, format!("Basic {credentials}")).form(form)
        } else {
            let client = [("client_id", &*settings.client_id), ("client_secret", secret.expose_secret())];
            request.form(&[form, &client].concat())
        };
        self.json(TOKEN, request).await
    }

    async fn json<T: DeserializeOwned>(&self, call: &'static str, request: RequestBuilder) -> Result<T> {
        let body = self.body(call, request).await?;
        // The parser's own text would quote the answer, which has tokens and names.
        serde_json::from_slice(&body).map_err(|_| unexpected(call, "the answer is not the JSON that is expected"))
    }

    async fn body(&self, call: &'static str, request: RequestBuilder) -> Result<Vec<u8>> {
        let away = |source: reqwest::Error| ProviderError::Away { call, source: source.without_url() };
        let answer = request.header(ACCEPT, "application/json").send().await.map_err(away)?;
        let (status, failure) = (answer.status(), answer.error_for_status_ref().err());
        if let Some(error) = failure.filter(|_| status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS) {
            return Err(away(error));
        }
        let mut answer = answer;
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(away)? {
            body.extend_from_slice(&part);
            if body.len() > LARGEST {
                return Err(unexpected(call, "the answer is larger than 1 MiB"));
            }
        }
        if status.is_success() {
            return Ok(body);
        }
        Err(ProviderError::Refused { call, status: status.as_u16(), code: code(&body) })
    }
}

impl Metadata {
    fn of(read: &Discovery) -> Result<Self> {
        let endpoint = |text: &str| {
            let url = Url::parse(text).ok().filter(is_private);
            url.ok_or_else(|| unexpected(DISCOVERY, "an endpoint does not begin with https://"))
        };
        let methods = read.token_endpoint_auth_methods_supported.as_deref();
        Ok(Self {
            authorization_endpoint: endpoint(&read.authorization_endpoint)?,
            token_endpoint: endpoint(&read.token_endpoint)?,
            userinfo_endpoint: read.userinfo_endpoint.as_deref().map(endpoint).transpose()?,
            jwks_uri: endpoint(&read.jwks_uri)?,
            takes_basic: methods.is_none_or(|methods| methods.iter().any(|method| method == "client_secret_basic")),
            names_issuer: read.authorization_response_iss_parameter_supported,
        })
    }
}

/// Returns the code of an error of RFC 6749 after a colon.
fn code(body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }
    let code = serde_json::from_slice(body).ok().and_then(|Refusal { error }| super::error_code(&error));
    code.map(|code| format!(": {code}")).unwrap_or_default()
}

/// Encodes a text as RFC 6749, section 2.3.1 asks for the parts of `Basic`.
fn form_encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn unexpected(call: &'static str, problem: &str) -> ProviderError {
    ProviderError::Unexpected { call, problem: problem.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_encoded_before_they_are_joined() {
        assert_eq!(form_encoded("a:b c%é~"), "a%3Ab%20c%25%C3%A9~");
    }

    #[test]
    fn only_the_end_of_a_grant_ends_a_session() {
        let refused =
            |call, status, code: &str| ProviderError::Refused { call, status, code: code.to_owned() }.is_final();
        assert!(refused(USERINFO, 401, ""));
        assert!(refused(TOKEN, 400, &code(br#"{"error":"invalid_grant"}"#)));
        assert!(!refused(TOKEN, 401, &code(br#"{"error":"invalid_client"}"#)));
        assert!(!refused(TOKEN, 400, &code(b"<html>")));
        assert!(!refused(USERINFO, 404, ""));
        assert!(!unexpected(TOKEN, "odd").is_final());
    }
}
