//! Changes in Setup, read from Salesforce's codes and sentences.
//!
//! Sentences contain names of people, profiles, permission sets and apps, in which any word can occur. So verbs count only in
//! the code, or where Salesforce has them: at the beginning of a sentence, before its name, or at its end.

use super::{SetupCase, is_broad, is_broad_right, is_named};
use crate::{Activity, Text};

/// Verbs that begin a sentence, before what was changed.
const VERBS: [&str; 9] =
    ["changed ", "added ", "deleted ", "removed ", "disabled ", "enabled ", "created ", "turned on ", "turned off "];

/// Returns the name of the connected app that a change concerns, for `Installed Connected App Loader to Acme`. Of an app that
/// was created, Salesforce does not name the org.
pub fn connected_app(activity: &Activity) -> Option<&str> {
    const BEFORE: &str = "connected app ";
    let sentence = activity.resource_name.as_deref()?;
    let at = sentence.to_ascii_lowercase().find(BEFORE)?;
    let (verb, name) = (sentence.get(..at)?, sentence.get(at + BEFORE.len()..)?);
    let has_org = !verb.trim().eq_ignore_ascii_case("created");
    let name = name.rsplit_once(" to ").filter(|_| has_org).map_or(name, |(name, _)| name).trim();
    (!name.is_empty()).then_some(name)
}

/// A change in Setup, in lower case.
pub(super) struct Change {
    code: Text,
    sentence: Text,
    section: Text,
}

impl Change {
    pub(super) fn of(activity: &Activity) -> Self {
        let lower = |text: Option<&Text>| text.map(|text| text.trim().to_ascii_lowercase()).unwrap_or_default();
        let section = activity.attributes.iter().find(|attribute| attribute.name == "Section");
        let section = lower(section.map(|section| &section.value)).into();
        let (code, sentence) = (lower(activity.operation.as_ref()), lower(activity.resource_name.as_ref()));
        // A sentence that only repeats the code: "Organization setup action: mFAOnOff has changed."
        match sentence.strip_prefix("organization setup action: ").and_then(|rest| rest.split(' ').next()) {
            Some(repeated) => Self { code: repeated.into(), sentence: Text::default(), section },
            None => Self { code: code.into(), sentence: sentence.trim_end_matches('.').into(), section },
        }
    }

    pub(super) fn case(&self, activity: &Activity) -> Option<SetupCase> {
        self.rights(activity).or_else(|| self.app()).or_else(|| self.control())
    }

    fn rights(&self, activity: &Activity) -> Option<SetupCase> {
        if self.has_broad_right() {
            return Some(SetupCase::BroadRights);
        }
        let (given, to) = self.given_profile().or_else(|| self.given_set())?;
        Some(match () {
            () if is_named(to, activity) => SetupCase::OwnRights,
            () if is_broad(given) => SetupCase::BroadRights,
            () => SetupCase::Rights,
        })
    }

    /// Whether a profile or a permission set got a broad right: `Changed profile Sales: general user permission View All Data
    /// was changed from disabled to enabled`.
    fn has_broad_right(&self) -> bool {
        let begins = |with: &[&str]| with.iter().any(|with| self.sentence.starts_with(with));
        let concerns =
            begins(&["changed profile ", "changed permission set "]) || self.code.starts_with("permsetenable");
        const ON: [&str; 4] =
            [" was changed from disabled to enabled", " was changed from off to on", " was enabled", " is enabled"];
        // What an administrator named may be called like a right.
        const NAMED: [&str; 5] = [
            "custom permission",
            "connected app",
            "apex class access",
            "visualforce page access",
            "custom metadata type",
        ];
        let change = self.without_owner();
        let right = ON.iter().find_map(|end| change.strip_suffix(end));
        concerns && right.is_some_and(|right| is_broad_right(right) && !NAMED.iter().any(|kind| right.ends_with(kind)))
    }

    /// Returns the profile that a user got, and the user.
    fn given_profile(&self) -> Option<(&str, &str)> {
        let sentence = self.sentence.as_str();
        let has_user = || {
            sentence.starts_with("changed profile for user ")
                || sentence.starts_with("changed profile ")
                    && sentence.contains(" for user ")
                    && !sentence.contains(": ")
        };
        if !self.code.starts_with("changedprofileforuser") && !has_user() {
            return None;
        }
        // The profile that the user had is in front.
        let (rest, profile) = sentence.rsplit_once(" to ").unwrap_or(("", sentence));
        let user = rest.split_once(" for user ").map_or(rest, |(_, user)| user);
        Some((profile, user.split_once(" from ").map_or(user, |(user, _)| user)))
    }

    /// Returns the permission set that a user got, and the user: `Permission set Tools: assigned to user Lee Roe`.
    fn given_set(&self) -> Option<(&str, &str)> {
        /// What Salesforce writes between the set and the user; the colon ends the set's name.
        const BETWEEN: [(&str, bool); 3] =
            [(": assigned to user", true), (": unassigned from user", false), (" assigned to user", true)];
        let sentence = self.sentence.as_str();
        let code = self.code.strip_prefix("permset").filter(|code| code.contains("assign"));
        if !sentence.starts_with("permission set ") && code.is_none() {
            return None;
        }
        let parts = BETWEEN.iter().find_map(|(verb, is_given)| Some((sentence.split_once(verb)?, *is_given)));
        let is_given = match code {
            Some(code) => !code.contains("unassign"),
            None => parts.is_some_and(|(_, is_given)| is_given),
        };
        is_given.then(|| parts.map_or((sentence, ""), |(parts, _)| parts))
    }

    fn app(&self) -> Option<SetupCase> {
        const ADDED: [&str; 4] = [
            "insertconnectedapplication",
            "insertapplication",
            "unblockconnectedapplication",
            "generateoauthstagedcredential",
        ];
        const BEGINNINGS: [&str; 5] = [
            "installed connected app ",
            "created connected app ",
            "unblocked connected app ",
            "authorized connected app ",
            "assigned oauth client credential",
        ];
        let sentence = self.sentence.as_str();
        let is_part = sentence.starts_with("created connected app certificate ") && sentence.contains('=')
            || sentence.starts_with("created connected app session policy for app ");
        let is_added = ADDED.iter().any(|code| self.code == *code)
            || self.code.contains("oauthclientcredential") && !self.code.starts_with("remove")
            || self.code.starts_with("nonsecurityreviewed")
            || BEGINNINGS.iter().any(|begin| sentence.starts_with(begin)) && !is_part;
        if is_added {
            return Some(SetupCase::App);
        }
        let (before, value) = sentence.rsplit_once(" to ").unwrap_or((sentence, ""));
        let label = before.rsplit_once(" from ").map_or(before, |(label, _)| label).trim_end_matches(" setting");
        let is_loosened = value.starts_with("relax ip restrictions")
            || value == "all users may self-authorize"
            || self.code == "adminapprovedappsonlyonoff"
            || self.code == "changeoauthdefaultscope"
            || self.code == "changeapplicationcallbackurl"
            || (self.code == "changeapplicationclientcredentialenabled" || label.ends_with("client credentials flow"))
                && value == "true"
            || sentence.starts_with("changed connected app ") && label.ends_with(" scopes");
        is_loosened.then_some(SetupCase::AppRules)
    }

    fn control(&self) -> Option<SetupCase> {
        let (sentence, turn) = (self.without_owner(), self.turn());
        let is_on = turn == Some(Turn::On);
        let is_off = turn == Some(Turn::Off);
        if self.is_of_policies() {
            return self.switches_policy_off().then_some(SetupCase::Policies);
        }
        if self.concerns(&["two-factor", "two factor", "multi-factor", "multifactor", "mfa"]) {
            return is_off.then_some(SetupCase::SecondFactor);
        }
        if self.concerns(&["event log generation", "event monitoring", "event log file"]) {
            return is_off.then_some(SetupCase::Monitoring);
        }
        if self.concerns(&["login hours"]) {
            return (!is_on).then_some(SetupCase::LoginHours);
        }
        // Ranges of a profile restrict, so that each change of them counts.
        if self.concerns(&["login ip"]) {
            return Some(SetupCase::Networks);
        }
        // An entry of the org's list allows.
        if self.concerns(&[
            "ip range",
            "ip allowlist",
            "ip whitelist",
            "network access",
            "trusted ip",
            "network_access",
        ]) {
            return (!is_off).then_some(SetupCase::Networks);
        }
        if self.section.contains("password polic") || self.code.starts_with("password") {
            return (self.is_raised() != Some(is_better_high(&self.code, sentence)) && !is_on)
                .then_some(SetupCase::Passwords);
        }
        if self.section.contains("session settings")
            || self.concerns(&["session timeout", "session security", "session settings"])
        {
            let is_lower = self.is_raised() == Some(false) && self.concerns(&["timeout", "session timeout"]);
            let is_higher = sentence.ends_with("to high assurance");
            return (!is_on && !is_lower && !is_higher).then_some(SetupCase::Sessions);
        }
        let value = sentence.rsplit_once(" to ").map_or("", |(_, value)| value);
        let is_public = value.starts_with("public")
            && self.concerns(&["default external access", "default internal access", "default access"]);
        let is_guest = is_off && self.concerns(&["secure guest user record access"]);
        (is_public || is_guest).then_some(SetupCase::Sharing)
    }

    /// Whether the code has one of these words, or the sentence begins with one, after its verb. Codes have no spaces.
    fn concerns(&self, words: &[&str]) -> bool {
        let sentence = self.without_owner();
        let object = VERBS.iter().find_map(|verb| sentence.strip_prefix(verb)).unwrap_or(sentence);
        words.iter().any(|word| self.code.contains(&word.replace([' ', '-'], "")) || object.starts_with(word))
    }

    /// Returns the sentence without the profile or permission set that it begins with: `Changed profile Sales: Changed …`.
    fn without_owner(&self) -> &str {
        let sentence = self.sentence.as_str();
        let has_owner = ["changed profile ", "changed permission set "].iter().any(|begin| sentence.starts_with(begin));
        sentence.rsplit_once(": ").filter(|_| has_owner).map_or(sentence, |(_, change)| change)
    }

    /// Whether it concerns a transaction security policy: `Lee Roe disabled transaction security policy "Exports".`
    fn is_of_policies(&self) -> bool {
        let of = |text: &str| text.contains("transaction security policy") || text.contains("txn security policy");
        let is_code = ["transactionsecuritypolicy", "txnsecuritypolicy"].iter().any(|code| self.code.contains(code));
        is_code || self.section == "transaction security" || self.sentence.contains('"') && of(self.before_quote())
    }

    fn switches_policy_off(&self) -> bool {
        let before = self.before_quote();
        let says =
            |verb: &str| before.rfind(verb).is_some_and(|at| !before.get(..at).unwrap_or("").ends_with(" created a"));
        match () {
            () if self.code.contains("created") => false,
            () if self.code.ends_with("onoff") || self.code.ends_with("deleted") => true,
            () if self.sentence.is_empty() => self.turn() == Some(Turn::Off),
            () => {
                says(" disabled transaction")
                    || says(" deleted transaction")
                    || before.starts_with("deleted transaction")
            }
        }
    }

    fn before_quote(&self) -> &str {
        self.sentence.split('"').next().unwrap_or_default()
    }

    /// Returns in which direction a switch was turned, if the code or the sentence says so.
    fn turn(&self) -> Option<Turn> {
        let code = self.code.trim_end_matches("forprofile");
        let sentence = self.without_owner();
        // The user that a setting belongs to comes last.
        let sentence = sentence.split_once(" for user ").map_or(sentence, |(setting, _)| setting);
        let codes = |ends: &[&str]| ends.iter().any(|end| code.ends_with(end));
        let begins = |verbs: &[&str]| verbs.iter().any(|verb| sentence.starts_with(verb));
        let ends = |words: &[&str]| words.iter().any(|word| sentence.ends_with(word));
        if codes(&["onoff"]) {
            Some(Turn::Off)
        } else if codes(&["offon"]) {
            Some(Turn::On)
        } else if ends(&[" from on to off", " from true to false", " from enabled to disabled"]) {
            Some(Turn::Off)
        } else if ends(&[" from off to on", " from false to true", " from disabled to enabled"]) {
            Some(Turn::On)
        } else if codes(&["disable", "disabled", "off", "deleted"])
            || ["delete", "remove"].iter().any(|c| code.starts_with(c))
        {
            Some(Turn::Off)
        } else if codes(&["enable", "enabled"]) {
            Some(Turn::On)
        } else if begins(&["disabled ", "deleted ", "removed ", "turned off "])
            || ends(&[" was disabled", " was deleted", " was removed", " was turned off"])
        {
            Some(Turn::Off)
        } else if begins(&["enabled ", "turned on "]) || ends(&[" was enabled", " was turned on"]) {
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
