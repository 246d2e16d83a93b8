use crate::support::{Database, org};
use model::{OrgId, Timestamp};
use store::{NewGap, Retention, SourceState, Store, StoredSource};

fn state(kind: &str, word: &str, event: Option<i64>, heard: Option<i64>) -> SourceState {
    SourceState {
        source: "stream".into(),
        kind: kind.into(),
        state: word.into(),
        last_event_at: event.map(Timestamp),
        last_heard_at: heard.map(Timestamp),
        detail: None,
    }
}

fn gap(from: i64, to: i64) -> NewGap {
    let reason = "the position\0 has expired".into();
    NewGap { source: "stream".into(), kind: "login".into(), from: Timestamp(from), to: Timestamp(to), reason }
}

async fn states(store: &Store) -> Vec<SourceState> {
    store.source_states(Some(&org())).await.unwrap().into_iter().map(|stored| stored.state).collect()
}

/// Returns from, to and note of all gaps.
async fn gaps(store: &Store) -> Vec<(i64, i64, Option<String>)> {
    let all = store.all_gaps(None, Some(Timestamp(0))).await.unwrap();
    all.into_iter().map(|gap| (gap.from.0, gap.to.0, gap.note)).collect()
}

#[tokio::test]
async fn times_of_a_source_never_move_back() {
    let (_database, store) = Database::migrated().await;
    store.put_source_states(&org(), &[]).await.unwrap();
    let first = [state("login", "leading", Some(5), Some(50)), state("report", "missing", None, None)];
    store.put_source_states(&org(), &first).await.unwrap();
    assert_eq!(states(&store).await, first);

    let detail = Some("the stream\0 is silent".to_owned());
    let second = [
        SourceState { detail, ..state("login", "blind", Some(4), None) },
        state("report", "leading", Some(7), Some(70)),
    ];
    store.put_source_states(&org(), &second).await.unwrap();
    let detail = Some("the stream\u{fffd} is silent".to_owned());
    let expect = [SourceState { detail, ..state("login", "blind", Some(5), Some(50)) }, second[1].clone()];
    assert_eq!(states(&store).await, expect);

    let other = OrgId::new("00D000000000002AAA");
    store.put_source_states(&other, &first).await.unwrap();
    let all = store.source_states(None).await.unwrap();
    let orgs: Vec<&OrgId> = all.iter().map(|stored: &StoredSource| &stored.org_id).collect();
    assert_eq!(orgs, [&other, &other, &org(), &org()]);
    assert!(all.iter().all(|stored| stored.updated_at.0 > 0));
    store.put_source_states(&org(), &[state("login", "asleep", None, None)]).await.unwrap_err();
}

#[tokio::test]
async fn a_gap_is_open_until_all_of_it_is_filled() {
    let (_database, store) = Database::migrated().await;
    for (from, to) in [(20, 30), (10, 15), (10, 15), (10, 12)] {
        store.open_gap(&org(), &gap(from, to)).await.unwrap();
    }
    let open = store.open_gaps(&org()).await.unwrap();
    assert_eq!(gaps(&store).await, [(10, 15, None), (20, 30, None)]);
    assert_eq!(open[0].reason, "the position\u{fffd} has expired");
    assert_eq!(store.open_gaps(&OrgId::new("other")).await.unwrap(), []);

    // The gap grows while it is being filled.
    store.open_gap(&org(), &gap(10, 18)).await.unwrap();
    store.close_gap(&open[0], "3 events").await.unwrap();
    assert_eq!(gaps(&store).await, [(10, 18, None), (20, 30, None)]);
    let open = store.open_gaps(&org()).await.unwrap();
    store.close_gap(&open[0], "4 events").await.unwrap();
    store.close_gap(&open[0], "again").await.unwrap();
    assert_eq!(gaps(&store).await, [(10, 18, Some("4 events".into())), (20, 30, None)]);
    assert_eq!(store.open_gaps(&org()).await.unwrap(), open[1..]);

    // A closed gap is opened again only if it reaches further.
    store.open_gap(&org(), &gap(10, 18)).await.unwrap();
    assert_eq!(store.open_gaps(&org()).await.unwrap(), open[1..]);
    store.open_gap(&org(), &gap(10, 19)).await.unwrap();
    assert_eq!(gaps(&store).await, [(10, 19, None), (20, 30, None)]);
}

#[tokio::test]
async fn old_closed_gaps_are_deleted() {
    let (database, store) = Database::migrated().await;
    for from in [1, 2, 3] {
        store.open_gap(&org(), &gap(from, 10)).await.unwrap();
    }
    for closed in &store.open_gaps(&org()).await.unwrap()[..2] {
        store.close_gap(closed, "filled").await.unwrap();
    }
    let mut connection = database.connection().await;
    for statement in [
        "UPDATE orgwatch.source_gaps SET opened_at = '2026-01-01T00:00:00Z'",
        "UPDATE orgwatch.source_gaps SET closed_at = '2026-01-01T00:00:00Z' WHERE from_at = 1",
    ] {
        sqlx::query(statement).execute(&mut connection).await.unwrap();
    }
    let retention = Retention { history_days: 30, audit_days: 30, delivery_days: 30, user_day_days: 30 };
    let now = Timestamp::parse("2026-02-01").unwrap();
    let kept = store.housekeeping(now, &retention).await.unwrap().unwrap();
    assert_eq!(kept.gaps_deleted, 1);
    assert_eq!(gaps(&store).await, [(2, 10, Some("filled".into())), (3, 10, None)]);
}
