//! Section `[console.sign_in]` of the configuration.

use reqwest::Url;
use runtime::secret::stays_private;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use store::Role;

/// The path of the route to which the provider redirects.
pub(crate) const CALLBACK: &str = "/v1/sign-in/callback";

/// Section `[console.sign_in]` of the configuration: the OpenID provider, and what its groups may do here.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SignInSettings {
    /// The provider's issuer, exactly as its discovery document and its tokens have it.
    pub issuer: String,
    /// The id of the console at the provider.
    pub client_id: String,
    /// File with the secret of the console at the provider. It is read for each use, so that it can be replaced without a
    /// restart.
    pub client_secret_file: Option<PathBuf>,
    /// The secret of the console at the provider.
    #[serde(serialize_with = "runtime::secret::mask_option")]
    pub client_secret: Option<SecretString>,
    /// Where browsers reach the console, such as `https://orgwatch.example.com`, or `http://localhost:8090` if they are on
    /// this machine: browsers keep its cookies as if it were served over TLS. The provider has to allow the redirect to this
    /// URL with `/v1/sign-in/callback`.
    pub public_url: String,
    /// What is asked of the provider.
    pub scopes: Vec<String>,
    /// The claim with a person's groups.
    pub groups_claim: String,
    /// The claim with the name that people see of a person.
    pub name_claim: String,
    /// The algorithms with which the provider may sign ID tokens.
    pub algorithms: Vec<Algorithm>,
    /// Seconds between two checks of a person's groups while the session is in use, 1 to 45.
    pub check_seconds: u32,
    /// Seconds without an answer of the provider after which a session that is in use ends, 1 to 300.
    pub outage_seconds: u32,
    /// The most sign-ins from one address in a minute, 1 to 10,000; each takes two requests.
    pub per_minute: u32,
    /// How many proxies of one's own stand before the console. Each has to add the address of its client to
    /// `x-forwarded-for`. With 0 the address is that of the connection.
    pub proxies: u32,
    /// What the groups may do. Who is in none of them has no access.
    pub roles: Vec<GroupRole>,
}

/// The role of a group in an org.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupRole {
    /// The group, exactly as the provider has it in the claim.
    pub group: String,
    /// The id of the org; `*` stands for all orgs.
    pub org: String,
    /// The role.
    pub role: Role,
}

/// How an ID token is signed. There is none for `none`, nor for a secret that both sides know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// RSA with PKCS #1 v1.5 and SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
    /// RSA with PSS and SHA-256.
    #[serde(rename = "PS256")]
    Ps256,
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl Default for SignInSettings {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            client_id: String::new(),
            client_secret_file: None,
            client_secret: None,
            public_url: String::new(),
            scopes: ["openid", "profile", "email", "groups"].map(str::to_owned).into(),
            groups_claim: "groups".to_owned(),
            name_claim: "email".to_owned(),
            algorithms: vec![Algorithm::Rs256, Algorithm::Es256],
            check_seconds: 45,
            outage_seconds: 300,
            per_minute: 20,
            proxies: 0,
            roles: Vec::new(),
        }
    }
}

impl SignInSettings {
    /// Returns the errors in the values, each with its key, without opening files.
    pub fn check(&self) -> Vec<String> {
        let is_set = |text: &str| if text.trim().is_empty() { Some("is missing".to_owned()) } else { None };
        let checks = [
            ("issuer", issuer_problem(&self.issuer)),
            ("client_id", is_set(&self.client_id)),
            ("client_secret_file", self.secret_problem()),
            ("public_url", public_problem(&self.public_url)),
            ("scopes", self.scopes_problem()),
            ("groups_claim", is_set(&self.groups_claim)),
            ("name_claim", is_set(&self.name_claim)),
            ("algorithms", self.algorithms.is_empty().then(|| "is empty: no token would be accepted".to_owned())),
            ("check_seconds", range_problem(self.check_seconds, 1, 45)),
            ("outage_seconds", range_problem(self.outage_seconds, 1, 300)),
            ("per_minute", range_problem(self.per_minute, 1, 10_000)),
            ("proxies", range_problem(self.proxies, 0, 10)),
            ("roles", self.roles_problem()),
        ];
        let errors =
            checks.into_iter().filter_map(|(key, problem)| Some(format!("console.sign_in.{key}: {}", problem?)));
        errors.collect()
    }

    /// Reads the secret of the client, from its file if a file is configured.
    ///
    /// # Errors
    /// If the file cannot be read, or is empty.
    pub(crate) fn secret(&self) -> io::Result<SecretString> {
        let text = match (&self.client_secret_file, &self.client_secret) {
            (Some(path), _) => SecretString::from(std::fs::read_to_string(path)?),
            (None, given) => given.clone().unwrap_or_default(),
        };
        // Files usually end with a newline.
        match text.expose_secret().trim() {
            "" => Err(io::Error::new(io::ErrorKind::InvalidData, "it is empty")),
            trimmed => Ok(SecretString::from(trimmed)),
        }
    }

    /// Returns where the provider redirects.
    pub(crate) fn redirect_uri(&self) -> String {
        format!("{}{CALLBACK}", self.public_url.trim_end_matches('/'))
    }

    /// Returns the role in each org that these groups have, the highest of all groups.
    pub(crate) fn roles_of(&self, groups: &BTreeSet<String>) -> BTreeMap<String, Role> {
        let mut roles = BTreeMap::new();
        for GroupRole { org, role, .. } in self.roles.iter().filter(|mapped| groups.contains(&mapped.group)) {
            let org = if org == "*" { org.clone() } else { model::OrgId::new(org).as_str().to_owned() };
            let own = roles.entry(org).or_insert(*role);
            *own = (*own).max(*role);
        }
        roles
    }

    fn secret_problem(&self) -> Option<String> {
        match (&self.client_secret_file, &self.client_secret) {
            (Some(_), Some(_)) => Some("set only one of client_secret_file and client_secret".to_owned()),
            (None, None) => Some("set one of client_secret_file and client_secret".to_owned()),
            _ => None,
        }
    }

    fn scopes_problem(&self) -> Option<String> {
        if !self.scopes.iter().any(|scope| scope == "openid") {
            return Some("must have openid".to_owned());
        }
        // The characters of RFC 6749, section 3.3.
        let is_token =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
        let wrong = self.scopes.iter().find(|scope| !is_token(scope))?;
        Some(format!("{wrong:?} is no scope: list each scope by itself"))
    }

    fn roles_problem(&self) -> Option<String> {
        if self.roles.is_empty() {
            return Some("is empty: nobody would have access; add [[console.sign_in.roles]]".to_owned());
        }
        if self.roles.iter().any(|mapped| mapped.group.trim().is_empty() || mapped.org.trim().is_empty()) {
            return Some("each entry needs group, org and role; org = \"*\" stands for all orgs".to_owned());
        }
        let mut seen = BTreeSet::new();
        let twice = self.roles.iter().find(|mapped| !seen.insert((&mapped.group, &mapped.org)))?;
        Some(format!("group {:?} has two roles in org {}: keep one", twice.group, twice.org))
    }
}

/// Whether what is sent to a URL stays private: over TLS, or to this machine.
pub(crate) fn is_private(url: &Url) -> bool {
    stays_private(url.scheme(), url.host_str())
}

fn url_problem(text: &str) -> Result<Url, String> {
    if text.is_empty() {
        return Err("is missing".to_owned());
    }
    let url = Url::parse(text).map_err(|_| "is not a URL".to_owned())?;
    let has_user = !url.username().is_empty() || url.password().is_some();
    if !is_private(&url) {
        return Err("must begin with https://; http:// is for localhost and loopback addresses alone".to_owned());
    }
    if has_user || url.query().is_some() || url.fragment().is_some() {
        return Err("must have no user, query or fragment".to_owned());
    }
    Ok(url)
}

fn issuer_problem(text: &str) -> Option<String> {
    url_problem(text).err()
}

fn public_problem(text: &str) -> Option<String> {
    match url_problem(text) {
        Err(problem) => Some(problem),
        // Cookies with the prefix `__Host-` hold for a whole host.
        Ok(url) if url.path() != "/" => Some("must be a host alone, such as https://orgwatch.example.com".to_owned()),
        Ok(_) => None,
    }
}

fn range_problem(value: u32, low: u32, high: u32) -> Option<String> {
    (!(low..=high).contains(&value)).then(|| format!("must be from {low} to {high}, is {value}"))
}

#[cfg(test)]
mod tests;
