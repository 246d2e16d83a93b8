#![doc = include_str!("../README.md")]

mod chunk;
mod client;
mod csv;
mod field;
mod fingerprint;
mod format;
mod json;
mod normalize;
mod occurrences;
pub mod reading;
mod record;
mod reject;
mod time;

pub use chunk::{Chunk, Chunks, MAX_RECORD, ReadError};
pub use format::{Format, NotEvents, detect};
pub use occurrences::Occurrences;
pub use record::Scalar;
pub use reject::{Reject, RejectReason};

use client::Clients;
use field::{Field, Meaning};
use fingerprint::{Fingerprint, NameHash};
use model::{Activity, OrgId, Timestamp};
use normalize::Normalized;
use record::Record;

/// What the caller knows and the records may not say.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// The org of records that name no org. If it is `None`, they are rejected.
    pub org: Option<OrgId>,
}

/// The records of one chunk, in the order of the chunk.
#[derive(Debug, Default)]
pub struct Parsed {
    /// Records that became activities.
    pub activities: Vec<Activity>,
    /// Records that could not be read.
    pub rejects: Vec<Reject>,
    /// Number of valid events of kinds that orgwatch does not watch.
    pub ignored: u64,
    /// Number of activities of records that name no org.
    pub unnamed: u64,
}

/// Normalizes one record of which the fields are decoded already, such as a streamed event.
///
/// `event_type` is the name of the record's channel (`/event/ApiEventStream`) or object (`ApiEvent`). Returns `None` if
/// orgwatch does not watch that kind of event.
///
/// # Errors
/// If the record is not an event, or lacks its time, user or org.
pub fn from_fields<'a>(
    event_type: &'a str,
    fields: impl Iterator<Item = (&'a str, Scalar<'a>)>,
    context: &Context,
) -> Result<Option<Activity>, RejectReason> {
    let mut record = Record::new();
    let mut content = Fingerprint::default();
    record.set(Field::Channel, Scalar::Text(event_type.into()));
    for (name, value) in fields {
        content.add(NameHash::new(name), value.to_text(usize::MAX).unwrap_or_default().as_bytes());
        match field::meaning(name) {
            Meaning::Field(field) => record.set(field, value),
            Meaning::Dropped => {}
            Meaning::Unknown => record.set_unknown(name.into(), value),
        }
    }
    match normalize::normalize(&record, &mut Clients::default(), context, || content.value())? {
        Normalized::Activity(activity) | Normalized::Unnamed(activity) => Ok(Some(activity)),
        Normalized::NotWatched => Ok(None),
    }
}

/// Returns whether orgwatch uses fields of this name, on any channel.
pub fn wants(name: &str) -> bool {
    matches!(field::meaning(name), Meaning::Field(_))
}

/// Parses a time in any of Salesforce's spellings. Returns `None` for other texts and for times before 1970.
pub fn read_time(text: &str) -> Option<Timestamp> {
    time::read(&Scalar::Text(text.into()))
}

/// Parses and normalizes the records of one chunk.
///
/// Never fails: records that cannot be read are listed in [`Parsed::rejects`].
pub fn parse(chunk: &Chunk, context: &Context) -> Parsed {
    // Bounded by the bytes: hostile records may be far smaller than any that become an activity.
    let activities = Vec::with_capacity(chunk.record_count().min(chunk.len() / SMALLEST + 1));
    let mut parsed = Parsed { activities, rejects: chunk.rejects.clone(), ignored: 0, unnamed: 0 };
    match &chunk.header {
        Some(header) => csv::read(chunk, header, context, &mut parsed),
        None => json::read(chunk, context, &mut parsed),
    }
    parsed
}

/// Bytes of a small record. A choice; it only bounds memory that is reserved in advance.
const SMALLEST: usize = 128;

impl Parsed {
    fn add(&mut self, result: Result<Normalized, RejectReason>, line: u64, excerpt: impl FnOnce() -> String) {
        match result {
            Ok(Normalized::Activity(activity)) => self.activities.push(activity),
            Ok(Normalized::Unnamed(activity)) => {
                self.activities.push(activity);
                self.unnamed += 1;
            }
            Ok(Normalized::NotWatched) => self.ignored += 1,
            Err(reason) => self.rejects.push(Reject { line, reason, excerpt: excerpt() }),
        }
    }
}
