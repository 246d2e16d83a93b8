//! One topic: subscribes, decodes, and subscribes again.

use super::super::common::Common;
use super::super::plan::Topic;
use super::super::settings::Start;
use super::place::Place;
use crate::aside::Unread;
use crate::meter::{Counts, Origin};
use crate::source::SourceError;
use model::Activity;
use model::time::{HOUR, MINUTE};
use runtime::retry::{Backoff, random};
use salesforce_client::{Error, Replay, Response, Streamed, Subscription, Trouble};
use std::time::Duration;
use store::NewGap;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The subscription of one topic.
pub(super) struct Lane {
    common: Common,
    number: usize,
    topic: Topic,
    /// After what to go on; `None` if nothing was ever read.
    place: Option<Place>,
    /// Whether what the stream still has is to be read from its beginning.
    from_earliest: bool,
    arrivals: mpsc::Sender<Arrival>,
}

/// One response of a topic.
pub(super) struct Arrival {
    pub(super) lane: usize,
    pub(super) received: Instant,
    pub(super) news: News,
}

pub(super) enum News {
    /// Events in the order of their replay ids; without activity those that are not watched or cannot be read.
    Events(Vec<(Place, Option<Activity>)>),
    /// Nothing new up to here.
    Quiet(Place),
}

/// Why a subscription has ended.
enum Ended {
    Shutdown,
    Failed(Error),
}

/// How long Salesforce keeps streamed events.
const HISTORY: i64 = 72 * HOUR;
/// What a gap reaches beyond what was seen: rows become visible late and out of order.
const MARGIN: i64 = 10 * MINUTE;

impl Lane {
    /// A lane that goes on where it was left.
    pub(super) async fn resume(
        common: Common,
        number: usize,
        topic: Topic,
        arrivals: mpsc::Sender<Arrival>,
    ) -> Result<Self, SourceError> {
        let from_earliest = common.settings.start == Start::Earliest;
        let mut lane = Self { common, number, topic, place: None, from_earliest, arrivals };
        lane.place = Place::load(&*lane.common.positions, &lane.source(), &lane.common.org).await?;
        Ok(lane)
    }

    /// Under which its position is kept.
    pub(super) fn source(&self) -> String {
        format!("stream/{}", self.topic.name)
    }

    /// Reads until `shutdown`, or until nobody takes what it brings.
    pub(super) async fn follow(mut self, shutdown: CancellationToken) -> Result<(), SourceError> {
        let mut delays = delays();
        loop {
            let started = Instant::now();
            let error = tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                ended = self.subscribe() => match ended {
                    Ended::Shutdown => return Ok(()),
                    Ended::Failed(error) => error,
                }
            };
            if started.elapsed() > CALM {
                delays = self::delays();
            }
            let pause = self.note(&error).await?;
            let pause = pause.max(delays.next().unwrap_or(CALM));
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn subscribe(&mut self) -> Ended {
        let topic = self.topic.path();
        match self.common.client.subscribe(&topic, self.replay()).await {
            Ok(subscription) => self.read(subscription).await,
            Err(error) => Ended::Failed(error),
        }
    }

    fn replay(&self) -> Replay {
        let fresh = if self.from_earliest { Replay::Earliest } else { Replay::Latest };
        self.place.as_ref().and_then(Place::replay).unwrap_or(fresh)
    }

    async fn read(&mut self, mut subscription: Subscription) -> Ended {
        loop {
            let response = match subscription.next().await {
                Ok(response) => response,
                Err(error) => return Ended::Failed(error),
            };
            let news = self.understand(response).await;
            let arrival = Arrival { lane: self.number, received: Instant::now(), news };
            if self.arrivals.send(arrival).await.is_err() {
                return Ended::Shutdown;
            }
        }
    }

    async fn understand(&mut self, response: Response) -> News {
        let at = self.common.clock();
        self.common.watch.heard(Origin::Stream, &self.topic.kinds, at);
        let mut events = Vec::with_capacity(response.events.len());
        for event in response.events {
            let activity = self.decode(&event).await;
            let event_at = activity.as_ref().map(|activity| activity.event_time);
            let place = Place::new(&event.replay_id, event_at).after(self.place.take());
            self.place = Some(place.clone());
            events.push((place, activity));
        }
        if !events.is_empty() {
            return News::Events(events);
        }
        let place = Place::new(&response.latest_replay_id, None).after(self.place.take());
        self.place = Some(place.clone());
        News::Quiet(place)
    }

    /// `None` for what is not watched, and what cannot be read: that is set aside before its place is passed.
    async fn decode(&self, event: &Streamed) -> Option<Activity> {
        let context = salesforce::Context { org: Some(self.common.org.clone()) };
        let read = event.fields.as_ref().map_err(ToString::to_string).and_then(|fields| {
            let fields = fields.iter().map(|(name, value)| (name.as_str(), value.clone()));
            salesforce::from_fields(&event.event, fields, &context).map_err(|reason| reason.to_string())
        });
        match read {
            Ok(Some(mut activity)) => {
                activity.received_at = activity.received_at.or_else(|| Some(crate::http::now()));
                Some(activity)
            }
            Ok(None) => {
                self.common.meter.records(Origin::Stream, Counts { ignored: 1, ..Counts::default() });
                None
            }
            Err(reason) => {
                self.common.meter.records(Origin::Stream, Counts { rejected: 1, ..Counts::default() });
                let replay_id: String = event.replay_id.iter().map(|byte| format!("{byte:02x}")).collect();
                let place = format!("replay_id={replay_id} schema_id={}", event.schema_id);
                let (org, record) = (self.common.org.clone(), event.payload.clone().into());
                self.common.sink.set_aside(Unread { org, source: self.source(), place, reason, record }).await;
                None
            }
        }
    }

    /// Says what is wrong to whom it concerns. Returns how long to wait at least.
    async fn note(&mut self, error: &Error) -> Result<Duration, SourceError> {
        let (org, stream) = (&self.common.org, self.topic.name.as_str());
        match error.trouble() {
            Trouble::Replay => {
                self.missed(error).await?;
                Ok(Duration::ZERO)
            }
            Trouble::Passing | Trouble::QueryTimeout | Trouble::Cursor => {
                tracing::info!(%org, stream, %error, "subscription ended, it is opened again");
                self.common.watch.failed(Origin::Stream, &self.topic.kinds, error.to_string());
                Ok(Duration::ZERO)
            }
            Trouble::Login | Trouble::Denied | Trouble::Query | Trouble::Limit => {
                tracing::warn!(%org, stream, %error, "subscription refused");
                self.common.watch.failed(Origin::Stream, &self.topic.kinds, error.to_string());
                Ok(REFUSED)
            }
        }
    }

    /// The position is no longer known to Salesforce: what lies between is recorded, and what the stream still has is
    /// read from its beginning.
    async fn missed(&mut self, error: &Error) -> Result<(), SourceError> {
        let now = self.common.clock();
        let last = self.place.take().and_then(|place| place.event_at());
        let from = last.map_or_else(|| now.plus(-HISTORY), |last| last.plus(-MARGIN));
        tracing::warn!(org = %self.common.org, stream = self.topic.name, %from, %error, "position lost");
        for kind in &self.topic.kinds {
            let gap = NewGap {
                source: Origin::Stream.as_str().to_owned(),
                kind: kind.as_str().to_owned(),
                from: from.min(now),
                to: now,
                reason: "the position in the stream has expired".to_owned(),
            };
            self.common.watch.missed(gap).await?;
        }
        self.from_earliest = true;
        Ok(())
    }
}

/// A subscription that lived this long was a good one.
const CALM: Duration = Duration::from_secs(30);
/// What was refused is not asked for again at once.
const REFUSED: Duration = Duration::from_secs(15);

fn delays() -> Backoff<impl FnMut() -> f64> {
    Backoff::new(Duration::from_millis(500), CALM, random)
}
