//! Controls a running org.

use crate::fault::{Fault, Misbehavior};
use crate::log_files::{Interval, LogFile};
use crate::org::Org;
use crate::replay;
use model::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::time::Instant;

/// A handle to a running org: sets its time, injects faults, and reports what was sent. Clones control the same org.
#[derive(Clone, Debug)]
pub struct Control {
    pub(crate) org: Arc<Org>,
}

/// How far a topic was streamed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Streamed {
    /// How many of the topic's events were sent, or lie before the start of its subscriptions.
    pub events: usize,
    /// The index of the last event that was sent, in the script.
    pub last: Option<usize>,
    /// The replay id of that event.
    pub replay_id: Option<Vec<u8>>,
}

impl Control {
    /// Returns the org's time.
    pub fn now(&self) -> Timestamp {
        self.org.clock.now()
    }

    /// Sets the org's time forward, so that events up to then happen. A later clock stays unchanged.
    pub fn advance_to(&self, time: Timestamp) {
        self.org.clock.advance_to(time);
        self.org.wake.notify_one();
    }

    /// Sets the org's time to the last event, so that all events happen.
    pub fn play(&self) {
        if let Some(last) = self.org.timeline.events.last() {
            self.advance_to(last.published);
        }
    }

    /// Whether all events that have happened were sent on every topic that was ever subscribed to, and
    /// [`crate::Settings::topics_awaited`] is reached.
    pub fn streamed_all(&self) -> bool {
        let streams = self.org.streams();
        streams.is_done(&self.org.situation(&streams, Instant::now()))
    }

    /// Waits until [`Control::streamed_all`] is true.
    pub async fn until_streamed(&self) {
        self.until(Self::streamed_all).await;
    }

    /// Waits until at least so many streams are open.
    pub async fn until_subscribed(&self, streams: usize) {
        self.until(|control| control.org.streams().open.len() >= streams).await;
    }

    /// Returns how far each topic was streamed that was ever subscribed to, by name, such as
    /// `/event/ListViewEventStream`.
    pub fn streamed(&self) -> BTreeMap<String, Streamed> {
        let streams = self.org.streams();
        let of_topic = |topic: &usize| self.org.timeline.topics.get(*topic);
        let known = streams.sent.iter().filter_map(|(topic, sent)| Some((of_topic(topic)?, sent)));
        known
            .map(|(topic, sent)| {
                let replay_id = sent.last.map(|last| replay::encode(last + 1, self.org.replay_tag(&topic.name)));
                let last = sent.last.map(|last| last as usize);
                (topic.name.clone(), Streamed { events: sent.next, last, replay_id })
            })
            .collect()
    }

    /// Returns the replay id of the last event that was sent on a topic.
    pub fn last_replay_id(&self, topic: &str) -> Option<Vec<u8>> {
        self.streamed().remove(topic)?.replay_id
    }

    /// Returns the number of calls by name: `token`, `userinfo`, `query`, `query_more`, `describe`, `limits`,
    /// `download`, `topic`, `schema`, `subscribe`.
    pub fn requests(&self) -> BTreeMap<&'static str, u64> {
        self.org.counts()
    }

    /// Activates a fault.
    pub fn misbehave(&self, how: impl Into<Misbehavior>) {
        let how = how.into();
        match how.fault {
            Fault::TokensExpired => self.org.tokens.expire_all(),
            Fault::ReplayIdsLost => self.org.lose_replay_ids(),
            Fault::StreamsBroken => {
                self.org.faults.add(how);
                self.org.break_streams();
            }
            _ => self.org.faults.add(how),
        }
        self.org.wake.notify_one();
    }

    /// Deactivates all faults.
    pub fn calm(&self) {
        self.org.faults.clear();
        self.org.wake.notify_one();
    }

    /// Adds an event log file, which appears at its `created`. Returns its id.
    pub fn add_log_file(&self, file: LogFile) -> String {
        self.org.files.add(&self.org, file)
    }

    /// Issues a log file that was made from the script again, now: same id and content, new `CreatedDate`.
    pub fn reissue_log_file(&self, event_type: &str, interval: Interval, log_date: Timestamp) {
        self.org.files.reissue(event_type, interval, log_date, self.now());
    }

    async fn until(&self, condition: impl Fn(&Self) -> bool) {
        let mut progress = self.org.progress.subscribe();
        while !condition(self) {
            if progress.changed().await.is_err() {
                return;
            }
        }
    }
}
