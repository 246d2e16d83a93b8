//! Hands events to the streams of those who subscribed, as [`crate::streams`] decides.

use crate::avro::Envelope;
use crate::fault::Fault;
use crate::org::Org;
use crate::settings::Speed;
use crate::streams::{Step, Streams, Subscription};
use crate::tape::{Place, Topic};
use crate::{refusal, replay};
use salesforce_client::pubsub::wire::{ConsumerEvent, FetchResponse, ProducerEvent};
use std::ops::Range;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;
use tonic::Status;

/// Where the answers of one subscription go.
pub(crate) type Outlet = UnboundedSender<Result<FetchResponse, Status>>;

/// An answer is closed when it has so many bytes; clients take four times as many.
const FULL: usize = 1 << 20;

/// Runs until it is dropped.
pub(crate) async fn run(org: &Org) {
    loop {
        let woken = org.wake.notified();
        match advance(org) {
            None => tokio::task::yield_now().await,
            Some(None) => woken.await,
            Some(Some(until)) => drop(tokio::time::timeout_at(until, woken).await),
        }
    }
}

/// One step; says until when there is nothing more to do, if that passes by itself.
fn advance(org: &Org) -> Option<Option<Instant>> {
    let mut streams = org.streams();
    let is_over = |open: &Subscription<Outlet>| open.outlet.is_closed() || open.ending && open.credit == 0;
    streams.open.retain(|_, open| !is_over(open));
    for subscription in streams.open.values_mut() {
        let names = org.tape.topics.get(subscription.topic).map_or(["", ""], Topic::names);
        subscription.silent = org.faults.holds(&names, &Fault::StreamsSilent);
    }
    let situation = org.situation(&streams, Instant::now());
    let step = streams.step(&situation);
    if org.settings.speed == Speed::Instant
        && situation.flowing
        && !streams.open.is_empty()
        && let Some(last) = streams.frontier(&situation).unwrap_or(situation.released).checked_sub(1)
        && let Some(event) = org.tape.event(last)
    {
        org.clock.advance_to(event.published);
    }
    let wait = match step {
        Step::Send { id, events } => {
            send(org, &mut streams, id, events);
            None
        }
        Step::Comfort { id } => {
            let released = situation.released;
            let place = streams.open.get(&id).map(|open| open.pending(&situation).unwrap_or(released));
            comfort(org, &mut streams, id, place.unwrap_or(released));
            None
        }
        Step::Wait { until } => {
            let due = org.tape.event(situation.released).and_then(|event| org.clock.until(event.published));
            let due = due.map(|due| Instant::now() + due);
            Some(until.into_iter().chain(due).min())
        }
    };
    drop(streams);
    org.progress.send_replace(());
    wait
}

fn send(org: &Org, streams: &mut Streams<Outlet>, id: u64, events: Range<usize>) {
    let Some(subscription) = streams.open.get_mut(&id) else { return };
    let Some(topic) = org.tape.topics.get(subscription.topic) else { return };
    let places = org.tape.places.get(subscription.topic).and_then(|places| places.get(events)).unwrap_or_default();
    let names = topic.names();
    let tag = org.replay_tag(&topic.name);
    let mut sent = Vec::new();
    let mut bytes = 0;
    let mut last = None;
    for place in places {
        if sent.len() >= subscription.credit || bytes >= FULL {
            break;
        }
        let number = subscription.next;
        subscription.next += 1;
        last = Some(*place);
        let every = org.faults.see(&names, |fault| match fault {
            Fault::EventsMissing { every } => Some((*every).max(1)),
            _ => None,
        });
        if every.is_some_and(|every| (number + 1).is_multiple_of(every)) {
            continue;
        }
        let Some(event) = encode(org, *place, tag) else { continue };
        bytes += event.event.as_ref().map_or(0, |event| event.payload.len());
        if sent.len() + 2 <= subscription.credit && org.faults.strikes(&names, &Fault::EventsTwice) {
            sent.push(event.clone());
        }
        sent.push(event);
    }
    let Some(last) = last else { return };
    subscription.credit = subscription.credit.saturating_sub(sent.len());
    subscription.told = false;
    let (topic, next) = (subscription.topic, subscription.next);
    if !sent.is_empty() {
        answer(subscription, sent, replay::encode(last + 1, tag));
    }
    let reached = streams.sent.entry(topic).or_default();
    if reached.next < next {
        *reached = crate::streams::Sent { next, last: Some(last) };
    }
}

/// Says that all is well, and that everything before `place` was sent.
fn comfort(org: &Org, streams: &mut Streams<Outlet>, id: u64, place: Place) {
    let Some(subscription) = streams.open.get_mut(&id) else { return };
    let Some(topic) = org.tape.topics.get(subscription.topic) else { return };
    subscription.told = true;
    answer(subscription, Vec::new(), replay::encode(place, org.replay_tag(&topic.name)));
}

fn answer(subscription: &mut Subscription<Outlet>, events: Vec<ConsumerEvent>, latest_replay_id: Vec<u8>) {
    subscription.spoken = Instant::now();
    let answer = FetchResponse {
        events,
        latest_replay_id,
        rpc_id: refusal::rpc_id(),
        pending_num_requested: i32::try_from(subscription.credit).unwrap_or(i32::MAX),
    };
    // Who has gone in the meantime is missed at the next step.
    drop(subscription.outlet.send(Ok(answer)));
}

fn encode(org: &Org, place: Place, tag: [u8; 2]) -> Option<ConsumerEvent> {
    let event = org.tape.event(place)?;
    let topic = org.tape.topics.get(event.topic)?;
    let names = topic.names();
    let changed = org.faults.holds(&names, &Fault::SchemaChanged);
    let schema = if changed { &topic.changed } else { &topic.schema };
    let uuid = model::id::derive(&["message", org.id.as_str(), &place.to_string()]).to_string();
    let mut payload = schema.encode(&event.record.fields(), &Envelope { uuid: &uuid, at: event.at });
    if org.faults.strikes(&names, &Fault::PayloadBroken) {
        payload.truncate(payload.len() / 3);
    }
    let event = ProducerEvent { id: uuid, schema_id: schema.id.clone(), payload, headers: Vec::new() };
    Some(ConsumerEvent { event: Some(event), replay_id: replay::encode(place + 1, tag) })
}
