//! How many partitions each member should own.

/// Returns the share of the member at `rank`, counted from 0, of `members`. Shares differ by at most one, the first
/// members have the larger ones, and all shares add up to `partitions`. 0 for a rank that does not exist.
pub fn quota(rank: usize, members: usize, partitions: usize) -> usize {
    if rank >= members {
        return 0;
    }
    partitions / members + usize::from(rank < partitions % members)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_members_have_the_larger_shares() {
        let shares =
            |members, partitions| (0..members).map(|rank| quota(rank, members, partitions)).collect::<Vec<_>>();
        assert_eq!(shares(3, 32), [11, 11, 10]);
        assert_eq!(shares(4, 2), [1, 1, 0, 0]);
        assert_eq!(quota(0, 0, 32), 0);
        assert_eq!(quota(3, 3, 32), 0);
    }

    proptest! {
        #[test]
        fn shares_add_up_and_are_even(members in 1usize..100, partitions in 0usize..1_000) {
            let shares: Vec<usize> = (0..members).map(|rank| quota(rank, members, partitions)).collect();
            prop_assert_eq!(shares.iter().sum::<usize>(), partitions);
            let (least, most) = (shares.iter().min().unwrap(), shares.iter().max().unwrap());
            prop_assert!(most - least <= 1);
        }
    }
}
