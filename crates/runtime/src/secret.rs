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

#[cfg(test)]
mod tests {
    use super::*;

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
