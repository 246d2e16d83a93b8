use super::*;

impl Populations {
    /// Returns the number of accounts of a class.
    pub(crate) fn members(&self, class: UserClass) -> u32 {
        self.class(class).map_or(0, |population| population.users)
    }
}

#[test]
fn what_recurs_stays_known_and_what_does_not_makes_room() {
    let mut populations = Populations::default();
    (0..50).for_each(|_| populations.join(UserClass::Normal));
    let most = Populations::MOST_KNOWN as u64;
    (0..most).for_each(|key| populations.establish(key, 7));
    populations.recur(3, 700);
    populations.recur(most, 700);
    assert_eq!((populations.known.len(), populations.known.contains_key(&most)), (500_000, false));
    populations.establish(most, 701);
    assert!(populations.share_knowing(most) > populations.share_knowing(0), "a new value is known");
    assert!(populations.known.contains_key(&3), "it has recurred");
    assert_eq!(populations.known.len(), 450_001);
    (0..49_999).filter(|key| *key != 3).for_each(|key| assert!(!populations.known.contains_key(&key), "{key}"));
}

#[test]
fn a_value_new_to_several_users_is_rolled_out() {
    let mut populations = Populations::default();
    (0..50).for_each(|_| populations.join(UserClass::Normal));
    (0..3).for_each(|_| populations.notice(7));
    assert!(!populations.is_rolled_out(7));
    populations.notice(7);
    assert!(populations.is_rolled_out(7) && populations.share_knowing(7) > 0.05);
    populations.close_day();
    assert!(!populations.is_rolled_out(7));
}
