//! Checks that the state of each org is in a partition where the configuration looks for it.

use anyhow::{Result, bail};
use model::OrgId;
use model::partition::Partitions;
use store::Store;

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

/// Returns the first partition and org that do not match.
fn stray<'a>(placements: &'a [(i32, OrgId)], partitions: &Partitions) -> Option<&'a (i32, OrgId)> {
    let is_stray =
        |(partition, org): &&(i32, OrgId)| !partitions.of_org(org).iter().any(|own| i32::from(*own) == *partition);
    placements.iter().find(is_stray)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

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
