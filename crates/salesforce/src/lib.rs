//! Every shape in which Salesforce delivers events, read into [`model::Activity`].
//!
//! Stored and streamed real-time events, log-file rows (CSV or JSON), event log objects and Security
//! Center records all pass through one dictionary of fields and one normalizer. The caller opens the
//! input; [`Chunks`] cuts it into whole records, and [`parse`] reads each chunk by itself, so chunks
//! may be read in parallel.
//!
//! Pure: no clock, no opening of files.

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
pub use format::{Format, detect, looks_like_events};
pub use occurrences::Occurrences;
pub use record::Scalar;
pub use reject::{Reject, RejectReason};

use client::Clients;
use field::{Field, Meaning};
use fingerprint::{Fingerprint, NameHash};
use model::{Activity, OrgId, Timestamp};
use normalize::Normalized;
use record::Record;

/// What the records themselves do not say.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// The org of records that name none; without it they are rejected.
    pub org: Option<OrgId>,
}

/// What one chunk held, in its order.
#[derive(Debug, Default)]
pub struct Parsed {
    pub activities: Vec<Activity>,
    pub rejects: Vec<Reject>,
    /// Real events of kinds that orgwatch does not watch.
    pub ignored: u64,
}

/// One record whose fields are decoded already, as those of a streamed event are; `None` if its kind is
/// not watched. `event_type` is the name of its channel or object.
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
        Normalized::Activity(activity) => Ok(Some(activity)),
        Normalized::NotWatched => Ok(None),
    }
}

/// Whether a field of this name, on whichever channel, is of use.
pub fn wants(name: &str) -> bool {
    matches!(field::meaning(name), Meaning::Field(_))
}

/// Reads a time in any spelling that Salesforce uses; `None` if it is no time from 1970 to 9999.
pub fn read_time(text: &str) -> Option<Timestamp> {
    time::read(&Scalar::Text(text.into()))
}

/// Reads the records of one chunk. Never fails: what cannot be read is in [`Parsed::rejects`].
pub fn parse(chunk: &Chunk, context: &Context) -> Parsed {
    let activities = Vec::with_capacity(chunk.record_count());
    let mut parsed = Parsed { activities, rejects: chunk.rejects.clone(), ignored: 0 };
    match &chunk.header {
        Some(header) => csv::read(chunk, header, context, &mut parsed),
        None => json::read(chunk, context, &mut parsed),
    }
    parsed
}

impl Parsed {
    fn add(&mut self, result: Result<Normalized, RejectReason>, line: u64, excerpt: impl FnOnce() -> String) {
        match result {
            Ok(Normalized::Activity(activity)) => self.activities.push(activity),
            Ok(Normalized::NotWatched) => self.ignored += 1,
            Err(reason) => self.rejects.push(Reject { line, reason, excerpt: excerpt() }),
        }
    }
}
