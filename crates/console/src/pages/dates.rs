//! Dates of the days of an org, in its time zone. A date is days since 1970-01-01.

use super::{Asker, Failed};
use crate::problem::Problem;
use crate::routes::settings;
use model::time::DAY;
use model::{OrgId, Timestamp};

/// The calendar of an org.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dates(profile::Dates);

impl Dates {
    /// Reads the time zone that an org follows.
    ///
    /// # Errors
    /// If the database does not answer, or a later version has stored the settings.
    pub(super) async fn of(asker: &Asker, org: &OrgId) -> Result<Self, Failed> {
        let followed = settings::followed(&asker.app, &mut asker.visitor().await?, org).await?;
        Ok(Self::by(&followed.settings, org)?)
    }

    /// Takes the time zone of an org from the settings that it follows.
    ///
    /// # Errors
    /// If there is no such time zone, which settings in force never have.
    pub(super) fn by(followed: &::settings::Settings, org: &OrgId) -> Result<Self, Problem> {
        profile::Dates::of(&followed.profile_of(org)).map(Self).map_err(|_| Problem::Internal)
    }

    /// Returns the date of a day of the API, which is given by its first moment.
    pub(super) fn number(self, day: &str) -> Option<i64> {
        Timestamp::parse(day).map(|start| self.0.of_day(start))
    }

    /// Writes the date of a day of the API.
    pub(super) fn of_day(self, day: &str) -> String {
        self.number(day).map_or_else(|| day.to_owned(), text)
    }

    /// Writes the date at a time of the API.
    pub(super) fn on(self, time: &str) -> String {
        Timestamp::parse(time).map_or_else(|| time.to_owned(), |at| text(self.at(at)))
    }

    /// Returns the date at a time.
    pub(super) fn at(self, time: Timestamp) -> i64 {
        self.0.at(time)
    }

    /// Returns the first moment of a date.
    pub(super) fn start(self, date: i64) -> Timestamp {
        self.0.start(date)
    }
}

/// Writes a date: `2026-03-02`.
pub(super) fn text(date: i64) -> String {
    view::format::date(Timestamp(date.saturating_mul(DAY)))
}

/// Reads a date of a query.
pub(super) fn read(date: &str) -> Option<i64> {
    Timestamp::parse(&format!("{date}T00:00:00Z")).map(|start| start.0.div_euclid(DAY))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn dates(zone: &str) -> Dates {
        let mut settings = ::settings::Settings::default();
        settings.profile.time_zone = zone.to_owned();
        Dates::by(&settings, &OrgId::new("00D000000000001AAA")).unwrap()
    }

    #[test]
    fn a_day_has_the_date_of_its_org_and_leads_back_to_itself() {
        for (zone, start) in [
            ("Pacific/Midway", "2026-03-02T11:00:00.000Z"),
            ("UTC", "2026-03-02T00:00:00.000Z"),
            ("Asia/Kolkata", "2026-03-01T18:30:00.000Z"),
            ("Pacific/Tongatapu", "2026-03-01T11:00:00.000Z"),
            ("Pacific/Kiritimati", "2026-03-01T10:00:00.000Z"),
        ] {
            let dates = dates(zone);
            assert_eq!(dates.of_day(start), "2026-03-02", "{zone}");
            let asked = read("2026-03-02").unwrap();
            assert_eq!((dates.number(start), dates.start(asked).to_string().as_str()), (Some(asked), start), "{zone}");
            assert_eq!(dates.on(start), "2026-03-02");
        }
        assert_eq!((dates("UTC").of_day("soon").as_str(), read("soon")), ("soon", None));
    }
}
