use crate::support::{Probe, item, publisher, server};
use bus::{PublishError, Publisher, PublisherSettings, cursor, subject};
use futures::future::try_join_all;
use model::{Entry, Item};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn items_are_batched_within_limits_and_keep_their_order() {
    let (_nats, bus) = server().await;
    let publisher = publisher(&bus);
    let subject = subject::activity("orgwatch", 0);
    let mut tickets = Vec::new();
    for first in (0..1200).step_by(3) {
        let items = (first..first + 3).map(item).collect();
        tickets.push(publisher.send(subject.clone(), items).await.unwrap());
    }
    try_join_all(tickets).await.unwrap();
    let (mut probe, mut handled) = Probe::accepting();
    let shutdown = CancellationToken::new();
    let reading = cursor(&bus, 0, 0, &mut probe, shutdown.clone());
    let collecting = async {
        let mut seen = Vec::new();
        while seen.iter().map(Vec::len).sum::<usize>() < 1200 {
            seen.push(handled.next().await.numbers);
        }
        shutdown.cancel();
        seen
    };
    let (outcome, seen) = tokio::join!(reading, collecting);
    outcome.unwrap();
    assert_eq!(seen.concat(), (0..1200).collect::<Vec<_>>());
    assert!(seen.len() <= 20 && seen.iter().all(|batch| batch.len() <= 256), "{} messages", seen.len());
}

#[tokio::test]
async fn a_large_item_travels_alone_and_a_too_large_one_is_refused() {
    let (_nats, bus) = server().await;
    let publisher = publisher(&bus);
    let subject = subject::activity("orgwatch", 0);
    let sized = |bytes: usize| Item { traceparent: "x".repeat(bytes).into(), ..item(1) };
    let items = vec![item(0), sized(700 * 1024), item(2)];
    let error = publisher.send(subject.clone(), vec![item(3), sized(2 * 1024 * 1024)]).await.unwrap_err();
    assert!(matches!(error, PublishError::TooLarge { .. }), "{error}");
    publisher.send(subject.clone(), items).await.unwrap().await.unwrap();
    let (mut probe, mut handled) = Probe::accepting();
    let shutdown = CancellationToken::new();
    let reading = cursor(&bus, 0, 0, &mut probe, shutdown.clone());
    let collecting = async {
        let seen = handled.seen(3).await;
        shutdown.cancel();
        seen
    };
    let (outcome, seen) = tokio::join!(reading, collecting);
    outcome.unwrap();
    assert_eq!(seen.iter().map(|seen| seen.numbers.clone()).collect::<Vec<_>>(), [[0], [1], [2]]);
}

#[tokio::test]
async fn items_that_are_too_large_become_dead_letters_and_the_rest_is_sent() {
    let (_nats, bus) = server().await;
    let publisher = publisher(&bus);
    let subject = subject::activity("orgwatch", 0);
    let large = Item { traceparent: "x".repeat(2 * 1024 * 1024).into(), ..item(1) };
    let ticket = publisher.send_or_set_aside("ingest", subject.clone(), vec![item(0), large, item(2)]).await.unwrap();
    ticket.await.unwrap();
    let letters = bus::dead::list(&bus, &bus::dead::Filter::default()).await.unwrap();
    assert_eq!(letters.len(), 1);
    let letter = &letters[0];
    assert_eq!((letter.stage.as_str(), &letter.subject), ("ingest", &subject));
    assert!(letter.reason.contains("larger than the server's limit") && letter.truncated_from.is_some(), "{letter:?}");
    let (mut probe, mut handled) = Probe::accepting();
    let shutdown = CancellationToken::new();
    let reading = cursor(&bus, 0, 0, &mut probe, shutdown.clone());
    let collecting = async {
        let seen = handled.seen(1).await;
        shutdown.cancel();
        seen
    };
    let (outcome, seen) = tokio::join!(reading, collecting);
    outcome.unwrap();
    assert_eq!(seen[0].numbers, [0, 2]);
}

#[tokio::test]
async fn the_same_content_is_stored_once() {
    let (_nats, bus) = server().await;
    let publisher = publisher(&bus);
    let subject = subject::activity("orgwatch", 0);
    for number in [1, 1, 2] {
        publisher.send(subject.clone(), vec![item(number)]).await.unwrap().await.unwrap();
    }
    let (mut probe, mut handled) = Probe::accepting();
    let shutdown = CancellationToken::new();
    let reading = cursor(&bus, 0, 0, &mut probe, shutdown.clone());
    let collecting = async {
        let numbers = handled.numbers(2).await;
        shutdown.cancel();
        numbers
    };
    let (outcome, numbers) = tokio::join!(reading, collecting);
    outcome.unwrap();
    assert_eq!((numbers, handled.rest()), (vec![1, 2], Vec::new()));
}

/// A stopped server acknowledges nothing: no ticket resolves, room runs out, and no item is lost.
#[tokio::test]
async fn without_acknowledgement_room_runs_out_and_tickets_wait() {
    let (mut nats, bus) = server().await;
    let settings = PublisherSettings { in_flight: 400, ..PublisherSettings::default() };
    let abandon = CancellationToken::new();
    let publisher: Publisher<Entry> = Publisher::start(&bus, settings, abandon.clone());
    let subject = subject::activity("orgwatch", 0);
    nats.stop().await;
    let mut tickets = Vec::new();
    let refused = loop {
        match publisher.try_send(subject.clone(), vec![item(tickets.len() as i64)]) {
            Ok(ticket) => tickets.push(ticket),
            Err(error) => break error,
        }
    };
    assert_eq!(refused, PublishError::Busy);
    assert!(!tickets.is_empty());
    let waits = publisher.send(subject.clone(), vec![item(-1)]);
    assert!(tokio::time::timeout(Duration::from_millis(50), waits).await.is_err());
    nats.restart().await.unwrap();
    try_join_all(tickets).await.unwrap();
    publisher.send(subject.clone(), vec![item(-2)]).await.unwrap().await.unwrap();

    nats.stop().await;
    let ticket = publisher.send(subject, vec![item(-3)]).await.unwrap();
    abandon.cancel();
    assert_eq!(ticket.await, Err(PublishError::Stopped));
}

#[tokio::test]
async fn a_dropped_publisher_sends_what_it_has() {
    let (_nats, bus) = server().await;
    let settings = PublisherSettings { linger: Duration::from_secs(3600), ..PublisherSettings::default() };
    let publisher: Publisher<Entry> = Publisher::start(&bus, settings, CancellationToken::new());
    let ticket = publisher.send(subject::activity("orgwatch", 0), vec![item(1)]).await.unwrap();
    let nothing = publisher.send(subject::activity("orgwatch", 0), Vec::new()).await.unwrap();
    nothing.await.unwrap();
    drop(publisher);
    ticket.await.unwrap();
}
