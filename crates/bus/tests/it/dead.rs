use crate::support::{Probe, item, publish_finding, read_one, server};
use bus::{Bus, BusError, Consumer, Failure, SharedSettings, dead, shared};
use model::{Batch, Entry};
use tokio_util::sync::CancellationToken;

/// Makes dead letters of the findings 0, 1 and 2.
async fn three_letters(bus: &Bus) {
    publish_finding(bus, 0..3).await;
    let (mut probe, _) = Probe::new(|deliveries| {
        let reason = "bad\r\nline".to_owned();
        deliveries.first().map_or(Ok(()), |delivery| Err(Failure::Poison { sequence: delivery.sequence, reason }))
    });
    let shutdown = CancellationToken::new();
    let burying = async {
        let all_dead = async || dead::list(bus, &dead::Filter::default()).await.unwrap().len() == 3;
        crate::support::eventually("all dead", all_dead).await;
        shutdown.cancel();
    };
    let consumer = Consumer::correlator();
    let reading = shared(bus, &consumer, &mut probe, SharedSettings::default(), shutdown.clone());
    tokio::join!(reading, burying).0.unwrap();
}

#[tokio::test]
async fn letters_are_listed_replayed_and_dropped() {
    let (_nats, bus) = server().await;
    three_letters(&bus).await;
    let list = async |filter: dead::Filter| {
        let letters = dead::list(&bus, &filter).await.unwrap();
        letters.iter().map(|letter| letter.sequence).collect::<Vec<_>>()
    };
    assert_eq!(list(dead::Filter::default()).await, [1, 2, 3]);
    assert_eq!(list(dead::Filter { from: 2, limit: 1, stage: Some("correlator".to_owned()) }).await, [2]);
    assert_eq!(list(dead::Filter { stage: Some("notifier".to_owned()), ..dead::Filter::default() }).await, [0_u64; 0]);

    let letter = dead::get(&bus, 2).await.unwrap();
    assert_eq!((letter.subject.as_str(), letter.stream_sequence), ("orgwatch.v1.finding.0", 2));
    assert_eq!((letter.stage.as_str(), letter.reason.as_str()), ("correlator", "bad  line"));
    assert_eq!(letter.truncated_from, None);
    assert!(letter.at_ms > 1_700_000_000_000);

    dead::drop(&bus, 1).await.unwrap();
    assert!(matches!(dead::drop(&bus, 1).await, Err(BusError::NoSuchLetter(1))));
    dead::replay(&bus, 2).await.unwrap();
    assert!(matches!(dead::replay(&bus, 2).await, Err(BusError::NoSuchLetter(2))));
    assert_eq!(list(dead::Filter::default()).await, [3]);

    let (mut probe, mut handled) = Probe::accepting();
    let seen = read_one(&bus, &mut probe, &mut handled, SharedSettings::default()).await;
    assert_eq!((seen.numbers, seen.sequence), (vec![1], 4));
}

#[tokio::test]
async fn a_payload_too_large_to_be_kept_is_truncated_and_not_replayed() {
    let (nats, bus) = server().await;
    let context = async_nats::jetstream::new(async_nats::connect(nats.url()).await.unwrap());
    let payload = vec![7_u8; 1024 * 1024 - 100];
    context.publish("orgwatch.v1.finding.0", payload.clone().into()).await.unwrap().await.unwrap();
    let (mut probe, _) = Probe::accepting();
    let (consumer, shutdown) = (Consumer::correlator(), CancellationToken::new());
    let reading = shared(&bus, &consumer, &mut probe, SharedSettings::default(), shutdown.clone());
    let burying = async {
        let is_dead = async || !dead::list(&bus, &dead::Filter::default()).await.unwrap().is_empty();
        crate::support::eventually("dead", is_dead).await;
        shutdown.cancel();
    };
    tokio::join!(reading, burying).0.unwrap();
    let letter = dead::get(&bus, 1).await.unwrap();
    assert_eq!(letter.truncated_from, Some(payload.len()));
    assert!(!letter.payload.is_empty() && payload.starts_with(&letter.payload));
    assert!(matches!(dead::replay(&bus, 1).await, Err(BusError::Truncated(1))));
}

#[tokio::test]
async fn a_record_of_a_source_is_kept_once_and_not_replayed() {
    let (_nats, bus) = server().await;
    let origin = "00D000000000001/stream/LoginEventStream replay_id=0a";
    for payload in ["one", "one", "other"] {
        dead::put_record(&bus, "ingest", origin, payload, "no event of its schema").await;
    }
    let filter = dead::Filter { stage: Some("ingest".to_owned()), ..dead::Filter::default() };
    let letters = dead::list(&bus, &filter).await.unwrap();
    let payloads: Vec<&[u8]> = letters.iter().map(|letter| &letter.payload[..]).collect();
    assert_eq!(payloads, [&b"one"[..], b"other"]);
    assert_eq!((letters[0].origin.as_deref(), letters[0].subject.as_str()), (Some(origin), ""));
    assert!(matches!(dead::replay(&bus, 1).await, Err(BusError::NeverInStream(1))));
    dead::drop(&bus, 1).await.unwrap();
    assert_eq!(dead::list(&bus, &filter).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_stored_payload_is_replayed_to_its_subject() {
    let (_nats, bus) = server().await;
    let payload = Entry::encode_batch(&[item(7)]);
    for _ in 0..2 {
        dead::put(&bus, "notifier", "orgwatch.v1.finding.1", "", payload.clone(), "destination siem: answered 404")
            .await;
    }
    let letters = dead::list(&bus, &dead::Filter::default()).await.unwrap();
    let [first, second] = letters.as_slice() else { panic!("{letters:?}") };
    assert_eq!((first.stage.as_str(), first.subject.as_str()), ("notifier", "orgwatch.v1.finding.1"));
    assert_eq!((first.reason.as_str(), first.stream_sequence), ("destination siem: answered 404", 0));
    assert_eq!((&first.payload[..], second.sequence), (&payload[..], 2));
    dead::replay(&bus, 1).await.unwrap();
    let (mut probe, mut handled) = Probe::accepting();
    let seen = read_one(&bus, &mut probe, &mut handled, SharedSettings::default()).await;
    assert_eq!(seen.numbers, [7]);
}
