//! Assignment of activities and findings to partitions.

use crate::{OrgId, UserId, id};
use std::collections::BTreeMap;

/// The partitions of an installation. Their number is fixed when orgwatch is installed.
///
/// An org lives in one partition, so that its populations are complete. A giant org may be spread over several
/// partitions by user, each large enough to be a population of its own.
#[derive(Clone, Debug)]
pub struct Partitions {
    count: u16,
    spread: BTreeMap<OrgId, u16>,
}

impl Partitions {
    /// Creates `count` partitions. `spread` lists the orgs that live in more than one partition, with the number of theirs.
    ///
    /// A count of 0 is taken as 1, and a spread is clamped to 1 to `count`.
    pub fn new(count: u16, spread: BTreeMap<OrgId, u16>) -> Self {
        let count = count.max(1);
        // A key may have 15 characters.
        let spread = spread.into_iter().map(|(org, s)| (OrgId::new(org.as_str()), s.clamp(1, count))).collect();
        Self { count, spread }
    }

    /// Returns the number of partitions.
    pub fn count(&self) -> u16 {
        self.count
    }

    /// Returns the partition of the user's activities, from 0 to `count` − 1.
    pub fn of_activity(&self, org: &OrgId, user: &UserId) -> u16 {
        let offset = id::hash(user.as_str().as_bytes()) % u64::from(self.spread(org));
        ((self.home(org) + offset) % u64::from(self.count)) as u16
    }

    /// Returns the partitions in which the org lives, each once. Control records go to all of them.
    pub fn of_org(&self, org: &OrgId) -> Vec<u16> {
        let home = self.home(org);
        let offsets = 0..u64::from(self.spread(org));
        offsets.map(|offset| ((home + offset) % u64::from(self.count)) as u16).collect()
    }

    /// Returns the partition of the user's findings.
    ///
    /// Findings are spread by user, so that a large org does not bind one replica of the correlator.
    pub fn of_finding(&self, org: &OrgId, user: &UserId) -> u16 {
        let org = id::hash(org.as_str().as_bytes());
        let user = id::hash(user.as_str().as_bytes());
        ((org ^ user.rotate_left(32)) % u64::from(self.count)) as u16
    }

    fn home(&self, org: &OrgId) -> u64 {
        id::hash(org.as_str().as_bytes()) % u64::from(self.count)
    }

    fn spread(&self, org: &OrgId) -> u16 {
        self.spread.get(org).copied().unwrap_or(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn assignments_never_change() {
        let partitions = Partitions::new(32, BTreeMap::new());
        let (org, user) = (OrgId::new("00Dhn0000018hrcMAU"), UserId::new("005hn00000EmmaMAAU"));
        insta::assert_debug_snapshot!((partitions.of_activity(&org, &user), partitions.of_finding(&org, &user)));
    }

    #[test]
    fn a_spread_may_name_its_org_by_15_characters() {
        let org = OrgId::new("00Dhn0000018hrcEAA");
        let short = serde_json::from_str("\"00Dhn0000018hrc\"").unwrap();
        assert_eq!(Partitions::new(8, BTreeMap::from([(short, 4)])).of_org(&org).len(), 4);
    }

    proptest! {
        #[test]
        fn an_org_fills_as_many_partitions_as_its_spread(count in 1u16..64, spread in 0u16..80, org in "[a-zA-Z0-9]{18}") {
            let org = OrgId::new(&org);
            let partitions = Partitions::new(count, BTreeMap::from([(org.clone(), spread)]));
            let used: BTreeSet<u16> =
                (0..2_000).map(|i| partitions.of_activity(&org, &UserId::new(&format!("user{i}")))).collect();
            prop_assert!(used.iter().all(|p| *p < count));
            prop_assert_eq!(used.len(), usize::from(spread.clamp(1, count)));
            let of_org = partitions.of_org(&org);
            prop_assert_eq!(of_org.len(), used.len(), "each once");
            prop_assert_eq!(of_org.into_iter().collect::<BTreeSet<_>>(), used);
        }
    }
}
