//! More changes than a destination may get.

use super::*;

/// Returns the incidents that each message names, those of digests in one list.
fn named(bench: &Bench) -> Vec<Vec<u128>> {
    let named = |message: &Message| match &message.content {
        Content::Change(change) => vec![change.incident.incident_id.as_u128()],
        Content::Digest(digest) => digest.entries.iter().map(|entry| entry.incident_id.as_u128()).collect(),
    };
    bench.recorder.0.lock().unwrap().sent.iter().map(named).collect()
}

#[tokio::test(start_paused = true)]
async fn every_critical_incident_is_named_by_itself_whatever_the_rate() {
    const RATE: u32 = 4;
    let mut bench = Bench::of(Destination { rate_per_minute: RATE, ..destination("siem") });
    // Of 834 changes every 27th is critical.
    let is_critical = |id: u128| id.is_multiple_of(27);
    let risk = |id| if is_critical(id) { 90.0 } else { 70.0 };
    bench.deliver((1..=834).map(|id| change_of(id, 1, ChangeKind::Opened, risk(id)))).await.unwrap();
    bench.crash();
    for _ in 0..15 {
        let before = bench.sent().len();
        for _ in 0..60 {
            bench.after(WINDOW / 60).await;
        }
        // Besides the rate, at most a digest of each 500 changes; two windows overlap a minute.
        assert!(bench.sent().len() - before <= 2 * (RATE as usize + 2));
    }
    let named = named(&bench);
    let mut alone: Vec<u128> =
        named.iter().filter(|of| of.len() == 1).map(|of| of[0]).filter(|id| is_critical(*id)).collect();
    alone.sort_unstable();
    assert_eq!(alone, (1..=834).filter(|id| is_critical(*id)).collect::<Vec<_>>(), "each critical one, once, alone");
    assert!(named.iter().filter(|of| of.len() > 1).all(|of| !of.iter().any(|id| is_critical(*id))));
    assert!(bench.memory.state().rows.values().all(|row| *row == Row::Confirmed));
}

#[tokio::test(start_paused = true)]
async fn waiting_uses_up_no_attempts() {
    let bench = Bench::of(Destination { rate_per_minute: 1, max_attempts: 2, ..destination("siem") });
    bench.deliver((1..=5).map(|id| change_of(id, 1, ChangeKind::Opened, 90.0))).await.unwrap();
    for _ in 0..10 {
        bench.after(WINDOW).await;
    }
    assert_eq!(named(&bench).concat().len(), 5);
    assert!(bench.memory.state().rows.values().all(|row| *row == Row::Confirmed));
    assert_eq!(bench.memory.state().dead, []);
}

#[tokio::test(start_paused = true)]
async fn what_a_digest_only_counts_is_not_confirmed() {
    let bench = Bench::of(Destination { rate_per_minute: 1, ..destination("siem") });
    bench.recorder.0.lock().unwrap().names = Some(2);
    let changes: Vec<Change> = (1..=6).map(|id| change_of(id, 1, ChangeKind::Opened, 60.0 + id as f64)).collect();
    bench.deliver(changes.clone()).await.unwrap();
    bench.after(WINDOW).await;
    let row = |id: u128| {
        let key = DeliveryKey { incident_id: Uuid::from_u128(id), revision: 1, destination: "siem".to_owned() };
        bench.memory.state().rows[&key].clone()
    };
    assert_eq!([6, 5, 1].map(row), [const { Row::Confirmed }; 3], "named");
    assert_eq!([4, 3, 2].map(row), [const { Row::Counted }; 3], "counted");
    bench.deliver(changes).await.unwrap();
    bench.after(HOUR).await;
    assert_eq!(bench.sent().len(), 2, "nothing is sent again");
}
