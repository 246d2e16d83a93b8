//! What all interfaces of the org share.

use crate::clock::Clock;
use crate::cursors::Cursors;
use crate::fault::{Fault, Faults};
use crate::log_files::LogFiles;
use crate::pubsub::unavailable;
use crate::pump::Outlet;
use crate::replay;
use crate::script::Script;
use crate::settings::{Settings, Speed, millis};
use crate::standard_rows::StandardRows;
use crate::streams::{Situation, Streams};
use crate::tape::{Place, Tape, Topic};
use crate::tokens::Tokens;
use model::{OrgId, Timestamp};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

#[derive(Debug)]
pub(crate) struct Org {
    pub(crate) id: OrgId,
    /// Where REST and OAuth are.
    pub(crate) url: String,
    pub(crate) settings: Settings,
    pub(crate) tape: Tape,
    pub(crate) clock: Clock,
    pub(crate) faults: Faults,
    pub(crate) tokens: Tokens,
    pub(crate) cursors: Cursors,
    pub(crate) files: LogFiles,
    pub(crate) standard: StandardRows,
    /// Wakes the pump.
    pub(crate) wake: Notify,
    /// Told whenever something was sent.
    pub(crate) progress: watch::Sender<()>,
    streams: Mutex<Streams<Outlet>>,
    calls: Mutex<BTreeMap<&'static str, u64>>,
    /// Of replay ids.
    generation: AtomicU32,
}

impl Org {
    /// # Errors
    /// The name of an object of the script that no org has.
    pub(crate) fn new(script: Script, url: String) -> Result<Self, String> {
        let Script { org_id, events, log_tables, permission_sets, settings } = script;
        let mut tape = Tape::new(events)?;
        for (name, members) in &settings.channels {
            tape.add_channel(name, members);
        }
        let first = tape.events.first().map_or(settings.start, |event| event.published);
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
            tape,
        })
    }

    pub(crate) fn count(&self, call: &'static str) {
        *self.calls.lock().unwrap_or_else(PoisonError::into_inner).entry(call).or_default() += 1;
    }

    pub(crate) fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn streams(&self) -> MutexGuard<'_, Streams<Outlet>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The place after all events that can be streamed.
    pub(crate) fn released(&self) -> Place {
        match self.settings.speed {
            Speed::Instant => self.tape.end(),
            Speed::Factor(_) | Speed::Manual => self.tape.after(self.clock.now()),
        }
    }

    pub(crate) fn situation(&self, streams: &Streams<Outlet>, now: Instant) -> Situation<'_> {
        Situation {
            places: &self.tape.places,
            released: self.released(),
            flowing: streams.sent.len() >= self.settings.topics_awaited,
            order: self.settings.order,
            now,
            keepalive: self.settings.keepalive,
        }
    }

    /// The place of the first event that streams can still be replayed from.
    pub(crate) fn earliest(&self) -> Place {
        self.tape.before(self.clock.now().plus(-millis(self.settings.history)))
    }

    /// The org's time up to which stored rows are visible.
    pub(crate) fn visible(&self) -> Timestamp {
        self.clock.now().plus(-millis(self.settings.visible_after))
    }

    /// Breaks streams as [`crate::Fault::StreamsBroken`] says.
    pub(crate) fn break_streams(&self) {
        self.streams().open.retain(|_, open| {
            let names = self.tape.topics.get(open.topic).map_or(["", ""], Topic::names);
            let breaks = self.faults.strikes(&names, &Fault::StreamsBroken);
            if breaks {
                drop(open.outlet.send(Err(unavailable())));
            }
            !breaks
        });
    }

    /// Breaks all streams.
    pub(crate) fn close_streams(&self) {
        for open in std::mem::take(&mut self.streams().open).into_values() {
            drop(open.outlet.send(Err(unavailable())));
        }
    }

    pub(crate) fn lose_replay_ids(&self) {
        self.generation.fetch_add(1, Ordering::Relaxed);
    }

    /// Whose the replay ids of a topic are.
    pub(crate) fn replay_tag(&self, topic: &str) -> [u8; 2] {
        replay::tag(self.id.as_str(), topic, self.generation.load(Ordering::Relaxed))
    }
}
