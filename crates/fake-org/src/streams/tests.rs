//! Order, credit and comfort, without any server.

use super::*;
use proptest::prelude::*;

const KEEPALIVE: Duration = Duration::from_secs(60);

fn situation(places: &[Vec<Place>], released: Place, now: Instant) -> Situation<'_> {
    Situation { places, released, flowing: true, order: Order::Script, now, keepalive: KEEPALIVE }
}

/// Which topic each event of a tape is of, as the places of each topic.
fn places(tape: &[usize], topics: usize) -> Vec<Vec<Place>> {
    let of_topic = |topic| (0..).zip(tape).filter(|(_, of)| **of == topic).map(|(place, _)| place).collect();
    (0..topics).map(of_topic).collect()
}

/// Sends what is to be sent, as the pump does; says what it was.
fn send(streams: &mut Streams<()>, step: &Step, places: &[Vec<Place>]) -> Vec<Place> {
    let Step::Send { id, events } = step else { return Vec::new() };
    let open = streams.open.get_mut(id).unwrap();
    assert!(events.start == open.next && events.len() <= open.credit);
    open.credit -= events.len();
    open.next = events.end;
    open.told = false;
    let (topic, next) = (open.topic, open.next);
    streams.sent.insert(topic, Sent { next, last: None });
    places[topic][events.clone()].to_vec()
}

proptest! {
    #[test]
    fn all_events_of_subscribed_topics_come_in_order(
        tape in proptest::collection::vec(0..4_usize, 0..200),
        subscribed in proptest::collection::btree_set(0..4_usize, 1..4),
        credits in proptest::collection::vec(1..150_usize, 1..20),
    ) {
        let now = Instant::now();
        let places = places(&tape, 4);
        let mut streams = Streams::default();
        let mut credits = credits.iter().copied().cycle();
        for topic in &subscribed {
            streams.add(*topic, 0, credits.next().unwrap(), now, ());
        }
        let mut sent = Vec::new();
        loop {
            let situation = situation(&places, tape.len() as Place, now);
            if streams.is_done(&situation) {
                break;
            }
            let step = streams.step(&situation);
            match step {
                Step::Comfort { id } => streams.open.get_mut(&id).unwrap().told = true,
                // Somebody has no credit left.
                Step::Wait { .. } => {
                    let poor = streams.open.iter().find(|(_, open)| open.credit == 0).map(|(id, _)| *id);
                    streams.ask(poor.unwrap(), credits.next().unwrap());
                }
                Step::Send { .. } => sent.extend(send(&mut streams, &step, &places)),
            }
        }
        let expected: Vec<Place> =
            (0..).zip(&tape).filter(|(_, topic)| subscribed.contains(topic)).map(|(place, _)| place).collect();
        prop_assert_eq!(sent, expected);
    }
}

#[test]
fn consecutive_events_of_a_topic_come_together() {
    let places = places(&[0, 0, 0, 1, 0], 2);
    let now = Instant::now();
    let mut streams = Streams::default();
    let first = streams.add(0, 0, 100, now, ());
    let second = streams.add(1, 0, 100, now, ());
    for expected in [(first, 0..3), (second, 0..1), (first, 3..4)] {
        let step = streams.step(&situation(&places, 5, now));
        assert_eq!(step, Step::Send { id: expected.0, events: expected.1 });
        send(&mut streams, &step, &places);
    }
}

#[test]
fn what_has_not_happened_is_not_sent() {
    let places = places(&[0, 0, 0], 1);
    let now = Instant::now();
    let mut streams = Streams::default();
    let id = streams.add(0, 0, 100, now, ());
    assert_eq!(streams.step(&situation(&places, 2, now)), Step::Send { id, events: 0..2 });
    let waiting = Situation { flowing: false, ..situation(&places, 2, now) };
    assert_eq!(streams.step(&waiting), Step::Wait { until: Some(now + KEEPALIVE) });
    assert!(!streams.is_done(&waiting));
}

#[test]
fn comfort_comes_at_the_end_and_after_every_silence() {
    let places = places(&[0], 1);
    let now = Instant::now();
    let mut streams = Streams::default();
    let id = streams.add(0, 1, 1, now, ());
    assert_eq!(streams.step(&situation(&places, 1, now)), Step::Comfort { id });
    streams.open.get_mut(&id).unwrap().told = true;
    assert_eq!(streams.step(&situation(&places, 1, now)), Step::Wait { until: Some(now + KEEPALIVE) });
    assert_eq!(streams.step(&situation(&places, 1, now + KEEPALIVE)), Step::Comfort { id });
    // Also to those who cannot take what there is.
    let poor = streams.add(0, 0, 0, now, ());
    assert_eq!(streams.step(&situation(&places, 1, now + KEEPALIVE)), Step::Comfort { id });
    streams.open.remove(&id);
    assert_eq!(streams.step(&situation(&places, 1, now + KEEPALIVE)), Step::Comfort { id: poor });
}

#[test]
fn credit_is_never_more_than_the_most() {
    let mut streams = Streams::default();
    let id = streams.add(0, 0, 1_000, Instant::now(), ());
    streams.ask(id, usize::MAX);
    assert_eq!(streams.open[&id].credit, MOST);
}
