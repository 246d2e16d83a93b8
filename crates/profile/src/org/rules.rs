//! The settings of an org.

use super::{Org, Shared};
use crate::settings::{Settings, SettingsError};

impl Org {
    /// Replaces the settings, as restoring the org with other settings does. The hour in progress ends as it began, and
    /// hours that begin after it are in the new time zone.
    ///
    /// # Errors
    /// If the time zone is unknown.
    pub fn set_settings(&mut self, settings: &Settings) -> Result<(), SettingsError> {
        let zone = settings.zone()?;
        self.calendar.set_zone(zone);
        self.clock_calendar.set_zone(zone);
        self.shared.set(settings);
        self.settings = settings.clone();
        Ok(())
    }
}

impl Shared {
    pub(super) fn set(&mut self, settings: &Settings) {
        self.memory_days = f64::from(settings.memory_days);
        self.anonymizers = settings.anonymizers.clone();
        // Two more than the whole days: the hours begin and end within a day.
        self.kept_days = i32::try_from(settings.identity_hours / 24).unwrap_or(i32::MAX).saturating_add(2);
    }
}
