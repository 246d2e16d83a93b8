//! Sends events to subscriptions, as [`crate::streams`] decides.

use crate::avro::Envelope;
use crate::fault::Fault;
use crate::org::Org;
use crate::settings::Speed;
use crate::streams::{Step, Streams, Subscription};
use crate::timeline::{Offset, Topic};
use crate::{refusal, replay};
use salesforce_client::pubsub::wire::{ConsumerEvent, FetchResponse, ProducerEvent};
use std::ops::Range;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;
use tonic::Status;

/// The channel of one subscription's answers.
pub(crate) type AnswerSender = UnboundedSender<Result<FetchResponse, Status>>;

/// The size in bytes at which no further event is added to an answer: a quarter of gRPC's default limit.
const FULL: usize = 1 << 20;

/// Sends events and keepalives until the future is dropped.
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

/// Does one step. `None` if there may be more to do at once; otherwise the time of the next step, if it is known.
fn advance(org: &Org) -> Option<Option<Instant>> {
    let mut streams = org.streams();
    let is_over = |open: &Subscription<AnswerSender>| open.sender.is_closed() || open.ending && open.credit == 0;
    streams.open.retain(|_, open| !is_over(open));
    for subscription in streams.open.values_mut() {
        let names = org.timeline.topics.get(subscription.topic).map_or(["", ""], Topic::names);
        subscription.silent = org.faults.is_active(&names, &Fault::StreamsSilent);
    }
    let situation = org.situation(&streams, Instant::now());
    let step = streams.step(&situation);
    if org.settings.speed == Speed::Instant
        && situation.flowing
        && !streams.open.is_empty()
        && let Some(last) = streams.frontier(&situation).unwrap_or(situation.released).checked_sub(1)
        && let Some(event) = org.timeline.event(last)
    {
        org.clock.advance_to(event.published);
    }
    let wait = match step {
        Step::Send { id, events } => {
            send(org, &mut streams, id, events);
            None
        }
        Step::Keepalive { id } => {
            let released = situation.released;
            let offset = streams.open.get(&id).map(|open| open.pending(&situation).unwrap_or(released));
            keepalive(org, &mut streams, id, offset.unwrap_or(released));
            None
        }
        Step::Wait { until } => {
            let due = org.timeline.event(situation.released).and_then(|event| org.clock.until(event.published));
            let due = due.map(|due| Instant::now() + due);
            Some(until.into_iter().chain(due).min())
        }
    };
    drop(streams);
    org.progress.send_replace(());
    wait
}

fn send(org: &Org, streams: &mut Streams<AnswerSender>, id: u64, events: Range<usize>) {
    let Some(subscription) = streams.open.get_mut(&id) else { return };
    let Some(topic) = org.timeline.topics.get(subscription.topic) else { return };
    let offsets =
        org.timeline.offsets.get(subscription.topic).and_then(|offsets| offsets.get(events)).unwrap_or_default();
    let names = topic.names();
    let tag = org.replay_tag(&topic.name);
    let mut sent = Vec::new();
    let mut bytes = 0;
    let mut last = None;
    for offset in offsets {
        if sent.len() >= subscription.credit || bytes >= FULL {
            break;
        }
        let number = subscription.next;
        subscription.next += 1;
        last = Some(*offset);
        let every = org.faults.peek(&names, |fault| match fault {
            Fault::EventsMissing { every } => Some((*every).max(1)),
            _ => None,
        });
        if every.is_some_and(|every| (number + 1).is_multiple_of(every)) {
            continue;
        }
        let Some(event) = encode(org, *offset, tag) else { continue };
        bytes += event.event.as_ref().map_or(0, |event| event.payload.len());
        if sent.len() + 2 <= subscription.credit && org.faults.occurs(&names, &Fault::EventsTwice) {
            sent.push(event.clone());
        }
        sent.push(event);
    }
    let Some(last) = last else { return };
    subscription.credit = subscription.credit.saturating_sub(sent.len());
    subscription.keepalive_sent = false;
    let (topic, next) = (subscription.topic, subscription.next);
    if !sent.is_empty() {
        answer(subscription, sent, replay::encode(last + 1, tag));
    }
    let reached = streams.sent.entry(topic).or_default();
    if reached.next < next {
        *reached = crate::streams::Sent { next, last: Some(last) };
    }
}

/// Sends an answer without events, which says that everything before `offset` was sent.
fn keepalive(org: &Org, streams: &mut Streams<AnswerSender>, id: u64, offset: Offset) {
    let Some(subscription) = streams.open.get_mut(&id) else { return };
    let Some(topic) = org.timeline.topics.get(subscription.topic) else { return };
    subscription.keepalive_sent = true;
    answer(subscription, Vec::new(), replay::encode(offset, org.replay_tag(&topic.name)));
}

fn answer(subscription: &mut Subscription<AnswerSender>, events: Vec<ConsumerEvent>, latest_replay_id: Vec<u8>) {
    subscription.last_answer = Instant::now();
    let answer = FetchResponse {
        events,
        latest_replay_id,
        rpc_id: refusal::rpc_id(),
        pending_num_requested: i32::try_from(subscription.credit).unwrap_or(i32::MAX),
    };
    // Fails if the client has gone; the next step then removes the subscription.
    drop(subscription.sender.send(Ok(answer)));
}

fn encode(org: &Org, offset: Offset, tag: [u8; 2]) -> Option<ConsumerEvent> {
    let event = org.timeline.event(offset)?;
    let topic = org.timeline.topics.get(event.topic)?;
    let names = topic.names();
    let changed = org.faults.is_active(&names, &Fault::SchemaChanged);
    let schema = if changed { &topic.changed } else { &topic.schema };
    let uuid = model::id::derive(&["message", org.id.as_str(), &offset.to_string()]).to_string();
    let mut payload = schema.encode(&event.record.fields(), &Envelope { uuid: &uuid, at: event.at });
    if org.faults.occurs(&names, &Fault::PayloadBroken) {
        payload.truncate(payload.len() / 3);
    }
    let event = ProducerEvent { id: uuid, schema_id: schema.id.clone(), payload, headers: Vec::new() };
    Some(ConsumerEvent { event: Some(event), replay_id: replay::encode(offset + 1, tag) })
}
