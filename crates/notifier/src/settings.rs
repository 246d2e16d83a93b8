//! Whom to tell, of what, and how often.

use model::{ChangeKind, Severity};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where people find the console: messages link to `<console_url>/incidents/<incident_id>`. No links without it.
    pub console_url: Option<String>,
    /// By name: letters, digits, `-` and `_`. Deliveries are remembered under it, so a channel that is renamed is a new
    /// one.
    pub channels: BTreeMap<String, ChannelSettings>,
}

/// One place to tell. Which fields it needs depends on its kind; those of other kinds are refused.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelSettings {
    pub kind: ChannelKind,
    /// Where a webhook or Slack listens, `https://…` or `http://…`. Slack's is a secret; all are treated as one.
    #[serde(default, serialize_with = "runtime::secret::mask_option")]
    pub url: Option<SecretString>,
    /// The file to read the URL from, for each attempt.
    #[serde(default)]
    pub url_file: Option<PathBuf>,
    /// Key that signs a webhook's messages: `whsec_` and base64 of 24 to 64 bytes. Without one they are not signed.
    #[serde(default, serialize_with = "runtime::secret::mask_option")]
    pub secret: Option<SecretString>,
    /// The file to read the key from, for each attempt.
    #[serde(default)]
    pub secret_file: Option<PathBuf>,
    /// The file that lines are appended to.
    #[serde(default)]
    pub path: Option<PathBuf>,
    /// The least severity of an incident that is told.
    #[serde(default = "defaults::min_severity")]
    pub min_severity: Severity,
    #[serde(default = "defaults::kinds")]
    pub kinds: Vec<ChangeKind>,
    /// Messages a minute, digests included; what is beyond is told in a digest. Of each replica.
    #[serde(default = "defaults::rate_per_minute")]
    pub rate_per_minute: u32,
    /// The longest that one attempt may take.
    #[serde(default = "defaults::timeout_ms")]
    pub timeout_ms: u64,
    /// Attempts before a message is given up.
    #[serde(default = "defaults::max_attempts")]
    pub max_attempts: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelKind {
    /// CloudEvents over HTTP, signed as the Standard Webhooks say.
    Webhook,
    /// An incoming webhook of Slack.
    Slack,
    /// CloudEvents, one a line.
    File,
    /// As `file`, on standard output.
    Stdout,
}

/// What is wrong with the settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("console_url: must be a url that begins with https:// or http://")]
    ConsoleUrl,
    #[error("channels.{channel}: a name has 1 to 64 letters, digits, - and _")]
    Name { channel: String },
    #[error("channels.{channel}.{field}: needed by a channel of kind {kind}")]
    Missing { channel: String, field: &'static str, kind: ChannelKind },
    #[error("channels.{channel}.{field}: means nothing to a channel of kind {kind}")]
    Unused { channel: String, field: &'static str, kind: ChannelKind },
    #[error("channels.{channel}.{field}: given twice, here and as {field}_file")]
    Twice { channel: String, field: &'static str },
    #[error("channels.{channel}.{field}: {problem}")]
    Value { channel: String, field: &'static str, problem: String },
    #[error("channels.{channel}.{field}_file: cannot read {}", path.display())]
    Unreadable {
        channel: String,
        field: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

impl ChannelSettings {
    /// A channel with the defaults; what its kind needs is still to be filled in.
    pub fn new(kind: ChannelKind) -> Self {
        Self {
            kind,
            url: None,
            url_file: None,
            secret: None,
            secret_file: None,
            path: None,
            min_severity: defaults::min_severity(),
            kinds: defaults::kinds(),
            rate_per_minute: defaults::rate_per_minute(),
            timeout_ms: defaults::timeout_ms(),
            max_attempts: defaults::max_attempts(),
        }
    }
}

impl std::fmt::Display for ChannelKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Webhook => "webhook",
            Self::Slack => "slack",
            Self::File => "file",
            Self::Stdout => "stdout",
        })
    }
}

mod defaults {
    use model::{ChangeKind, Severity};

    pub(super) fn min_severity() -> Severity {
        Severity::High
    }

    pub(super) fn kinds() -> Vec<ChangeKind> {
        vec![ChangeKind::Opened, ChangeKind::Escalated, ChangeKind::Reopened, ChangeKind::Closed]
    }

    pub(super) fn rate_per_minute() -> u32 {
        30
    }

    pub(super) fn timeout_ms() -> u64 {
        10_000
    }

    pub(super) fn max_attempts() -> u32 {
        8
    }
}
