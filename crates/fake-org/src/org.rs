//! The state that all APIs of the org share.

use crate::clock::Clock;
use crate::cursors::Cursors;
use crate::fault::{Fault, Faults};
use crate::log_files::LogFiles;
use crate::pubsub::unavailable;
use crate::pump::AnswerSender;
use crate::replay;
use crate::script::Script;
use crate::settings::{Settings, Speed, millis};
use crate::standard_rows::StandardRows;
use crate::streams::{Situation, Streams};
use crate::timeline::{Offset, Timeline, Topic};
use crate::tokens::Tokens;
use model::{OrgId, Timestamp};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

/// A running org.
#[derive(Debug)]
pub(crate) struct Org {
    pub(crate) id: OrgId,
    /// The URL of OAuth and REST.
    pub(crate) url: String,
    pub(crate) settings: Settings,
    pub(crate) timeline: Timeline,
    pub(crate) clock: Clock,
    pub(crate) faults: Faults,
    pub(crate) tokens: Tokens,
    pub(crate) cursors: Cursors,
    pub(crate) files: LogFiles,
    pub(crate) standard: StandardRows,
    /// Wakes the pump.
    pub(crate) wake: Notify,
    /// Notified after each step of the pump.
    pub(crate) progress: watch::Sender<()>,
    streams: Mutex<Streams<AnswerSender>>,
    calls: Mutex<BTreeMap<&'static str, u64>>,
    /// The generation of replay ids. Ids of earlier generations are refused.
    generation: AtomicU32,
}

impl Org {
    /// # Errors
    /// The name of an object in the script that does not store events.
    pub(crate) fn new(script: Script, url: String) -> Result<Self, String> {
        let Script { org_id, events, log_tables, permission_sets, settings } = script;
        let mut timeline = Timeline::new(events)?;
        for (name, members) in &settings.channels {
            timeline.add_channel(name, members);
        }
        let first = timeline.events.first().map_or(settings.start, |event| event.published);
        Ok(Self {
            url,
            clock: Clock::new(settings.speed, settings.start.max(first)),
            faults: Faults::default(),
            tokens: Tokens::default(),
            cursors: Cursors::default(),
            files: LogFiles::new(log_tables),
            standard: StandardRows::new(permission_sets),
            wake: Notify::new(),
            progress: watch::Sender::new(()),
            streams: Mutex::default(),
            calls: Mutex::default(),
            generation: AtomicU32::new(0),
            id: org_id,
            settings,
            timeline,
        })
    }

    /// Counts a call, for [`crate::Control::requests`].
    pub(crate) fn count(&self, call: &'static str) {
        *self.calls.lock().unwrap_or_else(PoisonError::into_inner).entry(call).or_default() += 1;
    }

    pub(crate) fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn streams(&self) -> MutexGuard<'_, Streams<AnswerSender>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The offset after all events that may be streamed now.
    pub(crate) fn released(&self) -> Offset {
        match self.settings.speed {
            Speed::Instant => self.timeline.end(),
            Speed::Factor(_) | Speed::Manual => self.timeline.after(self.clock.now()),
        }
    }

    /// Collects the inputs of [`Streams::step`].
    pub(crate) fn situation(&self, streams: &Streams<AnswerSender>, now: Instant) -> Situation<'_> {
        Situation {
            offsets: &self.timeline.offsets,
            released: self.released(),
            flowing: streams.sent.len() >= self.settings.topics_awaited,
            order: self.settings.stream_order,
            now,
            keepalive: self.settings.keepalive,
        }
    }

    /// The offset of the oldest event from which streams can be replayed.
    pub(crate) fn earliest(&self) -> Offset {
        self.timeline.before(self.clock.now().plus(-millis(self.settings.history)))
    }

    /// The time up to which stored rows are visible.
    pub(crate) fn visible(&self) -> Timestamp {
        self.clock.now().plus(-millis(self.settings.visible_after))
    }

    /// Ends the streams that a [`crate::Fault::StreamsBroken`] applies to.
    pub(crate) fn break_streams(&self) {
        self.streams().open.retain(|_, open| {
            let names = self.timeline.topics.get(open.topic).map_or(["", ""], Topic::names);
            let breaks = self.faults.occurs(&names, &Fault::StreamsBroken);
            if breaks {
                drop(open.sender.send(Err(unavailable())));
            }
            !breaks
        });
    }

    /// Ends all streams with an error.
    pub(crate) fn close_streams(&self) {
        for open in std::mem::take(&mut self.streams().open).into_values() {
            drop(open.sender.send(Err(unavailable())));
        }
    }

    /// Invalidates all replay ids issued so far.
    pub(crate) fn lose_replay_ids(&self) {
        self.generation.fetch_add(1, Ordering::Relaxed);
    }

    /// The tag of a topic's replay ids, see [`replay::tag`].
    pub(crate) fn replay_tag(&self, topic: &str) -> [u8; 2] {
        replay::tag(self.id.as_str(), topic, self.generation.load(Ordering::Relaxed))
    }
}
