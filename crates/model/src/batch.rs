//! What travels together: batches of items, each with the trace context of what caused it.

use crate::activity::words;
use crate::{Activity, Incident, Kind, OrgId, Text, Timestamp};
use serde::{Deserialize, Serialize};

/// A value on its way, with the W3C trace context of what caused it.
#[derive(Clone, Debug, PartialEq)]
pub struct Item<T> {
    pub value: T,
    /// `traceparent`, empty where nothing is traced.
    pub traceparent: Text,
    /// When ingest received what caused it, by the wall clock: only measured, never decided by.
    pub received_at: Option<Timestamp>,
}

/// What a partition's activity stream consists of.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    Activity(Box<Activity>),
    /// An activity of long ago: it teaches, and raises nothing.
    Backfill(Box<Activity>),
    Control(Control),
}

/// What is not an activity, yet must be met at the same place by all who read the partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    pub org_id: OrgId,
    pub command: Command,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// All sources have told everything up to this time: hours that end by it are closed.
    Watermark(Timestamp),
    /// No more activities will come: all hours and days are closed.
    End,
    /// Events of this kind are missing from here on: what is observed meanwhile says so.
    Blind { kind: Kind },
    /// Events of this kind come again.
    Sighted { kind: Kind },
}

/// An incident, and what has become of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub incident: Incident,
    pub kind: ChangeKind,
}

words! {
    ChangeKind {
        Opened = "opened",
        Updated = "updated",
        Escalated = "escalated",
        Reopened = "reopened",
        Closed = "closed",
    }
}

impl<T> Item<T> {
    /// Untraced.
    pub fn new(value: T) -> Self {
        Self { value, traceparent: Text::default(), received_at: None }
    }

    /// What this one causes, in a span of the same trace.
    pub fn causes<U>(&self, value: U, traceparent: Text) -> Item<U> {
        Item { value, traceparent, received_at: self.received_at }
    }
}

impl Entry {
    /// What there is to learn, from an activity or a lesson.
    pub fn activity(&self) -> Option<&Activity> {
        match self {
            Self::Activity(activity) | Self::Backfill(activity) => Some(activity),
            Self::Control(_) => None,
        }
    }

    pub fn org_id(&self) -> &OrgId {
        match self {
            Self::Activity(activity) | Self::Backfill(activity) => &activity.org_id,
            Self::Control(control) => &control.org_id,
        }
    }
}

/// A type that travels in batches.
pub trait Batch: Sized + Send + Sync + 'static {
    /// One item, as [`push_item`] takes it.
    fn encode_item(item: &Item<Self>) -> Vec<u8>;

    /// # Errors
    /// If the bytes are no batch of this type, or any field of any item holds what the domain type cannot.
    fn decode_batch(bytes: &[u8]) -> Result<Vec<Item<Self>>, crate::codec::WireError>;

    fn encode_batch(items: &[Item<Self>]) -> Vec<u8> {
        let mut batch = Vec::new();
        items.iter().for_each(|item| push_item(&mut batch, &Self::encode_item(item)));
        batch
    }
}

/// The most bytes that an item takes in a batch beyond its own.
pub const ITEM_OVERHEAD: usize = 6;

/// Adds an encoded item to a batch: batches are `repeated` fields, so they can be put together item by item.
pub fn push_item(batch: &mut Vec<u8>, item: &[u8]) {
    /// Field 1, length-delimited: `items` of every batch message.
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
