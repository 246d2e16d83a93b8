//! Reads real-time events: one subscription for each topic, merged into the order in which the events happened.

mod position;
mod topic_reader;

use crate::common::{Common, Purpose};
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesOrdered;
use ingest::{SourceError, Ticket};
use model::{Activity, Channel, Command, Timestamp};
use position::Position;
use salesforce::reading::plan::Topic;
use salesforce::reading::reorder::Reorder;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;
use topic_reader::{Arrival, Content, TopicReader};
use tracing::Instrument;

/// Follows these topics until `shutdown`.
///
/// # Errors
/// If activities cannot be published or positions cannot be stored. Failures of Salesforce are recorded, and tried again.
pub(crate) async fn run(common: Common, topics: Vec<Topic>, shutdown: CancellationToken) -> Result<(), SourceError> {
    if topics.is_empty() {
        shutdown.cancelled().await;
        return Ok(());
    }
    let started = Instant::now();
    let (sender, arrivals) = mpsc::channel(ARRIVALS);
    let mut running = JoinSet::new();
    let mut states = Vec::new();
    for (index, topic) in topics.into_iter().enumerate() {
        let reader = TopicReader::resume(common.clone(), index, topic, sender.clone()).await?;
        states.push(TopicState { source: reader.source(), ..TopicState::default() });
        running.spawn(reader.follow(shutdown.clone()));
    }
    drop(sender);
    let hold = Duration::from_millis(common.settings.reorder_ms.into());
    let reorder = Reorder::new(states.len(), hold, MAX_HELD);
    let merger = Merger { common, started, reorder, topics: states, sent: FuturesOrdered::new(), clock: None };
    let mut outcome = merger.run(arrivals).await;
    while let Some(ended) = running.join_next().await {
        outcome = outcome.and(ended.map_err(SourceError::Reader).flatten());
    }
    outcome
}

/// The most responses that wait for the merger: few, so that a topic that is read too fast waits. A choice.
const ARRIVALS: usize = 64;
/// The most events that are held for reordering. A choice that bounds memory.
const MAX_HELD: usize = 50_000;
/// The most sends under way. A choice.
const MAX_SENT: usize = 32;
/// The shortest time between two sends, so that each has several events. A choice.
const LINGER: Duration = Duration::from_millis(5);
/// How often positions are stored: later events come again after a crash. A choice.
const SAVE: Duration = Duration::from_secs(1);
/// How often the org's clock is read. A choice.
const CLOCK: Duration = Duration::from_secs(300);

/// Publishes the events of all topics in order.
struct Merger {
    common: Common,
    started: Instant,
    reorder: Reorder<Released>,
    topics: Vec<TopicState>,
    sent: FuturesOrdered<BoxFuture<'static, Acknowledged>>,
    /// The latest reading of the org's clock that is not sent as a watermark yet.
    clock: Option<ClockReading>,
}

/// The positions of topics that one send has reached.
type Acknowledged = Result<Vec<(usize, Position)>, SourceError>;

/// How far one topic was read.
#[derive(Default)]
struct TopicState {
    source: String,
    /// When the latest response arrived.
    heard: Option<Instant>,
    /// The acknowledged position, if it is not stored yet.
    unsaved: Option<Position>,
}

/// An item that has passed the reordering.
enum Released {
    Event {
        topic: usize,
        position: Position,
        activity: Option<Box<Activity>>,
    },
    /// All events up to this time are released.
    Watermark(Timestamp),
}

/// The org's time, and when it was read.
#[derive(Clone, Copy)]
struct ClockReading {
    time: Timestamp,
    read_at: Instant,
}

impl Merger {
    /// Runs until all topic readers have ended, and everything sent is acknowledged and stored.
    async fn run(mut self, mut arrivals: mpsc::Receiver<Arrival>) -> Result<(), SourceError> {
        let (mut save, mut clock) = (interval(SAVE), interval(CLOCK));
        save.set_missed_tick_behavior(MissedTickBehavior::Delay);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut reading: Option<BoxFuture<'static, Option<ClockReading>>> = None;
        let mut last = Instant::now();
        loop {
            let due = self.reorder.next_due().map(|due| (self.started + due).max(last + LINGER));
            tokio::select! {
                arrival = arrivals.recv(), if self.reorder.len() < MAX_HELD => match arrival {
                    Some(arrival) => self.take(arrival),
                    None => break,
                },
                () = until(due), if due.is_some() && self.sent.len() < MAX_SENT => {
                    last = Instant::now();
                    self.release(last).await?;
                }
                Some(acknowledged) = self.sent.next() => self.acknowledged(acknowledged?),
                _ = save.tick() => self.save().await?,
                _ = clock.tick(), if reading.is_none() => reading = Some(Box::pin(read_clock(self.common.clone()))),
                clock = finished(&mut reading) => {
                    reading = None;
                    self.clock = clock.or(self.clock);
                }
            }
        }
        self.finish().await
    }

    fn take(&mut self, arrival: Arrival) {
        let Arrival { topic, received, content } = arrival;
        let elapsed = received.duration_since(self.started);
        match content {
            Content::Events(events) => {
                for (position, activity) in events {
                    let at = activity.as_ref().map(|activity| activity.event_time);
                    let activity = activity.map(Box::new);
                    self.reorder.push(topic, at, elapsed, Released::Event { topic, position, activity });
                }
            }
            Content::KeepAlive(position) => {
                self.reorder.push(topic, None, elapsed, Released::Event { topic, position, activity: None });
            }
        }
        if let Some(state) = self.topics.get_mut(topic) {
            state.heard = Some(received);
        }
        // All topics have answered since the clock was read: no earlier events are still to come.
        if let Some(clock) = self.clock
            && self.topics.iter().all(|state| state.heard.is_some_and(|heard| heard > clock.read_at))
        {
            self.clock = None;
            self.reorder.push(topic, None, elapsed, Released::Watermark(clock.time));
        }
    }

    async fn release(&mut self, now: Instant) -> Result<(), SourceError> {
        let span = tracing::info_span!("stream events", orgwatch.service = "ingest");
        let released = self.reorder.due(now.duration_since(self.started));
        self.publish(released).instrument(span).await
    }

    async fn publish(&mut self, released: Vec<Released>) -> Result<(), SourceError> {
        let (mut activities, mut positions) = (Vec::new(), Vec::new());
        for item in released {
            match item {
                Released::Event { topic, position, activity } => {
                    activities.extend(activity.map(|activity| *activity));
                    // Only the latest position of each topic counts, and it comes last.
                    positions.retain(|(other, _)| *other != topic);
                    positions.push((topic, position));
                }
                Released::Watermark(time) => {
                    self.send(std::mem::take(&mut activities), std::mem::take(&mut positions)).await?;
                    let ticket = self.common.sink.command(&self.common.org, Command::Watermark(time)).await?;
                    self.sent.push_back(acknowledge(ticket, Vec::new()));
                }
            }
        }
        self.send(activities, positions).await
    }

    async fn send(&mut self, activities: Vec<Activity>, positions: Vec<(usize, Position)>) -> Result<(), SourceError> {
        if positions.is_empty() {
            return Ok(());
        }
        let ticket = self.common.publish(Channel::Stream, activities, Purpose::Watch).await?;
        self.sent.push_back(acknowledge(ticket, positions));
        Ok(())
    }

    fn acknowledged(&mut self, positions: Vec<(usize, Position)>) {
        for (topic, position) in positions {
            if let Some(state) = self.topics.get_mut(topic) {
                state.unsaved = Some(position.after(state.unsaved.take()));
            }
        }
    }

    async fn save(&mut self) -> Result<(), SourceError> {
        for state in &mut self.topics {
            if let Some(position) = &state.unsaved {
                position.save(&*self.common.positions, &state.source, &self.common.org).await?;
                state.unsaved = None;
            }
        }
        Ok(())
    }

    /// Waits for acknowledgements, and stores the positions. Events that are still held come again later.
    async fn finish(mut self) -> Result<(), SourceError> {
        while let Some(acknowledged) = self.sent.next().await {
            self.acknowledged(acknowledged?);
        }
        self.save().await
    }
}

fn acknowledge(ticket: Ticket, positions: Vec<(usize, Position)>) -> BoxFuture<'static, Acknowledged> {
    Box::pin(async move {
        ticket.await?;
        Ok(positions)
    })
}

async fn until(due: Option<Instant>) {
    if let Some(due) = due {
        sleep_until(due).await;
    }
}

/// Asks the org for its time.
async fn read_clock(common: Common) -> Option<ClockReading> {
    let read_at = Instant::now();
    match common.client.limits().await {
        Ok(_) => common.client.server_time().map(|time| ClockReading { time, read_at }),
        Err(error) => {
            tracing::debug!(org = %common.org, %error, "the org's clock cannot be read");
            None
        }
    }
}

async fn finished(reading: &mut Option<BoxFuture<'static, Option<ClockReading>>>) -> Option<ClockReading> {
    match reading {
        Some(reading) => reading.await,
        None => std::future::pending().await,
    }
}
