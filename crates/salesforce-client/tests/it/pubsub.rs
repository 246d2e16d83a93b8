//! Tests of topics and subscriptions.

use crate::stub::{Step, Stub, answer, status};
use salesforce::Scalar;
use salesforce_client::pubsub::wire::{FetchRequest, ReplayPreset};
use salesforce_client::{Client, Error, Replay, Response, Settings, Topic, Trouble};
use std::sync::atomic::Ordering;
use tonic::{Code, Status};

const TOPIC: &str = "/event/LoginEventStream";
/// `N` = 3 and `S` = "ab" by schema one; the same by schema two, in its order.
const BY_ONE: &[u8] = &[6, 2, 4, b'a', b'b'];
const BY_TWO: &[u8] = &[0, 2, 4, b'a', b'b', 6];

fn request(num_requested: i32, preset: ReplayPreset, replay_id: &[u8]) -> FetchRequest {
    FetchRequest {
        topic_name: TOPIC.to_owned(),
        replay_preset: preset.into(),
        replay_id: replay_id.to_vec(),
        num_requested,
        auth_refresh: String::new(),
    }
}

fn shown(response: &Response) -> Vec<String> {
    let events = response.events.iter().map(|event| {
        let fields = match &event.fields {
            Ok(fields) => {
                fields.iter().map(|(name, value)| format!("{name}={}", text(value))).collect::<Vec<_>>().join(" ")
            }
            Err(problem) => problem.clone(),
        };
        format!("{:?} {}: {fields}", event.replay_id, event.event)
    });
    events.collect()
}

fn text(value: &Scalar<'_>) -> String {
    match value {
        Scalar::Null => "null".to_owned(),
        Scalar::Bool(value) => value.to_string(),
        Scalar::Number(number) => number.to_string(),
        Scalar::Text(text) => text.to_string(),
    }
}

#[tokio::test]
async fn topics_are_found_or_denied() {
    let stub = Stub::start([]).await;
    let client = stub.client();
    let expect = Topic { name: TOPIC.to_owned(), can_subscribe: true, schema_id: "one".to_owned() };
    assert_eq!(client.topic(TOPIC).await.unwrap(), expect);
    stub.org.state.expire();
    assert_eq!(client.topic(TOPIC).await.unwrap(), expect);
    let missing = client.topic("/event/FileEvent").await.unwrap_err();
    assert_eq!((missing.trouble(), missing.to_string().as_str()), (Trouble::Denied, "topic: NotFound: no such topic"));
    stub.org.state.expire_all();
    assert_eq!(client.topic(TOPIC).await.unwrap_err().trouble(), Trouble::Login);
}

#[tokio::test]
async fn each_event_is_decoded_by_its_own_schema() {
    let events: &[(u8, &str, &[u8])] = &[(1, "one", BY_ONE), (2, "two", BY_TWO), (3, "one", BY_ONE)];
    let stub = Stub::start([vec![answer(events, 97), answer(&[], 97), Step::Hang]]).await;
    let mut subscription = stub.client().subscribe(TOPIC, Replay::Latest).await.unwrap();
    let first = subscription.next().await.unwrap();
    assert_eq!(
        shown(&first),
        ["[1] LoginEventStream: N=3 S=ab", "[2] LoginEventStream: New=null S=ab N=3", "[3] LoginEventStream: N=3 S=ab",]
    );
    assert_eq!(first.latest_replay_id, [3]);
    let quiet = subscription.next().await.unwrap();
    assert!(quiet.events.is_empty());
    assert_eq!(quiet.latest_replay_id, [99]);
    assert_eq!(stub.api.schemas_fetched.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn undecodable_events_do_not_end_the_stream() {
    let broken: &[(u8, &str, &[u8])] =
        &[(1, "one", &BY_ONE[..3]), (2, "none", BY_ONE), (3, "none", BY_ONE), (4, "bad", BY_ONE), (5, "one", BY_ONE)];
    let stub = Stub::start([vec![answer(broken, 95), Step::Hang]]).await;
    let response = stub.client().subscribe(TOPIC, Replay::Latest).await.unwrap().next().await.unwrap();
    let shown = shown(&response);
    let begins = [
        "[1] LoginEventStream: the event does not match its schema",
        "[2] : schema: NotFound: no such schema",
        "[3] : schema: NotFound: no such schema",
        "[4] : the schema cannot be parsed",
        "[5] LoginEventStream: N=3 S=ab",
    ];
    for (shown, begin) in shown.iter().zip(begins) {
        assert!(shown.starts_with(begin), "{shown}");
    }
    assert_eq!(shown.len(), begins.len());
    assert_eq!(stub.api.schemas_fetched.load(Ordering::SeqCst), 3, "one, none and bad, once each");
}

#[tokio::test]
async fn a_transient_failure_of_a_schema_ends_the_subscription() {
    let script = || vec![answer(&[(1, "one", BY_ONE)], 99), Step::Hang];
    let stub = Stub::start([script(), script(), script()]).await;
    let client = stub.client();
    let mut failures = vec![Status::unavailable("later"), status(Code::ResourceExhausted, "limit.exceeded")];
    for expect in [Trouble::Passing, Trouble::Limit] {
        stub.api.schema_failures.lock().unwrap().extend(failures.drain(..1));
        let mut subscription = client.subscribe(TOPIC, Replay::Earliest).await.unwrap();
        assert_eq!(subscription.next().await.unwrap_err().trouble(), expect);
        assert!(subscription.next().await.is_err(), "it is over");
    }
    let response = client.subscribe(TOPIC, Replay::Earliest).await.unwrap().next().await.unwrap();
    assert_eq!(shown(&response), ["[1] LoginEventStream: N=3 S=ab"]);
}

#[tokio::test]
async fn further_events_are_requested_in_halves() {
    let fifty = [(1, "one", BY_ONE); 50];
    let script = vec![
        answer(&fifty[..49], 51),
        answer(&fifty[..1], 50),
        Step::Request,
        answer(&fifty, 50),
        Step::Request,
        Step::Hang,
    ];
    let mut stub = Stub::start([script]).await;
    let mut subscription = stub.client().subscribe(TOPIC, Replay::After(vec![7, 8])).await.unwrap();
    for _ in 0..3 {
        subscription.next().await.unwrap();
    }
    assert_eq!(stub.requests.recv().await, Some(request(100, ReplayPreset::Custom, &[7, 8])));
    assert_eq!(stub.requests.recv().await, Some(request(50, ReplayPreset::Latest, &[])));
    assert_eq!(stub.requests.recv().await, Some(request(50, ReplayPreset::Latest, &[])));
}

#[tokio::test]
async fn a_refused_token_is_renewed_at_any_point_of_opening_a_stream() {
    let refusal = || Step::Fail(status(Code::Unauthenticated, "service.auth.error"));
    let good = || vec![answer(&[(1, "one", BY_ONE)], 99), Step::Hang];
    let mut stub = Stub::start([good(), vec![refusal()], good(), vec![refusal()], vec![refusal()]]).await;
    let client = stub.client();
    client.identity().await.unwrap();

    // Refused before the answer starts.
    stub.org.state.expire();
    let mut subscription = client.subscribe(TOPIC, Replay::Earliest).await.unwrap();
    assert_eq!(subscription.next().await.unwrap().events.len(), 1);
    assert_eq!(stub.org.state.minted(), 2);
    // Refused as the first answer. The request is repeated unchanged.
    let mut other = client.subscribe(TOPIC, Replay::After(vec![5])).await.unwrap();
    assert_eq!(other.next().await.unwrap().events.len(), 1);
    assert_eq!(stub.org.state.minted(), 3);
    assert_eq!(stub.requests.recv().await, Some(request(100, ReplayPreset::Earliest, &[])));
    assert_eq!(stub.requests.recv().await, Some(request(100, ReplayPreset::Custom, &[5])));
    assert_eq!(stub.requests.recv().await, Some(request(100, ReplayPreset::Custom, &[5])));
    // Refused twice.
    let error = client.subscribe(TOPIC, Replay::Latest).await.unwrap().next().await.unwrap_err();
    assert_eq!(error.trouble(), Trouble::Login);
    assert_eq!(stub.org.state.minted(), 4);
}

#[tokio::test]
async fn a_token_may_expire_during_a_stream() {
    let stub =
        Stub::start([vec![answer(&[(1, "one", BY_ONE)], 99), answer(&[(2, "two", BY_TWO)], 98), Step::Hang]]).await;
    let mut subscription = stub.client().subscribe(TOPIC, Replay::Latest).await.unwrap();
    subscription.next().await.unwrap();
    stub.org.state.expire();
    // Fetching the second schema needs a new token.
    assert_eq!(shown(&subscription.next().await.unwrap()), ["[2] LoginEventStream: New=null S=ab N=3"]);
    assert_eq!(stub.org.state.minted(), 2);
}

#[tokio::test]
async fn an_expired_position_is_distinguished_from_other_errors() {
    let fail = |code, trailer| vec![Step::Fail(status(code, trailer))];
    let stub = Stub::start([
        fail(Code::InvalidArgument, "subscription.fetch.replayid.corrupted"),
        fail(Code::InvalidArgument, "subscription.fetch.topic.changed"),
        fail(Code::Unavailable, "service.unavailable"),
        vec![],
    ])
    .await;
    let client = stub.client();
    for expect in [Trouble::Replay, Trouble::Denied, Trouble::Passing, Trouble::Passing] {
        let mut subscription = client.subscribe(TOPIC, Replay::After(vec![1])).await.unwrap();
        assert_eq!(subscription.next().await.unwrap_err().trouble(), expect);
    }
}

#[tokio::test]
async fn a_silent_stream_times_out() {
    let stub = Stub::start([vec![answer(&[], 100), Step::Hang], vec![Step::Hang]]).await;
    let client = Client::new(&Settings { silence_seconds: 1, ..stub.settings() }).unwrap();
    let mut heard = client.subscribe(TOPIC, Replay::Latest).await.unwrap();
    heard.next().await.unwrap();
    let mut never = client.subscribe(TOPIC, Replay::Latest).await.unwrap();
    let (first, second) = tokio::join!(heard.next(), never.next());
    for outcome in [first, second] {
        let error = outcome.unwrap_err();
        assert!(matches!(error, Error::Silent { call: "subscribe", seconds: 1 }), "{error:?}");
    }
}

#[tokio::test]
async fn an_unreachable_api_is_a_transient_failure() {
    let stub = Stub::start([]).await;
    let unused = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let client = Client::new(&Settings { pubsub_url: format!("http://{unused}"), ..stub.settings() }).unwrap();
    assert_eq!(client.topic(TOPIC).await.unwrap_err().trouble(), Trouble::Passing);
    let mut subscription = client.subscribe(TOPIC, Replay::Latest).await.unwrap();
    assert_eq!(subscription.next().await.unwrap_err().trouble(), Trouble::Passing);
}

#[tokio::test]
async fn dropping_a_pending_next_loses_nothing() {
    let fifty = [(1, "one", BY_ONE); 50];
    let script = vec![answer(&fifty, 50), Step::Request, answer(&[(2, "two", BY_TWO)], 99), Step::Hang];
    let stub = Stub::start([script]).await;
    let mut subscription = stub.client().subscribe(TOPIC, Replay::Latest).await.unwrap();
    let mut received = Vec::new();
    while received.len() < 2 {
        // The future is dropped unless it is ready at once: while opening, reading, and fetching schemas.
        if let Some(response) = futures::FutureExt::now_or_never(subscription.next()) {
            received.push(response.unwrap().events.len());
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(received, [50, 1]);
    assert_eq!(stub.org.state.minted(), 1);
}
