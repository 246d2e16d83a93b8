//! Decisions of people: what they say of incidents, accounts and settings. They are only ever added; a decision is ended or
//! undone by another one.
//!
//! | what it changes | rulings | how it takes effect |
//! |---|---|---|
//! | how incidents stand | disposition, suppression, allowlist, watch, sensitivity, joined | on the *set* of a user's findings, by intervals of event time |
//! | learning and settings | disposition, class, settings | in the activity stream, when the org's next hour closes |
//! | the work on an incident | acknowledged, comment, snoozed | on the incident with a finding in its interval; no finding or risk depends on it |

mod scope;

pub use scope::{Allowlist, Hours, Network, Scope};

use crate::words::words;
use crate::{OrgId, Severity, Text, Timestamp, UserClass, UserId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

/// One decision, as it is stored, exported and sent through the activity stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// Chosen by whoever records it.
    pub decision_id: Uuid,
    /// The org that it concerns.
    pub org_id: OrgId,
    /// The account that it concerns; `None`: all accounts of the org.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// What was decided.
    pub ruling: Ruling,
    /// Event time from which it holds.
    pub from: Timestamp,
    /// Event time before which it holds; `None`: for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The database login or the person who signed in.
    pub decided_by: Text,
    /// Who that login says it acts for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed_by: Option<Text>,
    /// Why.
    pub reason: String,
    /// When it was recorded, by the wall clock of the database. Of two that contradict each other the later one holds.
    pub decided_at: Timestamp,
    /// The hours of event time with the close of which it took effect, by partition; empty for what does not enter the
    /// activity stream.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub in_force: BTreeMap<u16, Timestamp>,
}

/// What a person decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Ruling {
    /// What an incident was. It holds for the findings of its interval.
    Disposition(Disposed),
    /// Findings of a scope count for nothing.
    Suppression {
        /// Which findings.
        scope: Scope,
        /// The incident, if it goes with what was said of one: it is taken back with that.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        incident_id: Option<Uuid>,
    },
    /// What an integration is there for.
    Allowlist {
        /// What is expected of it.
        allowlist: Allowlist,
    },
    /// An account is watched: the odds of its incidents are multiplied.
    Watch {
        /// Why it is watched.
        cause: WatchCause,
        /// The factor, above 1 and up to 20; as all numbers of decisions of few decimals, so that JSON keeps it.
        factor: f64,
    },
    /// What an object weighs in the org, in place of the settings.
    Sensitivity {
        /// The API name of the object.
        object: Text,
        /// The factor on the odds, 0.05 to 20.
        factor: f64,
    },
    /// The findings of the interval belong together, however far apart they are.
    Joined,
    /// The class of the account, in place of what is learned.
    Class {
        /// The class.
        class: UserClass,
    },
    /// The settings of the org.
    Settings {
        /// Their hash.
        hash: Text,
        /// All of them, in TOML.
        toml: String,
    },
    /// An earlier decision holds no more from `from` on.
    Ended {
        /// The earlier decision.
        decision_id: Uuid,
    },
    /// An earlier decision counts as never made.
    Undone {
        /// The earlier decision.
        decision_id: Uuid,
    },
    /// Whoever decided works on an incident.
    Acknowledged {
        /// The incident.
        incident_id: Uuid,
    },
    /// A remark; it is the decision's reason.
    Comment {
        /// The incident.
        incident_id: Uuid,
    },
    /// An incident is of no concern until a time.
    Snoozed {
        /// The incident.
        incident_id: Uuid,
        /// The end, by the wall clock.
        until: Timestamp,
    },
}

/// What an incident was, and what follows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disposed {
    /// The incident as it was called when this was decided.
    pub incident_id: Uuid,
    /// What it was.
    pub disposition: Disposition,
    /// Whether its days are taught, or never, as the disposition says.
    pub teaches: bool,
    /// What the precision of detectors is credited: shares of the receipt's points by detector, which add up to 1. Empty if
    /// it counts for nothing.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub credits: BTreeMap<Text, f64>,
    /// The class that the account had.
    pub user_class: UserClass,
    /// The severity that the incident had: it does not hold for a graver one.
    pub severity: Severity,
}

words! {
    /// What an incident was, as a person sees it.
    Disposition {
        /// An attack.
        Malicious = "malicious",
        /// Unexplained, and possibly an attack.
        Suspicious = "suspicious",
        /// Unusual, but legitimate.
        Benign = "benign",
        /// Not unusual: the detectors were wrong.
        FalsePositive = "false_positive",
    }
}

words! {
    /// Why an account is watched.
    WatchCause {
        /// Its person leaves the company.
        Departing = "departing",
        /// Its person is under investigation.
        Investigation = "investigation",
        /// Its rights are wide.
        Privileged = "privileged",
        /// Any other cause; the reason says which.
        Other = "other",
    }
}

impl Disposition {
    /// Whether it was an alarm rightly raised; `None` if nobody knows.
    pub fn was_right(self) -> Option<bool> {
        match self {
            Self::Malicious => Some(true),
            Self::Benign | Self::FalsePositive => Some(false),
            Self::Suspicious => None,
        }
    }
}

impl Ruling {
    /// All kinds, as [`Ruling::kind`] returns them.
    pub const KINDS: [&'static str; 13] = [
        "disposition",
        "suppression",
        "allowlist",
        "watch",
        "sensitivity",
        "joined",
        "class",
        "settings",
        "ended",
        "undone",
        "acknowledged",
        "comment",
        "snoozed",
    ];

    /// Returns the kind as JSON and the database have it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Disposition(_) => "disposition",
            Self::Suppression { .. } => "suppression",
            Self::Allowlist { .. } => "allowlist",
            Self::Watch { .. } => "watch",
            Self::Sensitivity { .. } => "sensitivity",
            Self::Joined => "joined",
            Self::Class { .. } => "class",
            Self::Settings { .. } => "settings",
            Self::Ended { .. } => "ended",
            Self::Undone { .. } => "undone",
            Self::Acknowledged { .. } => "acknowledged",
            Self::Comment { .. } => "comment",
            Self::Snoozed { .. } => "snoozed",
        }
    }

    /// Whether it changes what is learned or the settings, and so enters the activity stream. What ends or undoes a decision
    /// enters it if that decision did.
    pub fn is_learned(&self) -> bool {
        matches!(self, Self::Disposition(_) | Self::Class { .. } | Self::Settings { .. })
    }

    /// Returns the incident that it is about, if it is about one.
    pub fn incident_id(&self) -> Option<Uuid> {
        match self {
            Self::Disposition(Disposed { incident_id, .. })
            | Self::Acknowledged { incident_id }
            | Self::Comment { incident_id }
            | Self::Snoozed { incident_id, .. } => Some(*incident_id),
            _ => None,
        }
    }

    /// Returns the decision that it ends or undoes.
    pub fn replaces(&self) -> Option<Uuid> {
        match self {
            Self::Ended { decision_id } | Self::Undone { decision_id } => Some(*decision_id),
            _ => None,
        }
    }
}

impl Decision {
    /// Whether it holds at a time, unless another decision ends or undoes it.
    pub fn holds_at(&self, at: Timestamp) -> bool {
        self.from <= at && self.until.is_none_or(|until| at < until)
    }

    /// Whether it concerns an account.
    pub fn concerns(&self, org: &OrgId, user: &UserId) -> bool {
        self.org_id == *org && self.user_id.as_ref().is_none_or(|of| of == user)
    }
}
