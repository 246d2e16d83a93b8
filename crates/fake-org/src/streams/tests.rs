//! Tests of order, credit and keepalives, without a server.

use super::*;
use proptest::prelude::*;

const KEEPALIVE: Duration = Duration::from_secs(60);

fn situation(offsets: &[Vec<Offset>], released: Offset, now: Instant) -> Situation<'_> {
    Situation { offsets, released, flowing: true, order: StreamOrder::Script, now, keepalive: KEEPALIVE }
}

/// Returns the offsets of each topic's events, for a timeline given as the topics of its events.
fn offsets(timeline: &[usize], topics: usize) -> Vec<Vec<Offset>> {
    let of_topic = |topic| (0..).zip(timeline).filter(|(_, of)| **of == topic).map(|(offset, _)| offset).collect();
    (0..topics).map(of_topic).collect()
}

/// Sends events as the pump does, and returns their offsets.
fn send(streams: &mut Streams<()>, step: &Step, offsets: &[Vec<Offset>]) -> Vec<Offset> {
    let Step::Send { id, events } = step else { return Vec::new() };
    let open = streams.open.get_mut(id).unwrap();
    assert!(events.start == open.next && events.len() <= open.credit);
    open.credit -= events.len();
    open.next = events.end;
    open.keepalive_sent = false;
    let (topic, next) = (open.topic, open.next);
    streams.sent.insert(topic, Sent { next, last: None });
    offsets[topic][events.clone()].to_vec()
}

proptest! {
    #[test]
    fn all_events_of_subscribed_topics_are_sent_in_order(
        timeline in proptest::collection::vec(0..4_usize, 0..200),
        subscribed in proptest::collection::btree_set(0..4_usize, 1..4),
        credits in proptest::collection::vec(1..150_usize, 1..20),
    ) {
        let now = Instant::now();
        let offsets = offsets(&timeline, 4);
        let mut streams = Streams::default();
        let mut credits = credits.iter().copied().cycle();
        for topic in &subscribed {
            streams.add(*topic, 0, credits.next().unwrap(), now, ());
        }
        let mut sent = Vec::new();
        loop {
            let situation = situation(&offsets, timeline.len() as Offset, now);
            if streams.is_done(&situation) {
                break;
            }
            let step = streams.step(&situation);
            match step {
                Step::Keepalive { id } => streams.open.get_mut(&id).unwrap().keepalive_sent = true,
                // Some subscription has no credit left.
                Step::Wait { .. } => {
                    let without_credit = streams.open.iter().find(|(_, open)| open.credit == 0).map(|(id, _)| *id);
                    streams.add_credit(without_credit.unwrap(), credits.next().unwrap());
                }
                Step::Send { .. } => sent.extend(send(&mut streams, &step, &offsets)),
            }
        }
        let expected: Vec<Offset> =
            (0..).zip(&timeline).filter(|(_, topic)| subscribed.contains(topic)).map(|(offset, _)| offset).collect();
        prop_assert_eq!(sent, expected);
    }
}

#[test]
fn consecutive_events_of_a_topic_are_sent_together() {
    let offsets = offsets(&[0, 0, 0, 1, 0], 2);
    let now = Instant::now();
    let mut streams = Streams::default();
    let first = streams.add(0, 0, 100, now, ());
    let second = streams.add(1, 0, 100, now, ());
    for expected in [(first, 0..3), (second, 0..1), (first, 3..4)] {
        let step = streams.step(&situation(&offsets, 5, now));
        assert_eq!(step, Step::Send { id: expected.0, events: expected.1 });
        send(&mut streams, &step, &offsets);
    }
}

#[test]
fn future_events_are_not_sent() {
    let offsets = offsets(&[0, 0, 0], 1);
    let now = Instant::now();
    let mut streams = Streams::default();
    let id = streams.add(0, 0, 100, now, ());
    assert_eq!(streams.step(&situation(&offsets, 2, now)), Step::Send { id, events: 0..2 });
    let waiting = Situation { flowing: false, ..situation(&offsets, 2, now) };
    assert_eq!(streams.step(&waiting), Step::Wait { until: Some(now + KEEPALIVE) });
    assert!(!streams.is_done(&waiting));
}

#[test]
fn keepalives_are_sent_at_the_end_and_after_every_silence() {
    let offsets = offsets(&[0], 1);
    let now = Instant::now();
    let mut streams = Streams::default();
    let id = streams.add(0, 1, 1, now, ());
    assert_eq!(streams.step(&situation(&offsets, 1, now)), Step::Keepalive { id });
    streams.open.get_mut(&id).unwrap().keepalive_sent = true;
    assert_eq!(streams.step(&situation(&offsets, 1, now)), Step::Wait { until: Some(now + KEEPALIVE) });
    assert_eq!(streams.step(&situation(&offsets, 1, now + KEEPALIVE)), Step::Keepalive { id });
    // Also to subscriptions without credit for the events that there are.
    let without_credit = streams.add(0, 0, 0, now, ());
    assert_eq!(streams.step(&situation(&offsets, 1, now + KEEPALIVE)), Step::Keepalive { id });
    streams.open.remove(&id);
    assert_eq!(streams.step(&situation(&offsets, 1, now + KEEPALIVE)), Step::Keepalive { id: without_credit });
}

#[test]
fn credit_is_bounded() {
    let mut streams = Streams::default();
    let id = streams.add(0, 0, 1_000, Instant::now(), ());
    streams.add_credit(id, usize::MAX);
    assert_eq!(streams.open[&id].credit, MOST);
}
