//! Tests of faults of streams.

use crate::support::{Client, error_code, fetch, list_views, set};
use fake_org::{FakeOrg, Fault};
use salesforce_client::pubsub::wire::{ConsumerEvent, ReplayPreset, TopicRequest};
use std::time::Duration;
use tonic::Code;

const TOPIC: &str = "ListViewEventStream";

fn uuids(events: &[ConsumerEvent]) -> Vec<&str> {
    events.iter().map(|event| event.event.as_ref().unwrap().id.as_str()).collect()
}

#[tokio::test]
async fn events_come_twice_or_never() {
    let org = FakeOrg::start(list_views(12)).await.unwrap();
    let client = Client::of(&org).await;
    let all = client.earliest(TOPIC, 100).await.drain(100).await;
    let all = uuids(&all);
    org.control().misbehave(Fault::EventsTwice.times(3));
    let events = client.earliest(TOPIC, 100).await.drain(100).await;
    let expected: Vec<&str> = all[..3].iter().flat_map(|id| [*id, *id]).chain(all[3..].iter().copied()).collect();
    assert_eq!(uuids(&events), expected);
    assert_eq!(events[0].replay_id, events[1].replay_id);

    org.control().misbehave(Fault::EventsMissing { every: 5 }.on("ListViewEvent"));
    let events = client.earliest(TOPIC, 4).await.drain(4).await;
    let expected: Vec<&str> = all.iter().enumerate().filter(|(number, _)| number % 5 != 4).map(|(_, id)| *id).collect();
    assert_eq!(uuids(&events), expected);
}

#[tokio::test]
async fn one_payload_is_broken() {
    let org = FakeOrg::start(list_views(3)).await.unwrap();
    let client = Client::of(&org).await;
    org.control().misbehave(Fault::PayloadBroken.times(1));
    let events = client.earliest(TOPIC, 100).await.drain(100).await;
    let size = |number: usize| events[number].event.as_ref().unwrap().payload.len();
    assert!(size(0) < size(1) && size(1) == size(2));
}

#[tokio::test]
async fn broken_streams_can_be_opened_again() {
    let org = FakeOrg::start(list_views(3)).await.unwrap();
    let client = Client::of(&org).await;
    let mut one = client.earliest(TOPIC, 10).await;
    let mut other = client.earliest("LoginEventStream", 10).await;
    assert_eq!(one.drain(10).await.len(), 3);
    assert!(other.next().await.unwrap().events.is_empty());
    org.control().misbehave(Fault::StreamsBroken.on(TOPIC).times(2));
    let broken = one.next().await.err().unwrap();
    assert_eq!(broken.code(), Code::Unavailable);
    assert_eq!(error_code(&broken), "sfdc.platform.eventbus.grpc.service.unavailable");
    let again = fetch(TOPIC, ReplayPreset::Earliest, &[], 10);
    assert_eq!(client.subscribe(again.clone()).await.err().unwrap().code(), Code::Unavailable);
    assert_eq!(client.subscribe(again).await.unwrap().drain(10).await.len(), 3);
}

#[tokio::test]
async fn a_silent_stream_does_not_stop_the_others() {
    let script = set(list_views(3), |settings| settings.keepalive = Duration::from_millis(10));
    let org = FakeOrg::start(script).await.unwrap();
    let client = Client::of(&org).await;
    org.control().misbehave(Fault::StreamsSilent.on(TOPIC));
    let mut silent = client.earliest(TOPIC, 10).await;
    let mut other = client.earliest("LoginEventStream", 10).await;
    let quiet = tokio::time::timeout(Duration::from_millis(100), silent.next());
    let talk = async {
        for _ in 0..5 {
            other.next().await.unwrap();
        }
    };
    let (quiet, ()) = tokio::join!(quiet, talk);
    assert!(quiet.is_err());
    org.control().calm();
    assert_eq!(silent.drain(10).await.len(), 3);
}

#[tokio::test]
async fn topics_are_missing_or_forbidden() {
    let org = FakeOrg::start(list_views(3)).await.unwrap();
    let client = Client::of(&org).await;
    let control = org.control();
    let topic_request = || client.request(TopicRequest { topic_name: format!("/event/{TOPIC}") });
    let subscribe = fetch(TOPIC, ReplayPreset::Earliest, &[], 10);
    control.misbehave(Fault::TopicForbidden.on("ListViewEvent"));
    assert!(!client.pubsub.clone().get_topic(topic_request()).await.unwrap().into_inner().can_subscribe);
    assert_eq!(client.subscribe(subscribe.clone()).await.err().unwrap().code(), Code::PermissionDenied);
    control.misbehave(Fault::TopicMissing.on(TOPIC));
    assert_eq!(client.pubsub.clone().get_topic(topic_request()).await.err().unwrap().code(), Code::NotFound);
    assert_eq!(client.subscribe(subscribe.clone()).await.err().unwrap().code(), Code::NotFound);
    control.calm();
    control.misbehave(Fault::Unavailable.on("subscribe").times(1));
    assert_eq!(client.subscribe(subscribe.clone()).await.err().unwrap().code(), Code::Unavailable);
    assert!(client.subscribe(subscribe).await.is_ok());
}
