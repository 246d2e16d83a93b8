//! Destinations as they are used: validated settings, with secrets as values or files.

use crate::secret::Secret;
use crate::settings::{DestinationKind, DestinationSettings, Settings, SettingsError};
use crate::signature::Key;
use reqwest::Url;
use risk::notify::Filter;
use secrecy::{ExposeSecret, SecretString};
use std::path::PathBuf;
use std::time::Duration;

/// A destination with valid settings.
#[derive(Clone, Debug)]
pub(crate) struct Destination {
    pub(crate) name: String,
    pub(crate) target: Target,
    pub(crate) filter: Filter,
    pub(crate) rate_per_minute: u32,
    /// Timeout of one attempt.
    pub(crate) timeout: Duration,
    pub(crate) max_attempts: u32,
}

/// Where and how messages are sent.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Webhook { url: Secret, key: Option<Secret> },
    Slack { url: Secret, mention: Option<String> },
    File { path: PathBuf },
    Stdout,
}

impl Settings {
    /// Returns all errors, not only the first. Reads the files that hold secrets.
    pub fn check(&self) -> Vec<SettingsError> {
        self.resolve().err().unwrap_or_default()
    }

    /// Returns the destinations of `destinations` and `channels`, by name.
    pub(crate) fn resolve(&self) -> Result<Vec<Destination>, Vec<SettingsError>> {
        let mut errors = Vec::new();
        if self.console_url.as_deref().is_some_and(|url| !is_http(url)) {
            errors.push(SettingsError::ConsoleUrl);
        }
        if self.runbook_url.as_deref().is_some_and(|url| !is_http(url)) {
            errors.push(SettingsError::RunbookUrl);
        }
        if !(1..=8_760).contains(&self.catch_up_hours) {
            errors.push(SettingsError::CatchUpHours(self.catch_up_hours));
        }
        let mut destinations = Vec::new();
        for (name, settings) in &self.destinations {
            let at = format!("destinations.{name}");
            destinations.extend(Check { at, name, settings, errors: &mut errors }.destination());
        }
        for (name, settings) in self.channels.iter().flatten() {
            let at = format!("channels.{name}");
            if self.destinations.contains_key(name) {
                errors.push(SettingsError::Duplicate { at });
                continue;
            }
            destinations.extend(Check { at, name, settings, errors: &mut errors }.destination());
        }
        destinations.sort_by(|a, b| a.name.cmp(&b.name));
        if errors.is_empty() { Ok(destinations) } else { Err(errors) }
    }
}

/// The longest name of a destination: a choice that keeps log lines and metric labels short.
const LONGEST_NAME: usize = 64;
/// A claim lasts for the timeout and more, so a longer timeout would delay the retry after a crash.
const TIMEOUTS_MS: std::ops::RangeInclusive<u64> = 100..=60_000;

/// The check of one destination, which collects errors.
struct Check<'a> {
    at: String,
    name: &'a str,
    settings: &'a DestinationSettings,
    errors: &'a mut Vec<SettingsError>,
}

impl Check<'_> {
    fn destination(mut self) -> Option<Destination> {
        let before = self.errors.len();
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if self.name.is_empty() || self.name.len() > LONGEST_NAME || !self.name.bytes().all(is_allowed) {
            self.errors.push(SettingsError::Name { at: self.at.clone() });
        }
        let DestinationSettings { kind, min_severity, rate_per_minute, timeout_ms, max_attempts, .. } = *self.settings;
        if rate_per_minute == 0 {
            self.value("rate_per_minute", "must be 1 or more, is 0");
        }
        if !TIMEOUTS_MS.contains(&timeout_ms) {
            let (least, most) = (TIMEOUTS_MS.start(), TIMEOUTS_MS.end());
            self.value("timeout_ms", format!("must be from {least} to {most}, is {timeout_ms}"));
        }
        if max_attempts == 0 {
            self.value("max_attempts", "must be 1 or more, is 0");
        }
        if self.settings.kinds.is_empty() {
            self.value("kinds", "must name at least one kind of change");
        }
        let target = self.target(kind)?;
        (self.errors.len() == before).then(|| Destination {
            name: self.name.to_owned(),
            target,
            filter: Filter { min_severity, kinds: self.settings.kinds.clone() },
            rate_per_minute,
            timeout: Duration::from_millis(timeout_ms),
            max_attempts,
        })
    }

    fn target(&mut self, kind: DestinationKind) -> Option<Target> {
        let DestinationSettings { url, url_file, secret, secret_file, path, mention, .. } = self.settings;
        let is_http = matches!(kind, DestinationKind::Webhook | DestinationKind::Slack);
        let given = [
            ("url", url.is_some(), is_http),
            ("url_file", url_file.is_some(), is_http),
            ("secret", secret.is_some(), kind == DestinationKind::Webhook),
            ("secret_file", secret_file.is_some(), kind == DestinationKind::Webhook),
            ("path", path.is_some(), kind == DestinationKind::File),
            ("mention", mention.is_some(), kind == DestinationKind::Slack),
        ];
        for (field, is_given, is_used) in given {
            if is_given && !is_used {
                self.errors.push(SettingsError::Unused { at: self.at.clone(), field, kind });
            }
        }
        match kind {
            DestinationKind::Webhook => {
                let url = self.url(kind);
                let key = self.key();
                Some(Target::Webhook { url: url?, key })
            }
            DestinationKind::Slack => self.url(kind).map(|url| Target::Slack { url, mention: mention.clone() }),
            DestinationKind::File => match path {
                Some(path) => Some(Target::File { path: path.clone() }),
                None => self.missing("path", kind),
            },
            DestinationKind::Stdout => Some(Target::Stdout),
        }
    }

    fn url(&mut self, kind: DestinationKind) -> Option<Secret> {
        let DestinationSettings { url, url_file, .. } = self.settings;
        if url.is_none() && url_file.is_none() {
            return self.missing("url", kind);
        }
        let (url, text) = self.secret("url", url, url_file)?;
        if !is_http(text.expose_secret()) {
            self.value("url", "must be a URL that begins with https:// or http://");
            return None;
        }
        Some(url)
    }

    fn key(&mut self) -> Option<Secret> {
        let DestinationSettings { secret, secret_file, .. } = self.settings;
        let (key, text) = self.secret("secret", secret, secret_file)?;
        if let Err(problem) = Key::parse(text.expose_secret()) {
            self.value("secret", problem.to_string());
            return None;
        }
        Some(key)
    }

    /// Returns the secret, and its present value to validate.
    fn secret(
        &mut self,
        field: &'static str,
        given: &Option<SecretString>,
        file: &Option<PathBuf>,
    ) -> Option<(Secret, SecretString)> {
        let at = self.at.clone();
        let (secret, path) = match (given, file) {
            (Some(_), Some(_)) => {
                self.errors.push(SettingsError::Twice { at, field });
                return None;
            }
            (Some(secret), None) => (Secret::Given(secret.clone()), PathBuf::new()),
            (None, Some(path)) => (Secret::File(path.clone()), path.clone()),
            (None, None) => return None,
        };
        match secret.read_now() {
            Ok(text) => Some((secret, text)),
            Err(source) => {
                self.errors.push(SettingsError::Unreadable { at, field, path, source });
                None
            }
        }
    }

    fn value(&mut self, field: &'static str, problem: impl Into<String>) {
        let (at, problem) = (self.at.clone(), problem.into());
        self.errors.push(SettingsError::Value { at, field, problem });
    }

    fn missing<T>(&mut self, field: &'static str, kind: DestinationKind) -> Option<T> {
        self.errors.push(SettingsError::Missing { at: self.at.clone(), field, kind });
        None
    }
}

fn is_http(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "https" | "http") && url.has_host())
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Severity;

    fn settings(text: &str) -> Settings {
        toml::from_str(text).unwrap()
    }

    fn problems(text: &str) -> String {
        let texts: Vec<String> = settings(text).check().iter().map(ToString::to_string).collect();
        texts.join("\n")
    }

    const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn keys_that_are_not_set_have_defaults() {
        let destinations = settings("[destinations.log]\nkind = \"stdout\"").resolve().unwrap();
        let [destination] = destinations.as_slice() else { panic!("{destinations:?}") };
        let kinds = crate::settings::DEFAULT_KINDS.to_vec();
        assert_eq!(destination.filter, Filter { min_severity: Severity::High, kinds });
        assert_eq!((destination.rate_per_minute, destination.max_attempts), (30, 8));
        assert_eq!(destination.timeout, Duration::from_secs(10));
    }

    #[test]
    fn the_former_key_is_read_too() {
        let both = "[destinations.b]\nkind = \"stdout\"\n[channels.a]\nkind = \"stdout\"";
        let destinations = settings(both).resolve().unwrap();
        let names: Vec<&str> = destinations.iter().map(|destination| destination.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        let found = problems("[destinations.a]\nkind = \"stdout\"\n[channels.a]\nkind = \"stdout\"");
        assert_eq!(found, "channels.a: defined in destinations too; channels is the former name of that table");
        assert_eq!(problems("[channels.a]\nkind = \"file\""), "channels.a.path: required for kind file");
    }

    #[test]
    fn the_loader_accepts_the_former_key() {
        let text = "[channels.a]\nkind = \"stdout\"\nmin_severity = \"low\"";
        let file = Some(runtime::config::File { name: "a.toml", text });
        let variable = ("ORGWATCH_CHANNELS__A__RATE_PER_MINUTE".to_owned(), "3".to_owned());
        let settings: Settings = runtime::config::load_from(file, [variable]).unwrap();
        assert_eq!(settings.resolve().unwrap()[0].rate_per_minute, 3);
        let shown = runtime::config::show(&settings).unwrap();
        assert!(shown.contains("[channels.a]") && !shown.contains("[destinations."), "{shown}");
    }

    #[test]
    fn all_errors_are_reported_with_their_keys() {
        let found = problems(
            r#"
            console_url = "console.example.com"
            runbook_url = "docs/detectors"
            catch_up_hours = 0
            [destinations."a b"]
            kind = "stdout"
            path = "/tmp/x"
            mention = "<!here>"
            [destinations.chat]
            kind = "slack"
            secret = "whsec_"
            rate_per_minute = 0
            [destinations.log]
            kind = "file"
            kinds = []
            max_attempts = 0
            [destinations.siem]
            kind = "webhook"
            url = "ftp://hidden.example.com"
            secret = "hidden"
            timeout_ms = 1
            [destinations.soar]
            kind = "webhook"
            url = "https://soar.example.com"
            url_file = "/run/secrets/soar"
            secret_file = "/does/not/exist"
            "#,
        );
        assert!(!found.contains("hidden"), "{found}");
        insta::assert_snapshot!(found, @r"
        console_url: must be a URL that begins with https:// or http://
        runbook_url: must be a URL that begins with https:// or http://
        catch_up_hours: must be from 1 to 8760, is 0
        destinations.a b: a name has 1 to 64 letters, digits, - and _
        destinations.a b.path: not used by kind stdout
        destinations.a b.mention: not used by kind stdout
        destinations.chat.rate_per_minute: must be 1 or more, is 0
        destinations.chat.secret: not used by kind slack
        destinations.chat.url: required for kind slack
        destinations.log.max_attempts: must be 1 or more, is 0
        destinations.log.kinds: must name at least one kind of change
        destinations.log.path: required for kind file
        destinations.siem.timeout_ms: must be from 100 to 60000, is 1
        destinations.siem.url: must be a URL that begins with https:// or http://
        destinations.siem.secret: must be base64, with or without whsec_ before it
        destinations.soar.url: set twice, here and as url_file
        destinations.soar.secret_file: cannot read /does/not/exist
        ");
    }

    #[test]
    fn secrets_are_read_from_files_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let (url, key) = (folder.path().join("url"), folder.path().join("key"));
        std::fs::write(&url, "https://hooks.example.com/hidden\n").unwrap();
        std::fs::write(&key, format!("{KEY}\n")).unwrap();
        let text = format!("[destinations.siem]\nkind = \"webhook\"\nurl_file = {url:?}\nsecret_file = {key:?}");
        let destinations = settings(&text).resolve().unwrap();
        let Target::Webhook { url, key: Some(_) } = &destinations[0].target else { panic!("{destinations:?}") };
        assert_eq!(url.read_now().unwrap().expose_secret(), "https://hooks.example.com/hidden");

        let given = settings(&format!(
            "[destinations.siem]\nkind = \"webhook\"\nurl = \"https://hooks.example.com/hidden\"\nsecret = \"{KEY}\""
        ));
        let written = runtime::config::show(&given).unwrap();
        for shown in [format!("{given:?} {:?}", given.resolve().unwrap()), format!("{destinations:?}"), written] {
            assert!(!shown.contains("hidden") && !shown.contains("MfKQ"), "{shown}");
        }
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let read: Result<Settings, _> = toml::from_str("[destinations.log]\nkind = \"stdout\"\nmin_risk = 3");
        assert!(read.unwrap_err().to_string().contains("unknown field `min_risk`"));
    }
}
