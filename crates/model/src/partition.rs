//! Which partition an activity or a finding belongs to.

use crate::{OrgId, UserId, id};
use std::collections::BTreeMap;

/// A fixed number of partitions, chosen at installation.
///
/// An org lives in one partition, so that its populations are whole. A giant org may be spread over
/// several, each large enough to be a population of its own.
#[derive(Clone, Debug)]
pub struct Partitions {
    count: u16,
    spread: BTreeMap<OrgId, u16>,
}

impl Partitions {
    /// `count` is raised to 1, and a spread is kept between 1 and `count`.
    pub fn new(count: u16, spread: BTreeMap<OrgId, u16>) -> Self {
        let count = count.max(1);
        let spread = spread.into_iter().map(|(org, s)| (org, s.clamp(1, count))).collect();
        Self { count, spread }
    }

    pub fn count(&self) -> u16 {
        self.count
    }

    /// Where the user's activities go, from 0 to `count` − 1.
    pub fn of_activity(&self, org: &OrgId, user: &UserId) -> u16 {
        let offset = id::hash(user.as_str().as_bytes()) % u64::from(self.spread(org));
        ((self.home(org) + offset) % u64::from(self.count)) as u16
    }

    /// Where activities of the org's users can go, each partition once: what concerns the whole org goes to all of them.
    pub fn of_org(&self, org: &OrgId) -> Vec<u16> {
        let home = self.home(org);
        let offsets = 0..u64::from(self.spread(org));
        offsets.map(|offset| ((home + offset) % u64::from(self.count)) as u16).collect()
    }

    /// Where the user's findings go: by user, so that the correlator spreads wider than the baseline.
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
    fn the_wire_promise_does_not_move() {
        let partitions = Partitions::new(32, BTreeMap::new());
        let (org, user) = (OrgId::new("00Dhn0000018hrcMAU"), UserId::new("005hn00000EmmaMAAU"));
        insta::assert_debug_snapshot!((partitions.of_activity(&org, &user), partitions.of_finding(&org, &user)));
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
