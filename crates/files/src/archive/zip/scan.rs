//! Lists the members of a zip that lacks its list, by the headers before them.

use super::{Listing, Zipped, method_of};
use crate::archive::{LeftOut, MAX_MEMBERS, shown};
use memchr::memmem;
use rawzip::{CompressionMethod, ReaderAt, ZipVerification};
use std::io;

/// What a header says of a member: PKWARE's APPNOTE.TXT, 4.3.7.
struct Header {
    raw_name: Vec<u8>,
    is_encrypted: bool,
    method: CompressionMethod,
    /// Where its bytes start.
    start: u64,
    /// `None` if it was not known yet how large it is.
    sizes: Option<Sizes>,
}

/// How large a member is.
#[derive(Clone, Copy)]
struct Sizes {
    crc: u32,
    packed: u64,
    unpacked: u64,
}

const MAGIC: &[u8] = b"PK\x03\x04";
/// Before the sizes that follow a member: APPNOTE.TXT, 4.3.9.
const DESCRIPTOR: &[u8] = b"PK\x07\x08";
/// Bytes of a header before the name, and most bytes of what follows a member.
const HEADER: usize = 30;
const LONGEST_DESCRIPTOR: usize = 24;
const IS_ENCRYPTED: u16 = 1;
const HAS_DESCRIPTOR: u16 = 1 << 3;
/// Bytes that are searched at once. A choice.
const WINDOW: usize = 64 << 10;

/// Lists the members up to where the zip breaks off, the last of which may be a part.
///
/// # Errors
/// If the zip is an office document, or cannot be read.
pub(super) fn scan(bytes: &dyn ReaderAt, length: u64) -> Result<Listing, LeftOut> {
    let unreadable = |error: io::Error| LeftOut::Damaged("zip", error.to_string());
    let (mut listing, mut at) = (Listing::default(), 0);
    while let Some(header) = Header::read(bytes, at, length).map_err(unreadable)? {
        let Header { raw_name, is_encrypted, method, start, mut sizes } = header;
        let end = match sizes {
            Some(sizes) => start.saturating_add(sizes.packed),
            None => {
                let found = sizes_behind(bytes, start, length).map_err(unreadable)?;
                sizes = found.map(|(sizes, _)| sizes);
                found.map_or(length, |(_, end)| end)
            }
        };
        at = end.min(length);
        if raw_name == super::OFFICE {
            return Err(LeftOut::Office);
        }
        let is_empty = sizes.is_some_and(|sizes| sizes.unpacked == 0);
        let Some(name) = shown(&raw_name).filter(|_| !raw_name.ends_with(b"/") && !is_empty) else { continue };
        if listing.members.len() + listing.left_out.len() >= MAX_MEMBERS {
            listing.left_out.push((String::new(), LeftOut::TooMany));
            break;
        }
        match method_of(method, is_encrypted) {
            Ok(method) => {
                // A member of unknown size ends early wherever it ends.
                let (crc, size, packed) =
                    sizes.map_or((0, u64::MAX, u64::MAX), |sizes| (sizes.crc, sizes.unpacked, sizes.packed));
                let expected = ZipVerification { crc, uncompressed_size: size };
                let range = start..start.saturating_add(packed).min(length);
                listing.members.push((name, range, Zipped { method, expected, size }));
            }
            Err(reason) => listing.left_out.push((name, reason)),
        }
    }
    listing.cut_off = Some(at);
    Ok(listing)
}

impl Header {
    /// Reads the header at `at`; `None` if there is none, or only a part of one.
    fn read(bytes: &dyn ReaderAt, at: u64, length: u64) -> io::Result<Option<Self>> {
        let mut fixed = [0; HEADER];
        if filled(bytes, &mut fixed, at)? < HEADER || !fixed.starts_with(MAGIC) {
            return Ok(None);
        }
        let (name_length, extra_length) = (u16_at(&fixed, 26), u16_at(&fixed, 28));
        let mut rest = vec![0; usize::from(name_length) + usize::from(extra_length)];
        let start = at + (HEADER + rest.len()) as u64;
        if start > length || filled(bytes, &mut rest, at + HEADER as u64)? < rest.len() {
            return Ok(None);
        }
        let extra = rest.split_off(usize::from(name_length));
        let flags = u16_at(&fixed, 6);
        let sizes = (flags & HAS_DESCRIPTOR == 0).then(|| {
            let (packed, unpacked) = (u32_at(&fixed, 18), u32_at(&fixed, 22));
            let crc = u32_at(&fixed, 14);
            match large(&extra) {
                Some((packed, unpacked)) => Sizes { crc, packed, unpacked },
                None => Sizes { crc, packed: packed.into(), unpacked: unpacked.into() },
            }
        });
        let method = CompressionMethod::from(u16_at(&fixed, 8));
        Ok(Some(Self { raw_name: rest, is_encrypted: flags & IS_ENCRYPTED != 0, method, start, sizes }))
    }
}

/// Returns the sizes, packed and unpacked, of a member of more than 4 GiB: APPNOTE.TXT, 4.5.3.
fn large(mut extra: &[u8]) -> Option<(u64, u64)> {
    while extra.len() >= 4 {
        let (id, length) = (u16_at(extra, 0), usize::from(u16_at(extra, 2)));
        let field = extra.get(4..4 + length)?;
        if id == 1 && length >= 16 {
            return Some((u64_at(field, 8), u64_at(field, 0)));
        }
        extra = extra.get(4 + length..)?;
    }
    None
}

/// Looks for the sizes that follow a member which starts at `start`. Returns them, and where they end.
///
/// Only those are taken that lie where they say that the member ends.
fn sizes_behind(bytes: &dyn ReaderAt, start: u64, length: u64) -> io::Result<Option<(Sizes, u64)>> {
    let (mut window, mut from) = (vec![0; WINDOW], start);
    while from < length {
        let count = filled(bytes, &mut window, from)?;
        let found = window.get(..count).unwrap_or_default();
        // One that lies across the end of the window is found in the next.
        let searched = if count < WINDOW { count } else { WINDOW - LONGEST_DESCRIPTOR - MAGIC.len() };
        for offset in memmem::find_iter(found, DESCRIPTOR).take_while(|offset| *offset < searched) {
            let at = from + offset as u64;
            if let Some((sizes, length)) = descriptor(found.get(offset..).unwrap_or_default(), at - start) {
                return Ok(Some((sizes, at + length)));
            }
        }
        if count < WINDOW {
            break;
        }
        from += searched as u64;
    }
    Ok(None)
}

/// Reads the sizes that follow a member of `packed` bytes, and how long they are, if they say so and another header
/// follows, or nothing.
fn descriptor(bytes: &[u8], packed: u64) -> Option<(Sizes, u64)> {
    let goes_on = |length: usize| bytes.get(length..).is_some_and(|next| next.is_empty() || next.starts_with(b"PK"));
    let crc = u32_at(bytes, 4);
    let short = Sizes { crc, packed: u32_at(bytes, 8).into(), unpacked: u32_at(bytes, 12).into() };
    if short.packed == packed && goes_on(16) {
        return Some((short, 16));
    }
    let long = Sizes { crc, packed: u64_at(bytes, 8), unpacked: u64_at(bytes, 16) };
    (long.packed == packed && goes_on(LONGEST_DESCRIPTOR)).then_some((long, LONGEST_DESCRIPTOR as u64))
}

/// Fills the buffer as far as there are bytes.
fn filled(bytes: &dyn ReaderAt, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    let mut count = 0;
    while let Some(rest) = buffer.get_mut(count..).filter(|rest| !rest.is_empty()) {
        match bytes.read_at(rest, at + count as u64)? {
            0 => break,
            more => count += more,
        }
    }
    Ok(count)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    number(bytes, at, 2) as u16
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    number(bytes, at, 4) as u32
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    number(bytes, at, 8)
}

/// Reads a number of `size` bytes, the lowest first; 0 where they are missing.
fn number(bytes: &[u8], at: usize, size: usize) -> u64 {
    let digits = bytes.get(at..at + size).unwrap_or_default();
    digits.iter().rev().fold(0, |number, digit| number << 8 | u64::from(*digit))
}
