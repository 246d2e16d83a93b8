//! Tests of subscriptions: credit, keepalives, replay, refusals.

use crate::support::{Client, MONDAY, error_code, event, fetch, list_views, script, set};
use fake_org::{FakeOrg, Fault, Speed};
use salesforce_client::pubsub::wire::{ReplayPreset, SchemaRequest, TopicRequest};
use std::time::Duration;
use tonic::{Code, Request};

const TOPIC: &str = "ListViewEventStream";

#[tokio::test]
async fn no_more_is_sent_than_was_requested() {
    let org = FakeOrg::start(list_views(250)).await.unwrap();
    let client = Client::of(&org).await;
    let mut stream = client.earliest(TOPIC, 3).await;
    let answer = stream.next().await.unwrap();
    assert_eq!((answer.events.len(), answer.pending_num_requested), (3, 0));
    assert_eq!(answer.latest_replay_id, answer.events[2].replay_id);
    // A request above the limit of 100 counts as one for 100.
    stream.request(1_000);
    let answer = stream.next().await.unwrap();
    assert_eq!((answer.events.len(), answer.pending_num_requested), (100, 0));
    stream.request(50);
    assert_eq!(stream.drain(50).await.len(), 147);
    org.control().until_streamed().await;
    let streamed = &org.control().streamed()["/event/ListViewEventStream"];
    assert_eq!((streamed.events, streamed.last), (250, Some(249)));
    assert_eq!(org.control().now(), MONDAY.plus(249_000));
}

#[tokio::test]
async fn keepalives_follow_the_last_event_and_each_interval() {
    let script = set(list_views(2), |settings| settings.keepalive = Duration::from_millis(20));
    let org = FakeOrg::start(script).await.unwrap();
    let client = Client::of(&org).await;
    let mut stream = client.earliest(TOPIC, 10).await;
    assert_eq!(stream.next().await.unwrap().events.len(), 2);
    for _ in 0..3 {
        let keepalive = stream.next().await.unwrap();
        assert_eq!((keepalive.events.len(), keepalive.pending_num_requested), (0, 8));
        let resumed = fetch(TOPIC, ReplayPreset::Custom, &keepalive.latest_replay_id, 5);
        assert!(client.subscribe(resumed).await.is_ok());
    }
}

#[tokio::test]
async fn a_stream_continues_after_any_replay_id() {
    let org = FakeOrg::start(list_views(20)).await.unwrap();
    let client = Client::of(&org).await;
    let all = client.earliest(TOPIC, 100).await.drain(100).await;
    assert_eq!(all.len(), 20);
    assert!(all.is_sorted_by(|one, two| one.replay_id < two.replay_id));
    for (number, event) in all.iter().enumerate() {
        let after = fetch(TOPIC, ReplayPreset::Custom, &event.replay_id, 100);
        let rest = client.subscribe(after).await.unwrap().drain(100).await;
        assert_eq!(rest, all[number + 1..]);
    }
    let control = org.control();
    assert_eq!(control.last_replay_id("/event/ListViewEventStream").as_ref(), Some(&all[19].replay_id));
}

#[tokio::test]
async fn latest_starts_now_and_earliest_with_the_oldest_kept_event() {
    let days = |day: i64| day * 86_400_000;
    let script = set(script((0..6).map(|day| event("ListViewEvent", days(day), day as usize)).collect()), |settings| {
        settings.speed = Speed::Manual;
    });
    let org = FakeOrg::start(script).await.unwrap();
    let client = Client::of(&org).await;
    let control = org.control();
    let old = client.earliest(TOPIC, 100).await.drain(100).await;
    assert_eq!(old.len(), 1);
    control.advance_to(MONDAY.plus(days(4) + 1));
    let mut latest = client.subscribe(fetch(TOPIC, ReplayPreset::Latest, &[], 100)).await.unwrap();
    assert!(latest.next().await.unwrap().events.is_empty());
    assert_eq!(client.earliest(TOPIC, 100).await.drain(100).await.len(), 3);
    let expired = client.subscribe(fetch(TOPIC, ReplayPreset::Custom, &old[0].replay_id, 1)).await.err().unwrap();
    assert_eq!(expired.code(), Code::InvalidArgument);
    let corrupted = "sfdc.platform.eventbus.grpc.subscription.fetch.replayid.corrupted";
    assert_eq!(error_code(&expired), corrupted);
    control.play();
    assert_eq!(latest.next().await.unwrap().events.len(), 1);

    let id = control.last_replay_id("/event/ListViewEventStream").unwrap();
    let foreign = client.subscribe(fetch("LoginEventStream", ReplayPreset::Custom, &id, 1)).await.err().unwrap();
    assert_eq!(error_code(&foreign), corrupted);
    let malformed = client.subscribe(fetch(TOPIC, ReplayPreset::Custom, &[1, 2], 1)).await.err().unwrap();
    let failed = "sfdc.platform.eventbus.grpc.subscription.fetch.replayid.validation.failed";
    assert_eq!(error_code(&malformed), failed);
    control.misbehave(Fault::ReplayIdsLost);
    let lost = client.subscribe(fetch(TOPIC, ReplayPreset::Custom, &id, 1)).await.err().unwrap();
    assert_eq!(error_code(&lost), corrupted);
}

#[tokio::test]
async fn invalid_requests_are_refused() {
    let org = FakeOrg::start(list_views(2)).await.unwrap();
    let client = Client::of(&org).await;
    let nothing = client.subscribe(fetch(TOPIC, ReplayPreset::Earliest, &[], 0)).await.err().unwrap();
    assert_eq!(nothing.code(), Code::InvalidArgument);
    let unknown = client.subscribe(fetch("NothingEvent", ReplayPreset::Earliest, &[], 1)).await.err().unwrap();
    assert_eq!(unknown.code(), Code::NotFound);
    let mut stream = client.earliest(TOPIC, 1).await;
    assert_eq!(stream.next().await.unwrap().events.len(), 1);
    stream.requests.send(fetch("LoginEventStream", ReplayPreset::Earliest, &[], 1)).unwrap();
    assert_eq!(stream.next().await.err().unwrap().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn an_idle_client_is_disconnected() {
    let script = set(list_views(5), |settings| settings.idle = Duration::from_millis(20));
    let org = FakeOrg::start(script).await.unwrap();
    let client = Client::of(&org).await;
    let mut stream = client.earliest(TOPIC, 1).await;
    assert_eq!(stream.next().await.unwrap().events.len(), 1);
    assert_eq!(stream.next().await.err().unwrap().code(), Code::Cancelled);
}

#[tokio::test]
async fn every_call_needs_a_valid_token() {
    let org = FakeOrg::start(list_views(2)).await.unwrap();
    let mut client = Client::of(&org).await;
    let name = format!("/event/{TOPIC}");
    let topic_request = || TopicRequest { topic_name: name.clone() };
    let topic = client.pubsub.clone().get_topic(client.request(topic_request())).await.unwrap().into_inner();
    assert!(topic.can_subscribe && !topic.can_publish);
    let anonymous = client.pubsub.clone().get_topic(Request::new(topic_request())).await.err().unwrap();
    assert_eq!(anonymous.code(), Code::Unauthenticated);
    assert_eq!(error_code(&anonymous), "sfdc.platform.eventbus.grpc.service.auth.error");
    let schema = client.request(SchemaRequest { schema_id: topic.schema_id });
    let schema = client.pubsub.clone().get_schema(schema).await.unwrap().into_inner();
    assert!(schema.schema_json.contains("\"ListViewEventStream\""));

    // An open stream outlives its token; opening another needs a valid one.
    let mut stream = client.earliest(TOPIC, 1).await;
    stream.next().await.unwrap();
    org.control().misbehave(Fault::TokensExpired);
    stream.request(1);
    assert_eq!(stream.next().await.unwrap().events.len(), 1);
    let expired = client.subscribe(fetch(TOPIC, ReplayPreset::Latest, &[], 1)).await.err().unwrap();
    assert_eq!(expired.code(), Code::Unauthenticated);
    client.url.push('/');
    assert_eq!(
        client.pubsub.clone().get_topic(client.request(topic_request())).await.err().unwrap().code(),
        Code::Unauthenticated
    );
}

#[tokio::test]
async fn streams_end_with_the_org() {
    let org = FakeOrg::start(list_views(1)).await.unwrap();
    let client = Client::of(&org).await;
    let mut stream = client.earliest(TOPIC, 10).await;
    assert_eq!(stream.drain(1).await.len(), 1);
    drop(org);
    assert_eq!(stream.next().await.err().unwrap().code(), Code::Unavailable);
}
