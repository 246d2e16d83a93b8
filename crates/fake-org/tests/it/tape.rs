//! In which order events of several topics come, and at what time.

use crate::support::{Client, MONDAY, Subscriber, event, script, set};
use fake_org::{FakeOrg, Order, Script, Speed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Objects that events are of by turns, in runs of different lengths.
const OBJECTS: [(&str, &str); 3] =
    [("ListViewEvent", "ListViewEventStream"), ("LoginEvent", "LoginEventStream"), ("FileEventStore", "FileEvent")];

fn mixed(count: usize) -> Script {
    let object = |number: usize| OBJECTS[number * number % 7 % 3].0;
    script((0..count).map(|number| event(object(number), number as i64 * 1_000, number)).collect())
}

/// Asks for one event at a time, and notes which number each has, by its place on the tape.
async fn take(mut stream: Subscriber, control: fake_org::Control, taken: Arc<Mutex<Vec<usize>>>, topic: &str) {
    loop {
        let answer = stream.next().await.unwrap();
        if answer.events.is_empty() {
            return;
        }
        assert_eq!((answer.events.len(), answer.pending_num_requested), (1, 0));
        // With a credit of one, what was sent last on this topic is what has come.
        taken.lock().unwrap().push(control.streamed()[&format!("/event/{topic}")].last.unwrap());
        stream.ask(1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topics_wait_for_each_other_with_the_least_credit() {
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
    // What was handed over in order is noted by three tasks, each of which may be late by its one event.
    assert!(taken.iter().enumerate().all(|(place, number)| place.abs_diff(*number) <= 2), "{taken:?}");
    taken.sort_unstable();
    assert_eq!(taken, (0..300).collect::<Vec<_>>());
}

async fn two_logins_and_a_view(order: Order) -> (FakeOrg, Subscriber, Subscriber) {
    let events = vec![event("LoginEvent", 0, 0), event("LoginEvent", 1, 1), event("ListViewEvent", 2, 2)];
    let script = set(script(events), |settings| {
        settings.topics_awaited = 2;
        settings.order = order;
        settings.keepalive = Duration::from_millis(10);
    });
    let org = FakeOrg::start(script).await.unwrap();
    let client = Client::of(&org).await;
    let logins = client.earliest("LoginEventStream", 1).await;
    let views = client.earliest("ListViewEventStream", 1).await;
    (org, logins, views)
}

#[tokio::test]
async fn without_credit_on_one_topic_the_others_stop_behind_it() {
    let (org, mut logins, mut views) = two_logins_and_a_view(Order::Script).await;
    assert!(views.next().await.unwrap().events.is_empty());
    assert!(!org.control().streamed_all());
    assert_eq!(logins.next().await.unwrap().events.len(), 1);
    logins.ask(1);
    while views.next().await.unwrap().events.is_empty() {}
    org.control().until_streamed().await;
}

#[tokio::test]
async fn topics_do_not_wait_where_order_is_by_topic() {
    let (_org, _logins, mut views) = two_logins_and_a_view(Order::Topic).await;
    assert_eq!(views.next().await.unwrap().events.len(), 1);
}

/// How many of so many mixed events are list views.
fn views(count: usize) -> usize {
    mixed(count).events.iter().filter(|event| event.object == "ListViewEvent").count()
}

#[tokio::test]
async fn events_come_when_they_happen() {
    let script = set(mixed(40), |settings| settings.speed = Speed::Factor(200.0));
    let org = FakeOrg::start(script).await.unwrap();
    let client = Client::of(&org).await;
    let control = org.control();
    let mut stream = client.earliest("ListViewEventStream", 100).await;
    let (mut seen, mut answers) = (0, 0);
    while seen < views(40) {
        let count = stream.next().await.unwrap().events.len();
        seen += count;
        answers += usize::from(count > 0);
        let last = control.streamed()["/event/ListViewEventStream"].last.unwrap_or(0);
        assert!(MONDAY.plus(last as i64 * 1_000) <= control.now());
    }
    assert!(answers > 3, "{answers}");
}

#[tokio::test]
async fn by_hand_nothing_happens_by_itself() {
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
