//! Checks that the state of each org is in a partition where the configuration looks for it, and that orgs that are
//! spread over partitions have enough users in each.

use anyhow::{Result, bail};
use model::OrgId;
use model::partition::Partitions;
use profile::Org;
use salesforce_source::doctor::Check;
use settings::PartitionSettings;
use store::{Store, StoreError};

/// Checks the partitions of all orgs.
///
/// # Errors
/// If an org has state in a partition that is not one of its own: after a change of `partitions.count` or
/// `partitions.spread` the org would silently be learned again. If the database does not answer.
pub(crate) async fn check(store: &Store, partitions: &Partitions) -> Result<()> {
    let placements = store.placements().await?;
    if let Some((partition, org)) = stray(&placements, partitions) {
        bail!(
            "org {org} has its state in partition {partition}, but this configuration looks for it in {:?} of {}: set \
             partitions.count and partitions.spread to the values of the installation, see docs/operations.md",
            partitions.of_org(org),
            partitions.count(),
        );
    }
    Ok(())
}

/// Checks that each slice of an org that is spread has enough users to be a population of its own. Orgs without state
/// have no check yet.
///
/// # Errors
/// If the database does not answer.
pub(crate) async fn check_slices(store: &Store, settings: &PartitionSettings) -> Result<Vec<Check>, StoreError> {
    let (partitions, mut checks) = (settings.partitions(), Vec::new());
    // A key may have 15 characters.
    for org in settings.spread.keys().map(|org| OrgId::new(org.as_str())) {
        let of_org: Vec<i32> = partitions.of_org(&org).into_iter().map(i32::from).collect();
        if of_org.len() > 1 {
            let users = store.count_state(&org, &of_org, Org::USERS).await?;
            checks.extend(check_slice(&org, users, of_org.len() as u64));
        }
    }
    Ok(checks)
}

/// Users a slice should have at least, as in the alert OrgwatchSlicesSmall. A choice: with slices of 16 users, recall was
/// .46 in place of .56; some hundred users hold a population of each class, and calibrate within two working weeks.
const LEAST_USERS: u64 = 200;

fn check_slice(org: &OrgId, users: u64, slices: u64) -> Option<Check> {
    let of_slice = users.checked_div(slices).filter(|_| users > 0)?;
    let found = format!("org {org} has {users} users in {slices} slices, {of_slice} in each");
    let what = "partitions.spread";
    if of_slice >= LEAST_USERS {
        return Some(Check::good(what, found));
    }
    // The org may be new, and most of its users not seen yet.
    let fewer = match users / LEAST_USERS {
        0 | 1 => "do not spread it".to_owned(),
        enough => format!("spread it over {enough} partitions"),
    };
    let advice = format!(
        "a slice should have {LEAST_USERS} users, because it learns from its own alone: unless most users are still to be \
         seen, {fewer}, see docs/runbooks/OrgwatchSlicesSmall.md"
    );
    Some(Check::poor(what, found, advice))
}

/// Returns the first partition and org that do not match.
fn stray<'a>(placements: &'a [(i32, OrgId)], partitions: &Partitions) -> Option<&'a (i32, OrgId)> {
    let is_stray =
        |(partition, org): &&(i32, OrgId)| !partitions.of_org(org).iter().any(|own| i32::from(*own) == *partition);
    placements.iter().find(is_stray)
}

#[cfg(test)]
mod tests {
    use super::*;
    use salesforce_source::doctor::Health;
    use std::collections::BTreeMap;

    #[test]
    fn small_slices_of_an_org_are_found() {
        let org = OrgId::new("00Dhn0000018hrcMAU");
        let check = |users, slices| check_slice(&org, users, slices);
        assert_eq!(check(0, 4), None, "not seen yet");
        assert_eq!(check(800, 4).map(|check| check.health), Some(Health::Good));
        let small =
            [(799, 4, "199 in each", "spread it over 3 partitions"), (250, 4, "62 in each", "do not spread it")];
        for (users, slices, found, advice) in small {
            let check = check(users, slices).unwrap();
            assert_eq!(check.health, Health::Poor);
            assert_eq!(check.found, format!("org {org} has {users} users in {slices} slices, {found}"));
            assert!(check.advice.as_ref().is_some_and(|text| text.contains(advice)), "{check:?}");
        }
    }

    #[test]
    fn an_org_that_would_move_is_found() {
        let org = OrgId::new("00Dhn0000018hrcMAU");
        let partitions = |count, spread| Partitions::new(count, BTreeMap::from([(org.clone(), spread)]));
        let placed = |partitions: &Partitions| -> Vec<(i32, OrgId)> {
            partitions.of_org(&org).into_iter().map(|own| (own.into(), org.clone())).collect()
        };
        let (before, spread) = (partitions(32, 1), partitions(32, 4));
        for same in [&before, &spread] {
            assert_eq!(stray(&placed(same), same), None);
        }
        assert_eq!(stray(&[], &before), None);
        for other in [partitions(1, 1), partitions(33, 1)] {
            assert!(stray(&placed(&before), &other).is_some(), "{other:?}");
        }
        assert!(stray(&placed(&spread), &before).is_some());
    }
}
