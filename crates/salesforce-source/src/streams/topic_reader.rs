//! Reads one topic: subscribes, decodes, and subscribes again.

use super::position::Position;
use crate::common::Common;
use crate::settings::Start;
use ingest::meter::{Counts, SourceKind};
use ingest::{SourceError, Unread};
use model::time::{HOUR, MINUTE};
use model::{Activity, Channel};
use runtime::error::chain;
use runtime::retry::{Backoff, random};
use salesforce::reading::plan::Topic;
use salesforce::reading::source_name;
use salesforce_client::{Error, Replay, Response, Streamed, Subscription, Trouble};
use std::time::Duration;
use store::NewGap;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Reads one topic.
pub(super) struct TopicReader {
    common: Common,
    /// The index of the topic.
    index: usize,
    topic: Topic,
    /// The position to continue after; `None` if nothing was read yet.
    position: Option<Position>,
    /// Whether to begin with the earliest event that the stream still has.
    from_earliest: bool,
    arrivals: mpsc::Sender<Arrival>,
}

/// One response of a topic.
pub(super) struct Arrival {
    pub(super) topic: usize,
    pub(super) received: Instant,
    pub(super) content: Content,
}

pub(super) enum Content {
    /// Events in the order of their replay ids. Those of unwatched kinds and unreadable ones have no activity.
    Events(Vec<(Position, Option<Activity>)>),
    /// No events up to this position.
    KeepAlive(Position),
}

const SOURCE: SourceKind = SourceKind::Salesforce(Channel::Stream);

/// Why a subscription has ended.
enum Ended {
    Shutdown,
    Failed(Error),
}

/// How long Salesforce keeps streamed events, in milliseconds: docs/sources.md.
const HISTORY: i64 = 72 * HOUR;
/// How far a gap begins before the last event, in milliseconds, because rows become visible late and out of order. A
/// choice.
const MARGIN: i64 = 10 * MINUTE;

impl TopicReader {
    /// Makes a reader that continues at the stored position.
    pub(super) async fn resume(
        common: Common,
        index: usize,
        topic: Topic,
        arrivals: mpsc::Sender<Arrival>,
    ) -> Result<Self, SourceError> {
        let from_earliest = common.settings.start == Start::Earliest;
        let mut reader = Self { common, index, topic, position: None, from_earliest, arrivals };
        reader.position = Position::load(&*reader.common.positions, &reader.source(), &reader.common.org).await?;
        Ok(reader)
    }

    /// Returns the name under which its position is stored.
    pub(super) fn source(&self) -> String {
        format!("stream/{}", self.topic.name)
    }

    /// Reads until `shutdown`, or until the receiver of arrivals is gone.
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
            let pause = self.handle(&error).await?;
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
        self.position.as_ref().and_then(Position::replay).unwrap_or(fresh)
    }

    async fn read(&mut self, mut subscription: Subscription) -> Ended {
        loop {
            let response = match subscription.next().await {
                Ok(response) => response,
                Err(error) => return Ended::Failed(error),
            };
            let content = self.content(response).await;
            let arrival = Arrival { topic: self.index, received: Instant::now(), content };
            if self.arrivals.send(arrival).await.is_err() {
                return Ended::Shutdown;
            }
        }
    }

    async fn content(&mut self, response: Response) -> Content {
        let at = self.common.clock();
        self.common.watch.heard(Channel::Stream, &self.topic.kinds, at);
        let mut events = Vec::with_capacity(response.events.len());
        for event in response.events {
            let activity = self.decode(&event).await;
            let event_at = activity.as_ref().map(|activity| activity.event_time);
            let position = Position::new(&event.replay_id, event_at).after(self.position.take());
            self.position = Some(position.clone());
            events.push((position, activity));
        }
        if !events.is_empty() {
            return Content::Events(events);
        }
        let position = Position::new(&response.latest_replay_id, None).after(self.position.take());
        self.position = Some(position.clone());
        Content::KeepAlive(position)
    }

    /// Returns the activity of an event; `None` if its kind is not watched or it is unreadable. An unreadable event is
    /// stored as a dead letter before the position passes it.
    async fn decode(&self, event: &Streamed) -> Option<Activity> {
        let context = salesforce::Context { org: Some(self.common.org.clone()), ..salesforce::Context::default() };
        let read = event.fields.as_ref().map_err(ToString::to_string).and_then(|fields| {
            let fields = fields.iter().map(|(name, value)| (name.as_str(), value.clone()));
            salesforce::from_fields(&event.event, fields, &context).map_err(|reason| reason.to_string())
        });
        match read {
            Ok(Some(mut activity)) => {
                activity.received_at = activity.received_at.or_else(|| Some(runtime::clock::now()));
                Some(activity)
            }
            Ok(None) => {
                self.common.meter.records(SOURCE, Counts { ignored: 1, ..Counts::default() });
                None
            }
            Err(reason) => {
                self.common.meter.records(SOURCE, Counts { rejected: 1, ..Counts::default() });
                let replay_id: String = event.replay_id.iter().map(|byte| format!("{byte:02x}")).collect();
                let position = format!("replay_id={replay_id} schema_id={}", event.schema_id);
                let (org, record) = (self.common.org.clone(), event.payload.clone().into());
                self.common.sink.set_aside(Unread { org, source: self.source(), position, reason, record }).await;
                None
            }
        }
    }

    /// Logs and records a failure. Returns the shortest time to wait.
    async fn handle(&mut self, error: &Error) -> Result<Duration, SourceError> {
        let (org, stream) = (&self.common.org, self.topic.name.as_str());
        match error.trouble() {
            Trouble::Replay => {
                self.lose_position(error).await?;
                Ok(Duration::ZERO)
            }
            Trouble::Passing | Trouble::QueryTimeout | Trouble::Cursor => {
                tracing::info!(%org, stream, error = chain(&error), "subscription ended, subscribing again");
                self.common.watch.failed(Channel::Stream, &self.topic.kinds, chain(&error));
                Ok(Duration::ZERO)
            }
            Trouble::Login | Trouble::Denied | Trouble::Query | Trouble::Limit => {
                tracing::warn!(%org, stream, error = chain(&error), "subscription refused");
                self.common.watch.failed(Channel::Stream, &self.topic.kinds, chain(&error));
                Ok(REFUSED)
            }
        }
    }

    /// Stores a gap because Salesforce no longer has the position, and continues with the earliest event of the stream.
    async fn lose_position(&mut self, error: &Error) -> Result<(), SourceError> {
        let now = self.common.clock();
        let last = self.position.take().and_then(|position| position.event_at());
        let from = last.map_or_else(|| now.plus(-HISTORY), |last| last.plus(-MARGIN));
        tracing::warn!(org = %self.common.org, stream = self.topic.name, %from, %error, "the position has expired");
        for kind in &self.topic.kinds {
            let gap = NewGap {
                source: source_name(Channel::Stream).to_owned(),
                kind: kind.as_str().to_owned(),
                from: from.min(now),
                to: now,
                reason: "the position in the stream has expired".to_owned(),
            };
            self.common.watch.open_gap(gap).await?;
        }
        self.from_earliest = true;
        Ok(())
    }
}

/// A subscription of this length counts as stable: the wait before the next one starts again at the shortest. A choice.
const CALM: Duration = Duration::from_secs(30);
/// The shortest wait after a refused subscription. A choice.
const REFUSED: Duration = Duration::from_secs(15);

fn delays() -> Backoff<impl FnMut() -> f64> {
    Backoff::new(Duration::from_millis(500), CALM, random)
}
