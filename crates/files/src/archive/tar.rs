//! Walks through the members of a tar.

use super::{HEADER, LeftOut, MAX_MEMBERS, shown};
use crate::unpack::Break;
use std::io::{self, ErrorKind, Read};
use tar::{EntryType, Header, PaxExtensions};

/// A file in a tar.
pub(crate) struct Entry<'a> {
    /// Where its bytes begin.
    pub(crate) offset: u64,
    /// How many bytes it has.
    pub(crate) length: u64,
    /// Its bytes. It fails if the tar ends early.
    pub(crate) reader: &'a mut (dyn Read + Send),
}

/// What is called with the name of a file, and with the file or why it is not read.
pub(crate) type Each<'e, E> = dyn FnMut(String, Result<Entry<'_>, LeftOut>) -> Result<(), E> + 'e;

/// Longest name, and longest extension of a header, that is read. Choices.
const LONGEST_NAME: u64 = 4 << 10;
const LONGEST_EXTENSION: u64 = 64 << 10;

/// Returns whether these are the first bytes of a tar, by their checksum.
pub(super) fn is_header(head: &[u8]) -> bool {
    // The checksum counts its own field as spaces (POSIX, pax, "ustar Interchange Format").
    const FIELD: std::ops::Range<usize> = 148..156;
    let Some(field) = head.get(FIELD) else { return false };
    let digits: String = field.iter().map(|byte| char::from(*byte)).filter(char::is_ascii_digit).collect();
    let Ok(stored) = u64::from_str_radix(&digits, 8) else { return false };
    let sum = |(at, byte): (usize, &u8)| if FIELD.contains(&at) { u64::from(b' ') } else { u64::from(*byte) };
    stored > 0 && stored == head.iter().take(HEADER).enumerate().map(sum).sum::<u64>()
}

/// Calls `each` for every file of a tar. The name is empty for the archive itself. Folders, links, and files that are hidden or empty, are passed over.
///
/// # Errors
/// Those of `each` and of the reader, and a [`Break`] if the tar ends early or is damaged.
pub(crate) fn walk<E: From<io::Error>>(mut reader: impl Read + Send, each: &mut Each<'_, E>) -> Result<(), E> {
    let (mut long_name, mut members, mut at) = (None, 0, 0);
    while let Some(block) = next_header(&mut reader, &mut at)? {
        let header = Header::from_byte_slice(&block);
        let length = header.entry_size().map_err(|error| Break::error(false, at, at, error))?;
        let mut entry = Whole { inner: &mut reader, at, left: length };
        match header.entry_type() {
            EntryType::GNULongName => long_name = Some(read_up_to(&mut entry, LONGEST_NAME)?),
            EntryType::XHeader => long_name = extended_name(&mut entry)?.or(long_name),
            EntryType::GNULongLink | EntryType::XGlobalHeader => {}
            kind @ (EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse) => {
                let name = long_name.take().unwrap_or_else(|| header.path_bytes().into_owned());
                let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
                let name = name.get(..end).filter(|name| length > 0 && !name.ends_with(b"/"));
                if let Some(name) = name.and_then(shown) {
                    members += 1;
                    if members > MAX_MEMBERS {
                        return each(String::new(), Err(LeftOut::TooMany));
                    }
                    let is_sparse = kind == EntryType::GNUSparse;
                    let found = Entry { offset: at, length, reader: &mut entry };
                    each(name, if is_sparse { Err(LeftOut::Sparse) } else { Ok(found) })?;
                }
            }
            _ => long_name = None,
        }
        io::copy(&mut entry, &mut io::sink())?;
        let padding = length.next_multiple_of(HEADER as u64) - length;
        io::copy(&mut reader.by_ref().take(padding), &mut io::sink())?;
        at += length + padding;
    }
    Ok(())
}

/// Reads the next header, behind which `at` then stands; `None` at the end, which is a block of zeros or of the reader.
fn next_header(reader: &mut impl Read, at: &mut u64) -> io::Result<Option<Vec<u8>>> {
    let mut block = Vec::with_capacity(HEADER);
    let count = reader.take(HEADER as u64).read_to_end(&mut block)?;
    *at += count as u64;
    if block.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    if count < HEADER {
        return Err(Break::error(true, *at, *at, ErrorKind::UnexpectedEof.into()));
    }
    if !is_header(&block) {
        return Err(Break::error(false, *at, *at, io::Error::other("the checksum of a header is wrong")));
    }
    Ok(Some(block))
}

/// Reads the name that an extension of a header gives.
fn extended_name<R: Read>(entry: &mut Whole<'_, R>) -> io::Result<Option<Vec<u8>>> {
    let mut name = None;
    let extension = read_up_to(entry, LONGEST_EXTENSION)?;
    for record in PaxExtensions::new(&extension) {
        let record = record.map_err(|error| Break::error(false, entry.at, entry.at, error))?;
        match record.key_bytes() {
            b"path" => name = Some(record.value_bytes().to_vec()),
            b"size" => {
                let cause = io::Error::other("members of more than 8 GiB are not read");
                return Err(Break::error(false, entry.at, entry.at, cause));
            }
            _ => {}
        }
    }
    Ok(name)
}

fn read_up_to(entry: &mut impl Read, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    entry.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The bytes of a file, which fail if they end early.
struct Whole<'a, R> {
    inner: &'a mut R,
    at: u64,
    left: u64,
}

impl<R: Read> Read for Whole<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let count = self.inner.read(buffer.get_mut(..most).unwrap_or_default())?;
        self.at += count as u64;
        self.left -= count as u64;
        if count == 0 && most > 0 {
            return Err(Break::error(true, self.at, self.at, ErrorKind::UnexpectedEof.into()));
        }
        Ok(count)
    }
}
