//! Real-time events: one subscription a topic, merged into the order in which they happened.

mod lane;
mod place;

use super::common::{Common, Purpose};
use super::plan::Topic;
use super::reorder::Reorder;
use crate::Ticket;
use crate::meter::Origin;
use crate::source::SourceError;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesOrdered;
use lane::{Arrival, Lane, News};
use model::{Activity, Timestamp};
use place::Place;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// Follows these topics until `shutdown`.
///
/// # Errors
/// If activities cannot be published or positions not be kept; what Salesforce refuses is noted and tried again.
pub(crate) async fn run(common: Common, topics: Vec<Topic>, shutdown: CancellationToken) -> Result<(), SourceError> {
    if topics.is_empty() {
        shutdown.cancelled().await;
        return Ok(());
    }
    let (sender, arrivals) = mpsc::channel(ARRIVALS);
    let mut running = JoinSet::new();
    let mut lanes = Vec::new();
    for (number, topic) in topics.into_iter().enumerate() {
        let lane = Lane::resume(common.clone(), number, topic, sender.clone()).await?;
        lanes.push(Tail { source: lane.source(), ..Tail::default() });
        running.spawn(lane.follow(shutdown.clone()));
    }
    drop(sender);
    let hold = Duration::from_millis(common.settings.reorder_ms.into());
    let reorder = Reorder::new(lanes.len(), hold, MOST_HELD);
    let merger = Merger { common, reorder, lanes, sent: FuturesOrdered::new(), mark: None };
    let mut outcome = merger.run(arrivals).await;
    while let Some(ended) = running.join_next().await {
        outcome = outcome.and(ended.map_err(SourceError::Reader).flatten());
    }
    outcome
}

/// Responses that wait for the merger: few, so that a lane that is read too fast waits.
const ARRIVALS: usize = 64;
const MOST_HELD: usize = 50_000;
/// Sendings under way at most.
const MOST_SENT: usize = 32;
/// Between two sendings, so that they are not of single events.
const LINGER: Duration = Duration::from_millis(5);
/// Between two writings of positions: what came after the last one comes again after a crash.
const SAVE: Duration = Duration::from_secs(1);
/// Between two looks at the org's clock.
const CLOCK: Duration = Duration::from_secs(300);

/// Puts what the lanes bring onto the activity stream.
struct Merger {
    common: Common,
    reorder: Reorder<Released>,
    lanes: Vec<Tail>,
    sent: FuturesOrdered<BoxFuture<'static, Settled>>,
    mark: Option<Mark>,
}

/// How far lanes are acknowledged by one sending.
type Settled = Result<Vec<(usize, Place)>, SourceError>;

/// The end of one lane.
#[derive(Default)]
struct Tail {
    source: String,
    /// Of the latest response.
    heard: Option<Instant>,
    /// Up to where everything is acknowledged, if that is not saved yet.
    unsaved: Option<Place>,
}

/// What leaves the reordering.
enum Released {
    Event {
        lane: usize,
        place: Place,
        activity: Option<Box<Activity>>,
    },
    /// Everything up to this time was told.
    Mark(Timestamp),
}

/// The org's clock when it was looked at.
#[derive(Clone, Copy)]
struct Mark {
    time: Timestamp,
    looked: Instant,
}

impl Merger {
    /// Until all lanes have ended, and everything they brought is acknowledged and saved.
    async fn run(mut self, mut arrivals: mpsc::Receiver<Arrival>) -> Result<(), SourceError> {
        let (mut save, mut clock) = (interval(SAVE), interval(CLOCK));
        save.set_missed_tick_behavior(MissedTickBehavior::Delay);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut looking: Option<BoxFuture<'static, Option<Mark>>> = None;
        let mut last = Instant::now();
        loop {
            let due = self.reorder.next_due().map(|due| due.max(last + LINGER));
            tokio::select! {
                arrival = arrivals.recv(), if self.reorder.len() < MOST_HELD => match arrival {
                    Some(arrival) => self.take(arrival),
                    None => break,
                },
                () = until(due), if due.is_some() && self.sent.len() < MOST_SENT => {
                    last = Instant::now();
                    self.release(last).await?;
                }
                Some(acknowledged) = self.sent.next() => self.acknowledged(acknowledged?),
                _ = save.tick() => self.save().await?,
                _ = clock.tick(), if looking.is_none() => looking = Some(Box::pin(look(self.common.clone()))),
                mark = looked(&mut looking) => {
                    looking = None;
                    self.mark = mark.or(self.mark);
                }
            }
        }
        self.finish().await
    }

    fn take(&mut self, arrival: Arrival) {
        let Arrival { lane, received, news } = arrival;
        match news {
            News::Events(events) => {
                for (place, activity) in events {
                    let at = activity.as_ref().map(|activity| activity.event_time);
                    let activity = activity.map(Box::new);
                    self.reorder.push(lane, at, received, Released::Event { lane, place, activity });
                }
            }
            News::Quiet(place) => {
                self.reorder.push(lane, None, received, Released::Event { lane, place, activity: None });
            }
        }
        if let Some(tail) = self.lanes.get_mut(lane) {
            tail.heard = Some(received);
        }
        // All lanes have answered since the clock was looked at: nothing from before is still to come.
        if let Some(mark) = self.mark
            && self.lanes.iter().all(|tail| tail.heard.is_some_and(|heard| heard > mark.looked))
        {
            self.mark = None;
            self.reorder.push(lane, None, received, Released::Mark(mark.time));
        }
    }

    async fn release(&mut self, now: Instant) -> Result<(), SourceError> {
        let span = tracing::info_span!("stream events", orgwatch.service = "ingest");
        let released = self.reorder.due(now);
        self.publish(released).instrument(span).await
    }

    async fn publish(&mut self, released: Vec<Released>) -> Result<(), SourceError> {
        let (mut activities, mut places) = (Vec::new(), Vec::new());
        for item in released {
            match item {
                Released::Event { lane, place, activity } => {
                    activities.extend(activity.map(|activity| *activity));
                    // The latest of each lane is enough, and it comes last.
                    places.retain(|(other, _)| *other != lane);
                    places.push((lane, place));
                }
                Released::Mark(time) => {
                    self.send(std::mem::take(&mut activities), std::mem::take(&mut places)).await?;
                    let ticket = self.common.sink.told_until(&self.common.org, time).await?;
                    self.sent.push_back(settle(ticket, Vec::new()));
                }
            }
        }
        self.send(activities, places).await
    }

    async fn send(&mut self, activities: Vec<Activity>, places: Vec<(usize, Place)>) -> Result<(), SourceError> {
        if places.is_empty() {
            return Ok(());
        }
        let ticket = self.common.publish(Origin::Stream, activities, Purpose::Watch).await?;
        self.sent.push_back(settle(ticket, places));
        Ok(())
    }

    fn acknowledged(&mut self, places: Vec<(usize, Place)>) {
        for (lane, place) in places {
            if let Some(tail) = self.lanes.get_mut(lane) {
                tail.unsaved = Some(place.after(tail.unsaved.take()));
            }
        }
    }

    async fn save(&mut self) -> Result<(), SourceError> {
        for tail in &mut self.lanes {
            if let Some(place) = &tail.unsaved {
                place.save(&*self.common.positions, &tail.source, &self.common.org).await?;
                tail.unsaved = None;
            }
        }
        Ok(())
    }

    /// What is still held comes again from its position: it is not waited for.
    async fn finish(mut self) -> Result<(), SourceError> {
        while let Some(acknowledged) = self.sent.next().await {
            self.acknowledged(acknowledged?);
        }
        self.save().await
    }
}

fn settle(ticket: Ticket, places: Vec<(usize, Place)>) -> BoxFuture<'static, Result<Vec<(usize, Place)>, SourceError>> {
    Box::pin(async move {
        ticket.await?;
        Ok(places)
    })
}

async fn until(due: Option<Instant>) {
    if let Some(due) = due {
        sleep_until(due).await;
    }
}

/// The org's clock, by a call of its own.
async fn look(common: Common) -> Option<Mark> {
    let looked = Instant::now();
    match common.client.limits().await {
        Ok(_) => common.client.server_time().map(|time| Mark { time, looked }),
        Err(error) => {
            tracing::debug!(org = %common.org, %error, "the org's clock cannot be read");
            None
        }
    }
}

async fn looked(looking: &mut Option<BoxFuture<'static, Option<Mark>>>) -> Option<Mark> {
    match looking {
        Some(looking) => looking.await,
        None => std::future::pending().await,
    }
}
