//! Section `[notifier]` of the configuration.

use model::{ChangeKind, Severity};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Section `[notifier]` of the configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// URL of the console: messages link to `<console_url>/incidents/<incident_id>`. Without it they have no links.
    pub console_url: Option<String>,
    /// Base URL of the runbooks of detectors: messages link to `<runbook_url>/<detector>.md#what-to-check-and-do`. Without
    /// it they have the next step alone.
    pub runbook_url: Option<String>,
    /// Hours, 1 to 8,760. A change with a last event that is older when it is delivered is marked as a catch-up, and
    /// mentions nobody.
    pub catch_up_hours: u32,
    /// Destinations by name (letters, digits, `-` and `_`). Deliveries are recorded under the name, so a destination that
    /// is renamed is a new one.
    pub destinations: BTreeMap<String, DestinationSettings>,
    /// The former key of `destinations`, still read. With both, all destinations of the two tables are used; a name in
    /// both is an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<BTreeMap<String, DestinationSettings>>,
}

/// One destination. The fields that it needs depend on its kind; those of other kinds are refused.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DestinationSettings {
    /// How messages are sent.
    pub kind: DestinationKind,
    /// URL of a webhook or of Slack's incoming webhook, `https://…` or `http://…`. Treated as a secret, as Slack's is one.
    #[serde(default, serialize_with = "runtime::secret::mask_option")]
    pub url: Option<SecretString>,
    /// File that holds the URL; read for each attempt.
    #[serde(default)]
    pub url_file: Option<PathBuf>,
    /// Key that signs the messages of a webhook: `whsec_` and base64 of 24 to 64 bytes. Without one they are not signed.
    #[serde(default, serialize_with = "runtime::secret::mask_option")]
    pub secret: Option<SecretString>,
    /// File that holds the key; read for each attempt.
    #[serde(default)]
    pub secret_file: Option<PathBuf>,
    /// File that lines are appended to.
    #[serde(default)]
    pub path: Option<PathBuf>,
    /// Text before what Slack shows of a change that is urgent, such as `<!here>` or `<@U012AB3CD>`, to page somebody.
    #[serde(default)]
    pub mention: Option<String>,
    /// The lowest severity of an incident to notify of.
    #[serde(default = "defaults::min_severity")]
    pub min_severity: Severity,
    /// The kinds of change to notify of.
    #[serde(default = "defaults::kinds")]
    pub kinds: Vec<ChangeKind>,
    /// Messages per minute and replica, digests included. Changes beyond it are sent together in digests, except those of
    /// critical incidents, which wait.
    #[serde(default = "defaults::rate_per_minute")]
    pub rate_per_minute: u32,
    /// Timeout of one attempt in milliseconds, 100 to 60,000.
    #[serde(default = "defaults::timeout_ms")]
    pub timeout_ms: u64,
    /// Attempts before a delivery is given up.
    #[serde(default = "defaults::max_attempts")]
    pub max_attempts: u32,
}

/// How a destination gets its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DestinationKind {
    /// CloudEvents over HTTP, signed as Standard Webhooks specifies.
    Webhook,
    /// An incoming webhook of Slack.
    Slack,
    /// CloudEvents in a file, one per line.
    File,
    /// CloudEvents on standard output, one per line.
    Stdout,
}

/// Every kind of change that is published.
pub(crate) const DEFAULT_KINDS: [ChangeKind; 6] = [
    ChangeKind::Opened,
    ChangeKind::Escalated,
    ChangeKind::Ended,
    ChangeKind::Resumed,
    ChangeKind::Closed,
    ChangeKind::Reopened,
];

/// An invalid value in the settings. `at` is the table of the destination, such as `destinations.soar`.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// `console_url` is no URL.
    #[error("console_url: must be a URL that begins with https:// or http://")]
    ConsoleUrl,
    /// `runbook_url` is no URL.
    #[error("runbook_url: must be a URL that begins with https:// or http://")]
    RunbookUrl,
    /// `catch_up_hours` is out of range.
    #[error("catch_up_hours: must be from 1 to 8760, is {0}")]
    CatchUpHours(u32),
    /// A name has other characters than allowed, or too many.
    #[error("{at}: a name has 1 to 64 letters, digits, - and _")]
    Name {
        /// Table of the destination.
        at: String,
    },
    /// A name stands under `destinations` and under `channels`.
    #[error("{at}: defined in destinations too; channels is the former name of that table")]
    Duplicate {
        /// Table of the destination, under `channels`.
        at: String,
    },
    /// A field that this kind of destination needs is missing.
    #[error("{at}.{field}: required for kind {kind}")]
    Missing {
        /// Table of the destination.
        at: String,
        /// The missing field.
        field: &'static str,
        /// Kind of the destination.
        kind: DestinationKind,
    },
    /// A field has no meaning for this kind of destination.
    #[error("{at}.{field}: not used by kind {kind}")]
    Unused {
        /// Table of the destination.
        at: String,
        /// The unused field.
        field: &'static str,
        /// Kind of the destination.
        kind: DestinationKind,
    },
    /// A field is set both as a value and as a file.
    #[error("{at}.{field}: set twice, here and as {field}_file")]
    Twice {
        /// Table of the destination.
        at: String,
        /// The field.
        field: &'static str,
    },
    /// A value is out of range or malformed.
    #[error("{at}.{field}: {problem}")]
    Value {
        /// Table of the destination.
        at: String,
        /// The field.
        field: &'static str,
        /// What is wrong; never the value of a secret.
        problem: String,
    },
    /// The file of a secret cannot be read.
    #[error("{at}.{field}_file: cannot read {}", path.display())]
    Unreadable {
        /// Table of the destination.
        at: String,
        /// The field, without `_file`.
        field: &'static str,
        /// The file.
        path: PathBuf,
        /// Error of the operating system.
        #[source]
        source: std::io::Error,
    },
}

impl Default for Settings {
    fn default() -> Self {
        // A day: on-call staff has seen what is older, or nobody has waited for it.
        Self { console_url: None, runbook_url: None, catch_up_hours: 24, destinations: BTreeMap::new(), channels: None }
    }
}

impl DestinationSettings {
    /// Returns a destination with the defaults; the fields that its kind needs are still to be set.
    pub fn new(kind: DestinationKind) -> Self {
        Self {
            kind,
            url: None,
            url_file: None,
            secret: None,
            secret_file: None,
            path: None,
            mention: None,
            min_severity: defaults::min_severity(),
            kinds: defaults::kinds(),
            rate_per_minute: defaults::rate_per_minute(),
            timeout_ms: defaults::timeout_ms(),
            max_attempts: defaults::max_attempts(),
        }
    }
}

impl std::fmt::Display for DestinationKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Webhook => "webhook",
            Self::Slack => "slack",
            Self::File => "file",
            Self::Stdout => "stdout",
        })
    }
}

/// Choices, written out for serde.
mod defaults {
    use model::{ChangeKind, Severity};

    pub(super) fn min_severity() -> Severity {
        Severity::High
    }

    pub(super) fn kinds() -> Vec<ChangeKind> {
        super::DEFAULT_KINDS.to_vec()
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
