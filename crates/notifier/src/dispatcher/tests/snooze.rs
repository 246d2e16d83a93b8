//! Changes of snoozed incidents.

use super::*;
use model::EndReason;
use risk::notify::Snooze;

/// An incident of which a high severity was notified, and that was then snoozed for two hours.
async fn snoozed() -> Bench {
    let bench = Bench::new();
    bench.deliver([opened(1)]).await.unwrap();
    stands(&bench, 2 * HOUR, true);
    bench
}

fn stands(bench: &Bench, left: Duration, is_unsettled: bool) {
    let until = Timestamp(left.as_millis() as i64);
    bench.memory.state().snooze = Some(Snooze { until, now: Timestamp(0), is_unsettled });
}

/// Lets the snooze of an incident end.
fn ends(bench: &Bench, is_unsettled: bool) {
    bench.memory.state().snooze = Some(Snooze { until: Timestamp(1), now: Timestamp(2), is_unsettled });
}

fn resumed(revision: u64) -> Change {
    change(revision, ChangeKind::Resumed, 70.0)
}

#[tokio::test(start_paused = true)]
async fn a_change_of_a_snoozed_incident_is_delivered_when_the_snooze_ends() {
    let mut bench = snoozed().await;
    bench.deliver([resumed(2)]).await.unwrap();
    assert!(matches!(bench.memory.row(2), Some(Row::Pending { attempts: 0, .. })), "{:?}", bench.memory.row(2));
    bench.crash();
    stands(&bench, HOUR, true);
    bench.after(HOUR).await;
    bench.deliver([resumed(2)]).await.unwrap();
    assert_eq!(bench.sent(), ["1"]);
    ends(&bench, true);
    bench.after(HOUR).await;
    assert_eq!(bench.sent(), ["1", "2"]);
    assert_eq!(bench.memory.row(2), Some(Row::Confirmed));
}

#[tokio::test(start_paused = true)]
async fn a_snooze_that_is_taken_back_is_noticed_within_an_hour() {
    let bench = snoozed().await;
    stands(&bench, 100 * HOUR, true);
    bench.deliver([resumed(2)]).await.unwrap();
    bench.memory.state().snooze = None;
    bench.after(HOUR).await;
    assert_eq!(bench.sent(), ["1", "2"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_held_back_is_never_sent_once_the_incident_is_settled() {
    let bench = snoozed().await;
    bench.deliver([resumed(2)]).await.unwrap();
    stands(&bench, 2 * HOUR, false);
    bench.deliver([change(3, ChangeKind::Closed, 70.0)]).await.unwrap();
    assert_eq!(bench.sent(), ["1", "3"], "the end is no surprise");
    ends(&bench, false);
    bench.after(2 * HOUR).await;
    assert_eq!(bench.sent(), ["1", "3"]);
    assert_eq!(bench.memory.row(2), Some(Row::Suppressed));
}

#[tokio::test(start_paused = true)]
async fn worse_is_delivered_at_once() {
    let bench = snoozed().await;
    bench
        .deliver([resumed(2), change(3, ChangeKind::Escalated, 95.0), change(4, ChangeKind::Resumed, 95.0)])
        .await
        .unwrap();
    assert_eq!(bench.sent(), ["1", "3"]);
    let absorbed = Change { end_reason: Some(EndReason::Absorbed), ..change(5, ChangeKind::Ended, 95.0) };
    bench.deliver([absorbed]).await.unwrap();
    assert_eq!(bench.sent(), ["1", "3", "5"]);
}
