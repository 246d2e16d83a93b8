//! Tokens that are read again while the service runs, so that they can be rotated without a restart.

use super::Tokens;
use crate::Settings;
use model::OrgId;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// The tokens that are currently valid.
pub(crate) struct Keyring {
    settings: Settings,
    latest: RwLock<Latest>,
}

struct Latest {
    tokens: Tokens,
    /// The problems of the last reading; if there are any, `tokens` are those of the reading before.
    errors: Vec<String>,
}

/// How long a changed token file may take to come into force. A choice.
const REREAD: Duration = Duration::from_secs(10);

impl Keyring {
    pub(crate) fn new(settings: &Settings, tokens: Tokens) -> Self {
        Self { settings: settings.clone(), latest: RwLock::new(Latest { tokens, errors: Vec::new() }) }
    }

    /// Returns the org of a token, as [`Tokens::org_of`] does.
    pub(crate) fn org_of(&self, token: &str) -> Option<OrgId> {
        self.latest.read().unwrap_or_else(PoisonError::into_inner).tokens.org_of(token).cloned()
    }

    /// Reads the token files periodically; never returns.
    pub(crate) async fn keep(self: &Arc<Self>) {
        if self.settings.orgs.values().all(|org| org.token_files.is_empty()) {
            return std::future::pending().await;
        }
        loop {
            tokio::time::sleep(REREAD).await;
            let keyring = Arc::clone(self);
            if let Err(error) = tokio::task::spawn_blocking(move || keyring.reread()).await {
                tracing::error!(%error, "the task that reads token files has failed");
            }
        }
    }

    fn reread(&self) {
        let read = Tokens::load(&self.settings);
        self.latest.write().unwrap_or_else(PoisonError::into_inner).settle(read);
    }
}

impl Latest {
    /// Replaces the tokens if all of them could be read. Otherwise the current ones stay valid, so that a file that is
    /// just being written locks out no client. A problem is logged once.
    fn settle(&mut self, read: Result<Tokens, Vec<String>>) {
        match read {
            Ok(tokens) => {
                if tokens != self.tokens {
                    tracing::info!("push tokens have changed");
                }
                *self = Self { tokens, errors: Vec::new() };
            }
            Err(errors) => {
                if errors != self.errors {
                    let errors = errors.join("; ");
                    tracing::error!(errors, "push tokens cannot be read again, the current ones stay valid");
                }
                self.errors = errors;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OrgSettings;
    use crate::testing::ORG;
    use std::fs;

    #[tokio::test(start_paused = true)]
    async fn a_token_is_changed_by_changing_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        fs::write(&file, "the-first-token-of-all").unwrap();
        let org = OrgSettings { token_files: vec![file.clone()], ..OrgSettings::default() };
        let settings = Settings { orgs: [(OrgId::new(ORG), org)].into(), ..Settings::default() };
        let keyring = Arc::new(Keyring::new(&settings, Tokens::load(&settings).unwrap()));
        let is_valid = |token: &str| keyring.org_of(token).is_some();
        let a_while = async || tokio::time::timeout(3 * REREAD, keyring.keep()).await.unwrap_err();

        fs::write(&file, "the-second-token-of-all\n").unwrap();
        assert!(is_valid("the-first-token-of-all") && !is_valid("the-second-token-of-all"));
        a_while().await;
        assert!(!is_valid("the-first-token-of-all") && is_valid("the-second-token-of-all"));

        for broken in ["", "short"] {
            fs::write(&file, broken).unwrap();
            a_while().await;
            assert!(is_valid("the-second-token-of-all"), "{broken:?} locks out no client");
        }
        fs::remove_file(&file).unwrap();
        a_while().await;
        assert!(is_valid("the-second-token-of-all"));
        fs::write(&file, "the-third-token-of-all").unwrap();
        a_while().await;
        assert!(!is_valid("the-second-token-of-all") && is_valid("the-third-token-of-all"));
    }

    #[test]
    fn problems_are_kept_until_the_next_good_reading() {
        let settings = Settings::default();
        let mut latest = Latest { tokens: Tokens::load(&settings).unwrap(), errors: Vec::new() };
        latest.settle(Err(vec!["a".to_owned()]));
        assert_eq!(latest.errors, ["a"]);
        latest.settle(Tokens::load(&settings));
        assert_eq!(latest.errors, [""; 0]);
    }
}
