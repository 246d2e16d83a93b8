use crate::support::{Probe, Seen, publish, publish_finding, read_one, server, settings, topology};
use bus::{Consumer, Delivery, Failure, Handler, SharedSettings, dead, shared, subject};
use model::Entry;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

fn quick() -> SharedSettings {
    SharedSettings { retry_delay: Duration::from_millis(10), max_deliveries: 3, ..SharedSettings::default() }
}

#[tokio::test]
async fn two_readers_share_and_each_message_is_delivered_once() {
    let (_nats, bus) = server().await;
    publish_finding(&bus, 0..200).await;
    let (mut one, mut handled) = Probe::accepting();
    let mut two = one.twin();
    let (consumer, shutdown) = (Consumer::correlator(), CancellationToken::new());
    let first = shared(&bus, &consumer, &mut one, SharedSettings::default(), shutdown.clone());
    let second = shared(&bus, &consumer, &mut two, SharedSettings::default(), shutdown.clone());
    let collecting = async {
        let mut numbers = handled.numbers(200).await;
        publish_finding(&bus, 200..250).await;
        numbers.extend(handled.numbers(50).await);
        shutdown.cancel();
        numbers
    };
    let (first, second, mut numbers) = tokio::join!(first, second, collecting);
    first.unwrap();
    second.unwrap();
    numbers.sort();
    assert_eq!(numbers, (0..250).collect::<Vec<_>>());
    assert!(handled.rest().is_empty());
}

#[tokio::test]
async fn a_failed_message_is_redelivered_alone_and_is_dead_after_its_last_delivery() {
    let (_nats, bus) = server().await;
    publish_finding(&bus, 0..5).await;
    let (mut probe, mut handled) = Probe::new(|deliveries| {
        let bad = deliveries.iter().any(|delivery| delivery.sequence == 3);
        if bad { Err(Failure::Retry("no such user".to_owned())) } else { Ok(()) }
    });
    let (consumer, shutdown) = (Consumer::correlator(), CancellationToken::new());
    let reading = shared(&bus, &consumer, &mut probe, quick(), shutdown.clone());
    let collecting = async {
        let seen = handled.seen(4).await;
        let is_dead = async || dead::list(&bus, &dead::Filter::default()).await.unwrap().len() == 1;
        crate::support::eventually("dead", is_dead).await;
        shutdown.cancel();
        seen
    };
    let (outcome, seen) = tokio::join!(reading, collecting);
    outcome.unwrap();
    let numbers: BTreeSet<i64> = seen.iter().flat_map(|seen| seen.numbers.clone()).collect();
    assert_eq!(numbers, BTreeSet::from([0, 1, 3, 4]));
    assert!(seen.iter().all(|Seen { deliveries, together, .. }| (*deliveries, *together) == (2, 1)), "{seen:?}");
    let letters = dead::list(&bus, &dead::Filter::default()).await.unwrap();
    assert_eq!((letters[0].stage.as_str(), letters[0].reason.as_str()), ("correlator", "no such user"));
}

#[tokio::test]
async fn unavailable_makes_no_dead_letters() {
    let (_nats, bus) = server().await;
    publish_finding(&bus, [7]).await;
    let mut failures = 0;
    let (mut probe, mut handled) = Probe::new(move |_| {
        failures += 1;
        if failures <= 6 { Err(Failure::Unavailable("no database".to_owned())) } else { Ok(()) }
    });
    let seen = read_one(&bus, &mut probe, &mut handled, quick()).await;
    assert_eq!((seen.numbers, seen.deliveries), (vec![7], 7));
    assert_eq!(dead::list(&bus, &dead::Filter::default()).await.unwrap(), []);
}

#[tokio::test]
async fn deliveries_of_an_outage_do_not_count_as_failures_of_the_message() {
    let (_nats, bus) = server().await;
    publish_finding(&bus, [7]).await;
    let mut calls = 0;
    let (mut probe, mut handled) = Probe::new(move |_| {
        calls += 1;
        match calls {
            ..=6 => Err(Failure::Unavailable("no database".to_owned())),
            7..=8 => Err(Failure::Retry("no such user".to_owned())),
            _ => Ok(()),
        }
    });
    let seen = read_one(&bus, &mut probe, &mut handled, quick()).await;
    assert_eq!((seen.numbers, seen.deliveries), (vec![7], 9));
    assert_eq!(dead::list(&bus, &dead::Filter::default()).await.unwrap(), []);
}

#[tokio::test]
async fn poison_and_undecodable_messages_are_dead_at_once() {
    let (nats, bus) = server().await;
    let subject = subject::observation("orgwatch", "report", 1);
    let context = async_nats::jetstream::new(async_nats::connect(nats.url()).await.unwrap());
    context.publish(subject.clone(), "not a batch".into()).await.unwrap().await.unwrap();
    publish(&bus, &subject, [2, 3, 4]).await;
    let (mut probe, mut handled) = Probe::new(|deliveries| {
        let poison = deliveries.iter().find(|delivery| delivery.sequence == 3);
        poison.map_or(Ok(()), |_| Err(Failure::Poison { sequence: 3, reason: "bad".to_owned() }))
    });
    let (consumer, shutdown) = (Consumer::detector("all"), CancellationToken::new());
    let reading = shared(&bus, &consumer, &mut probe, quick(), shutdown.clone());
    let collecting = async {
        let numbers = handled.numbers(2).await;
        shutdown.cancel();
        numbers
    };
    let (outcome, numbers) = tokio::join!(reading, collecting);
    outcome.unwrap();
    assert_eq!(numbers, [2, 4]);
    let filter = dead::Filter { stage: Some("detector-all".to_owned()), ..dead::Filter::default() };
    let letters = dead::list(&bus, &filter).await.unwrap();
    assert_eq!(letters.iter().map(|letter| letter.stream_sequence).collect::<Vec<_>>(), [1, 3]);
}

#[tokio::test]
async fn a_handler_can_stop_the_loop_and_another_receives_its_message() {
    let (_nats, bus) = server().await;
    publish_finding(&bus, [1]).await;
    let (mut probe, _) = Probe::new(|_| Err(Failure::Stop("enough".to_owned())));
    let (consumer, shutdown) = (Consumer::correlator(), CancellationToken::new());
    let error = shared(&bus, &consumer, &mut probe, quick(), shutdown.clone()).await.unwrap_err();
    assert_eq!(error.to_string(), "correlator: the handler stopped: enough");
    let (mut probe, mut handled) = Probe::accepting();
    assert_eq!(read_one(&bus, &mut probe, &mut handled, quick()).await.numbers, [1]);
}

/// Works for longer than the ack wait.
struct Slow(usize, CancellationToken);

impl Handler for Slow {
    type Item = Entry;

    async fn handle(&mut self, deliveries: Vec<Delivery<Entry>>) -> Result<(), Failure> {
        self.0 += deliveries.len();
        // The ack wait runs on the server's clock, so there is nothing else to wait for.
        tokio::time::sleep(Duration::from_millis(2500)).await;
        self.1.cancel();
        Ok(())
    }
}

#[tokio::test]
async fn what_is_being_worked_on_does_not_come_to_another() {
    let (nats, bus) = server().await;
    let settings = settings(nats.url());
    let mut topology = topology(&settings);
    topology.consumers.iter_mut().for_each(|consumer| consumer.ack_wait_seconds = 1);
    topology.apply(&bus).await.unwrap();
    publish_finding(&bus, [1, 2]).await;
    let (consumer, shutdown) = (Consumer::correlator(), CancellationToken::new());
    let (mut slow, mut other) = (Slow(0, shutdown.clone()), Slow(0, shutdown.clone()));
    let one = shared(&bus, &consumer, &mut slow, quick(), shutdown.clone());
    let two = shared(&bus, &consumer, &mut other, quick(), shutdown.clone());
    let (one, two) = tokio::join!(one, two);
    one.unwrap();
    two.unwrap();
    assert_eq!(slow.0 + other.0, 2);
}
