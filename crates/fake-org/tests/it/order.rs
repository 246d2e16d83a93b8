//! Tests of the order and the time at which events of several topics are streamed.

use crate::support::{Client, MONDAY, Subscriber, event, script, set};
use fake_org::{FakeOrg, Script, Speed, StreamOrder};
use salesforce_client::pubsub::wire::{ConsumerEvent, ProducerEvent};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The objects of mixed events, which alternate in runs of different lengths.
const OBJECTS: [(&str, &str); 3] =
    [("ListViewEvent", "ListViewEventStream"), ("LoginEvent", "LoginEventStream"), ("FileEventStore", "FileEvent")];

fn mixed(count: usize) -> Script {
    let object = |number: usize| OBJECTS[number * number % 7 % 3].0;
    script((0..count).map(|number| event(object(number), number as i64 * 1_000, number)).collect())
}

/// Requests one event at a time, and records each event's index in the script.
async fn take(mut stream: Subscriber, control: fake_org::Control, taken: Arc<Mutex<Vec<usize>>>, topic: &str) {
    loop {
        let answer = stream.next().await.unwrap();
        if answer.events.is_empty() {
            return;
        }
        assert_eq!((answer.events.len(), answer.pending_num_requested), (1, 0));
        // With a credit of one, the last event that was sent on this topic is the one that was received.
        taken.lock().unwrap().push(control.streamed()[&format!("/event/{topic}")].last.unwrap());
        stream.request(1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topics_wait_for_each_other_with_a_credit_of_one() {
    let script = set(mixed(300), |settings| settings.topics_awaited = 3);
    let org = FakeOrg::start(script).await.unwrap();
    let client = Client::of(&org).await;
    let taken = Arc::new(Mutex::new(Vec::new()));
    let mut tasks = Vec::new();
    for (_, topic) in OBJECTS {
        let stream = client.earliest(topic, 1).await;
        let (control, taken) = (org.control(), Arc::clone(&taken));
        tasks.push(tokio::spawn(async move { take(stream, control, taken, topic).await }));
    }
    org.control().until_streamed().await;
    for task in tasks {
        task.await.unwrap();
    }
    let mut taken = taken.lock().unwrap().clone();
    // A task that is slow to record its event is overtaken by events up to the next one of its topic, at most six.
    assert!(taken.iter().enumerate().all(|(index, number)| index.abs_diff(*number) <= 6), "{taken:?}");
    taken.sort_unstable();
    assert_eq!(taken, (0..300).collect::<Vec<_>>());
}

async fn two_logins_and_a_view(order: StreamOrder) -> (FakeOrg, Subscriber, Subscriber) {
    let events = vec![event("LoginEvent", 0, 0), event("LoginEvent", 1, 1), event("ListViewEvent", 2, 2)];
    let script = set(script(events), |settings| {
        settings.topics_awaited = 2;
        settings.stream_order = order;
        settings.keepalive = Duration::from_millis(10);
    });
    let org = FakeOrg::start(script).await.unwrap();
    let client = Client::of(&org).await;
    let logins = client.earliest("LoginEventStream", 1).await;
    let views = client.earliest("ListViewEventStream", 1).await;
    (org, logins, views)
}

#[tokio::test]
async fn a_topic_without_credit_blocks_later_events_of_the_others() {
    let (org, mut logins, mut views) = two_logins_and_a_view(StreamOrder::Script).await;
    assert!(views.next().await.unwrap().events.is_empty());
    assert!(!org.control().streamed_all());
    assert_eq!(logins.next().await.unwrap().events.len(), 1);
    logins.request(1);
    while views.next().await.unwrap().events.is_empty() {}
    org.control().until_streamed().await;
}

#[tokio::test]
async fn topics_do_not_wait_in_order_by_topic() {
    let (_org, _logins, mut views) = two_logins_and_a_view(StreamOrder::Topic).await;
    assert_eq!(views.next().await.unwrap().events.len(), 1);
}

/// The number of list views among `count` mixed events.
fn views(count: usize) -> usize {
    mixed(count).events.iter().filter(|event| event.object == "ListViewEvent").count()
}

#[tokio::test]
async fn events_are_streamed_when_they_happen() {
    let script = set(mixed(40), |settings| settings.speed = Speed::Factor(200.0));
    let org = FakeOrg::start(script).await.unwrap();
    let client = Client::of(&org).await;
    let control = org.control();
    let mut stream = client.earliest("ListViewEventStream", 100).await;
    let mut seen = 0;
    while seen < views(40) {
        seen += stream.next().await.unwrap().events.len();
        let last = control.streamed()["/event/ListViewEventStream"].last.unwrap_or(0);
        assert!(MONDAY.plus(last as i64 * 1_000) <= control.now());
    }
}

#[tokio::test]
async fn a_manual_org_stands_still() {
    let script = set(mixed(9), |settings| {
        settings.speed = Speed::Manual;
        settings.keepalive = Duration::from_millis(10);
    });
    let org = FakeOrg::start(script).await.unwrap();
    let client = Client::of(&org).await;
    let control = org.control();
    let mut stream = client.earliest("ListViewEventStream", 100).await;
    assert_eq!(stream.next().await.unwrap().events.len(), 1);
    assert!(stream.next().await.unwrap().events.is_empty());
    assert!(stream.next().await.unwrap().events.is_empty());
    assert_eq!(control.now(), MONDAY);
    control.advance_to(MONDAY.plus(8_000));
    let rest = stream.drain(100).await;
    assert_eq!(rest.len() + 1, views(9));
}

#[tokio::test]
async fn a_channel_has_the_events_of_its_members_in_one_order() {
    let script = set(mixed(60), |settings| {
        let members = ["ListViewEventStream", "FileEvent"].map(str::to_owned);
        settings.channels.insert("Watched__chn".to_owned(), members.into());
        settings.channels.insert("All__chn".to_owned(), Vec::new());
    });
    let logins = script.events.iter().filter(|event| event.object == "LoginEvent").count();
    let org = FakeOrg::start(script).await.unwrap();
    let client = Client::of(&org).await;
    let all = client.earliest("All__chn", 7).await.drain(7).await;
    let some = client.earliest("Watched__chn", 100).await.drain(100).await;
    assert_eq!((all.len(), some.len()), (60, 60 - logins));
    let payloads = |events: &[ConsumerEvent]| -> Vec<ProducerEvent> {
        events.iter().map(|event| event.event.clone().unwrap()).collect()
    };
    let (all, some) = (payloads(&all), payloads(&some));
    assert!(some.iter().all(|event| all.contains(event)));
    let schemas: BTreeSet<&str> = some.iter().map(|event| event.schema_id.as_str()).collect();
    assert_eq!(schemas.len(), 2);
}

#[tokio::test]
async fn events_are_published_in_the_order_of_the_script_even_if_slightly_late() {
    let events = [0, 4_000, 1_000, 5_000].map(|after| event("ListViewEvent", after, after as usize));
    let script = set(script(events.into()), |settings| settings.speed = Speed::Manual);
    let org = FakeOrg::start(script).await.unwrap();
    let client = Client::of(&org).await;
    let control = org.control();
    let rows = async || {
        let records = client.records("SELECT RowsProcessed FROM ListViewEvent ORDER BY EventDate DESC").await;
        records.iter().map(|record| record["RowsProcessed"].as_f64().unwrap() as i64).collect::<Vec<_>>()
    };
    control.advance_to(MONDAY.plus(3_000));
    assert_eq!(rows().await, [0]);
    control.advance_to(MONDAY.plus(4_000));
    assert_eq!(rows().await, [4_000, 1_000, 0]);
    assert_eq!(client.earliest("ListViewEventStream", 100).await.drain(100).await.len(), 3);
    let window = "WHERE EventDate >= 2026-01-05T00:00:01Z AND EventDate < 2026-01-05T00:00:04Z";
    assert_eq!(client.records(&format!("SELECT Id FROM ListViewEvent {window}")).await.len(), 1);
}
