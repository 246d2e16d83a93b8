//! Tokens that are read again while the service runs, so that they can be rotated without a restart.

use super::{Tokens, file};
use model::OrgId;
use opentelemetry::metrics::Gauge;
use opentelemetry::{KeyValue, global};
use runtime::admin::{Check, Health};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

/// The tokens that are currently valid.
pub(crate) struct Keyring {
    tokens: RwLock<Tokens>,
    /// Is degraded while some token files cannot be read, and down while no token is valid.
    check: Option<Check>,
    unreadable: Gauge<u64>,
}

/// How long a changed token file may take to come into force. A choice.
const REREAD: Duration = Duration::from_secs(10);

impl Keyring {
    /// Reports the state of the tokens to `health`, unless no org may push.
    pub(crate) fn new(tokens: Tokens, health: &Health) -> Self {
        for problem in tokens.unreadable() {
            tracing::error!(problem, "a token file cannot be read, its senders are refused");
        }
        let check = (!tokens.fixed.is_empty() || !tokens.files.is_empty()).then(|| health.register("push_tokens"));
        let meter = global::meter("orgwatch");
        let unreadable = meter
            .u64_gauge("orgwatch.ingest.unreadable_token_files")
            .with_unit("{file}")
            .with_description("Token files of an org that cannot be read, so that their senders are refused")
            .build();
        let keyring = Self { tokens: RwLock::new(tokens), check, unreadable };
        keyring.report();
        keyring
    }

    /// Returns the org of a token, as [`Tokens::org_of`] does.
    pub(crate) fn org_of(&self, token: &str) -> Option<OrgId> {
        self.tokens().org_of(token).cloned()
    }

    /// Reads the token files periodically; never returns.
    pub(crate) async fn keep(self: &Arc<Self>) {
        if self.tokens().files.is_empty() {
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
        let paths: Vec<PathBuf> = self.tokens().files.iter().map(|file| file.path().to_owned()).collect();
        let readings = paths.iter().map(|path| file::read(path)).collect();
        self.tokens.write().unwrap_or_else(PoisonError::into_inner).settle(readings);
        self.report();
    }

    fn report(&self) {
        let tokens = self.tokens();
        for (org, files) in tokens.unreadable_files() {
            self.unreadable.record(files, &[KeyValue::new("org", org.as_str().to_owned())]);
        }
        let Some(check) = &self.check else { return };
        let problems = tokens.unreadable().join("; ");
        if tokens.is_empty() {
            check.down(format!("no push token is valid: {problems}"));
        } else if problems.is_empty() {
            check.up();
        } else {
            check.degraded(problems);
        }
    }

    fn tokens(&self) -> RwLockReadGuard<'_, Tokens> {
        self.tokens.read().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ORG;
    use crate::{OrgSettings, Settings};
    use std::fs;
    use std::path::Path;

    const OTHER: &str = "00D000000000002EAA";

    struct Ring {
        keyring: Arc<Keyring>,
        health: Health,
    }

    fn ring<'a>(orgs: impl IntoIterator<Item = (&'a str, &'a Path)>) -> Ring {
        let of_file = |file: &Path| OrgSettings { token_files: vec![file.to_owned()], ..OrgSettings::default() };
        let orgs = orgs.into_iter().map(|(org, file)| (OrgId::new(org), of_file(file))).collect();
        let settings = Settings { orgs, ..Settings::default() };
        let health = Health::default();
        let keyring = Arc::new(Keyring::new(Tokens::load(&settings).unwrap(), &health));
        Ring { keyring, health }
    }

    impl Ring {
        fn check(&self, valid: &[&str], invalid: &[&str]) {
            let is_valid = |token: &&&str| self.keyring.org_of(token).is_some();
            assert_eq!(valid.iter().find(|token| !is_valid(token)), None);
            assert_eq!(invalid.iter().find(is_valid), None);
        }

        /// Waits for some readings.
        async fn readings(&self, count: u32) {
            let enough = count * REREAD + REREAD / 2;
            tokio::time::timeout(enough, self.keyring.keep()).await.unwrap_err();
        }

        /// Returns whether the service is ready, and the reason of the check.
        fn readiness(&self) -> (bool, Option<String>) {
            let readiness = self.health.readiness();
            let reason = readiness.checks.into_iter().find(|check| check.name == "push_tokens").unwrap().reason;
            (readiness.ready, reason)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_changed_by_changing_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        fs::write(&file, "the-first-token-of-all").unwrap();
        let ring = ring([(ORG, file.as_path())]);
        fs::write(&file, "the-second-token-of-all\n").unwrap();
        ring.check(&["the-first-token-of-all"], &["the-second-token-of-all"]);
        ring.readings(1).await;
        ring.check(&["the-second-token-of-all"], &["the-first-token-of-all"]);
        assert_eq!(ring.readiness(), (true, None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_ends_after_two_failed_readings_and_others_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let [one, other] = ["one", "other"].map(|name| folder.path().join(name));
        for broken in [Some(""), Some("short"), None] {
            fs::write(&one, "the-token-of-one-org").unwrap();
            fs::write(&other, "the-token-of-the-other").unwrap();
            let ring = ring([(ORG, one.as_path()), (OTHER, other.as_path())]);
            match broken {
                Some(text) => fs::write(&one, text).unwrap(),
                None => fs::remove_file(&one).unwrap(),
            }
            fs::write(&other, "the-next-of-the-other").unwrap();
            ring.readings(1).await;
            ring.check(&["the-token-of-one-org", "the-next-of-the-other"], &["the-token-of-the-other"]);
            assert_eq!(ring.readiness(), (true, None), "a file may be read while it is written");
            ring.readings(1).await;
            ring.check(&["the-next-of-the-other"], &["the-token-of-one-org"]);
            let (is_ready, reason) = ring.readiness();
            assert!(is_ready && reason.unwrap().contains(&*one.display().to_string()), "{broken:?}");
            fs::write(&other, "the-last-of-the-other").unwrap();
            fs::write(&one, "the-new-token-of-one").unwrap();
            ring.readings(1).await;
            ring.check(&["the-new-token-of-one", "the-last-of-the-other"], &["the-token-of-one-org"]);
            assert_eq!(ring.readiness(), (true, None));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_with_the_token_of_another_org_ends_alone() {
        let folder = tempfile::tempdir().unwrap();
        let [one, other] = ["one", "other"].map(|name| folder.path().join(name));
        fs::write(&one, "the-token-of-one-org").unwrap();
        fs::write(&other, "the-token-of-the-other").unwrap();
        let ring = ring([(ORG, one.as_path()), (OTHER, other.as_path())]);
        fs::write(&one, "the-token-of-the-other").unwrap();
        ring.readings(2).await;
        ring.check(&["the-token-of-the-other"], &["the-token-of-one-org"]);
        assert_eq!(ring.keyring.org_of("the-token-of-the-other"), Some(OrgId::new(OTHER)));
        assert!(ring.readiness().1.unwrap().contains(OTHER));
    }

    #[test]
    fn without_a_valid_token_the_service_is_not_ready() {
        let (is_ready, reason) = ring([(ORG, Path::new("/nowhere/token"))]).readiness();
        assert!(!is_ready && reason.unwrap().contains("/nowhere/token"));
        let none = Keyring::new(Tokens::load(&Settings::default()).unwrap(), &Health::default());
        assert_eq!(none.check.map(drop), None, "nobody may push");
    }
}
