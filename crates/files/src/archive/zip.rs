//! Lists and unpacks the members of a zip.

mod scan;

use super::{LeftOut, MAX_MEMBERS, shown};
use crate::unpack::{self, Packing};
use bzip2::read::BzDecoder;
use flate2::Crc;
use flate2::read::DeflateDecoder;
use rawzip::{CompressionMethod, RECOMMENDED_BUFFER_SIZE, ReaderAt, ZipLocator, ZipVerification};
use std::io::{self, ErrorKind, Read};
use std::ops::Range;

/// The members of a zip.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// The name of each, where it lies, and how it is packed.
    pub(crate) members: Vec<(String, Range<u64>, Zipped)>,
    /// Those that are not read. The name is empty for the archive itself.
    pub(crate) left_out: Vec<(String, LeftOut)>,
    /// Up to where members were found in a zip that lacks its list; `None` if it has one.
    pub(crate) cut_off: Option<u64>,
}

/// How a member is packed, and what it must unpack to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Zipped {
    method: Method,
    expected: ZipVerification,
    size: u64,
}

#[derive(Clone, Copy, Debug)]
enum Method {
    Stored,
    Deflated,
    Bzip2,
    Zstd,
}

/// The member by which an office document is recognized.
const OFFICE: &[u8] = b"[Content_Types].xml";

/// Lists the members of a zip of `length` bytes. Folders, and members that are hidden or empty, are passed over. A zip that
/// is cut off lacks its list, which is its end: its members are then found one after the other.
///
/// # Errors
/// If the zip is an office document, or is cut off and cannot be read.
pub(crate) fn list(bytes: &dyn ReaderAt, length: u64) -> Result<Listing, LeftOut> {
    let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
    let located = ZipLocator::new().locate_in_reader(bytes, &mut buffer, length);
    let Ok(archive) = located else { return scan::scan(bytes, length) };
    let mut listing = Listing::default();
    let mut start = archive.directory_offset();
    let mut entries = archive.entries(&mut buffer);
    loop {
        let entry = match entries.next_entry() {
            Ok(Some(entry)) => entry,
            Ok(None) => break,
            Err(error) => {
                listing.left_out.push((String::new(), damaged(&error)));
                break;
            }
        };
        start = start.min(entry.local_header_offset());
        let raw_name = entry.file_path();
        if raw_name.as_bytes() == OFFICE {
            return Err(LeftOut::Office);
        }
        let Some(name) = shown(raw_name.as_bytes()).filter(|_| !entry.is_dir() && entry.uncompressed_size_hint() > 0)
        else {
            continue;
        };
        if listing.members.len() + listing.left_out.len() >= MAX_MEMBERS {
            listing.left_out.push((String::new(), LeftOut::TooMany));
            break;
        }
        let method = method_of(entry.compression_method(), entry.flags().is_encrypted());
        let placed = method.and_then(|method| {
            let local = archive.get_entry(entry.wayfinder()).map_err(|error| damaged(&error))?;
            let (start, end) = local.compressed_data_range();
            let zipped =
                Zipped { method, expected: local.reader().claim_verifier(), size: entry.uncompressed_size_hint() };
            Ok((start..end, zipped))
        });
        match placed {
            Ok((range, zipped)) => listing.members.push((name, range, zipped)),
            Err(reason) => listing.left_out.push((name, reason)),
        }
    }
    // The list is that of a zip within this one, which is cut off behind it.
    if start > 0 && archive.end_offset() < length {
        return scan::scan(bytes, length);
    }
    Ok(listing.without_overlaps())
}

fn damaged(error: &rawzip::Error) -> LeftOut {
    LeftOut::Damaged("zip", error.to_string())
}

fn method_of(method: CompressionMethod, is_encrypted: bool) -> Result<Method, LeftOut> {
    match method {
        _ if is_encrypted => Err(LeftOut::Encrypted),
        CompressionMethod::STORE => Ok(Method::Stored),
        CompressionMethod::DEFLATE => Ok(Method::Deflated),
        CompressionMethod::BZIP2 => Ok(Method::Bzip2),
        CompressionMethod::ZSTD => Ok(Method::Zstd),
        other => Err(LeftOut::Method(other.to_string())),
    }
}

impl Listing {
    /// Leaves out members that share bytes with one before them, by which a small zip would unpack to any size.
    fn without_overlaps(mut self) -> Self {
        self.members.sort_by_key(|(_, range, _)| (range.start, range.end));
        let (mut end, mut members) = (0, Vec::with_capacity(self.members.len()));
        for member in self.members {
            if member.1.start < end {
                self.left_out.push((member.0, LeftOut::Overlaps));
            } else {
                end = member.1.end;
                members.push(member);
            }
        }
        Self { members, ..self }
    }
}

impl Zipped {
    /// Unpacks a member, of which `packed` gives the bytes in the archive. What cannot be unpacked is an error of the
    /// reader, behind everything that could be.
    ///
    /// # Errors
    /// If the first bytes cannot be read.
    pub(crate) fn unpacked<'a>(
        self,
        packed: Box<dyn Read + Send + 'a>,
        max_window: u64,
    ) -> io::Result<Box<dyn Read + Send + 'a>> {
        Ok(match self.method {
            Method::Stored => unpack::located(packed, |packed| Ok(self.verified(packed)))?,
            Method::Deflated => unpack::located(packed, |packed| Ok(self.verified(DeflateDecoder::new(packed))))?,
            Method::Bzip2 => unpack::located(packed, |packed| Ok(self.verified(BzDecoder::new(packed))))?,
            Method::Zstd => unpack::located(packed, |packed| {
                unpack::unpacked(packed, Packing::Zstd, max_window).map(|unpacked| self.verified(unpacked))
            })?,
        })
    }

    fn verified<R>(self, inner: R) -> Verified<R> {
        Verified { inner, zipped: self, crc: Crc::new(), count: 0 }
    }
}

/// Fails at the end of a member if it is another one than the list says.
struct Verified<R> {
    inner: R,
    zipped: Zipped,
    crc: Crc,
    count: u64,
}

impl<R: Read> Read for Verified<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.count += count as u64;
        self.crc.update(buffer.get(..count).unwrap_or_default());
        let has_ended = count == 0 && !buffer.is_empty();
        if self.count < self.zipped.size && has_ended {
            return Err(io::Error::new(ErrorKind::UnexpectedEof, "a member of a zip ends early"));
        }
        if self.count > self.zipped.size {
            return Err(io::Error::new(ErrorKind::InvalidData, "a member of a zip is longer than its list says"));
        }
        let found = ZipVerification { crc: self.crc.sum(), uncompressed_size: self.count };
        if has_ended && self.zipped.expected.valid(found).is_err() {
            return Err(io::Error::new(ErrorKind::InvalidData, "the checksum of a member of a zip is wrong"));
        }
        Ok(count)
    }
}
