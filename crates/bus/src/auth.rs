//! Authentication to the server. Files are read for every connection, so that keys can be changed without a restart.

use crate::settings::Auth;
use async_nats::AuthError;
use nkeys::KeyPair;
use secrecy::ExposeSecret;
use std::path::Path;

/// Returns the credentials for a connection; a key signs the server's `nonce`.
///
/// # Errors
/// If a file cannot be read or holds no valid key.
pub(crate) async fn answer(auth: Auth, nonce: Vec<u8>) -> Result<async_nats::Auth, AuthError> {
    let mut answer = async_nats::Auth::new();
    if let Some(file) = &auth.nkey_seed_file {
        let key = key(read(file).await?.trim())?;
        answer.nkey = Some(key.public_key());
        answer.signature = Some(key.sign(&nonce).map_err(AuthError::new)?);
    }
    if let Some(file) = &auth.creds_file {
        let text = read(file).await?;
        let Some((jwt, seed)) = credentials(&text) else {
            return Err(AuthError::new(format!("{}: holds no user JWT and seed", file.display())));
        };
        answer.jwt = Some(jwt.to_owned());
        answer.signature = Some(key(seed)?.sign(&nonce).map_err(AuthError::new)?);
    }
    answer.token = auth.token.as_ref().map(|token| token.expose_secret().to_owned());
    Ok(answer)
}

fn key(seed: &str) -> Result<KeyPair, AuthError> {
    KeyPair::from_seed(seed).map_err(AuthError::new)
}

async fn read(file: &Path) -> Result<String, AuthError> {
    let text = tokio::fs::read_to_string(file).await;
    text.map_err(|error| AuthError::new(format!("{}: {error}", file.display())))
}

/// Returns the user JWT and the seed of a credentials file of `nsc`, where each follows a line of dashes.
fn credentials(text: &str) -> Option<(&str, &str)> {
    let mut lines = text.lines().map(str::trim);
    let mut next = |what: &str| {
        lines.find(|line| line.starts_with("---") && line.contains("BEGIN") && line.contains(what))?;
        lines.next().filter(|value| !value.is_empty())
    };
    Some((next("JWT")?, next("SEED")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_found_between_their_markers() {
        let text = "-----BEGIN NATS USER JWT-----\r\neyJ0.e30.x\r\n------END NATS USER JWT------\r\n\n*** IMPORTANT ***\n\
                    -----BEGIN USER NKEY SEED-----\nSUAX\n------END USER NKEY SEED------\n";
        assert_eq!(credentials(text), Some(("eyJ0.e30.x", "SUAX")));
        for broken in ["", "eyJ0.e30.x", "-----BEGIN NATS USER JWT-----\n", &text[..60]] {
            assert_eq!(credentials(broken), None, "{broken}");
        }
    }
}
