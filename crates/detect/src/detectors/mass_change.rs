//! `mass_change`: many more records created or updated in a day than the account usually writes.

use super::{detector, mass};
use crate::judgement::Judgement;
use crate::{Settings, Unscoreable};
use model::{Observation, WriteKind, Writes};

detector! {
    /// Judges the records that an account created or updated through one of the APIs in a day, against its own days: how
    /// often it does so, and how many.
    MassChange = "mass_change", Volume, ceiling 9.0,
    next "Ask the user whether the change was planned; if nobody planned it, freeze the account and compare the records with a backup before anything else changes them.",
    Writes => change
}

/// Least p-value at `least_changed` records. A choice: a day of this size is just raised.
const FLOOR: f64 = 0.01;
/// Least p-value of records that were created, whatever their number: low at most. A choice: an import takes nothing
/// out and destroys nothing, and most first ones are planned.
const FLOOR_OF_CREATED: f64 = 0.008;

fn change<'a>(writes: &'a Writes, _: &'a Observation, settings: &'a Settings) -> Result<Judgement<'a>, Unscoreable> {
    let (floor, falls) = match writes.kind {
        WriteKind::Created => (FLOOR_OF_CREATED, false),
        WriteKind::Updated => (FLOOR, true),
        WriteKind::Deleted | WriteKind::Erased => return Ok(Judgement::none()),
    };
    let least = settings.least_changed;
    mass::judge(writes, &mass::Rule { least, floor, falls })
}

#[cfg(test)]
mod tests {
    use super::super::mass::tests::{first, nightly};
    use super::super::testing::{finding, verdict};
    use super::*;
    use crate::Verdict;
    use model::{Feature, Severity};

    #[test]
    fn a_transfer_of_many_records_is_high() {
        let finding = finding(&MassChange, Feature::Writes(first(WriteKind::Updated, 52_000.0)));
        assert_eq!(finding.severity, Severity::High);
        insta::assert_snapshot!(finding.summary, @"Updated 52,000 records of Account through the Bulk API in a day; none in its 40 days of history");
    }

    #[test]
    fn an_import_is_low_however_large() {
        for rows in [2_000.0, 300_000.0, 1e8] {
            let finding = finding(&MassChange, Feature::Writes(first(WriteKind::Created, rows)));
            assert_eq!(finding.severity, Severity::Low, "{rows}");
        }
    }

    #[test]
    fn a_nightly_job_is_normal_until_it_writes_far_more() {
        assert_eq!(verdict(&MassChange, nightly(WriteKind::Updated, 31_000.0)), Verdict::Normal);
        let finding = finding(&MassChange, nightly(WriteKind::Updated, 900_000.0));
        insta::assert_snapshot!(finding.summary, @"Updated 900,000 records of Account through the Bulk API in a day; its 40 days with such writes usually have 20,000");
    }

    #[test]
    fn few_records_deletions_and_what_recurs_are_normal() {
        assert_eq!(verdict(&MassChange, Feature::Writes(first(WriteKind::Updated, 999.0))), Verdict::Normal);
        assert_eq!(verdict(&MassChange, Feature::Writes(first(WriteKind::Deleted, 52_000.0))), Verdict::Normal);
        let monthly = Writes { recurrences: 1, ..first(WriteKind::Updated, 52_000.0) };
        assert_eq!(verdict(&MassChange, Feature::Writes(monthly)), Verdict::Normal);
    }

    #[test]
    fn a_new_account_is_unscoreable() {
        let new = Writes { days: 4.0, ..first(WriteKind::Updated, 52_000.0) };
        let expect = Verdict::Unscoreable(Unscoreable::NoBaseline);
        assert_eq!(verdict(&MassChange, Feature::Writes(new)), expect);
    }
}
