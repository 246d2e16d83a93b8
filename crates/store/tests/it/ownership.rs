use crate::support::{Database, incident, open, org, put_incidents, user};
use model::{OrgId, Timestamp};
use store::{Owner, StateEntry, StateKey, StoreError, quota};

const PARTITIONS: i32 = 8;

async fn owner(database: &Database, name: &str, member: i32) -> Owner {
    Owner::connect(&database.settings(), name, "test", member).await.unwrap()
}

fn entry(key: &str, bytes: &[u8]) -> StateEntry {
    StateEntry { org_id: org(), key: key.into(), bytes: bytes.to_vec() }
}

#[tokio::test]
async fn a_partition_has_one_owner_at_a_time() {
    let (database, _store) = Database::migrated().await;
    let (a, b) = tokio::join!(owner(&database, "a", 7), owner(&database, "b", -7));
    assert_eq!(a.members().await.unwrap(), [-7, 7]);
    assert!(a.try_acquire(3).await.unwrap());
    assert!(a.try_acquire(3).await.unwrap(), "again");
    assert!(a.try_acquire(0).await.unwrap());
    assert!(!b.try_acquire(3).await.unwrap());
    assert_eq!(a.held().await.unwrap(), [0, 3]);
    assert!(b.held().await.unwrap().is_empty());
    assert_eq!(b.unowned(PARTITIONS).await.unwrap(), [1, 2, 4, 5, 6, 7]);

    assert!(a.release(3).await.unwrap());
    assert!(!a.release(3).await.unwrap());
    assert!(b.try_acquire(3).await.unwrap());

    let taken = Owner::connect(&database.settings(), "c", "test", 7).await.unwrap_err();
    assert!(matches!(taken, StoreError::MemberTaken { member: 7 }), "{taken}");
    let elsewhere = Owner::connect(&database.settings(), "c", "other", 7).await.unwrap();
    assert_eq!(elsewhere.members().await.unwrap(), [7]);
    assert!(elsewhere.try_acquire(3).await.unwrap(), "namespaces are independent");
    // So are databases of the same server.
    let (other, _store) = Database::migrated().await;
    let stranger = owner(&other, "a", 7).await;
    assert_eq!(stranger.members().await.unwrap(), [7]);
    assert!(stranger.try_acquire(3).await.unwrap());

    a.close().await.unwrap();
    assert_eq!(b.members().await.unwrap(), [-7]);
    assert!(b.try_acquire(0).await.unwrap());
}

/// Acquires unowned partitions up to this member's share, or releases partitions above it.
async fn rebalance(owner: &Owner) -> Vec<i32> {
    let members = owner.members().await.unwrap();
    let rank = members.iter().position(|member| *member == owner.member()).unwrap();
    let share = quota(rank, members.len(), PARTITIONS as usize);
    for beyond in owner.held().await.unwrap().into_iter().skip(share) {
        owner.release(beyond).await.unwrap();
    }
    let missing = share - owner.held().await.unwrap().len();
    for unowned in owner.unowned(PARTITIONS).await.unwrap().into_iter().take(missing) {
        assert!(owner.try_acquire(unowned).await.unwrap());
    }
    owner.held().await.unwrap()
}

#[tokio::test]
async fn shares_follow_members_that_join_and_die() {
    let (database, _store) = Database::migrated().await;
    let a = owner(&database, "a", 1).await;
    assert_eq!(rebalance(&a).await.len(), 8);
    let (b, c) = tokio::join!(owner(&database, "b", 2), owner(&database, "c", 3));
    assert_eq!(rebalance(&a).await, [0, 1, 2]);
    assert_eq!(rebalance(&b).await, [3, 4, 5]);
    assert_eq!(rebalance(&c).await, [6, 7]);

    database.terminate("b").await;
    assert!(b.held().await.unwrap_err().is_transient());
    assert_eq!(a.members().await.unwrap(), [1, 3]);
    assert_eq!(rebalance(&a).await, [0, 1, 2, 3]);
    assert_eq!(rebalance(&c).await, [4, 5, 6, 7]);
}

#[tokio::test]
async fn a_checkpoint_survives_being_stored() {
    let (database, _store) = Database::migrated().await;
    let a = owner(&database, "a", 1).await;
    assert!(a.try_acquire(5).await.unwrap());
    assert_eq!(a.load_checkpoint(5).await.unwrap(), None);
    let large = vec![7; 5 << 20];
    let mut entries = vec![entry("org", b"org"), entry("user/1", b"one"), entry("user/2", &large), entry("zone", b"")];
    entries.extend((0..1_500).map(|i| entry(&format!("user/many/{i}"), &[1; 100])));
    a.checkpoint(5, 10, &entries, &[], &[], &[]).await.unwrap();
    assert_eq!(a.load_checkpoint(5).await.unwrap(), Some(10));
    assert_eq!(a.load_page(5, "user/", None).await.unwrap(), [entry("org", b"org"), entry("zone", b"")]);
    let keys = ["user/2", "user/1", "absent"].map(String::from);
    let expect = [entry("user/1", b"one"), entry("user/2", &large)];
    assert_eq!(a.load_keys(5, &org(), &keys).await.unwrap(), expect);
    assert_eq!(a.load_keys(5, &OrgId::new("other"), &keys).await.unwrap(), []);
    assert_eq!(a.load_page(4, "user/", None).await.unwrap(), []);

    // Another checkpoint at the same sequence is allowed.
    let gone = [StateKey { org_id: org(), key: "zone".into() }, StateKey { org_id: org(), key: "user/1".into() }];
    a.checkpoint(5, 10, &[entry("org", b"newer"), entry("user/1", b"back")], &gone, &[], &[]).await.unwrap();
    assert_eq!(
        a.load_page(5, "user/m", None).await.unwrap(),
        [entry("org", b"newer"), entry("user/1", b"back"), entry("user/2", &large)]
    );

    assert_eq!((a.load_reached(5).await.unwrap(), a.load_reached(4).await.unwrap()), (None, None));
    a.put_reached(5, 20).await.unwrap();
    a.checkpoint(5, 11, &[], &[], &[], &[]).await.unwrap();
    assert_eq!(a.load_reached(5).await.unwrap(), Some(20));
    assert!(matches!(a.put_reached(4, 20).await, Err(StoreError::Fenced { partition: 4, .. })));

    a.forget(5).await.unwrap();
    assert_eq!(a.load_checkpoint(5).await.unwrap(), None);
    assert_eq!(a.load_page(5, "no such prefix", None).await.unwrap(), []);
}

#[tokio::test]
async fn state_is_read_page_by_page() {
    let (database, _store) = Database::migrated().await;
    let a = owner(&database, "a", 1).await;
    assert!(a.try_acquire(5).await.unwrap());
    let mut entries: Vec<StateEntry> = (0..2_500).map(|i| entry(&format!("seen/{i:04}"), &[1; 100])).collect();
    entries.extend((0..10).map(|i| entry(&format!("sealed/{i}"), &vec![2; 1 << 20])));
    entries.extend([entry("user/1", b"left out"), StateEntry { org_id: OrgId::new("another"), ..entry("head", b"") }]);
    a.checkpoint(5, 1, &entries, &[], &[], &[]).await.unwrap();
    let (mut all, mut pages, mut last) = (Vec::new(), Vec::new(), None);
    loop {
        let page = a.load_page(5, "user/", last.as_ref()).await.unwrap();
        let Some(entry) = page.last() else { break };
        last = Some(StateKey { org_id: entry.org_id.clone(), key: entry.key.clone() });
        pages.push(page.iter().map(|entry| entry.bytes.len()).sum::<usize>());
        all.extend(page);
    }
    entries.retain(|entry| !entry.key.starts_with("user/"));
    entries.sort_by(|a, b| (a.org_id.as_str(), &a.key).cmp(&(b.org_id.as_str(), &b.key)));
    assert!(all == entries);
    assert!(pages.len() >= 5 && pages.iter().all(|bytes| *bytes <= 5 << 20), "{pages:?}");
}

#[tokio::test]
async fn a_clock_needs_the_partition_and_never_goes_back() {
    let (database, store) = Database::migrated().await;
    let (a, b) = tokio::join!(owner(&database, "a", 1), owner(&database, "b", 2));
    let emma = user("emma");
    put_incidents(&store, &emma, &[open(incident(1, &emma))]).await;
    let last = incident(1, &emma).last_event_at;
    let ending =
        async || store.ending_accounts(0, &[].into(), 10).await.unwrap().into_iter().map(|ending| ending.clock);
    assert_eq!(ending().await.next(), None, "no clock is known");
    assert!(a.try_acquire(5).await.unwrap() && b.try_acquire(6).await.unwrap());
    a.put_clocks(5, 0, &[(org(), last), (OrgId::new("other"), Timestamp(i64::MAX))]).await.unwrap();
    assert_eq!(ending().await.next(), None, "nothing is later");
    a.put_clocks(5, 0, &[(org(), last.plus(2))]).await.unwrap();
    a.put_clocks(5, 0, &[(org(), last)]).await.unwrap();
    assert_eq!(ending().await.collect::<Vec<_>>(), [last.plus(2)]);
    // A large org has a clock in each of its partitions. The earliest counts: the account may be of either partition,
    // and one that lags may still raise findings of the time that the other has passed.
    b.put_clocks(6, 0, &[(org(), last)]).await.unwrap();
    assert_eq!(ending().await.next(), None, "a partition lags");
    b.put_clocks(6, 0, &[(org(), last.plus(1))]).await.unwrap();
    assert_eq!(ending().await.collect::<Vec<_>>(), [last.plus(1)]);
    assert!(matches!(b.put_clocks(5, 0, &[]).await, Err(StoreError::Fenced { partition: 5, .. })));
    b.forget_org(6, &org()).await.unwrap();
    assert_eq!(ending().await.collect::<Vec<_>>(), [last.plus(2)]);
    a.forget(5).await.unwrap();
    assert_eq!(ending().await.next(), None);
}

#[tokio::test]
async fn a_silent_partition_follows_the_others_as_far_as_it_has_read() {
    let (database, store) = Database::migrated().await;
    let (a, b) = tokio::join!(owner(&database, "a", 1), owner(&database, "b", 2));
    let emma = user("emma");
    put_incidents(&store, &emma, &[open(incident(1, &emma))]).await;
    let last = incident(1, &emma).last_event_at;
    let ending = async || {
        let ending = store.ending_accounts(0, &[].into(), 10).await.unwrap();
        ending.into_iter().map(|ending| ending.clock).collect::<Vec<_>>()
    };
    assert!(a.try_acquire(5).await.unwrap() && b.try_acquire(6).await.unwrap());
    a.put_clocks(5, 20, &[(org(), last.plus(2))]).await.unwrap();
    b.put_clocks(6, 8, &[(org(), last)]).await.unwrap();
    assert_eq!(ending().await, [], "how far it has read is not known");
    b.checkpoint(6, 8, &[], &[], &[], &[]).await.unwrap();
    assert_eq!(ending().await, [], "it may still apply events of the time that the other has passed");
    b.put_reached(6, 19).await.unwrap();
    assert_eq!(ending().await, []);
    b.put_reached(6, 20).await.unwrap();
    assert_eq!(ending().await, [last.plus(2)]);
    // An earlier release moves the clock alone.
    let moved = "UPDATE orgwatch.org_clocks SET clock = clock + 5 WHERE partition = 5";
    sqlx::query(moved).execute(&mut database.connection().await).await.unwrap();
    assert_eq!(ending().await, [last.plus(2)]);
    a.put_clocks(5, 30, &[(org(), last.plus(9))]).await.unwrap();
    assert_eq!(ending().await, [], "it lags again");
    b.checkpoint(6, 31, &[], &[], &[], &[]).await.unwrap();
    assert_eq!(ending().await, [last.plus(9)]);
}

#[tokio::test]
async fn a_checkpoint_needs_the_partition_and_never_moves_back() {
    let (database, _store) = Database::migrated().await;
    let (a, b) = tokio::join!(owner(&database, "a", 1), owner(&database, "b", 2));
    assert!(a.try_acquire(5).await.unwrap());
    let is_fenced = |outcome: Result<(), StoreError>| matches!(outcome, Err(StoreError::Fenced { partition: 5, .. }));

    a.checkpoint(5, 10, &[entry("org", b"at 10")], &[], &[], &[]).await.unwrap();
    assert!(is_fenced(a.checkpoint(5, 9, &[entry("org", b"at 9")], &[], &[], &[]).await));
    assert!(is_fenced(b.checkpoint(5, 11, &[entry("org", b"stolen")], &[], &[], &[]).await));
    assert!(is_fenced(b.forget(5).await));
    assert_eq!(b.load_checkpoint(5).await.unwrap(), Some(10));
    assert_eq!(b.load_page(5, "user/", None).await.unwrap(), [entry("org", b"at 10")]);

    // The refused transaction was rolled back, and the session is usable.
    a.checkpoint(5, 11, &[entry("org", b"at 11")], &[], &[], &[]).await.unwrap();
    a.release(5).await.unwrap();
    assert!(is_fenced(a.checkpoint(5, 12, &[], &[], &[], &[]).await));
}

#[tokio::test]
async fn a_killed_session_commits_nothing() {
    let (database, _store) = Database::migrated().await;
    let (a, b) = tokio::join!(owner(&database, "a", 1), owner(&database, "b", 2));
    assert!(a.try_acquire(5).await.unwrap());
    a.checkpoint(5, 10, &[entry("org", b"at 10")], &[], &[], &[]).await.unwrap();
    database.terminate("a").await;
    assert!(b.try_acquire(5).await.unwrap());
    let error = a.checkpoint(5, 11, &[entry("org", b"too late")], &[], &[], &[]).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    assert_eq!(b.load_checkpoint(5).await.unwrap(), Some(10));
    b.checkpoint(5, 11, &[entry("org", b"in time")], &[], &[], &[]).await.unwrap();
    assert_eq!(b.load_page(5, "user/", None).await.unwrap(), [entry("org", b"in time")]);
}
