mod memory;

use super::*;
use crate::deliveries::Deliveries;
use crate::limit::WINDOW;
use crate::message::Content;
use crate::run::Intake;
use crate::testing::{TRACEPARENT, change, change_of, channel};
use bus::{Delivery, Failure, Handler};
use memory::{Memory, Row};
use model::ChangeKind;
use std::collections::VecDeque;

fn key(revision: u64) -> DeliveryKey {
    DeliveryKey { incident_id: model::Uuid::from_u128(1), revision, destination: "siem".to_owned() }
}

/// Answers as it is told to, and otherwise takes everything.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Recorded>>);

#[derive(Default)]
struct Recorded {
    sent: Vec<Message>,
    answers: VecDeque<SendError>,
}

impl Sink for Recorder {
    async fn send(&self, message: &Message) -> Result<(), SendError> {
        let mut recorded = self.0.lock().unwrap();
        recorded.sent.push(message.clone());
        recorded.answers.pop_front().map_or(Ok(()), Err)
    }
}

struct Bench {
    memory: Memory,
    recorder: Recorder,
    channel: Channel,
    courier: Arc<Courier<Memory, Recorder>>,
}

impl Bench {
    fn new() -> Self {
        Self::of(channel("siem"))
    }

    fn of(channel: Channel) -> Self {
        let (memory, recorder) = (Memory::default(), Recorder::default());
        let courier = courier(&memory, &recorder, &channel);
        Self { memory, recorder, channel, courier }
    }

    /// This process ends without a word and another one starts.
    fn crash(&mut self) {
        self.courier = courier(&self.memory, &self.recorder, &self.channel);
    }

    fn answer(&self, error: SendError) {
        self.recorder.0.lock().unwrap().answers.push_back(error);
    }

    /// As the stream delivers it.
    async fn deliver(&self, changes: impl IntoIterator<Item = Change>) -> Result<(), Failure> {
        self.deliver_at(0, changes).await
    }

    /// As the stream delivers what was published at this time.
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
        let outcome = Intake(Arc::clone(&self.courier)).handle(vec![delivery]).await;
        self.settle().await;
        outcome
    }

    async fn after(&self, time: Duration) {
        tokio::time::advance(time).await;
        self.courier.close_windows();
        self.courier.retry_due().await.unwrap();
        self.settle().await;
    }

    /// Until everything under way has arrived.
    async fn settle(&self) {
        self.courier.sending.close();
        self.courier.sending.wait().await;
        self.courier.sending.reopen();
    }

    /// Ids of what was sent, without the incident's where it is 1.
    fn sent(&self) -> Vec<String> {
        let recorded = self.recorder.0.lock().unwrap();
        let short = |message: &Message| message.id.replace("00000000-0000-0000-0000-000000000001/", "");
        recorded.sent.iter().map(short).collect()
    }
}

fn courier(memory: &Memory, recorder: &Recorder, channel: &Channel) -> Arc<Courier<Memory, Recorder>> {
    Courier::new(memory.clone(), vec![Route::new(channel.clone(), recorder.clone())], None)
}

fn opened(revision: u64) -> Change {
    change(revision, ChangeKind::Opened, 90.0)
}

fn failing() -> SendError {
    SendError::Retry { after: None, reason: "answered 500".to_owned() }
}

const HOUR: Duration = Duration::from_secs(3_600);

#[tokio::test(start_paused = true)]
async fn what_was_confirmed_is_never_sent_again() {
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
    // The claim of the process that is gone still holds, also for a message that is redelivered.
    bench.deliver([opened(1)]).await.unwrap();
    assert_eq!(bench.sent(), ["1"]);
    bench.after(HOUR).await;
    assert_eq!(bench.sent(), ["1", "1"]);
    assert_eq!(bench.memory.row(1), Some(Row::Confirmed));
    bench.after(HOUR).await;
    assert_eq!(bench.sent().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_database_that_is_away_for_a_moment_does_not_send_again() {
    let bench = Bench::new();
    bench.memory.state().failing = 3;
    bench.deliver([opened(1)]).await.unwrap();
    assert_eq!(bench.memory.row(1), Some(Row::Confirmed));
    assert_eq!(bench.sent(), ["1"]);
}

#[tokio::test(start_paused = true)]
async fn what_fails_is_tried_again_and_given_up_in_the_end() {
    let bench = Bench::of(Channel { max_attempts: 3, ..channel("siem") });
    bench.answer(failing());
    bench.deliver([opened(1)]).await.unwrap();
    bench.after(HOUR).await;
    assert_eq!(bench.sent(), ["1", "1"]);
    assert_eq!(bench.memory.row(1), Some(Row::Confirmed));

    (0..3).for_each(|_| bench.answer(failing()));
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
async fn what_is_refused_is_given_up_at_once() {
    let bench = Bench::new();
    bench.answer(SendError::Refused("answered 404 Not Found".to_owned()));
    bench.deliver([opened(1)]).await.unwrap();
    bench.after(HOUR).await;
    assert_eq!(bench.sent(), ["1"]);
    assert_eq!(bench.memory.row(1), Some(Row::Failed("answered 404 Not Found".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn what_is_given_up_is_set_aside_and_can_be_told_again() {
    let bench = Bench::new();
    let refused = || bench.answer(SendError::Refused("answered 404".to_owned()));
    refused();
    bench.deliver([opened(1)]).await.unwrap();
    let aside = bench.memory.state().aside.clone();
    let expected = Item { traceparent: TRACEPARENT.into(), ..Item::new(opened(1)) };
    assert_eq!(aside, [(expected, "channel siem: answered 404".to_owned())]);

    bench.deliver([opened(1)]).await.unwrap();
    assert_eq!(bench.sent(), ["1"], "the same message again is no replay");
    refused();
    bench.deliver_at(1, [opened(1)]).await.unwrap();
    assert_eq!((bench.sent().len(), bench.memory.state().aside.len()), (2, 2));
    bench.deliver_at(1, [opened(1)]).await.unwrap();
    assert_eq!((bench.sent().len(), bench.memory.row(1)), (3, Some(Row::Confirmed)));
    bench.deliver_at(1, [opened(1)]).await.unwrap();
    assert_eq!(bench.sent().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_set_aside_is_not_given_up() {
    let bench = Bench::new();
    bench.memory.state().no_room = true;
    bench.answer(SendError::Refused("answered 404".to_owned()));
    bench.deliver([opened(1)]).await.unwrap();
    assert!(matches!(bench.memory.row(1), Some(Row::Pending { .. })));
    bench.memory.state().no_room = false;
    bench.answer(SendError::Refused("answered 410".to_owned()));
    bench.after(HOUR).await;
    assert_eq!(bench.memory.row(1), Some(Row::Failed("answered 410".to_owned())));
    assert_eq!(bench.memory.state().aside.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_storm_is_told_in_a_digest_that_confirms_all_it_tells_of() {
    let bench = Bench::of(Channel { rate_per_minute: 2, ..channel("siem") });
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
async fn a_digest_that_fails_loses_nothing() {
    let mut bench = Bench::of(Channel { rate_per_minute: 1, ..channel("siem") });
    bench.deliver((1..=4).map(|id| change_of(id, 1, ChangeKind::Opened, 70.0))).await.unwrap();
    bench.answer(failing());
    bench.after(WINDOW).await;
    bench.crash();
    bench.after(HOUR).await;
    bench.after(WINDOW).await;
    assert!(bench.memory.state().rows.values().all(|row| *row == Row::Confirmed));
    // One, a digest of three, and again one with what is left in a digest of two.
    assert_eq!(bench.sent().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn what_was_held_up_beyond_its_claim_is_left_to_the_next_claim() {
    let bench = Bench::of(Channel { rate_per_minute: 1, ..channel("siem") });
    bench.deliver([opened(1), opened(2)]).await.unwrap();
    tokio::time::advance(2 * WINDOW).await;
    bench.courier.close_windows();
    bench.settle().await;
    assert_eq!(bench.sent(), ["1"]);
    bench.after(Duration::ZERO).await;
    bench.after(WINDOW).await;
    assert_eq!(bench.sent(), ["1", "2"]);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_asks_for_a_pause_gets_one() {
    let bench = Bench::new();
    let after = Some(Duration::from_secs(40));
    bench.answer(SendError::Retry { after, reason: "answered 429".to_owned() });
    bench.deliver([opened(1)]).await.unwrap();
    bench.deliver([opened(2)]).await.unwrap();
    bench.after(WINDOW - Duration::from_secs(1)).await;
    assert_eq!(bench.sent(), ["1"]);
    bench.after(Duration::from_secs(1)).await;
    // The first was due again by then.
    assert_eq!(bench.sent().len(), 2);
    assert!(bench.sent()[1].starts_with("digest/"));
    assert_eq!((bench.memory.row(1), bench.memory.row(2)), (Some(Row::Confirmed), Some(Row::Confirmed)));
}

#[tokio::test(start_paused = true)]
async fn the_end_is_told_to_those_who_know_the_beginning() {
    let bench = Bench::new();
    let low = change_of(2, 1, ChangeKind::Opened, 20.0);
    bench.deliver([low, change_of(2, 2, ChangeKind::Closed, 20.0)]).await.unwrap();
    assert_eq!(bench.sent(), [""; 0]);
    bench.deliver([opened(1)]).await.unwrap();
    bench.deliver([change(2, ChangeKind::Closed, 20.0)]).await.unwrap();
    assert_eq!(bench.sent(), ["1", "2"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_gathered_is_given_back_at_the_end() {
    let mut bench = Bench::of(Channel { rate_per_minute: 1, ..channel("siem") });
    bench.deliver([opened(1), opened(2)]).await.unwrap();
    bench.courier.finish().await;
    bench.crash();
    bench.after(Duration::ZERO).await;
    assert_eq!(bench.sent(), ["1", "2"]);
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_is_gone_is_given_up_after_a_while() {
    let bench = Bench::new();
    let gone = DeliveryKey { destination: "gone".to_owned(), ..key(1) };
    bench.memory.claim(&gone, Duration::ZERO).await.unwrap();
    for _ in 0..UNKNOWN_CHANNEL_ATTEMPTS {
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
