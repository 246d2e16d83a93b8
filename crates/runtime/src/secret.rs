//! Serializers that show whether a secret is set, and never the secret.
//!
//! A `SecretString` has no serialization of its own, so a settings field without one of these does not compile:
//!
//! ```
//! #[derive(serde::Serialize)]
//! struct Settings {
//!     #[serde(serialize_with = "runtime::secret::mask")]
//!     url: secrecy::SecretString,
//! }
//! ```

use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, Serializer};
use std::net::IpAddr;

/// What stands in place of a secret.
pub(crate) const MASK: &str = "***";

/// Writes `"***"`, or an empty text where the secret is empty.
///
/// # Errors
/// Those of the serializer.
pub fn mask<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(if secret.expose_secret().is_empty() { "" } else { MASK })
}

/// Writes `"***"`, or none where no secret is set.
///
/// # Errors
/// Those of the serializer.
pub fn mask_option<S: Serializer>(secret: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(|_| MASK).serialize(serializer)
}

/// Writes a list with `"***"` for each secret.
///
/// # Errors
/// Those of the serializer.
pub fn mask_list<S: Serializer>(secrets: &[SecretString], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(secrets.iter().map(|_| MASK))
}

/// Whether a secret that is sent to a URL with this scheme and host cannot be overheard: over TLS, or to this machine.
pub fn stays_private(scheme: &str, host: Option<&str>) -> bool {
    let is_loopback = |host: &str| {
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    };
    match scheme {
        "https" => host.is_some(),
        "http" => host.is_some_and(is_loopback),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_over_tls_or_stay_on_the_machine() {
        let check = |scheme, host, expect| assert_eq!(stays_private(scheme, host), expect, "{scheme} {host:?}");
        check("https", Some("a.example"), true);
        check("https", None, false);
        check("http", Some("a.example"), false);
        check("http", Some("10.0.0.1"), false);
        check("ftp", Some("localhost"), false);
        for host in ["localhost", "127.0.0.1", "127.9.9.9", "[::1]"] {
            check("http", Some(host), true);
        }
    }

    #[derive(Serialize)]
    struct Secrets {
        #[serde(serialize_with = "mask")]
        one: SecretString,
        #[serde(serialize_with = "mask_option")]
        option: Option<SecretString>,
        #[serde(serialize_with = "mask_list")]
        list: Vec<SecretString>,
    }

    fn check(secrets: &Secrets, expect: &str) {
        assert_eq!(serde_json::to_string(secrets).unwrap(), expect);
    }

    #[test]
    fn secrets_are_masked() {
        let secret = || SecretString::from("hidden");
        let set = Secrets { one: secret(), option: Some(secret()), list: vec![secret(), secret()] };
        check(&set, r#"{"one":"***","option":"***","list":["***","***"]}"#);
        let unset = Secrets { one: SecretString::from(""), option: None, list: Vec::new() };
        check(&unset, r#"{"one":"","option":null,"list":[]}"#);
    }
}
