//! What a change in Setup, or of permissions, does to the defenses of an org.
//!
//! The Setup Audit Trail has a code and a sentence for each change, and its download only the sentence. Codes and sentences
//! are those of exports; Salesforce documents neither. `change` reads them.

mod change;

use crate::words::words;
use crate::{Activity, Kind, Text};
use change::Change;
pub use change::connected_app;
use serde::Serialize;

words! {
    /// A change that weakens the defenses of an org.
    SetupCase {
        /// An account got a permission set or a profile.
        Rights = "rights",
        /// An account, a permission set or a profile got a right to see, change or export everything, or to administer.
        BroadRights = "broad_rights",
        /// The account gave rights to itself.
        OwnRights = "own_rights",
        /// A connected app was installed, created, unblocked, or may act as a user.
        App = "app",
        /// The rules for connected apps were loosened: addresses, scopes, who may use them.
        AppRules = "app_rules",
        /// A second factor was removed, or is no longer needed.
        SecondFactor = "second_factor",
        /// Sessions last longer, or need less.
        Sessions = "sessions",
        /// Logins are allowed from further addresses.
        Networks = "networks",
        /// A transaction security policy was disabled or deleted.
        Policies = "policies",
        /// Passwords may be weaker or older.
        Passwords = "passwords",
        /// Logins are allowed at further hours.
        LoginHours = "login_hours",
        /// Event monitoring was switched off.
        Monitoring = "monitoring",
        /// Records are shared with more accounts by default.
        Sharing = "sharing",
    }
}

/// What a [`SetupCase`] concerns. A detector judges each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetupTopic {
    /// Rights of accounts.
    Rights,
    /// Connected apps.
    Apps,
    /// Settings that protect the org.
    Controls,
}

/// The first change of a case on a day of the account.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Setup {
    /// What it does.
    pub case: SetupCase,
    /// Salesforce's sentence on it, or else its code.
    pub what: Text,
    /// Days on which the account made such changes before; they decay.
    pub seen: f64,
    /// Active days of the account.
    pub days: f64,
    /// Closed days of all accounts of the org.
    pub org_days: f64,
    /// Share of the org's other accounts that make such changes, 0 to 1.
    pub peer_share: f64,
    /// Whether the org knows the app: somebody installed one of that name before.
    pub known_app: bool,
}

impl SetupCase {
    /// Returns the case of an activity; `None` if it changes nothing, or weakens nothing.
    pub fn of(activity: &Activity) -> Option<Self> {
        match activity.kind {
            Kind::PermissionSet => of_permissions(activity),
            Kind::SetupChange => Change::of(activity).case(activity),
            _ => None,
        }
    }

    /// Returns what it concerns.
    pub fn topic(self) -> SetupTopic {
        match self {
            Self::Rights | Self::BroadRights | Self::OwnRights => SetupTopic::Rights,
            Self::App | Self::AppRules => SetupTopic::Apps,
            Self::SecondFactor
            | Self::Sessions
            | Self::Networks
            | Self::Policies
            | Self::Passwords
            | Self::LoginHours
            | Self::Monitoring
            | Self::Sharing => SetupTopic::Controls,
        }
    }
}

/// Rights to see, change or export everything, or to administer, as codes and as labels, without spaces. Reports are
/// exported by many, so that the right to do so is none.
const BROAD: [&str; 13] = [
    "modifyalldata",
    "viewalldata",
    "viewallusers",
    "manageusers",
    "manageinternalusers",
    "manageprofiles",
    "assignpermissionsets",
    "authorapex",
    "customizeapplication",
    "queryallfiles",
    "bulkapiharddelete",
    "dataexport",
    "transactionsecurityexempt",
];

/// Whether a text in lower case names a broad right.
fn is_broad_right(text: &str) -> bool {
    let text: String = text.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    BROAD.iter().any(|right| text.contains(right))
}

/// Whether a text in lower case names a broad right, or a profile or permission set of administrators.
fn is_broad(text: &str) -> bool {
    text.contains("admin") || is_broad_right(text)
}

/// Returns the case of an event of permissions. Its rights and users are attributes. Rights that are not broad are daily
/// work.
fn of_permissions(activity: &Activity) -> Option<SetupCase> {
    let attribute = |name: &str| {
        let found = activity.attributes.iter().find(|attribute| attribute.name == name);
        found.map(|attribute| attribute.value.to_ascii_lowercase()).unwrap_or_default()
    };
    let is_given = activity.operation.as_deref().is_some_and(|it| matches!(it, "AssignedToUsers" | "PermsEnabled"));
    if !is_given || !is_broad(&attribute("PermissionList")) && !is_broad(&attribute("ParentNameList")) {
        return None;
    }
    let is_own = is_named(&attribute("ImpactedUserIds"), activity);
    Some(if is_own { SetupCase::OwnRights } else { SetupCase::BroadRights })
}

/// Whether a text in lower case names the account that acted, by its id or username.
fn is_named(text: &str, activity: &Activity) -> bool {
    let id = activity.user_id.as_str().to_ascii_lowercase();
    let id = id.get(..15).unwrap_or(&id);
    let name = activity.username.as_ref().map(|name| name.to_ascii_lowercase());
    let mut words = text.split(|c: char| c.is_whitespace() || "()[]{}\",;:".contains(c));
    words.any(|word| word.get(..15).unwrap_or(word) == id || name.as_deref() == Some(word))
}

#[cfg(test)]
mod tests;
