//! Looks at what is in files of events, and opens them.

use crate::errors::{InputError, SkipReason};
use crate::orgs::{NamedOrgs, UNNAMED_ORG};
use crate::place::Place;
use crate::text::as_utf8;
use model::{Channel, OrgId, Timestamp};
use salesforce::{Chunks, Context, Format, NotEvents};
use std::collections::BTreeSet;
use std::io::{self, Cursor, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// A file of events.
#[derive(Clone, Debug)]
pub struct Input {
    /// The path, behind it the names of a member in archives; `-` for standard input.
    pub name: PathBuf,
    /// The file on disk; `None` is standard input.
    pub path: Option<PathBuf>,
    /// Bytes on disk; 0 for standard input.
    pub bytes: u64,
    pub(super) place: Place,
    pub(super) format: Format,
    /// What its records may not say.
    pub(super) context: Context,
    /// Time of its first event, and how its events are ordered.
    pub(super) first: Timestamp,
    pub(super) order: TimeOrder,
    /// The orgs that the records at its beginning name.
    pub(super) named: NamedOrgs,
    /// The channels by which its records came; `None` if only a part of it was looked at, and the rest may have others.
    pub(super) channels: Option<BTreeSet<Channel>>,
    /// Whether the caller named it, so that a failure to read it is an error.
    pub(super) is_named: bool,
}

/// How the events of a file follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimeOrder {
    /// By time, with events up to 5 minutes late.
    OldestFirst,
    /// By time backwards, as the query API returns them.
    NewestFirst,
    Mixed,
}

/// Bytes of a file, unpacked, that are looked at for its format and order. A choice: hundreds of records of any kind.
const HEAD: usize = 256 * 1024;

impl Input {
    /// Returns the path, behind it the names of a member in archives; `-` for standard input.
    pub fn name(&self) -> PathBuf {
        self.name.clone()
    }

    /// Returns whether all records of these files came by the same channel. `false` where it is not known before the files
    /// are read.
    pub fn have_one_channel(inputs: &[Self]) -> bool {
        let known: Option<Vec<_>> = inputs.iter().map(|input| input.channels.as_ref()).collect();
        known.is_some_and(|known| known.into_iter().flatten().collect::<BTreeSet<_>>().len() <= 1)
    }

    /// Opens the file for reading whole records, unpacked. Bytes read from disk are added to `bytes`.
    pub(super) fn open(&self, bytes: &Arc<AtomicU64>) -> Result<Chunks<Box<dyn Read + Send>>, InputError> {
        let unpacked = self.place.open(bytes).map_err(|source| InputError::Read { path: self.name(), source })?;
        Ok(Chunks::new(as_utf8(unpacked), self.format))
    }
}

/// Looks at the events in `head`. A file that breaks off is read as far as it goes, unless that is before its first event.
pub(super) fn look_at(head: &[u8], whole: io::Result<usize>, context: Context) -> Result<Look, SkipReason> {
    let mut text = Vec::new();
    // Bytes in memory do not fail.
    drop(as_utf8(Box::new(Cursor::new(head.to_vec()))).read_to_end(&mut text));
    let is_whole = matches!(whole, Ok(length) if length < HEAD);
    look(&text, context, is_whole).map_err(|reason| match whole {
        Ok(_) => reason.into(),
        Err(error) => SkipReason::Broken(error.to_string()),
    })
}

/// What the head of a file shows.
pub(super) struct Look {
    format: Format,
    context: Context,
    first: Timestamp,
    order: TimeOrder,
    named: NamedOrgs,
    channels: Option<BTreeSet<Channel>>,
}

impl Look {
    pub(super) fn into_input(
        self,
        name: PathBuf,
        path: Option<PathBuf>,
        place: Place,
        bytes: u64,
        is_named: bool,
    ) -> Input {
        let Self { format, context, first, order, named, channels } = self;
        Input { name, path, bytes, place, format, context, first, order, named, channels, is_named }
    }
}

fn look(head: &[u8], context: Context, is_whole: bool) -> Result<Look, NotEvents> {
    let format = salesforce::detect(head)?;
    let named_or_not = Some(context.org.clone().unwrap_or_else(|| OrgId::new(UNNAMED_ORG)));
    let with_org = Context { org: named_or_not, ..context.clone() };
    let mut chunks = Chunks::new(head, format);
    let (mut times, mut named, mut channels) = (Vec::new(), NamedOrgs::default(), BTreeSet::new());
    // All rows of a table are of the object or the log file that its columns are of, unless they hold other records.
    let mut is_plain_table = None;
    while let Ok(Some(chunk)) = chunks.next_chunk() {
        is_plain_table = is_plain_table.or_else(|| {
            let shape = salesforce::shape(&chunk, &with_org)?;
            Some(format == Format::Csv && shape.envelope.is_empty())
        });
        for activity in salesforce::parse(&chunk, &with_org).activities {
            times.push(activity.event_time);
            named.see(&activity.org_id);
            channels.insert(activity.channel);
        }
    }
    let is_known = is_whole || is_plain_table == Some(true) && channels.len() == 1;
    let first = times.iter().min().copied().unwrap_or(Timestamp(i64::MIN));
    let channels = is_known.then_some(channels);
    Ok(Look { format, context, first, order: order_of(&times), named, channels })
}

fn order_of(times: &[Timestamp]) -> TimeOrder {
    /// As late as Salesforce writes events of one file out of order; a choice.
    const LATE: i64 = 5 * model::time::MINUTE;
    fn goes_on(mut times: impl Iterator<Item = i64>) -> bool {
        let mut latest = i64::MIN;
        times.all(|time| {
            latest = latest.max(time);
            latest.saturating_sub(time) <= LATE
        })
    }
    if goes_on(times.iter().map(|time| time.0)) {
        TimeOrder::OldestFirst
    } else if goes_on(times.iter().rev().map(|time| time.0)) {
        TimeOrder::NewestFirst
    } else {
        TimeOrder::Mixed
    }
}

pub(super) fn read_head(reader: &mut impl Read, head: &mut Vec<u8>) -> io::Result<usize> {
    reader.take(HEAD as u64).read_to_end(head)
}

#[cfg(test)]
mod tests;
