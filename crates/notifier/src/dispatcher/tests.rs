mod flood;
mod memory;
mod snooze;

use super::*;
use crate::deliveries::Deliveries;
use crate::message::{Content, Digest};
use crate::run::ChangeHandler;
use crate::testing::{FRAME, TRACEPARENT, change, change_of, destination};
use bus::{Delivery, Failure, Handler};
use memory::{Memory, Row};
use model::ChangeKind;
use std::collections::VecDeque;

fn key(revision: u64) -> DeliveryKey {
    DeliveryKey { incident_id: Uuid::from_u128(1), revision, destination: "siem".to_owned() }
}

/// A sink that records messages. It fails with the errors that are set, and otherwise confirms.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Recorded>>);

#[derive(Default)]
struct Recorded {
    sent: Vec<Message>,
    /// The incidents that it names of a digest; without it all.
    names: Option<usize>,
    errors: VecDeque<SendError>,
}

impl Sink for Recorder {
    async fn send(&self, message: &Message) -> Result<(), SendError> {
        let mut recorded = self.0.lock().unwrap();
        recorded.sent.push(message.clone());
        recorded.errors.pop_front().map_or(Ok(()), Err)
    }

    fn named(&self, digest: &Digest) -> usize {
        self.0.lock().unwrap().names.unwrap_or(digest.entries.len())
    }
}

struct Bench {
    memory: Memory,
    recorder: Recorder,
    destination: Destination,
    dispatcher: Arc<Dispatcher<Memory, Recorder>>,
}

impl Bench {
    fn new() -> Self {
        Self::of(destination("siem"))
    }

    fn of(destination: Destination) -> Self {
        let (memory, recorder) = (Memory::default(), Recorder::default());
        let dispatcher = dispatcher(&memory, &recorder, &destination);
        Self { memory, recorder, destination, dispatcher }
    }

    /// Replaces the process by a new one, without a shutdown.
    fn crash(&mut self) {
        self.dispatcher = dispatcher(&self.memory, &self.recorder, &self.destination);
    }

    /// Makes the next attempt fail.
    fn fail(&self, error: SendError) {
        self.recorder.0.lock().unwrap().errors.push_back(error);
    }

    /// Delivers changes as the stream does.
    async fn deliver(&self, changes: impl IntoIterator<Item = Change>) -> Result<(), Failure> {
        self.deliver_at(0, changes).await
    }

    /// Delivers changes that were published at this time.
    async fn deliver_at(&self, published_ms: i64, changes: impl IntoIterator<Item = Change>) -> Result<(), Failure> {
        let changes: Vec<Change> = changes.into_iter().collect();
        let mut history = changes.clone();
        history.retain(|change| !self.memory.state().history.contains(change));
        self.memory.state().history.extend(history);
        let item = |value| Item { traceparent: TRACEPARENT.into(), ..Item::new(value) };
        let delivery = Delivery {
            items: changes.into_iter().map(item).collect(),
            sequence: 1,
            subject: String::new(),
            published_ms,
            deliveries: 1,
            pending: 0,
        };
        let outcome = ChangeHandler(Arc::clone(&self.dispatcher)).handle(vec![delivery]).await;
        self.settle().await;
        outcome
    }

    /// Advances the clock and does the periodic work once.
    async fn after(&self, time: Duration) {
        tokio::time::advance(time).await;
        self.dispatcher.close_windows();
        self.dispatcher.retry_due().await.unwrap();
        self.settle().await;
    }

    /// Waits for the messages in flight.
    async fn settle(&self) {
        self.dispatcher.sending.close();
        self.dispatcher.sending.wait().await;
        self.dispatcher.sending.reopen();
    }

    /// Ids of the messages that were sent, without the id of incident 1.
    fn sent(&self) -> Vec<String> {
        let recorded = self.recorder.0.lock().unwrap();
        let short = |message: &Message| message.id.replace("00000000-0000-0000-0000-000000000001/", "");
        recorded.sent.iter().map(short).collect()
    }
}

fn dispatcher(memory: &Memory, recorder: &Recorder, destination: &Destination) -> Arc<Dispatcher<Memory, Recorder>> {
    Dispatcher::new(memory.clone(), vec![Sender::new(destination.clone(), recorder.clone())], FRAME)
}

/// High: it may be gathered.
fn opened(revision: u64) -> Change {
    change(revision, ChangeKind::Opened, 70.0)
}

fn failing() -> SendError {
    SendError::Retry { after: None, reason: "answered 500".to_owned() }
}

const HOUR: Duration = Duration::from_secs(3_600);

#[tokio::test(start_paused = true)]
async fn a_confirmed_delivery_is_never_sent_again() {
    let mut bench = Bench::new();
    for _ in 0..3 {
        bench.deliver([opened(1)]).await.unwrap();
    }
    bench.crash();
    bench.deliver([opened(1), change(2, ChangeKind::Escalated, 95.0)]).await.unwrap();
    bench.after(HOUR).await;
    assert_eq!(bench.sent(), ["1", "2"]);
    assert_eq!(bench.memory.row(1), Some(Row::Confirmed));
    assert_eq!(bench.recorder.0.lock().unwrap().sent[0].traceparent, TRACEPARENT);
}

#[tokio::test(start_paused = true)]
async fn a_crash_before_the_confirmation_sends_again_under_the_same_id() {
    let mut bench = Bench::new();
    bench.memory.state().failing = usize::MAX;
    bench.deliver([opened(1)]).await.unwrap();
    bench.memory.state().failing = 0;
    bench.crash();
    // The claim of the dead process still holds, also for a redelivered message.
    bench.deliver([opened(1)]).await.unwrap();
    assert_eq!(bench.sent(), ["1"]);
    bench.after(HOUR).await;
    assert_eq!(bench.sent(), ["1", "1"]);
    assert_eq!(bench.memory.row(1), Some(Row::Confirmed));
    bench.after(HOUR).await;
    assert_eq!(bench.sent().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_short_outage_of_the_database_does_not_send_again() {
    let bench = Bench::new();
    bench.memory.state().failing = 3;
    bench.deliver([opened(1)]).await.unwrap();
    assert_eq!(bench.memory.row(1), Some(Row::Confirmed));
    assert_eq!(bench.sent(), ["1"]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_delivery_is_retried_and_given_up_after_the_last_attempt() {
    let bench = Bench::of(Destination { max_attempts: 3, ..destination("siem") });
    bench.fail(failing());
    bench.deliver([opened(1)]).await.unwrap();
    bench.after(HOUR).await;
    assert_eq!(bench.sent(), ["1", "1"]);
    assert_eq!(bench.memory.row(1), Some(Row::Confirmed));

    (0..3).for_each(|_| bench.fail(failing()));
    bench.deliver([opened(2)]).await.unwrap();
    for _ in 0..5 {
        bench.after(HOUR).await;
    }
    assert_eq!(bench.sent(), ["1", "1", "2", "2", "2"]);
    assert_eq!(bench.memory.row(2), Some(Row::Failed("answered 500".to_owned())));
    bench.deliver([opened(2)]).await.unwrap();
    assert_eq!(bench.sent().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_refused_delivery_is_given_up_at_once() {
    let bench = Bench::new();
    bench.fail(SendError::Refused("answered 404 Not Found".to_owned()));
    bench.deliver([opened(1)]).await.unwrap();
    bench.after(HOUR).await;
    assert_eq!(bench.sent(), ["1"]);
    assert_eq!(bench.memory.row(1), Some(Row::Failed("answered 404 Not Found".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn a_given_up_delivery_becomes_a_dead_letter_that_can_be_replayed() {
    let bench = Bench::new();
    let refused = || bench.fail(SendError::Refused("answered 404".to_owned()));
    refused();
    bench.deliver([opened(1)]).await.unwrap();
    let dead = bench.memory.state().dead.clone();
    let expected = Item { traceparent: TRACEPARENT.into(), ..Item::new(opened(1)) };
    assert_eq!(dead, [(expected, "destination siem: answered 404".to_owned())]);

    bench.deliver([opened(1)]).await.unwrap();
    assert_eq!(bench.sent(), ["1"], "a redelivered message is not a replay");
    refused();
    bench.deliver_at(1, [opened(1)]).await.unwrap();
    assert_eq!((bench.sent().len(), bench.memory.state().dead.len()), (2, 2));
    bench.deliver_at(1, [opened(1)]).await.unwrap();
    assert_eq!((bench.sent().len(), bench.memory.row(1)), (3, Some(Row::Confirmed)));
    bench.deliver_at(1, [opened(1)]).await.unwrap();
    assert_eq!(bench.sent().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_delivery_without_a_dead_letter_is_not_given_up() {
    let bench = Bench::new();
    bench.memory.state().dead_stream_is_away = true;
    bench.fail(SendError::Refused("answered 404".to_owned()));
    bench.deliver([opened(1)]).await.unwrap();
    assert!(matches!(bench.memory.row(1), Some(Row::Pending { .. })));
    bench.memory.state().dead_stream_is_away = false;
    bench.fail(SendError::Refused("answered 410".to_owned()));
    bench.after(HOUR).await;
    assert_eq!(bench.memory.row(1), Some(Row::Failed("answered 410".to_owned())));
    assert_eq!(bench.memory.state().dead.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn changes_beyond_the_rate_are_confirmed_by_one_digest() {
    let bench = Bench::of(Destination { rate_per_minute: 2, ..destination("siem") });
    bench.deliver((1..=6).map(|id| change_of(id, 1, ChangeKind::Opened, 70.0))).await.unwrap();
    bench.after(WINDOW / 2).await;
    assert_eq!(bench.sent().len(), 2);
    bench.after(WINDOW / 2).await;
    {
        let recorded = bench.recorder.0.lock().unwrap();
        let [_, _, digest] = recorded.sent.as_slice() else { panic!("{:?}", recorded.sent) };
        let Content::Digest(digest) = &digest.content else { panic!("{digest:?}") };
        assert_eq!((digest.changes, digest.by_severity().as_str()), (4, "4 high"));
    }
    assert!(bench.memory.state().rows.values().all(|row| *row == Row::Confirmed));
    bench.after(HOUR).await;
    assert_eq!(bench.sent().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_failed_digest_loses_no_change() {
    let mut bench = Bench::of(Destination { rate_per_minute: 1, ..destination("siem") });
    bench.deliver((1..=4).map(|id| change_of(id, 1, ChangeKind::Opened, 70.0))).await.unwrap();
    bench.fail(failing());
    bench.after(WINDOW).await;
    bench.crash();
    bench.after(HOUR).await;
    bench.after(WINDOW).await;
    assert!(bench.memory.state().rows.values().all(|row| *row == Row::Confirmed));
    // A message, a digest of three that failed, then a message and a digest of the other two.
    assert_eq!(bench.sent().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_delivery_with_an_expired_claim_waits_for_the_next_claim() {
    let bench = Bench::of(Destination { rate_per_minute: 1, ..destination("siem") });
    bench.deliver([opened(1), opened(2)]).await.unwrap();
    tokio::time::advance(2 * WINDOW).await;
    bench.dispatcher.close_windows();
    bench.settle().await;
    assert_eq!(bench.sent(), ["1"]);
    bench.after(Duration::ZERO).await;
    bench.after(WINDOW).await;
    assert_eq!(bench.sent(), ["1", "2"]);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_gets_the_pause_that_it_asks_for() {
    let bench = Bench::new();
    let after = Some(Duration::from_secs(40));
    bench.fail(SendError::Retry { after, reason: "answered 429".to_owned() });
    bench.deliver([opened(1)]).await.unwrap();
    bench.deliver([opened(2)]).await.unwrap();
    bench.after(WINDOW - Duration::from_secs(1)).await;
    assert_eq!(bench.sent(), ["1"]);
    bench.after(Duration::from_secs(1)).await;
    // Both are due by then, and form a digest.
    assert_eq!(bench.sent().len(), 2);
    assert!(bench.sent()[1].starts_with("digest/"));
    assert_eq!((bench.memory.row(1), bench.memory.row(2)), (Some(Row::Confirmed), Some(Row::Confirmed)));
}

#[tokio::test(start_paused = true)]
async fn an_end_is_notified_only_after_an_earlier_change() {
    let bench = Bench::new();
    let low = change_of(2, 1, ChangeKind::Opened, 20.0);
    bench.deliver([low, change_of(2, 2, ChangeKind::Ended, 20.0)]).await.unwrap();
    assert_eq!(bench.sent(), [""; 0]);
    bench.deliver([opened(1)]).await.unwrap();
    bench.deliver([change(2, ChangeKind::Ended, 20.0)]).await.unwrap();
    assert_eq!(bench.sent(), ["1", "2"]);
}

#[tokio::test(start_paused = true)]
async fn gathered_deliveries_are_released_at_shutdown() {
    let mut bench = Bench::of(Destination { rate_per_minute: 1, ..destination("siem") });
    bench.deliver([opened(1), opened(2)]).await.unwrap();
    bench.dispatcher.finish().await;
    bench.crash();
    bench.after(Duration::ZERO).await;
    assert_eq!(bench.sent(), ["1", "2"]);
}

#[tokio::test(start_paused = true)]
async fn a_delivery_to_an_unknown_destination_is_given_up_after_some_attempts() {
    let bench = Bench::new();
    let gone = DeliveryKey { destination: "gone".to_owned(), ..key(1) };
    bench.memory.claim(&gone, Duration::ZERO).await.unwrap();
    for _ in 0..UNKNOWN_DESTINATION_ATTEMPTS {
        bench.after(HOUR).await;
    }
    assert_eq!(bench.sent(), [""; 0]);
    assert!(matches!(bench.memory.state().rows[&gone], Row::Failed(_)));
}

#[tokio::test(start_paused = true)]
async fn a_delivery_without_a_history_is_given_up() {
    let bench = Bench::new();
    bench.memory.claim(&key(7), Duration::ZERO).await.unwrap();
    bench.after(HOUR).await;
    assert!(matches!(bench.memory.row(7), Some(Row::Failed(reason)) if reason.contains("history")));
}
