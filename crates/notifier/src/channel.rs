//! Channels as they are used: settings that were checked, with the secrets in their files.

use crate::secret::Secret;
use crate::settings::{ChannelKind, ChannelSettings, Settings, SettingsError};
use crate::signature::Key;
use model::{ChangeKind, Severity};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Clone, Debug)]
pub(crate) struct Channel {
    pub(crate) name: String,
    pub(crate) target: Target,
    pub(crate) min_severity: Severity,
    pub(crate) kinds: Vec<ChangeKind>,
    pub(crate) rate_per_minute: u32,
    pub(crate) timeout: Duration,
    pub(crate) max_attempts: u32,
}

#[derive(Clone, Debug)]
pub(crate) enum Target {
    Webhook { url: Secret, key: Option<Secret> },
    Slack { url: Secret },
    File { path: PathBuf },
    Stdout,
}

impl Settings {
    /// All that is wrong, not only the first. Reads the files that hold secrets.
    pub fn check(&self) -> Vec<SettingsError> {
        self.resolve().err().unwrap_or_default()
    }

    pub(crate) fn resolve(&self) -> Result<Vec<Channel>, Vec<SettingsError>> {
        let mut errors = Vec::new();
        if self.console_url.as_deref().is_some_and(|url| !is_http(url)) {
            errors.push(SettingsError::ConsoleUrl);
        }
        let mut channels = Vec::new();
        for (name, settings) in &self.channels {
            channels.extend(Check { name, settings, errors: &mut errors }.channel());
        }
        if errors.is_empty() { Ok(channels) } else { Err(errors) }
    }
}

const LONGEST_NAME: usize = 64;
/// A longer attempt would keep a delivery claimed for longer than people wait.
const TIMEOUTS_MS: std::ops::RangeInclusive<u64> = 100..=60_000;

struct Check<'a> {
    name: &'a str,
    settings: &'a ChannelSettings,
    errors: &'a mut Vec<SettingsError>,
}

impl Check<'_> {
    fn channel(mut self) -> Option<Channel> {
        let before = self.errors.len();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if self.name.is_empty() || self.name.len() > LONGEST_NAME || !self.name.bytes().all(plain) {
            self.errors.push(SettingsError::Name { channel: self.name.to_owned() });
        }
        let ChannelSettings { kind, min_severity, rate_per_minute, timeout_ms, max_attempts, .. } = *self.settings;
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
            self.value("kinds", "none given, so nothing would be told");
        }
        let target = self.target(kind)?;
        (self.errors.len() == before).then(|| Channel {
            name: self.name.to_owned(),
            target,
            min_severity,
            kinds: self.settings.kinds.clone(),
            rate_per_minute,
            timeout: Duration::from_millis(timeout_ms),
            max_attempts,
        })
    }

    fn target(&mut self, kind: ChannelKind) -> Option<Target> {
        let ChannelSettings { url, url_file, secret, secret_file, path, .. } = self.settings;
        let is_http = matches!(kind, ChannelKind::Webhook | ChannelKind::Slack);
        let given = [
            ("url", url.is_some(), is_http),
            ("url_file", url_file.is_some(), is_http),
            ("secret", secret.is_some(), kind == ChannelKind::Webhook),
            ("secret_file", secret_file.is_some(), kind == ChannelKind::Webhook),
            ("path", path.is_some(), kind == ChannelKind::File),
        ];
        for (field, is_given, is_used) in given {
            if is_given && !is_used {
                self.errors.push(SettingsError::Unused { channel: self.name.to_owned(), field, kind });
            }
        }
        match kind {
            ChannelKind::Webhook => {
                let url = self.url(kind);
                let key = self.key();
                Some(Target::Webhook { url: url?, key })
            }
            ChannelKind::Slack => self.url(kind).map(|url| Target::Slack { url }),
            ChannelKind::File => match path {
                Some(path) => Some(Target::File { path: path.clone() }),
                None => self.missing("path", kind),
            },
            ChannelKind::Stdout => Some(Target::Stdout),
        }
    }

    fn url(&mut self, kind: ChannelKind) -> Option<Secret> {
        let ChannelSettings { url, url_file, .. } = self.settings;
        if url.is_none() && url_file.is_none() {
            return self.missing("url", kind);
        }
        let (url, text) = self.secret("url", url, url_file)?;
        if !is_http(text.expose_secret()) {
            self.value("url", "must be a url that begins with https:// or http://");
            return None;
        }
        Some(url)
    }

    fn key(&mut self) -> Option<Secret> {
        let ChannelSettings { secret, secret_file, .. } = self.settings;
        let (key, text) = self.secret("secret", secret, secret_file)?;
        if let Err(problem) = Key::parse(text.expose_secret()) {
            self.value("secret", problem.to_string());
            return None;
        }
        Some(key)
    }

    /// With what it is now.
    fn secret(
        &mut self,
        field: &'static str,
        given: &Option<SecretString>,
        file: &Option<PathBuf>,
    ) -> Option<(Secret, SecretString)> {
        let channel = self.name.to_owned();
        let (secret, path) = match (given, file) {
            (Some(_), Some(_)) => {
                self.errors.push(SettingsError::Twice { channel, field });
                return None;
            }
            (Some(secret), None) => (Secret::Given(secret.clone()), PathBuf::new()),
            (None, Some(path)) => (Secret::File(path.clone()), path.clone()),
            (None, None) => return None,
        };
        match secret.read_now() {
            Ok(text) => Some((secret, text)),
            Err(source) => {
                self.errors.push(SettingsError::Unreadable { channel, field, path, source });
                None
            }
        }
    }

    fn value(&mut self, field: &'static str, problem: impl Into<String>) {
        let (channel, problem) = (self.name.to_owned(), problem.into());
        self.errors.push(SettingsError::Value { channel, field, problem });
    }

    fn missing<T>(&mut self, field: &'static str, kind: ChannelKind) -> Option<T> {
        self.errors.push(SettingsError::Missing { channel: self.name.to_owned(), field, kind });
        None
    }
}

fn is_http(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "https" | "http") && url.has_host())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Settings {
        toml::from_str(text).unwrap()
    }

    fn problems(text: &str) -> String {
        let texts: Vec<String> = settings(text).check().iter().map(ToString::to_string).collect();
        texts.join("\n")
    }

    const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    #[test]
    fn what_is_not_given_has_a_default() {
        let channels = settings("[channels.log]\nkind = \"stdout\"").resolve().unwrap();
        let [channel] = channels.as_slice() else { panic!("{channels:?}") };
        assert_eq!(channel.min_severity, Severity::High);
        assert_eq!(
            channel.kinds,
            [ChangeKind::Opened, ChangeKind::Escalated, ChangeKind::Reopened, ChangeKind::Closed]
        );
        assert_eq!((channel.rate_per_minute, channel.max_attempts), (30, 8));
        assert_eq!(channel.timeout, Duration::from_secs(10));
    }

    #[test]
    fn all_that_is_wrong_is_told_with_its_place() {
        let found = problems(
            r#"
            console_url = "console.example.com"
            [channels."a b"]
            kind = "stdout"
            path = "/tmp/x"
            [channels.chat]
            kind = "slack"
            secret = "whsec_"
            rate_per_minute = 0
            [channels.log]
            kind = "file"
            kinds = []
            max_attempts = 0
            [channels.siem]
            kind = "webhook"
            url = "ftp://hidden.example.com"
            secret = "hidden"
            timeout_ms = 1
            [channels.soar]
            kind = "webhook"
            url = "https://soar.example.com"
            url_file = "/run/secrets/soar"
            secret_file = "/does/not/exist"
            "#,
        );
        assert!(!found.contains("hidden"), "{found}");
        insta::assert_snapshot!(found, @r"
        console_url: must be a url that begins with https:// or http://
        channels.a b: a name has 1 to 64 letters, digits, - and _
        channels.a b.path: means nothing to a channel of kind stdout
        channels.chat.rate_per_minute: must be 1 or more, is 0
        channels.chat.secret: means nothing to a channel of kind slack
        channels.chat.url: needed by a channel of kind slack
        channels.log.max_attempts: must be 1 or more, is 0
        channels.log.kinds: none given, so nothing would be told
        channels.log.path: needed by a channel of kind file
        channels.siem.timeout_ms: must be from 100 to 60000, is 1
        channels.siem.url: must be a url that begins with https:// or http://
        channels.siem.secret: must be base64, with or without whsec_ before it
        channels.soar.url: given twice, here and as url_file
        channels.soar.secret_file: cannot read /does/not/exist
        ");
    }

    #[test]
    fn secrets_are_read_from_files_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let (url, key) = (folder.path().join("url"), folder.path().join("key"));
        std::fs::write(&url, "https://hooks.example.com/hidden\n").unwrap();
        std::fs::write(&key, format!("{KEY}\n")).unwrap();
        let text = format!("[channels.siem]\nkind = \"webhook\"\nurl_file = {url:?}\nsecret_file = {key:?}");
        let channels = settings(&text).resolve().unwrap();
        let Target::Webhook { url, key: Some(_) } = &channels[0].target else { panic!("{channels:?}") };
        assert_eq!(url.read_now().unwrap().expose_secret(), "https://hooks.example.com/hidden");

        let given = settings(&format!(
            "[channels.siem]\nkind = \"webhook\"\nurl = \"https://hooks.example.com/hidden\"\nsecret = \"{KEY}\""
        ));
        let written = runtime::config::show(&given).unwrap();
        for shown in [format!("{given:?} {:?}", given.resolve().unwrap()), format!("{channels:?}"), written] {
            assert!(!shown.contains("hidden") && !shown.contains("MfKQ"), "{shown}");
        }
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let read: Result<Settings, _> = toml::from_str("[channels.log]\nkind = \"stdout\"\nmin_risk = 3");
        assert!(read.unwrap_err().to_string().contains("unknown field `min_risk`"));
    }
}
