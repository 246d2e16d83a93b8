//! Requests a token from the OAuth token endpoint.

use super::jwt::{self, Claims};
use super::{Identity, TOKEN, Token};
use crate::http::Http;
use crate::settings::{Credential, is_private};
use crate::{Error, Result, Settings};
use model::OrgId;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use std::error::Error as _;

/// Requests a token. Reads the secret again, so that a replaced one is used.
pub(super) async fn mint(settings: &Settings, http: &Http) -> Result<Token> {
    let url = format!("{}/services/oauth2/token", settings.login_url.trim_end_matches('/'));
    let request = http.post(&url).form(&form(settings)?);
    let answer: Answer = Http::json(TOKEN, &http.text(TOKEN, request).await?)?;
    let instance = instance(&answer.instance_url)?;
    if !answer.access_token.expose_secret().bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(unexpected("the token has characters that a header cannot carry"));
    }
    let org_id = match org_id(answer.id.as_deref().unwrap_or_default()) {
        Some(org_id) => org_id,
        None => fetch_org_id(&instance, &answer.access_token, http).await?,
    };
    let identity = Identity { org_id, instance_url: instance.as_str().trim_end_matches('/').to_owned() };
    Ok(Token { identity, instance, secret: answer.access_token })
}

/// The fields of the answer that are read. It does not say how long the token is valid.
#[derive(Deserialize)]
struct Answer {
    access_token: SecretString,
    instance_url: String,
    id: Option<String>,
}

type Form = Vec<(&'static str, String)>;

fn form(settings: &Settings) -> Result<Form> {
    let credential = settings.credential().map_err(|error| match error.source() {
        Some(cause) => Error::Key(format!("{error}: {cause}")),
        None => Error::Key(error.to_string()),
    })?;
    Ok(match credential {
        Credential::Key(key) => {
            let claims = Claims {
                issuer: &settings.client_id,
                subject: settings.username.as_deref().unwrap_or_default(),
                audience: settings.jwt_audience(),
            };
            let assertion = jwt::assertion(&key, &claims, runtime::clock::now()).map_err(Error::Key)?;
            let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
            vec![("grant_type", grant.to_owned()), ("assertion", assertion)]
        }
        Credential::Secret(secret) => vec![
            ("grant_type", "client_credentials".to_owned()),
            ("client_id", settings.client_id.clone()),
            ("client_secret", secret.expose_secret().to_owned()),
        ],
    })
}

/// Reads the instance's URL; the token may only be sent there if the connection is private.
fn instance(text: &str) -> Result<Url> {
    let url = Url::parse(text).ok().filter(is_private);
    url.ok_or_else(|| unexpected("instance_url is not an https URL"))
}

/// Reads the org id in `https://login.salesforce.com/id/<org>/<user>`.
fn org_id(id_url: &str) -> Option<OrgId> {
    let mut parts = id_url.trim_end_matches('/').rsplit('/');
    parts.next()?;
    checked(parts.next()?)
}

/// Asks the instance which org the token belongs to.
async fn fetch_org_id(instance: &Url, token: &SecretString, http: &Http) -> Result<OrgId> {
    #[derive(Deserialize)]
    struct Answer {
        organization_id: String,
    }
    let call = "userinfo";
    let url = instance.join("/services/oauth2/userinfo").map_err(|error| unexpected(&error.to_string()))?;
    let answer: Answer = Http::json(call, &http.text(call, http.get(url, token)).await?)?;
    checked(&answer.organization_id).ok_or_else(|| unexpected("the user's organization_id is not an org id"))
}

/// Returns the id if it is an org's: `00D` and 15 or 18 letters and digits in all.
fn checked(id: &str) -> Option<OrgId> {
    let is_org =
        id.starts_with("00D") && matches!(id.len(), 15 | 18) && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_org.then(|| OrgId::new(id))
}

fn unexpected(problem: &str) -> Error {
    Error::Unexpected { call: TOKEN, problem: problem.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_org_is_read_from_the_tokens_id_url() {
        let check = |url: &str, expect: Option<&str>| assert_eq!(org_id(url), expect.map(OrgId::new), "{url}");
        let full = Some("00D5f000000CyENEA0");
        check("https://login.salesforce.com/id/00D5f000000CyENEA0/0055f00000CyENtAAN", full);
        check("https://login.salesforce.com/id/00D5f000000CyENEA0/0055f00000CyENtAAN/", full);
        check("https://login.salesforce.com/id/00D5f000000CyEN/0055f00000CyENt", full);
        check("https://login.salesforce.com/id/0055f00000CyENtAAN/00D5f000000CyENEA0", None);
        check("00D5f000000CyENEA0", None);
        check("", None);
    }

    #[test]
    fn an_instance_without_tls_is_refused() {
        assert!(instance("https://acme.my.salesforce.com").is_ok());
        assert!(instance("http://127.0.0.1:8080").is_ok());
        for url in ["http://acme.my.salesforce.com", "acme.my.salesforce.com", ""] {
            assert!(instance(url).is_err(), "{url}");
        }
    }
}
