//! Tokens that are read again while the service runs, so that they can be changed without a restart.

use super::Tokens;
use crate::Settings;
use model::OrgId;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// The tokens that are good now.
pub(crate) struct Keyring {
    settings: Settings,
    latest: RwLock<Latest>,
}

struct Latest {
    tokens: Tokens,
    /// What was wrong when the files were read last: the tokens are those from before it.
    errors: Vec<String>,
}

/// How long a token that was changed in its file may take to be good, and the one before it to be refused.
const REREAD: Duration = Duration::from_secs(10);

impl Keyring {
    pub(crate) fn new(settings: &Settings, tokens: Tokens) -> Self {
        Self { settings: settings.clone(), latest: RwLock::new(Latest { tokens, errors: Vec::new() }) }
    }

    /// See [`Tokens::org_of`].
    pub(crate) fn org_of(&self, token: &str) -> Option<OrgId> {
        self.latest.read().unwrap_or_else(PoisonError::into_inner).tokens.org_of(token).cloned()
    }

    /// Reads the files again and again; does not return.
    pub(crate) async fn keep(self: &Arc<Self>) {
        if self.settings.orgs.values().all(|org| org.token_files.is_empty()) {
            return std::future::pending().await;
        }
        loop {
            tokio::time::sleep(REREAD).await;
            let keyring = Arc::clone(self);
            if let Err(error) = tokio::task::spawn_blocking(move || keyring.reread()).await {
                tracing::error!(%error, "reading tokens has failed");
            }
        }
    }

    fn reread(&self) {
        let read = Tokens::load(&self.settings);
        self.latest.write().unwrap_or_else(PoisonError::into_inner).settle(read);
    }
}

impl Latest {
    /// Takes what was read, if all of it is right: otherwise everything stays as it is, so that a file that is just
    /// being written locks nobody out.
    fn settle(&mut self, read: Result<Tokens, Vec<String>>) {
        match read {
            Ok(tokens) => {
                if tokens != self.tokens {
                    tracing::info!("tokens of pushes have changed");
                }
                *self = Self { tokens, errors: Vec::new() };
            }
            Err(errors) => {
                if errors != self.errors {
                    let errors = errors.join("; ");
                    tracing::error!(errors, "tokens of pushes cannot be read again, those from before stay good");
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
        let good = |token: &str| keyring.org_of(token).is_some();
        let a_while = async || tokio::time::timeout(3 * REREAD, keyring.keep()).await.unwrap_err();

        fs::write(&file, "the-second-token-of-all\n").unwrap();
        assert!(good("the-first-token-of-all") && !good("the-second-token-of-all"));
        a_while().await;
        assert!(!good("the-first-token-of-all") && good("the-second-token-of-all"));

        for broken in ["", "short"] {
            fs::write(&file, broken).unwrap();
            a_while().await;
            assert!(good("the-second-token-of-all"), "{broken:?} locks nobody out");
        }
        fs::remove_file(&file).unwrap();
        a_while().await;
        assert!(good("the-second-token-of-all"));
        fs::write(&file, "the-third-token-of-all").unwrap();
        a_while().await;
        assert!(!good("the-second-token-of-all") && good("the-third-token-of-all"));
    }

    #[test]
    fn what_is_wrong_is_told_once() {
        let settings = Settings::default();
        let mut latest = Latest { tokens: Tokens::load(&settings).unwrap(), errors: Vec::new() };
        latest.settle(Err(vec!["a".to_owned()]));
        assert_eq!(latest.errors, ["a"]);
        latest.settle(Tokens::load(&settings));
        assert_eq!(latest.errors, [""; 0]);
    }
}
