//! The settings of an org: those of the service, or those that people have decided on.

use super::{Org, Shared};
use crate::settings::{Settings, SettingsError};
use chrono_tz::Tz;
use model::{Text, Uuid};
use std::collections::{BTreeMap, BTreeSet};

/// The settings that an org can have.
pub(super) struct Rules {
    /// Those of the service.
    service: OrgRules,
    /// Those of decisions, by hash. They are made of the stored decisions, and not stored themselves.
    decided: BTreeMap<Text, OrgRules>,
}

/// How an org learns, and what its calibrations depend on.
#[derive(Clone, Debug, PartialEq)]
struct OrgRules {
    settings: Settings,
    zone: Tz,
    /// `None` before the service has said it.
    surprise_key: Option<u64>,
}

impl Rules {
    pub(super) fn new(service: &Settings) -> Result<Self, SettingsError> {
        Ok(Self { service: OrgRules::new(service, None)?, decided: BTreeMap::new() })
    }
}

impl OrgRules {
    fn new(settings: &Settings, surprise_key: Option<u64>) -> Result<Self, SettingsError> {
        Ok(Self { zone: settings.zone()?, settings: settings.clone(), surprise_key })
    }
}

impl Org {
    /// Replaces the settings of the service, as restoring the org with other settings does. The hour in progress ends as it
    /// began, and hours that begin after it are in the new time zone. Settings that people have decided on stay in force.
    ///
    /// # Errors
    /// If the time zone is unknown.
    pub fn set_settings(&mut self, settings: &Settings) -> Result<(), SettingsError> {
        self.rules.service = OrgRules::new(settings, self.rules.service.surprise_key)?;
        self.follow_rules();
        Ok(())
    }

    /// Says what calibrations by the settings of the service depend on. All surprises are forgotten if those in force depend
    /// on something else from now on. Profiles know tests by their place in the list, so that stays.
    pub fn calibrate_by(&mut self, key: u64) {
        self.rules.service.surprise_key = Some(key);
        self.follow_rules();
    }

    /// Takes what settings of a decision mean for this org; it follows them while they are in force. Call it for those of
    /// each decision before [`Org::decide`], and for all of [`Org::decided_settings`] when the org was restored, before
    /// anything else. In place of settings that it was not called for, those of the service hold.
    ///
    /// # Errors
    /// If the time zone is unknown.
    pub fn prepare(&mut self, hash: &Text, settings: &Settings, surprise_key: u64) -> Result<(), SettingsError> {
        self.rules.decided.insert(hash.clone(), OrgRules::new(settings, Some(surprise_key))?);
        self.follow_rules();
        Ok(())
    }

    /// Returns the settings of decisions that wait or have taken effect: the decision, their hash, and their TOML.
    pub fn decided_settings(&self) -> impl Iterator<Item = (Uuid, &Text, &str)> {
        self.shared.decisions.settings()
    }

    /// Follows the settings in force.
    pub(super) fn follow_rules(&mut self) {
        let decided = self.shared.decisions.settings_hash().and_then(|hash| self.rules.decided.get_key_value(hash));
        let (hash, rules) = decided.map_or((None, &self.rules.service), |(hash, rules)| (Some(hash), rules));
        self.shared.settings_hash = hash.cloned().unwrap_or_default();
        let OrgRules { settings, zone, surprise_key } = rules;
        if self.settings != *settings {
            self.calendar.set_zone(*zone);
            self.clock_calendar.set_zone(*zone);
            self.shared.set(settings);
            self.settings.clone_from(settings);
        }
        if let Some(key) = surprise_key {
            self.shared.signals.calibrations.follow(*key);
        }
    }

    /// Drops what settings meant of which no decision is left.
    pub(super) fn forget_rules(&mut self) {
        let known: BTreeSet<&Text> = self.shared.decisions.settings().map(|(_, hash, _)| hash).collect();
        self.rules.decided.retain(|hash, _| known.contains(hash));
    }
}

impl Shared {
    pub(super) fn set(&mut self, settings: &Settings) {
        self.memory_days = f64::from(settings.memory_days);
        self.hold_days = i32::try_from(settings.hold_days).unwrap_or(i32::MAX);
        self.anonymizers = settings.anonymizers.clone();
        self.holidays = settings.days_off();
        // Two more than the whole days: the hours begin and end within a day.
        self.kept_days = i32::try_from(settings.identity_hours / 24).unwrap_or(i32::MAX).saturating_add(2);
    }
}
