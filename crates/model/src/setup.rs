//! What a change in Setup, or of permissions, does to the defenses of an org.
//!
//! The Setup Audit Trail has a code and a sentence for each change, and its download only the sentence. Codes and sentences
//! are those of exports; Salesforce documents neither, so words decide, in any case.

use crate::words::words;
use crate::{Activity, Kind, Text};
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

/// Returns the name of the connected app that a change concerns, for `Installed Connected App Loader to Acme`.
pub fn connected_app(activity: &Activity) -> Option<&str> {
    const BEFORE: &str = "connected app ";
    let sentence = activity.resource_name.as_deref()?;
    let at = sentence.to_ascii_lowercase().find(BEFORE)?;
    let name = sentence.get(at + BEFORE.len()..)?;
    let name = name.rsplit_once(" to ").map_or(name, |(name, _)| name).trim();
    (!name.is_empty()).then_some(name)
}

/// Rights to see, change or export everything, or to administer, as codes and as labels, without spaces. Reports are
/// exported by many, so that the right to do so is none.
const BROAD: [&str; 14] = [
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
    "admin",
];

/// Whether a text names a broad right, or a profile or permission set of administrators.
fn is_broad(text: &str) -> bool {
    let text: String = text.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    BROAD.iter().any(|right| text.contains(right))
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
    let has_name = || activity.username.as_ref().is_some_and(|name| text.contains(name.to_ascii_lowercase().as_str()));
    text.contains(id) || has_name()
}

/// A change in Setup, in lower case.
struct Change {
    code: Text,
    sentence: Text,
    section: Text,
}

impl Change {
    fn of(activity: &Activity) -> Self {
        let lower = |text: Option<&Text>| text.map(|text| text.to_ascii_lowercase()).unwrap_or_default();
        let section = activity.attributes.iter().find(|attribute| attribute.name == "Section");
        let section = lower(section.map(|section| &section.value));
        let (code, sentence) = (lower(activity.operation.as_ref()), lower(activity.resource_name.as_ref()));
        // A sentence that only repeats the code: "Organization setup action: mFAOnOff has changed."
        match sentence.strip_prefix("organization setup action: ").and_then(|rest| rest.split(' ').next()) {
            Some(repeated) => Self { code: repeated.into(), sentence: Text::default(), section },
            None => Self { code, sentence, section },
        }
    }

    fn case(&self, activity: &Activity) -> Option<SetupCase> {
        self.rights(activity).or_else(|| self.app()).or_else(|| self.control())
    }

    /// Whether the code or the sentence has one of these words. Codes have no spaces.
    fn names(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.code.contains(&word.replace([' ', '-'], "")) || self.sentence.contains(word))
    }

    fn rights(&self, activity: &Activity) -> Option<SetupCase> {
        let takes = ["unassign", "removed", "disable", "revoked"];
        let is_taken = takes.iter().any(|word| self.code.contains(word) || self.sentence.contains(word));
        let sentence = self.sentence.as_str();
        let of_profile = self.code.starts_with("changedprofileforuser")
            || sentence.starts_with("changed profile ") && sentence.contains(" for user");
        let of_set = self.code.starts_with("permset") && self.code.ends_with("assign")
            || sentence.contains("permission set") && sentence.contains("assigned to user");
        let is_enabled = self.code.starts_with("permsetenable")
            || self.code.starts_with("profileperm")
            || (sentence.contains("permission set ") || sentence.contains("profile "))
                && (sentence.contains("enabled") || sentence.contains("from off to on"));
        let given = if of_profile {
            // The profile that the user had is in front.
            sentence.rsplit_once(" to ").map_or(sentence, |(_, profile)| profile)
        } else if of_set && !is_taken {
            sentence.split("assigned to user").next().unwrap_or(sentence)
        } else if is_enabled && !is_taken && is_broad(sentence) {
            return Some(SetupCase::BroadRights);
        } else {
            return None;
        };
        Some(match () {
            () if is_named(sentence, activity) => SetupCase::OwnRights,
            () if is_broad(given) => SetupCase::BroadRights,
            () => SetupCase::Rights,
        })
    }

    fn app(&self) -> Option<SetupCase> {
        let sentence = self.sentence.as_str();
        let is_added = ["insertconnectedapplication", "insertapplication", "unblockconnectedapplication"]
            .iter()
            .any(|code| self.code == *code)
            || self.names(&["oauth client credentials user", "oauth client credential user"])
            || self.code == "generateoauthstagedcredential"
            || self.code.starts_with("nonsecurityreviewed")
            || [
                "installed connected app ",
                "created connected app ",
                "unblocked connected app ",
                "authorized connected app ",
            ]
            .iter()
            .any(|start| sentence.starts_with(start));
        let of_session = sentence.contains("session policy") || sentence.contains("certificate");
        if is_added && !of_session {
            return Some(SetupCase::App);
        }
        let is_loosened = sentence.contains("to relax")
            || sentence.contains("to all users may self-authorize")
            || self.code == "adminapprovedappsonlyonoff"
            || self.code == "changeoauthdefaultscope"
            || self.code == "changeapplicationcallbackurl"
            || self.names(&["client credentials flow"]) && sentence.contains("to true")
            || sentence.contains("connected app") && sentence.contains(" scopes from ");
        is_loosened.then_some(SetupCase::AppRules)
    }

    fn control(&self) -> Option<SetupCase> {
        let (sentence, turn) = (self.sentence.as_str(), self.turn());
        let is_on = turn == Some(Turn::On);
        if self.names(&["transaction security policy", "txn security policy"]) {
            let says = sentence.contains(" disabled transaction") || sentence.contains("deleted transaction");
            let is_off = says && !sentence.contains("created") || sentence.is_empty() && turn == Some(Turn::Off);
            return (is_off || self.code.ends_with("onoff")).then_some(SetupCase::Policies);
        }
        if self.names(&["two-factor", "two factor", "multi-factor", "multifactor", "mfa"]) {
            return (turn == Some(Turn::Off)).then_some(SetupCase::SecondFactor);
        }
        if self.names(&["event log generation", "event monitoring", "event log file"]) {
            return (turn == Some(Turn::Off)).then_some(SetupCase::Monitoring);
        }
        if self.names(&["login hours"]) {
            return (!is_on).then_some(SetupCase::LoginHours);
        }
        if self.names(&["ip range", "ip allowlist", "ip whitelist", "network access", "trusted ip", "network_access"]) {
            // An entry of the org's list allows; ranges of a profile restrict, so that each change of them counts.
            let is_list = !self.names(&["login ip"]);
            return (!is_list || turn != Some(Turn::Off)).then_some(SetupCase::Networks);
        }
        if self.section.contains("password polic") || self.code.starts_with("password") {
            return (self.is_raised() != Some(is_better_high(&self.code, sentence)) && !is_on)
                .then_some(SetupCase::Passwords);
        }
        if self.section.contains("session settings")
            || self.names(&["session timeout", "session security", "session settings"])
        {
            let is_lower = self.is_raised() == Some(false) && self.names(&["timeout"]);
            let is_higher = sentence.ends_with("to high assurance");
            return (!is_on && !is_lower && !is_higher).then_some(SetupCase::Sessions);
        }
        let is_public =
            sentence.contains(" to public") && self.names(&["external access", "default access", "internal access"]);
        let is_guest = self.names(&["secure guest user record access"]) && turn == Some(Turn::Off);
        (is_public || is_guest).then_some(SetupCase::Sharing)
    }

    /// Returns in which direction a switch was turned, if words say so.
    fn turn(&self) -> Option<Turn> {
        let ends = |words: &[&str]| words.iter().any(|word| self.code.ends_with(word));
        let says = |words: &[&str]| words.iter().any(|word| self.sentence.contains(word));
        if ends(&["onoff"]) {
            Some(Turn::Off)
        } else if ends(&["offon"]) {
            Some(Turn::On)
        } else if says(&["from on to off", "from true to false", "disabled", "deleted", "removed", "turned off"]) {
            Some(Turn::Off)
        } else if says(&["from off to on", "from false to true", "enabled", "turned on"]) {
            Some(Turn::On)
        } else if ends(&["disable", "disabled", "off", "deleted"]) || self.code.starts_with("delete") {
            Some(Turn::Off)
        } else if ends(&["enable", "enabled"]) {
            Some(Turn::On)
        } else {
            None
        }
    }

    /// Returns whether a number was raised: `from 2 hours to 12 hours`.
    fn is_raised(&self) -> Option<bool> {
        let (_, values) = self.sentence.rsplit_once(" from ")?;
        let (before, after) = values.split_once(" to ")?;
        let (before, after) = (amount(before)?, amount(after)?);
        (before != after).then_some(after > before)
    }
}

/// The direction of a switch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    On,
    Off,
}

/// Whether a higher number of a password policy protects more: length, passwords remembered, lockout. Invalid attempts and
/// the age of passwords protect less.
fn is_better_high(code: &str, sentence: &str) -> bool {
    let is_worse = ["maxinvalid", "expiry"].iter().any(|word| code.contains(word))
        || ["invalid attempts", "expir"].iter().any(|word| sentence.contains(word));
    !is_worse
}

/// Reads `12 hours` as minutes, `90 days` too, and `8 characters` as 8.
fn amount(text: &str) -> Option<u64> {
    let text = text.trim_start();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text.get(..digits)?.parse().ok()?;
    let unit = text.get(digits..)?.trim_start();
    let factor = if unit.starts_with("hour") {
        60
    } else if unit.starts_with("day") {
        1_440
    } else {
        1
    };
    Some(number.saturating_mul(factor))
}

#[cfg(test)]
mod tests;
