//! What single orgs set for themselves: `[orgs.<id>]`.

use crate::{Settings, SettingsError};
use model::OrgId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Settings of one org; those of the deployment hold where one is absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OrgSettings {
    /// Replaces `profile.time_zone`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// Replaces `profile.fiscal_year_start`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fiscal_year_start: Option<u8>,
    /// Replaces `profile.holidays`; an empty list: the org has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holidays: Option<BTreeSet<String>>,
    /// Replaces `profile.lateness_seconds`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lateness_seconds: Option<u32>,
    /// Replaces `risk.merge_hours`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merge_hours: Option<u32>,
}

impl Settings {
    /// Returns how the profiles of an org learn.
    pub fn profile_of(&self, org: &OrgId) -> profile::Settings {
        let mut settings = self.profile.clone();
        if let Some(own) = self.org(org) {
            own.put_profile(&mut settings);
        }
        settings
    }

    /// Returns how the findings of an org become incidents.
    pub fn risk_of(&self, org: &OrgId) -> risk::Settings {
        let merge_hours = self.org(org).and_then(|own| own.merge_hours).unwrap_or(self.risk.merge_hours);
        risk::Settings { merge_hours, ..self.risk.clone() }
    }

    /// Returns the merge windows of the orgs that have one of their own, in milliseconds.
    pub fn merge_windows(&self) -> BTreeMap<OrgId, i64> {
        let own = self.orgs.iter().filter(|(_, own)| own.merge_hours.is_some());
        own.map(|(org, _)| OrgId::new(org.as_str()))
            .map(|org| (org.clone(), self.risk_of(&org).merge_window()))
            .collect()
    }

    /// Returns the allowed lateness of the orgs that have one of their own, in seconds.
    pub fn own_lateness(&self) -> BTreeMap<OrgId, u32> {
        let own = self.orgs.iter().filter_map(|(org, own)| Some((OrgId::new(org.as_str()), own.lateness_seconds?)));
        own.collect()
    }

    /// Returns the settings with other ones of one org. An org for which nothing is set is left out.
    ///
    /// # Errors
    /// If a value is out of range.
    pub fn with_org(&self, org: &OrgId, change: impl FnOnce(&mut OrgSettings)) -> Result<Self, SettingsError> {
        let mut settings = self.clone();
        settings.orgs.retain(|key, _| OrgId::new(key.as_str()) != *org);
        let mut own = self.org(org).cloned().unwrap_or_default();
        change(&mut own);
        if own != OrgSettings::default() {
            settings.orgs.insert(org.clone(), own);
        }
        settings.checked(Path::new("settings"))
    }

    fn org(&self, org: &OrgId) -> Option<&OrgSettings> {
        // A key may have 15 characters.
        self.orgs.iter().find(|(key, _)| OrgId::new(key.as_str()) == *org).map(|(_, own)| own)
    }
}

impl OrgSettings {
    fn put_profile(&self, settings: &mut profile::Settings) {
        if let Some(time_zone) = &self.time_zone {
            settings.time_zone.clone_from(time_zone);
        }
        if let Some(holidays) = &self.holidays {
            settings.holidays.clone_from(holidays);
        }
        settings.fiscal_year_start = self.fiscal_year_start.or(settings.fiscal_year_start);
        settings.lateness_seconds = self.lateness_seconds.unwrap_or(settings.lateness_seconds);
    }

    /// Returns one text for each value that is out of range; `key` is that of the org.
    fn check(&self, key: &str) -> Vec<String> {
        let mut profile = profile::Settings::default();
        self.put_profile(&mut profile);
        let risk = risk::Settings { merge_hours: self.merge_hours.unwrap_or(1), ..risk::Settings::default() };
        let profile = profile.check().into_iter().map(|error| error.to_string().replacen("profile", key, 1));
        profile.chain(risk.check().into_iter().map(|error| error.to_string().replacen("risk", key, 1))).collect()
    }
}

/// Returns one text for each key that is no id of an org, or that names the org of another key, and for each value that is
/// out of range.
pub(crate) fn check(orgs: &BTreeMap<OrgId, OrgSettings>) -> Vec<String> {
    let mut errors = model::id::check_orgs("orgs", orgs.keys());
    errors.extend(orgs.iter().flat_map(|(org, own)| own.check(&format!("orgs.{org}"))));
    errors
}

/// Returns the map with each id in its form of 18 characters.
pub(crate) fn normalized<T: Clone>(orgs: &BTreeMap<OrgId, T>) -> BTreeMap<OrgId, T> {
    orgs.iter().map(|(org, own)| (OrgId::new(org.as_str()), own.clone())).collect()
}

#[cfg(test)]
mod tests {
    use crate::{DEFAULT, Settings};
    use model::OrgId;
    use std::path::Path;

    fn parse(text: &str) -> Result<Settings, String> {
        Settings::parse(text, Path::new("orgwatch.toml")).map_err(|error| error.to_string())
    }

    const LONG: &str = "00Dhn0000018hrcEAA";
    const SHORT: &str = "00Dhn0000018hrc";

    #[test]
    fn an_org_replaces_what_it_names() {
        for id in [LONG, SHORT] {
            let text = format!(
                "[profile]\ntime_zone = \"Europe/Berlin\"\n[orgs.{id}]\ntime_zone = \"Asia/Tokyo\"\nmerge_hours = 48\n"
            );
            let settings = parse(&text).unwrap();
            let (own, other) = (OrgId::new(LONG), OrgId::new("00D000000000001AAA"));
            let zone = |org| settings.profile_of(org).time_zone;
            assert_eq!((zone(&own).as_str(), zone(&other).as_str()), ("Asia/Tokyo", "Europe/Berlin"));
            let hours = |org| settings.risk_of(org).merge_hours;
            assert_eq!((hours(&own), hours(&other)), (48, 24));
            assert_eq!(settings.profile_of(&own).lateness_seconds, 600);
            assert_eq!(
                (settings.own_lateness(), settings.merge_windows()),
                ([].into(), [(own.clone(), 48 * 3_600_000)].into())
            );
            let late = parse(&format!("[orgs.{id}]\nlateness_seconds = 7200\n")).unwrap();
            assert_eq!(late.own_lateness(), [(own, 7_200)].into());
            let as_long = parse(&text.replace(id, LONG)).unwrap();
            assert_eq!(settings.hash(), as_long.hash(), "two spellings of one org");
            assert_ne!(settings.hash(), parse("[profile]\ntime_zone = \"Europe/Berlin\"\n").unwrap().hash());
        }
    }

    #[test]
    fn settings_without_orgs_keep_their_hash() {
        // Follows defaults and weights; nothing else that a release adds may change it.
        insta::assert_snapshot!(parse(DEFAULT).unwrap().hash(), @"ce0741bbea724431");
        let (none, some) = (Settings::default(), parse(&format!("[orgs.{LONG}]\n")).unwrap());
        assert_eq!(Settings { orgs: [].into(), ..some.clone() }.hash(), none.hash());
        assert_ne!(some.hash(), none.hash());
    }

    #[test]
    fn the_calendar_of_an_org_replaces_that_of_all() {
        let days = "holidays = [\"2026-12-25\", \"2026-01-01\"]\nfiscal_year_start = 2\n";
        let all = parse(&format!("[profile]\n{days}")).unwrap();
        let (own, other) = (OrgId::new(LONG), OrgId::new("00D000000000001AAA"));
        let none = all.with_org(&own, |own| own.holidays = Some([].into())).unwrap();
        assert_eq!(none.profile_of(&own).holidays.len(), 0);
        assert_eq!((none.profile_of(&other).holidays.len(), none.profile_of(&own).fiscal_year_start), (2, Some(2)));
        let set = parse(&format!("[orgs.{SHORT}]\n{days}")).unwrap();
        assert_eq!(set.profile_of(&own), all.profile_of(&own));
        assert_eq!(set, parse(&toml::to_string(&set).unwrap()).unwrap());
        assert_ne!(set.hash(), Settings::default().hash());
        let unset = set.with_org(&own, |own| (own.holidays, own.fiscal_year_start) = (None, None)).unwrap();
        assert_eq!(unset, Settings::default());
        assert!(set.with_org(&own, |own| own.time_zone = Some("Mars".to_owned())).is_err());
    }

    #[test]
    fn every_problem_of_an_org_is_named() {
        let text = format!(
            "[orgs.{LONG}]\ntime_zone = \"Mars\"\nlateness_seconds = 999999\nfiscal_year_start = 13\nholidays = [\"25.12.\"]\n[orgs.{SHORT}]\nmerge_hours = 0\n[orgs.acme]\n"
        );
        insta::assert_snapshot!(parse(&text).unwrap_err().replace("; ", "\n"), @r#"
        orgwatch.toml: orgs.00Dhn0000018hrcEAA: is the same org as 00Dhn0000018hrc, give it once
        orgs."acme": must be the id of an org: 00D and 12 or 15 more letters and digits
        orgs.00Dhn0000018hrc.merge_hours: must be from 1 to 2160, is 0
        orgs.00Dhn0000018hrcEAA.time_zone: no such time zone: "Mars"
        orgs.00Dhn0000018hrcEAA.lateness_seconds: must be from 0 to 604800, is 999999
        orgs.00Dhn0000018hrcEAA.fiscal_year_start: must be from 1 to 12, is 13
        orgs.00Dhn0000018hrcEAA.holidays: must be dates such as "2026-12-25", one is "25.12."
        "#);
        assert!(parse(&format!("[orgs.{LONG}]\nidentity_hours = 3\n")).unwrap_err().contains("unknown field"));
    }
}
