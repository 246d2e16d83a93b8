use crate::support::{PATIENCE, Probe, publish, publish_activity, server};
use bus::{Failure, LoopError, cursor, subject};
use std::future::pending;
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn reads_one_partition_in_order_and_resumes_after_a_sequence() {
    let (_nats, bus) = server().await;
    for number in 0..10 {
        publish_activity(&bus, [number]).await;
        publish(&bus, &subject::activity("orgwatch", 1), [100 + number]).await;
    }
    let mut sequences = Vec::new();
    for (start_after, expected) in [(0, 0..10), (7, 4..10), (7, 4..10), (0, 0..10)] {
        let (mut probe, mut handled) = Probe::accepting();
        let shutdown = CancellationToken::new();
        let reading = cursor(&bus, 0, start_after, &mut probe, shutdown.clone());
        let collecting = async {
            let seen = handled.seen(expected.clone().count()).await;
            shutdown.cancel();
            seen
        };
        let (outcome, seen) = tokio::join!(reading, collecting);
        outcome.unwrap();
        let numbers: Vec<i64> = seen.iter().flat_map(|seen| seen.numbers.clone()).collect();
        assert_eq!(numbers, expected.collect::<Vec<_>>());
        assert!(handled.rest().is_empty());
        sequences = seen.iter().map(|seen| seen.sequence).collect();
    }
    assert_eq!(sequences, (0..10).map(|number| 2 * number + 1).collect::<Vec<_>>());
}

#[tokio::test]
async fn two_readers_of_one_partition_are_detected() {
    let (_nats, bus) = server().await;
    let (mut one, mut handled) = Probe::accepting();
    let mut other = one.twin();
    let (shutdown, subject) = (CancellationToken::new(), subject::activity("orgwatch", 0));
    publish(&bus, &subject, [0]).await;
    let first = cursor(&bus, 0, 0, &mut one, shutdown.clone());
    let second = async {
        handled.next().await;
        cursor(&bus, 0, 0, &mut other, shutdown.clone()).await
    };
    let publishing = async {
        publish(&bus, &subject, 1..).await;
        pending::<()>().await;
    };
    let outcome = tokio::time::timeout(PATIENCE, async {
        tokio::select! {
            outcome = first => outcome,
            outcome = second => outcome,
            () = publishing => Ok(()),
        }
    });
    let error = outcome.await.unwrap().unwrap_err();
    assert!(matches!(error, LoopError::Doubt { .. }), "{error}");
}

#[tokio::test]
async fn a_failing_handler_ends_the_loop() {
    let (_nats, bus) = server().await;
    publish_activity(&bus, [1]).await;
    let (mut probe, _told) = Probe::new(|_| Err(Failure::Retry("no database".to_owned())));
    let error = cursor(&bus, 0, 0, &mut probe, CancellationToken::new()).await.unwrap_err();
    assert_eq!(error.to_string(), "baseline-0: the handler failed: no database");
    let (mut probe, _told) = Probe::new(|_| Err(Failure::Stop("lost the lock".to_owned())));
    let error = cursor(&bus, 0, 0, &mut probe, CancellationToken::new()).await.unwrap_err();
    assert_eq!(error.to_string(), "baseline-0: the handler stopped: lost the lock");
}

#[tokio::test]
async fn a_stream_that_ends_before_the_checkpoint_is_an_error() {
    let (_nats, bus) = server().await;
    publish_activity(&bus, [1, 2]).await;
    let (mut probe, _told) = Probe::accepting();
    let error = cursor(&bus, 0, 7, &mut probe, CancellationToken::new()).await.unwrap_err();
    assert!(matches!(error, LoopError::Rewound { applied: 7, last: 2, .. }), "{error}");
}

#[tokio::test]
async fn poison_and_undecodable_messages_go_to_the_dead_stream() {
    let (nats, bus) = server().await;
    let subject = subject::activity("orgwatch", 0);
    publish(&bus, &subject, [1]).await;
    let client = async_nats::connect(nats.url()).await.unwrap();
    let context = async_nats::jetstream::new(client);
    context.publish(subject.clone(), "not a batch".into()).await.unwrap().await.unwrap();
    publish(&bus, &subject, [3, 4, 5]).await;
    let (mut probe, mut handled) = Probe::new(|deliveries| {
        let poison = deliveries.iter().find(|delivery| delivery.sequence == 4 && !delivery.items.is_empty());
        poison.map_or(Ok(()), |_| Err(Failure::Poison { sequence: 4, reason: "no such org".to_owned() }))
    });
    let shutdown = CancellationToken::new();
    let reading = cursor(&bus, 0, 0, &mut probe, shutdown.clone());
    let collecting = async {
        let numbers = handled.numbers(3).await;
        shutdown.cancel();
        numbers
    };
    let (outcome, numbers) = tokio::join!(reading, collecting);
    outcome.unwrap();
    assert_eq!(numbers, [1, 3, 5]);
    let letters = bus::dead::list(&bus, &bus::dead::Filter::default()).await.unwrap();
    let reasons: Vec<_> = letters.iter().map(|letter| (letter.stream_sequence, letter.reason.as_str())).collect();
    assert_eq!(reasons, [(2, "undecodable: not a protobuf message of this type"), (4, "no such org")]);
}

#[tokio::test]
async fn a_dead_message_with_nothing_after_it_is_acknowledged() {
    let (nats, bus) = server().await;
    let context = async_nats::jetstream::new(async_nats::connect(nats.url()).await.unwrap());
    context.publish(subject::activity("orgwatch", 0), "not a batch".into()).await.unwrap().await.unwrap();
    let (mut probe, _told) = Probe::accepting();
    let shutdown = CancellationToken::new();
    let reading = cursor(&bus, 0, 0, &mut probe, shutdown.clone());
    let watching = async {
        crate::support::eventually("acknowledged", async || {
            let stream = context.get_stream("ORGWATCH_ACTIVITY").await.unwrap();
            stream.consumer_info("baseline-0").await.unwrap().ack_floor.stream_sequence == 1
        })
        .await;
        shutdown.cancel();
    };
    tokio::join!(reading, watching).0.unwrap();
}

#[tokio::test]
async fn durable_messages_are_acknowledged() {
    let (nats, bus) = server().await;
    publish_activity(&bus, 0..5).await;
    let (mut probe, mut handled) = Probe::accepting();
    let shutdown = CancellationToken::new();
    let reading = cursor(&bus, 0, 0, &mut probe, shutdown.clone());
    let collecting = async {
        handled.numbers(5).await;
        shutdown.cancel();
    };
    tokio::join!(reading, collecting).0.unwrap();
    let context = async_nats::jetstream::new(async_nats::connect(nats.url()).await.unwrap());
    crate::support::eventually("acknowledged", async || {
        let stream = context.get_stream("ORGWATCH_ACTIVITY").await.unwrap();
        let info = stream.consumer_info("baseline-0").await.unwrap();
        info.ack_floor.stream_sequence == 5 && info.num_ack_pending == 0
    })
    .await;
}

#[tokio::test]
async fn a_gap_after_the_checkpoint_is_counted_and_skipped() {
    let (nats, bus) = server().await;
    publish_activity(&bus, 0..6).await;
    let context = async_nats::jetstream::new(async_nats::connect(nats.url()).await.unwrap());
    let stream = context.get_stream("ORGWATCH_ACTIVITY").await.unwrap();
    stream.purge().sequence(5).await.unwrap();
    let (mut probe, mut handled) = Probe::accepting();
    let shutdown = CancellationToken::new();
    let reading = cursor(&bus, 0, 2, &mut probe, shutdown.clone());
    let collecting = async {
        let numbers = handled.numbers(2).await;
        shutdown.cancel();
        numbers
    };
    let (outcome, numbers) = tokio::join!(reading, collecting);
    outcome.unwrap();
    assert_eq!((numbers, bus.gaps()), (vec![4, 5], 1));
}

#[tokio::test]
async fn a_quiet_partition_has_no_gap_when_messages_of_others_expire() {
    let (nats, bus) = server().await;
    let (quiet, other) = (subject::activity("orgwatch", 0), subject::activity("orgwatch", 1));
    publish(&bus, &quiet, [0]).await;
    publish(&bus, &other, 1..6).await;
    let (mut probe, mut handled) = Probe::accepting();
    let shutdown = CancellationToken::new();
    let reached = probe.reached();
    let reading = cursor(&bus, 0, 1, &mut probe, shutdown.clone());
    let watching = async {
        crate::support::eventually("the stream's end is reached", async || reached() == 6).await;
        shutdown.cancel();
    };
    tokio::join!(reading, watching).0.unwrap();

    // The message that the checkpoint ends with expires with those of the other partition.
    let context = async_nats::jetstream::new(async_nats::connect(nats.url()).await.unwrap());
    let stream = context.get_stream("ORGWATCH_ACTIVITY").await.unwrap();
    stream.purge().sequence(6).await.unwrap();
    publish(&bus, &quiet, [7]).await;
    let mut read_on = async |probe: &mut Probe, start_after, number| {
        let shutdown = CancellationToken::new();
        let reading = cursor(&bus, 0, start_after, probe, shutdown.clone());
        let collecting = async {
            assert_eq!(handled.next().await.numbers, [number]);
            shutdown.cancel();
        };
        tokio::join!(reading, collecting).0.unwrap();
    };
    read_on(&mut probe, 1, 7).await;
    assert_eq!(bus.gaps(), 0);

    // Messages of the partition itself are deleted unread.
    publish(&bus, &quiet, 8..10).await;
    stream.purge().sequence(9).await.unwrap();
    read_on(&mut probe, 7, 9).await;
    assert_eq!(bus.gaps(), 1);
}
