#![doc = include_str!("../README.md")]

mod chunk;
mod client;
mod counts;
mod csv;
mod envelope;
mod field;
mod fingerprint;
mod format;
mod json;
mod normalize;
mod occurrences;
pub mod reading;
mod record;
mod reject;
mod shape;
mod soql;
mod time;
mod types;

pub use chunk::{Chunk, Chunks, MAX_RECORD, ReadError};
pub use counts::{Counts, Fault, Faults, MAX_FAULTS, MAX_TYPES};
pub use envelope::{MAX_ENVELOPES, MAX_MEMBERS, MAX_WITHIN};
pub use format::{Format, NotEvents, detect};
pub use occurrences::Occurrences;
pub use record::Scalar;
pub use reject::{Reject, RejectReason};
pub use shape::{ColumnUse, Shape, shape};
pub use types::{TypeNames, TypeSource};

use client::Clients;
use field::{Field, Meaning};
use fingerprint::{Fingerprint, NameHash};
use model::{Activity, OrgId, Timestamp};
use normalize::{Normalized, Origin};
use record::Record;
use types::Suggested;

/// What the caller knows and the records may not say.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// The org of records that name no org. If it is `None`, they are rejected.
    pub org: Option<OrgId>,
    /// Types of records that do not say theirs.
    pub types: TypeNames,
    /// When the records were received. Those that are dated more than 5 minutes later are rejected; none if it is `None`.
    pub received: Option<Timestamp>,
}

/// The records of one chunk, in the order of the chunk.
#[derive(Debug, Default)]
pub struct Parsed {
    /// Records that became activities.
    pub activities: Vec<Activity>,
    /// Records that could not be read.
    pub rejects: Vec<Reject>,
    /// Events and values that are in neither, or not as they should be.
    pub counts: Counts,
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
            // Streams have one spelling, so that nothing has to be chosen.
            Meaning::Field(field, _) => record.set(field, value),
            Meaning::Dropped => {}
            Meaning::Unknown => record.set_unknown(name.into(), value),
        }
    }
    let suggested = Suggested::default();
    match normalize::normalize(&record, &mut Clients::default(), context, &suggested, || content.value())? {
        Normalized::Activity(activity, _) => Ok(Some(activity)),
        Normalized::NotWatched(_) => Ok(None),
        Normalized::Mixed => Err(RejectReason::NoEventType),
    }
}

/// Returns whether orgwatch uses fields of this name, on any channel.
pub fn wants(name: &str) -> bool {
    matches!(field::meaning(name), Meaning::Field(..))
}

/// Parses a time in any of the spellings that events have. Returns `None` for other texts and for times before 2000.
pub fn read_time(text: &str) -> Option<Timestamp> {
    time::read(&Scalar::Text(text.into())).ok()
}

/// Parses and normalizes the records of one chunk.
///
/// Never fails: records that cannot be read are listed in [`Parsed::rejects`].
pub fn parse(chunk: &Chunk, context: &Context) -> Parsed {
    // Bounded by the bytes: hostile records may be far smaller than any that become an activity.
    let activities = Vec::with_capacity(chunk.record_count().min(chunk.len() / SMALLEST + 1));
    let mut parsed = Parsed { activities, rejects: chunk.rejects.clone(), ..Parsed::default() };
    match &chunk.header {
        Some(header) => csv::read(chunk, header, context, &mut parsed),
        None => json::read(chunk, context, &mut parsed),
    }
    parsed
}

/// Bytes of a small record. A choice; it only bounds memory that is reserved in advance.
const SMALLEST: usize = 128;

impl Parsed {
    /// Returns the number of valid events of types that orgwatch does not watch.
    pub fn ignored(&self) -> u64 {
        self.counts.ignored()
    }

    /// Adds what another chunk held.
    pub fn append(&mut self, mut other: Self) {
        self.activities.append(&mut other.activities);
        self.rejects.append(&mut other.rejects);
        self.counts.append(other.counts);
    }

    fn add(
        &mut self,
        result: Result<Normalized, RejectReason>,
        record: &Record<'_>,
        line: u64,
        excerpt: impl FnOnce() -> String,
    ) {
        match result {
            Ok(Normalized::Activity(activity, Origin { event_type, type_source, is_unnamed })) => {
                self.activities.push(activity);
                self.counts.unnamed += u64::from(is_unnamed);
                if type_source != TypeSource::Record {
                    *self.counts.suggested.entry((event_type, type_source)).or_default() += 1;
                }
                for field in record.unread() {
                    *self.counts.unread.entry(field.name()).or_default() += 1;
                }
            }
            Ok(Normalized::NotWatched(name)) => self.counts.add_not_watched(name, 1),
            Ok(Normalized::Mixed) => {
                self.rejects.push(Reject { line, reason: RejectReason::NoEventType, excerpt: excerpt() })
            }
            Err(reason) => self.rejects.push(Reject { line, reason, excerpt: excerpt() }),
        }
    }
}
