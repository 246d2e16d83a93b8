//! Batches, and what travels in them: entries of the activity stream, observations, findings and changes of incidents.

use crate::words::words;
use crate::{Activity, Decision, Incident, Kind, OrgId, Text, Timestamp};
use serde::Serialize;
use uuid::Uuid;

/// A value with its trace context and the time at which its cause was received.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Item<T> {
    /// The value.
    pub value: T,
    /// W3C `traceparent` of the cause; empty if it is not traced.
    pub traceparent: Text,
    /// When ingest received the cause, by the wall clock. It serves to measure latency; no decision depends on it.
    pub received_at: Option<Timestamp>,
}

/// One entry of a partition's activity stream.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// A current activity, which is observed, judged and learned.
    Activity(Box<Activity>),
    /// An activity of long ago, which is learned and raises nothing.
    Backfill(Box<Activity>),
    /// A control record.
    Control(Control),
}

/// A command to all readers of an org's activity stream, which take it at its position in the stream.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Control {
    /// The org that the command concerns.
    pub org_id: OrgId,
    /// The command.
    pub command: Command,
}

/// What a control record asks its readers to do.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Judge once more what is open, if its hour ends by this time: all sources have published everything before it.
    /// Nothing closes.
    Watermark(Timestamp),
    /// Close all hours and days: no more activities will come.
    End,
    /// Mark observations from here on as made without events of this kind.
    Blind {
        /// The kind that is missing.
        kind: Kind,
    },
    /// End [`Command::Blind`]: events of this kind arrive again.
    Sighted {
        /// The kind that arrives again.
        kind: Kind,
    },
    /// Take a decision that changes what is learned or the settings, with the close of the org's next hour; or of the hour
    /// that the decision names for the partition.
    Decide(Box<Decision>),
}

/// A new state of an incident.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// The incident after the change.
    pub incident: Incident,
    /// What changed.
    pub kind: ChangeKind,
    /// Why the incident ended; present exactly if `kind` is [`ChangeKind::Ended`].
    pub end_reason: Option<EndReason>,
    /// The incident that absorbed this one; present exactly if the reason is [`EndReason::Absorbed`].
    pub merged_into: Option<Uuid>,
}

words! {
    /// What changed of an incident.
    ChangeKind {
        /// The incident is new.
        Opened = "opened",
        /// It changed in any other way.
        Updated = "updated",
        /// Its severity rose.
        Escalated = "escalated",
        /// A person had resolved it, and its findings changed.
        Reopened = "reopened",
        /// A person has resolved it.
        Closed = "closed",
        /// It is not expected to grow any more, for the [`EndReason`]. Nobody has decided anything.
        Ended = "ended",
        /// It had ended, and has grown since.
        Resumed = "resumed",
    }
}

words! {
    /// Why an incident ended.
    EndReason {
        /// The event time of its org has passed its last event by more than the merge window.
        Passed = "passed",
        /// Another incident now has its findings.
        Absorbed = "absorbed",
        /// All its findings were withdrawn: later events explained them.
        Withdrawn = "withdrawn",
        /// All its findings are suppressed: a person has decided that they count for nothing.
        Suppressed = "suppressed",
    }
}

impl Change {
    /// Creates a change that is not an end.
    pub fn new(incident: Incident, kind: ChangeKind) -> Self {
        Self { incident, kind, end_reason: None, merged_into: None }
    }
}

impl<T> Item<T> {
    /// Creates an item that is not traced.
    pub fn new(value: T) -> Self {
        Self { value, traceparent: Text::default(), received_at: None }
    }

    /// Creates an item that this one causes, in a span of the same trace.
    pub fn causes<U>(&self, value: U, traceparent: Text) -> Item<U> {
        Item { value, traceparent, received_at: self.received_at }
    }
}

impl Entry {
    /// Returns the activity, current or backfill; `None` for a control record.
    pub fn activity(&self) -> Option<&Activity> {
        match self {
            Self::Activity(activity) | Self::Backfill(activity) => Some(activity),
            Self::Control(_) => None,
        }
    }

    /// Returns the org that the entry concerns.
    pub fn org_id(&self) -> &OrgId {
        match self {
            Self::Activity(activity) | Self::Backfill(activity) => &activity.org_id,
            Self::Control(control) => &control.org_id,
        }
    }
}

/// A type that travels in batches.
pub trait Batch: Sized + Send + Sync + 'static {
    /// Encodes one item. [`push_item`] adds it to a batch.
    fn encode_item(item: &Item<Self>) -> Vec<u8>;

    /// Decodes all items of a batch.
    ///
    /// # Errors
    /// If the bytes are not a batch of this type, or if a field of any item has a value that the domain type does not
    /// allow.
    fn decode_batch(bytes: &[u8]) -> Result<Vec<Item<Self>>, crate::codec::WireError>;

    /// Encodes a batch.
    fn encode_batch(items: &[Item<Self>]) -> Vec<u8> {
        let mut batch = Vec::new();
        items.iter().for_each(|item| push_item(&mut batch, &Self::encode_item(item)));
        batch
    }
}

/// The most bytes that a batch adds to an encoded item: a tag of one byte and a length of at most five.
pub const ITEM_OVERHEAD: usize = 6;

/// Appends an encoded item to a batch.
///
/// Every batch message has a single `repeated` field, so the concatenation of encoded items is a valid batch.
pub fn push_item(batch: &mut Vec<u8>, item: &[u8]) {
    /// Field 1 with wire type 2 (length-delimited): `items` in every batch message of proto/orgwatch/v1.
    const TAG: u8 = 0x0a;
    batch.reserve(item.len() + ITEM_OVERHEAD);
    batch.push(TAG);
    prost::encoding::encode_varint(item.len() as u64, batch);
    batch.extend_from_slice(item);
}

impl From<Activity> for Entry {
    fn from(activity: Activity) -> Self {
        Self::Activity(Box::new(activity))
    }
}
