//! What was said of days is kept until accounts have obeyed it.

use super::*;

/// Says something of the first day of an account.
fn said(id: u128, user: &str, disposition: Disposition) -> Decision {
    let decided_at = start().plus(id as i64);
    Decision { decided_at, user_id: Some(UserId::new(user)), ..disposed(id, disposition, &[]) }
}

/// Keeps decisions and closes an hour of a day.
fn close(all: &mut Decisions, kept: &[Decision], day: i64) {
    kept.iter().for_each(|decision| all.keep(decision, None));
    let hour = start().plus(day * DAY);
    all.close_hour((hour, day as i32), hour.plus(HOUR));
    all.forget_said();
}

/// Returns what was said of an account's first day, each with the day on which it took effect.
fn sayings(all: &Decisions, user: &str) -> Vec<(i32, Option<Disposition>)> {
    let said = all.said_of(&UserId::new(user), start().plus(HOUR), start().plus(2 * HOUR));
    said.into_iter().map(|saying| (saying.day, saying.disposition)).collect()
}

const BENIGN: Option<Disposition> = Some(Disposition::Benign);
const MALICIOUS: Option<Disposition> = Some(Disposition::Malicious);

#[test]
fn what_was_said_last_of_a_day_stands() {
    let ann = UserId::new("ann");
    let mut all = Decisions::default();
    let later = Decision { from: start().plus(DAY), ..said(9, "ann", Disposition::Suspicious) };
    // In whatever order they come.
    let first = [later, said(2, "ann", Disposition::Malicious), said(1, "ann", Disposition::Benign)];
    close(&mut all, &first, 0);
    assert_eq!((sayings(&all, "ann"), sayings(&all, "tom")), (vec![(0, MALICIOUS)], vec![]));
    assert_eq!(all.changed_dispositions(start()).collect::<Vec<_>>(), [&ann]);
    all.obeyed(&ann);
    assert_eq!((sayings(&all, "ann"), all.changed_dispositions(start()).count()), (vec![(0, MALICIOUS)], 0));
    close(&mut all, &[undone(3, 2)], 1);
    assert_eq!(sayings(&all, "ann"), [(1, BENIGN)]);
    all.obeyed(&ann);
    close(&mut all, &[undone(4, 1)], 2);
    assert_eq!(sayings(&all, "ann"), [(2, None)], "all is taken back");
    close(&mut all, &[undone(5, 3)], 3);
    assert_eq!(sayings(&all, "ann"), [(2, None), (3, MALICIOUS)], "the undoing is undone");
}

#[test]
fn what_was_said_is_kept_until_it_is_obeyed_and_for_90_days() {
    let mut all = Decisions::default();
    let all_said = [said(1, "ann", Disposition::Malicious), said(2, "tom", Disposition::Malicious)];
    close(&mut all, &all_said, 0);
    all.obeyed(&UserId::new("tom"));
    (1..=89).for_each(|day| close(&mut all, &[], day));
    assert_eq!((sayings(&all, "ann"), sayings(&all, "tom")), (vec![(0, MALICIOUS)], vec![(0, MALICIOUS)]));
    (90..400).for_each(|day| close(&mut all, &[], day));
    assert_eq!((sayings(&all, "ann"), sayings(&all, "tom"), all.taken()), (vec![(0, MALICIOUS)], vec![], 0));
    assert!(!all.is_of_use(&all_said[0]), "taken before");
    close(&mut all, &[undone(3, 1)], 400);
    (401..600).for_each(|day| close(&mut all, &[], day));
    assert_eq!((sayings(&all, "ann"), all.taken()), (vec![(400, None)], 1), "with what took it back");
    all.is_changed = false;
    all.obeyed(&UserId::new("ann"));
    assert!(all.is_changed);
    (600..602).for_each(|day| close(&mut all, &[], day));
    assert!(all.is_empty());
}

#[test]
fn accounts_that_have_obeyed_make_room_first() {
    let mut all = Decisions::default();
    let of = |id: u128| said(id, &format!("user{id}"), Disposition::Malicious);
    let kept: Vec<Decision> = (1..=4_096).map(of).collect();
    close(&mut all, &kept[..10], 0);
    close(&mut all, &kept[10..], 1);
    all.obeyed(&UserId::new("user4000"));
    let more = |all: &mut Decisions, id: u128| {
        close(all, &[of(id)], 2);
        all.said.accounts()
    };
    assert_eq!(more(&mut all, 5_000), 4_096);
    assert_eq!((sayings(&all, "user4000"), sayings(&all, "user1")), (vec![], vec![(0, MALICIOUS)]));
    assert_eq!(more(&mut all, 5_001), 4_096);
    assert_eq!((sayings(&all, "user1"), sayings(&all, "user5001")), (vec![], vec![(2, MALICIOUS)]), "longest ago");
    let of_one: Vec<Decision> = (6_000..6_040).map(|id| said(id, "ann", Disposition::Benign)).collect();
    close(&mut all, &of_one, 3);
    assert_eq!(all.said.standing().iter().filter(|(user, _)| user.as_str() == "ann").count(), 32);
}

#[test]
fn more_dispositions_than_are_kept_are_obeyed() {
    let mut fed = Fed::new();
    let users: Vec<String> = (0..300).map(|user| format!("user{user}")).collect();
    users.iter().for_each(|user| fed.works(HOUR, user));
    for id in 1..=6_000_u128 {
        fed.decides(&said(id, &users[id as usize % 300], Disposition::Malicious));
    }
    fed.works(3 * HOUR, "user0");
    assert_eq!((fed.effects().len(), fed.org.shared.decisions.taken()), (6_000, 4_096));
    let of_open_day = |user: &String| fed.profile(user).reserve.as_ref().and_then(|reserve| reserve.of_open_day);
    assert!(users.iter().all(|user| of_open_day(user) == MALICIOUS));
}
