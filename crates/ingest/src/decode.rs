//! Decodes the body of one request into activities, a batch at a time.

mod body;

use ::files::archive::{Found, Source, visit};
use ::files::text::as_utf8;
use ::files::unpack::{self, Break, HTTP_WINDOW, is_beyond_cap};
use model::{Activity, Timestamp};
use salesforce::{Chunks, Context, Counts, Faults, Format, NotEvents, Occurrences, RejectReason};
use std::borrow::Cow;
use std::cell::LazyCell;
use std::io::{self, ErrorKind, Read};

pub use ::files::unpack::Packing;
pub use body::Body;

/// What a body held, without the activities that were handed over.
#[derive(Debug, Default)]
pub struct Decoded {
    /// How many activities were handed over.
    pub accepted: usize,
    /// The records that were set aside.
    pub rejects: Rejects,
    /// Events of types that orgwatch does not watch, types that records do not say, and values that could not be read.
    pub counts: Counts,
    /// Where the body, or the first member of it that is, is cut off, and why: only the records before were handed over.
    pub cut_off: Option<Rejected>,
}

/// Records that were set aside: all are counted by fault, and the first [`MAX_REJECTS`] are kept.
#[derive(Debug, Default)]
pub struct Rejects {
    /// The first ones.
    pub first: Vec<Rejected>,
    /// All, by fault, each with the first one.
    pub faults: Faults<Rejected>,
    /// How many there are.
    pub total: usize,
}

/// A record that was set aside.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Rejected {
    /// The line of the decompressed body on which the record starts, from 1. `null` if the record could be read, but
    /// names another org: the reason then has the event's id.
    pub line: Option<u64>,
    /// Why it was set aside.
    pub reason: String,
}

/// Why a body is refused as a whole. Nothing of it was handed over.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// It has more bytes than the limit.
    #[error("more than {0} bytes when unpacked")]
    TooLarge(u64),
    /// It holds something else than events.
    #[error("no events: {0}")]
    NotEvents(NotEvents),
    /// It is damaged, or cut off before its first byte.
    #[error("{at}")]
    Broken {
        /// Where it is broken.
        at: String,
        /// The error of the decoder.
        source: io::Error,
    },
    /// The receiver wants no more batches.
    #[error("decoding was canceled")]
    Canceled,
}

/// The most rejects of a body that are kept.
pub const MAX_REJECTS: usize = 100;

/// Reads the records of `body`, all of which must belong to the org of `context`: a record that names another org is set
/// aside.
///
/// The content decides on the format. At most `max_bytes` are unpacked. `now` is when the body was received. `take` gets
/// the activities in order, and often an empty batch, which only asks whether to go on; it returns `false` to cancel.
/// Memory is bounded whatever the body holds: about 40 MiB, without the body and what `take` keeps.
///
/// A packed body is unpacked twice: first to see that it is neither too large nor damaged, so that nothing of such a
/// body is handed over. One that is cut off gives the records before.
///
/// # Errors
/// If the body is too large, of no known format, or damaged. Unreadable records are in [`Decoded::rejects`].
pub fn decode(
    body: Body,
    packing: Packing,
    context: Context,
    max_bytes: u64,
    now: Timestamp,
    mut take: impl FnMut(Vec<Activity>) -> bool,
) -> Result<Decoded, DecodeError> {
    let holds = check(source(&body, packing, max_bytes), &mut take)?;
    let mut batches = Batches { context, now, decoded: Decoded::default(), batch: Vec::new(), bytes: 0, take };
    if holds == Holds::Records {
        let unpacked = unpack::unpacked(body.into_reader(), packing, HTTP_WINDOW)?;
        batches.read(None, unpacked)?;
        return batches.finish();
    }
    let visited = visit(source(&body, packing, max_bytes), &mut |found| match found {
        Found::File { name, reader } => batches.read(name, reader),
        Found::LeftOut { name, reason } => {
            batches.decoded.rejects.add(reason.to_string().into(), None, || named(name, &reason));
            Ok(())
        }
    });
    match visited {
        Err(DecodeError::Broken { source, .. }) if is_cut_off(&source) => {
            if batches.decoded.cut_off.is_none() {
                batches.cut_off(None, None, &source);
            }
        }
        visited => visited?,
    }
    batches.finish()
}

fn source(body: &Body, packing: Packing, max_bytes: u64) -> Source<'_> {
    Source { bytes: body, length: body.len(), packing, max_window: HTTP_WINDOW, max_bytes }
}

/// What a body holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    Records,
    /// Members, which each hold records.
    Archive,
}

/// Bytes of a chunk. A choice: a chunk of the smallest records parses into a few MiB.
const CHUNK: usize = 64 << 10;
/// Unpacked bytes, and activities, after which a batch is handed over. A choice: a few messages for each partition.
const BATCH_BYTES: usize = 512 << 10;
const BATCH: usize = 1_024;
/// How many bytes are read to detect the format. A choice.
const HEAD: u64 = 256 * 1024;

/// Unpacks the body once, and discards what it gives. A body that is cut off is no error, nor is a member that is; what
/// follows is unpacked all the same.
fn check(source: Source<'_>, take: &mut impl FnMut(Vec<Activity>) -> bool) -> Result<Holds, DecodeError> {
    let (mut holds, mut unpacked, mut cut_off) = (Holds::Records, 0, None);
    let visited = visit(source, &mut |found| match found {
        Found::File { name, reader } => {
            if name.is_some() {
                holds = Holds::Archive;
            }
            match discard(reader, take, &mut unpacked) {
                Err(DecodeError::Broken { source, .. }) if is_cut_off(&source) => {
                    cut_off = Some(source);
                    Ok(())
                }
                discarded => discarded,
            }
        }
        Found::LeftOut { .. } => {
            holds = Holds::Archive;
            Ok(())
        }
    });
    match visited.and_then(|()| cut_off.map_or(Ok(()), |error| Err(error.into()))) {
        Ok(()) => Ok(holds),
        Err(DecodeError::Broken { source: error, .. }) if is_beyond_cap(&error) => {
            Err(DecodeError::TooLarge(source.max_bytes))
        }
        Err(DecodeError::Broken { source: error, .. }) if is_cut_off(&error) && unpacked > 0 => Ok(holds),
        Err(error) => Err(error),
    }
}

/// Reads to the end, and adds the bytes to `unpacked`.
fn discard(
    mut reader: impl Read,
    take: &mut impl FnMut(Vec<Activity>) -> bool,
    unpacked: &mut u64,
) -> Result<(), DecodeError> {
    let mut buffer = vec![0; CHUNK];
    loop {
        if !take(Vec::new()) {
            return Err(DecodeError::Canceled);
        }
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => *unpacked += count as u64,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn is_cut_off(error: &io::Error) -> bool {
    Break::of(error).is_some_and(|at| at.is_cut_off)
}

/// Returns the format, and a reader of the whole.
fn detect<'a>(mut unpacked: impl Read + 'a) -> Result<(Format, Box<dyn Read + 'a>), DecodeError> {
    let mut head = Vec::new();
    let read = unpacked.by_ref().take(HEAD).read_to_end(&mut head);
    let format = match salesforce::detect(&head) {
        Ok(format) => format,
        Err(why) => return Err(read.map_or_else(DecodeError::from, |_| DecodeError::NotEvents(why))),
    };
    let head = io::Cursor::new(head);
    Ok(match read {
        Ok(_) => (format, Box::new(head.chain(unpacked))),
        // It is cut off within the head.
        Err(error) => (format, Box::new(head.chain(Failed(Some(error))))),
    })
}

/// Gives an error once.
struct Failed(Option<io::Error>);

impl Read for Failed {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// Gathers the activities of chunks into batches.
struct Batches<T> {
    /// Its org is that of all records.
    context: Context,
    now: Timestamp,
    decoded: Decoded,
    batch: Vec<Activity>,
    /// The unpacked bytes since the last batch.
    bytes: usize,
    take: T,
}

impl<T: FnMut(Vec<Activity>) -> bool> Batches<T> {
    /// Reads the records of the body, or of a member of it. A member that holds none is set aside.
    fn read(&mut self, name: Option<&str>, unpacked: impl Read + Send) -> Result<(), DecodeError> {
        let (format, text) = match (name, detect(as_utf8(Box::new(unpacked)))) {
            (_, Ok(detected)) => detected,
            (Some(_), Err(DecodeError::NotEvents(why))) => {
                self.decoded.rejects.add(why.to_string().into(), None, || named(name, &why));
                return Ok(());
            }
            (Some(_), Err(DecodeError::Broken { source, .. })) => {
                self.cut_off(name, None, &source);
                return Ok(());
            }
            (_, Err(error)) => return Err(error),
        };
        let types = name.map_or(self.context.types, |name| self.context.types.with_file(name));
        let context = Context { types, ..self.context.clone() };
        let mut chunks = Chunks::new(text, format).with_size(CHUNK);
        let mut occurrences = Occurrences::new();
        loop {
            let chunk = match chunks.next_chunk() {
                Ok(Some(chunk)) => chunk,
                Ok(None) => return Ok(()),
                Err(error) => {
                    self.cut_off(name, Some(error.line), &error.source);
                    return Ok(());
                }
            };
            let parsed = salesforce::parse(&chunk, &context);
            self.add(name, chunk.len(), parsed, &mut occurrences)?;
            chunks.recycle(chunk);
        }
    }

    fn add(
        &mut self,
        name: Option<&str>,
        bytes: usize,
        parsed: salesforce::Parsed,
        occurrences: &mut Occurrences,
    ) -> Result<(), DecodeError> {
        self.decoded.counts.append(parsed.counts);
        for reject in &parsed.rejects {
            self.decoded.rejects.add(reject.reason.fault(), Some(reject.line), || named(name, &reject.reason));
        }
        for mut activity in parsed.activities {
            occurrences.number(&mut activity);
            if self.context.org.as_ref() != Some(&activity.org_id) {
                let fault = Cow::Borrowed("its org is not the org of this token");
                self.decoded.rejects.add(fault, None, || of_other_org(&activity));
                continue;
            }
            activity.received_at = Some(self.now);
            self.batch.push(activity);
        }
        self.bytes += bytes;
        let is_full = self.batch.len() >= BATCH || self.bytes >= BATCH_BYTES;
        if is_full { self.hand_over() } else { self.go_on(Vec::new()) }
    }

    fn cut_off(&mut self, name: Option<&str>, line: Option<u64>, error: &io::Error) {
        let reason = RejectReason::BreaksOff(error.to_string());
        let named = named(name, &reason);
        self.decoded.rejects.add(reason.fault(), line, || named.clone());
        self.decoded.cut_off.get_or_insert(Rejected { line, reason: named });
    }

    fn finish(mut self) -> Result<Decoded, DecodeError> {
        self.hand_over()?;
        Ok(self.decoded)
    }

    fn hand_over(&mut self) -> Result<(), DecodeError> {
        let batch = std::mem::take(&mut self.batch);
        self.bytes = 0;
        self.decoded.accepted += batch.len();
        self.go_on(batch)
    }

    fn go_on(&mut self, batch: Vec<Activity>) -> Result<(), DecodeError> {
        if (self.take)(batch) { Ok(()) } else { Err(DecodeError::Canceled) }
    }
}

impl Rejects {
    fn add(&mut self, fault: Cow<'static, str>, line: Option<u64>, reason: impl FnOnce() -> String) {
        self.total += 1;
        let rejected = LazyCell::new(|| Rejected { line, reason: reason() });
        self.faults.add_named(fault, || Rejected::clone(&rejected));
        if self.first.len() < MAX_REJECTS {
            self.first.push(Rejected::clone(&rejected));
        }
    }
}

impl From<io::Error> for DecodeError {
    fn from(source: io::Error) -> Self {
        Self::Broken { at: source.to_string(), source }
    }
}

/// Returns a reason behind the name of the member that it is about.
fn named(name: Option<&str>, reason: &dyn std::fmt::Display) -> String {
    name.map_or_else(|| reason.to_string(), |name| format!("{name}: {reason}"))
}

fn of_other_org(activity: &Activity) -> String {
    let named: String = activity.org_id.as_str().chars().take(18).collect();
    format!("event {}: its org {named} is not the org of this token", activity.id)
}

#[cfg(test)]
mod tests;
