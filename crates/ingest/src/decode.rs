//! Decodes the body of one request into activities, a batch at a time.

mod body;

use ::files::text::as_utf8;
use ::files::unpack::{self, Break, Capped, HTTP_WINDOW, is_beyond_cap};
use model::{Activity, OrgId, Timestamp};
use salesforce::{Chunks, Context, Format, NotEvents, Occurrences, RejectReason};
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
    /// How many events are of kinds that orgwatch does not watch.
    pub ignored: u64,
    /// Where the body is cut off, and why: only the records before were handed over.
    pub cut_off: Option<Rejected>,
}

/// Records that were set aside: all are counted, and the first [`MAX_REJECTS`] are kept.
#[derive(Debug, Default)]
pub struct Rejects {
    /// The first ones.
    pub first: Vec<Rejected>,
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

/// Reads the records of `body`, all of which must belong to `org`: a record that names another org is set aside.
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
    org: &OrgId,
    max_bytes: u64,
    now: Timestamp,
    mut take: impl FnMut(Vec<Activity>) -> bool,
) -> Result<Decoded, DecodeError> {
    check(&body, packing, max_bytes, &mut take)?;
    let unpacked = unpack::unpacked(body.into_reader(), packing, HTTP_WINDOW).map_err(broken)?;
    let (format, unpacked) = detect(as_utf8(unpacked))?;
    let mut chunks = Chunks::new(unpacked, format).with_size(CHUNK);
    let mut batches = Batches { org, now, decoded: Decoded::default(), batch: Vec::new(), bytes: 0, take };
    let mut occurrences = Occurrences::new();
    let context = Context { org: Some(org.clone()), ..Context::default() };
    loop {
        let chunk = match chunks.next_chunk() {
            Ok(Some(chunk)) => chunk,
            Ok(None) => break,
            Err(error) => {
                batches.cut_off(error.line, &error.source);
                break;
            }
        };
        let parsed = salesforce::parse(&chunk, &context);
        batches.add(chunk.len(), parsed, &mut occurrences)?;
        chunks.recycle(chunk);
    }
    batches.finish()
}

/// Bytes of a chunk. A choice: a chunk of the smallest records parses into a few MiB.
const CHUNK: usize = 64 << 10;
/// Unpacked bytes, and activities, after which a batch is handed over. A choice: a few messages for each partition.
const BATCH_BYTES: usize = 512 << 10;
const BATCH: usize = 1_024;
/// How many bytes are read to detect the format. A choice.
const HEAD: u64 = 256 * 1024;

/// Unpacks the body once, and discards what it gives. A body that is cut off is no error.
fn check(
    body: &Body,
    packing: Packing,
    max_bytes: u64,
    take: &mut impl FnMut(Vec<Activity>) -> bool,
) -> Result<(), DecodeError> {
    let unpacked = unpack::unpacked(body.reader(), packing, HTTP_WINDOW).map_err(broken)?;
    let mut unpacked = Capped::new(unpacked, max_bytes);
    let mut buffer = vec![0; CHUNK];
    loop {
        if !take(Vec::new()) {
            return Err(DecodeError::Canceled);
        }
        match unpacked.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if is_beyond_cap(&error) => return Err(DecodeError::TooLarge(max_bytes)),
            Err(error) if Break::of(&error).is_some_and(|at| at.is_cut_off && at.unpacked > 0) => return Ok(()),
            Err(error) => return Err(broken(error)),
        }
    }
}

/// Returns the format, and a reader of the whole.
fn detect<'a>(mut unpacked: impl Read + 'a) -> Result<(Format, Box<dyn Read + 'a>), DecodeError> {
    let mut head = Vec::new();
    let read = unpacked.by_ref().take(HEAD).read_to_end(&mut head);
    let format = match salesforce::detect(&head) {
        Ok(format) => format,
        Err(why) => return Err(read.map_or_else(broken, |_| DecodeError::NotEvents(why))),
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
struct Batches<'a, T> {
    org: &'a OrgId,
    now: Timestamp,
    decoded: Decoded,
    batch: Vec<Activity>,
    /// The unpacked bytes since the last batch.
    bytes: usize,
    take: T,
}

impl<T: FnMut(Vec<Activity>) -> bool> Batches<'_, T> {
    fn add(
        &mut self,
        bytes: usize,
        parsed: salesforce::Parsed,
        occurrences: &mut Occurrences,
    ) -> Result<(), DecodeError> {
        self.decoded.ignored += parsed.ignored();
        for reject in &parsed.rejects {
            self.decoded.rejects.add(Some(reject.line), || reject.reason.to_string());
        }
        for mut activity in parsed.activities {
            occurrences.number(&mut activity);
            if activity.org_id != *self.org {
                self.decoded.rejects.add(None, || of_other_org(&activity));
                continue;
            }
            activity.received_at = Some(self.now);
            self.batch.push(activity);
        }
        self.bytes += bytes;
        let is_full = self.batch.len() >= BATCH || self.bytes >= BATCH_BYTES;
        if is_full { self.hand_over() } else { self.go_on(Vec::new()) }
    }

    fn cut_off(&mut self, line: u64, error: &io::Error) {
        let reason = RejectReason::BreaksOff(error.to_string()).to_string();
        self.decoded.rejects.add(Some(line), || reason.clone());
        self.decoded.cut_off = Some(Rejected { line: Some(line), reason });
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
    fn add(&mut self, line: Option<u64>, reason: impl FnOnce() -> String) {
        self.total += 1;
        if self.first.len() < MAX_REJECTS {
            self.first.push(Rejected { line, reason: reason() });
        }
    }
}

fn broken(source: io::Error) -> DecodeError {
    DecodeError::Broken { at: source.to_string(), source }
}

fn of_other_org(activity: &Activity) -> String {
    let named: String = activity.org_id.as_str().chars().take(18).collect();
    format!("event {}: its org {named} is not the org of this token", activity.id)
}

#[cfg(test)]
mod tests;
