//! Visits the files in packed or archived bytes one after the other, without anything on disk.

use super::{HEADER, Kind, LeftOut, kind, list, walk};
use crate::unpack::{self, Break, Packing, beyond_cap};
use rawzip::{RangeReader, ReaderAt};
use std::io::{self, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The bytes to visit.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// The bytes.
    pub bytes: &'a (dyn ReaderAt + Send + Sync),
    /// How many there are.
    pub length: u64,
    /// How they are packed as a whole.
    pub packing: Packing,
    /// The largest Zstandard window.
    pub max_window: u64,
    /// Most bytes that may be unpacked, in archives and of their files each.
    pub max_bytes: u64,
}

/// What was found.
pub enum Found<'a> {
    /// A file, unpacked. If the bytes are no archive, that is all of them, without a name.
    File {
        /// Its name in the archive.
        name: Option<&'a str>,
        /// Its bytes.
        reader: Box<dyn Read + Send + 'a>,
    },
    /// A file of an archive, or an archive, that is not read.
    LeftOut {
        /// Its name.
        name: Option<&'a str>,
        /// Why.
        reason: LeftOut,
    },
}

/// Calls `each` with what `source` holds: itself, or the members of an archive and of archives within it. Behind a member
/// that is cut off the next ones follow.
///
/// # Errors
/// Those of `each`, those of the bytes (see [`unpack::Break`]), and one for which [`unpack::is_beyond_cap`] holds if there
/// are more than `max_bytes`.
pub fn visit<E: From<io::Error>>(
    source: Source<'_>,
    each: &mut dyn FnMut(Found<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut visitor = Visitor { source, unpacked: Default::default(), cut_off: None, each };
    let raw = RangeReader::new(source.bytes, 0..source.length);
    let is_plain = kind(&first(source.bytes)?) == Some(Kind::Zip) && source.packing == Packing::Detect;
    if is_plain {
        visitor.zip(source.bytes, source.length, None, 0)?;
    } else {
        let unpacked = unpack::unpacked(raw, source.packing, source.max_window)?;
        visitor.level(unpacked, None, 0)?;
    }
    visitor.cut_off.map_or(Ok(()), |error| Err(error.into()))
}

/// How deep archives may be nested: an archive, and archives within it.
pub(crate) const MAX_DEPTH: usize = 2;
/// Most bytes of a zip within an archive, which is read into memory. A choice.
const MAX_NESTED_ZIP: u64 = 8 << 20;

/// Goes through archives.
struct Visitor<'s, 'e, E> {
    source: Source<'s>,
    /// How many bytes were unpacked at each depth.
    unpacked: [Arc<AtomicU64>; MAX_DEPTH + 1],
    /// Where the first archive that is cut off breaks off.
    cut_off: Option<io::Error>,
    each: &'e mut dyn FnMut(Found<'_>) -> Result<(), E>,
}

impl<E: From<io::Error>> Visitor<'_, '_, E> {
    /// Visits unpacked bytes: a file, or an archive.
    fn level(&mut self, reader: Box<dyn Read + Send + '_>, name: Option<&str>, depth: usize) -> Result<(), E> {
        let mut reader = self.metered(reader, depth);
        let mut head = Vec::new();
        let read = reader.by_ref().take(HEADER as u64).read_to_end(&mut head);
        let kind = kind(&head);
        let start = Cursor::new(head);
        let whole: Box<dyn Read + Send + '_> = match read {
            Ok(_) => Box::new(start.chain(reader)),
            Err(error) => Box::new(start.chain(failed(error))),
        };
        match kind {
            None => (self.each)(Found::File { name, reader: whole }),
            Some(_) if depth == MAX_DEPTH => self.leave_out(name, LeftOut::Nested),
            Some(Kind::Tar) => {
                let walked = walk(whole, &mut |member, entry| {
                    let path = joined(name, &member);
                    let visited = match entry {
                        Ok(entry) => self.member(entry.reader, path.as_deref(), depth + 1),
                        Err(reason) => self.leave_out(path.as_deref(), reason),
                    };
                    visited.map_err(Stop::Each)
                });
                match walked {
                    Ok(()) => Ok(()),
                    Err(Stop::Tar(error)) => self.breaks_off(error),
                    Err(Stop::Each(error)) => Err(error),
                }
            }
            Some(Kind::Zip) => {
                let mut bytes = Vec::new();
                if let Err(error) = whole.take(MAX_NESTED_ZIP + 1).read_to_end(&mut bytes) {
                    self.breaks_off(error)?;
                }
                let length = bytes.len() as u64;
                if length > MAX_NESTED_ZIP {
                    return self.leave_out(name, LeftOut::NestedBeyond);
                }
                self.zip(&bytes, length, name, depth)
            }
        }
    }

    fn zip(
        &mut self,
        bytes: &(dyn ReaderAt + Send + Sync),
        length: u64,
        name: Option<&str>,
        depth: usize,
    ) -> Result<(), E> {
        let listing = match list(bytes, length) {
            Ok(listing) => listing,
            Err(reason) => return self.leave_out(name, reason),
        };
        for (member, range, zipped) in listing.members {
            let packed = Box::new(RangeReader::new(bytes, range));
            let unpacked = zipped.unpacked(packed, self.source.max_window).unwrap_or_else(failed);
            self.member(unpacked, joined(name, &member).as_deref(), depth + 1)?;
        }
        for (member, reason) in listing.left_out {
            self.leave_out(joined(name, &member).as_deref(), reason)?;
        }
        if let Some(at) = listing.cut_off {
            let unpacked = self.unpacked.get(depth + 1).map_or(0, |count| count.load(Ordering::Relaxed));
            let cause = io::Error::other(LeftOut::NoList(at));
            self.breaks_off(Break::error(true, at, unpacked, cause))?;
        }
        Ok(())
    }

    /// Visits a member, which may be packed itself.
    fn member(&mut self, bytes: impl Read + Send, name: Option<&str>, depth: usize) -> Result<(), E> {
        let unpacked = unpack::unpacked(bytes, Packing::Detect, self.source.max_window).unwrap_or_else(failed);
        self.level(unpacked, name, depth)
    }

    /// Goes on behind an archive that is cut off.
    fn breaks_off(&mut self, error: io::Error) -> Result<(), E> {
        if !Break::of(&error).is_some_and(|at| at.is_cut_off) {
            return Err(error.into());
        }
        self.cut_off.get_or_insert(error);
        Ok(())
    }

    fn leave_out(&mut self, name: Option<&str>, reason: LeftOut) -> Result<(), E> {
        (self.each)(Found::LeftOut { name, reason })
    }

    fn metered<'a>(&self, inner: Box<dyn Read + Send + 'a>, depth: usize) -> Metered<'a> {
        let unpacked = self.unpacked.get(depth).cloned().unwrap_or_default();
        Metered { inner, unpacked, most: self.source.max_bytes }
    }
}

/// Why the walk through a tar stops.
enum Stop<E> {
    /// The tar breaks off.
    Tar(io::Error),
    Each(E),
}

impl<E> From<io::Error> for Stop<E> {
    fn from(error: io::Error) -> Self {
        Self::Tar(error)
    }
}

/// Returns a reader of bytes that cannot be read.
fn failed<'a>(error: io::Error) -> Box<dyn Read + Send + 'a> {
    Box::new(unpack::Failed(Some(error)))
}

/// Fails when all readers of its depth have given more than they may.
struct Metered<'a> {
    inner: Box<dyn Read + Send + 'a>,
    unpacked: Arc<AtomicU64>,
    most: u64,
}

impl Read for Metered<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let before = self.unpacked.fetch_add(count as u64, Ordering::Relaxed);
        if before + count as u64 > self.most { Err(beyond_cap()) } else { Ok(count) }
    }
}

/// Returns the name of a member, behind that of its archive. A member without a name is the archive.
fn joined(archive: Option<&str>, member: &str) -> Option<String> {
    match archive {
        Some(archive) if member.is_empty() => Some(archive.to_owned()),
        Some(archive) => Some(format!("{archive}/{member}")),
        None => (!member.is_empty()).then(|| member.to_owned()),
    }
}

fn first(bytes: &dyn ReaderAt) -> io::Result<[u8; 4]> {
    let mut first = [0; 4];
    bytes.read_at(&mut first, 0)?;
    Ok(first)
}
