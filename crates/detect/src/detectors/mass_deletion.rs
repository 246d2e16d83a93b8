//! `mass_deletion`: many more records deleted in a day than the account usually deletes.

use super::{detector, mass};
use crate::judgement::Judgement;
use crate::{Settings, Unscoreable};
use model::{Observation, WriteKind, Writes};

detector! {
    /// Judges the records that an account deleted through one of the APIs in a day, against its own days: how often it
    /// does so, and how many. Records that the recycle bin does not keep are judged by themselves, and weigh more.
    MassDeletion = "mass_deletion", Volume, ceiling 10.0,
    next "Freeze the account unless somebody planned the deletion, and restore the records: the recycle bin keeps them for 15 days, but not those that were deleted for good.",
    Writes => deletion
}

/// Least p-value at `least_deleted` records. A choice: a day of this size is just raised.
const FLOOR: f64 = 0.01;
/// Least p-value at as many records that were deleted for good. A choice: harmless tasks hardly ever need it.
const FLOOR_OF_ERASED: f64 = 0.003;

fn deletion<'a>(writes: &'a Writes, _: &'a Observation, settings: &'a Settings) -> Result<Judgement<'a>, Unscoreable> {
    let floor = match writes.kind {
        WriteKind::Deleted => FLOOR,
        WriteKind::Erased => FLOOR_OF_ERASED,
        WriteKind::Created | WriteKind::Updated => return Ok(Judgement::none()),
    };
    let least = settings.least_deleted;
    mass::judge(writes, &mass::Rule { least, floor, falls: true })
}

#[cfg(test)]
mod tests {
    use super::super::mass::tests::{first, nightly};
    use super::super::testing::{finding, verdict};
    use super::*;
    use crate::Verdict;
    use model::{Feature, Severity};

    #[test]
    fn a_person_who_deletes_many_records_is_high() {
        let finding = finding(&MassDeletion, Feature::Writes(first(WriteKind::Deleted, 20_000.0)));
        assert_eq!(finding.severity, Severity::High);
        insta::assert_snapshot!(finding.summary, @"Deleted 20,000 records of Account through the Bulk API in a day; none in its 40 days of history");
    }

    #[test]
    fn the_score_grows_with_the_number_of_records() {
        let score = |rows| finding(&MassDeletion, Feature::Writes(first(WriteKind::Deleted, rows))).score;
        let scores = [300.0, 3_000.0, 30_000.0].map(score);
        assert!(scores.is_sorted() && scores[0] < 4.0 && scores[2] > 6.0, "{scores:?}");
    }

    #[test]
    fn deletions_for_good_score_higher() {
        let [deleted, erased] = [WriteKind::Deleted, WriteKind::Erased]
            .map(|kind| finding(&MassDeletion, Feature::Writes(first(kind, 20_000.0))));
        assert!(erased.score > deleted.score && erased.finding_id != deleted.finding_id);
        assert_eq!(erased.severity, Severity::Critical);
        insta::assert_snapshot!(erased.summary, @"Deleted 20,000 records of Account for good through the Bulk API in a day; none in its 40 days of history");
    }

    #[test]
    fn nightly_deletions_writes_and_few_records_are_normal() {
        assert_eq!(verdict(&MassDeletion, nightly(WriteKind::Deleted, 24_000.0)), Verdict::Normal);
        assert_eq!(verdict(&MassDeletion, Feature::Writes(first(WriteKind::Updated, 52_000.0))), Verdict::Normal);
        assert_eq!(verdict(&MassDeletion, Feature::Writes(first(WriteKind::Deleted, 199.0))), Verdict::Normal);
    }

    #[test]
    fn an_account_new_to_the_org_is_judged_and_has_no_history() {
        let new = Writes { days: 0.0, org_days: 7.0, ..first(WriteKind::Deleted, 20_000.0) };
        let finding = finding(&MassDeletion, Feature::Writes(new));
        assert_eq!(finding.confidence, 0.0);
        insta::assert_snapshot!(finding.summary, @"Deleted 20,000 records of Account through the Bulk API in a day; it has no history yet");
    }

    #[test]
    fn in_the_first_week_it_is_unscoreable() {
        let new = Writes { days: 4.0, ..first(WriteKind::Deleted, 20_000.0) };
        let expect = Verdict::Unscoreable(Unscoreable::NoBaseline);
        assert_eq!(verdict(&MassDeletion, Feature::Writes(new)), expect);
    }
}
