//! Unpacks gzip, bzip2 and Zstandard in constant memory, and verifies checksums.

use bzip2::read::MultiBzDecoder;
use flate2::read::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, DEFAULT_MAX_WINDOW_SIZE, FrameDecoder};
use std::error::Error;
use std::io::{self, BufRead, BufReader, Cursor, ErrorKind, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// How bytes are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// Decided by the first bytes.
    Detect,
    /// gzip, any number of members.
    Gzip,
    /// Zstandard, any number of frames.
    Zstd,
}

/// The largest Zstandard window of a body sent over HTTP: 8 MiB, as RFC 9659 allows. It is allocated at once.
pub const HTTP_WINDOW: u64 = 8 << 20;

/// The largest Zstandard window of a file: 128 MiB, as ruzstd allows by default.
pub const FILE_WINDOW: u64 = DEFAULT_MAX_WINDOW_SIZE;

/// Where packed bytes break off. An error of [`unpacked`]'s reader holds it, unless reading itself has failed.
#[derive(Debug, thiserror::Error)]
#[error("the packed bytes {} at byte {packed}, after {unpacked} unpacked bytes", self.how())]
pub struct Break {
    /// Whether they end early, so that everything before is as it was written. Otherwise they are damaged: a checksum
    /// or the encoding is wrong.
    pub is_cut_off: bool,
    /// How many packed bytes were read: all where they are cut off, up to 32 KiB too many where they are damaged.
    pub packed: u64,
    /// How many bytes were unpacked before.
    pub unpacked: u64,
    cause: io::Error,
}

/// Bytes by which a packing is recognized.
pub(crate) const MAGIC: u64 = 4;
const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
const BZIP2: &[u8] = b"BZh";

/// Returns how bytes that start with `magic` are packed; `None` if they are not.
pub(crate) fn packing_name(magic: &[u8]) -> Option<&'static str> {
    let is_bzip2 = magic.starts_with(BZIP2) && magic.len() > BZIP2.len();
    let names = [(magic.starts_with(GZIP), "gzip"), (magic.starts_with(ZSTD), "zstd"), (is_bzip2, "bzip2")];
    names.into_iter().find(|(is, _)| *is).map(|(_, name)| name)
}

/// Unpacks what `reader` gives. A Zstandard frame that wants a window of more than `max_window` bytes is refused.
///
/// # Errors
/// If the first bytes cannot be read. What cannot be unpacked is an error of the returned reader, behind everything that
/// could be: see [`Break::of`].
pub fn unpacked<'a>(
    mut reader: impl Read + Send + 'a,
    packing: Packing,
    max_window: u64,
) -> io::Result<Box<dyn Read + Send + 'a>> {
    let mut magic = Vec::new();
    reader.by_ref().take(MAGIC).read_to_end(&mut magic)?;
    let name = match packing {
        Packing::Gzip => Some("gzip"),
        Packing::Zstd => Some("zstd"),
        Packing::Detect => packing_name(&magic),
    };
    let whole = Cursor::new(magic).chain(reader);
    match name {
        Some("gzip") => located(whole, |packed| Ok(MultiGzDecoder::new(packed))),
        Some("zstd") => located(whole, |packed| Ok(ZstdReader::new(packed, max_window))),
        Some(_) => located(whole, |packed| Ok(MultiBzDecoder::new(packed))),
        None => Ok(Box::new(whole)),
    }
}

/// Decodes what `reader` gives. The errors of the decoder become a [`Break`].
pub(crate) fn located<'a, R: Read + Send + 'a, D: Read + Send + 'a>(
    reader: R,
    decoder: impl FnOnce(Packed<R>) -> io::Result<D>,
) -> io::Result<Box<dyn Read + Send + 'a>> {
    let progress = Arc::<Progress>::default();
    let decoder = decoder(Packed { inner: reader, progress: Arc::clone(&progress) })?;
    Ok(Box::new(Located { decoder, progress, unpacked: 0 }))
}

impl Break {
    /// Returns where packed bytes break off, if that is what the error says.
    pub fn of(error: &io::Error) -> Option<&Self> {
        find(error)
    }

    /// Makes an error that says where bytes break off.
    pub(crate) fn error(is_cut_off: bool, packed: u64, unpacked: u64, cause: io::Error) -> io::Error {
        let kind = if is_cut_off { ErrorKind::UnexpectedEof } else { ErrorKind::InvalidData };
        io::Error::new(kind, Self { is_cut_off, packed, unpacked, cause })
    }

    fn how(&self) -> String {
        if self.is_cut_off { "are cut off".to_owned() } else { format!("are damaged ({})", self.cause) }
    }
}

impl Packing {
    /// Reads a `Content-Encoding`; `None` if it is not supported. Without one the first bytes decide, because files may
    /// be sent packed without a header that says so.
    pub fn from_content_encoding(name: &str) -> Option<Self> {
        let is = |other: &str| name.trim().eq_ignore_ascii_case(other);
        if is("") || is("identity") {
            return Some(Self::Detect);
        }
        if is("gzip") || is("x-gzip") {
            return Some(Self::Gzip);
        }
        is("zstd").then_some(Self::Zstd)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("more bytes than are allowed")]
struct BeyondCap;

/// Makes the error of a reader that has given more bytes than it may.
pub(crate) fn beyond_cap() -> io::Error {
    io::Error::other(BeyondCap)
}

/// Returns whether the error is that of a reader that has given more bytes than it may.
pub fn is_beyond_cap(error: &io::Error) -> bool {
    find::<BeyondCap>(error).is_some()
}

/// Finds an error of this type in an error or its causes.
fn find<T: Error + 'static>(error: &io::Error) -> Option<&T> {
    let mut next = error.get_ref().map(|inner| inner as &(dyn Error + 'static));
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        // The error of an error of `io` is not its cause.
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    None
}

/// Gives an error once.
pub(crate) struct Failed(pub(crate) Option<io::Error>);

impl Read for Failed {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// How much of the packed bytes was read, and whether reading has failed.
#[derive(Default)]
struct Progress {
    bytes: AtomicU64,
    has_failed: AtomicBool,
}

/// The packed bytes.
pub(crate) struct Packed<R> {
    inner: R,
    progress: Arc<Progress>,
}

impl<R: Read> Read for Packed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer);
        match &count {
            Ok(count) => drop(self.progress.bytes.fetch_add(*count as u64, Ordering::Relaxed)),
            Err(_) => self.progress.has_failed.store(true, Ordering::Relaxed),
        }
        count
    }
}

/// A decoder that says in its errors where the packed bytes break off.
struct Located<D> {
    decoder: D,
    progress: Arc<Progress>,
    unpacked: u64,
}

impl<D: Read> Read for Located<D> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let cause = match self.decoder.read(buffer) {
            Ok(count) => {
                self.unpacked += count as u64;
                return Ok(count);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
            Err(error) => error,
        };
        if self.progress.has_failed.load(Ordering::Relaxed) {
            return Err(cause);
        }
        let is_cut_off = cause.kind() == ErrorKind::UnexpectedEof;
        let packed = self.progress.bytes.load(Ordering::Relaxed);
        Err(Break::error(is_cut_off, packed, self.unpacked, cause))
    }
}

/// All Zstandard frames of a reader, one after the other: parallel compressors write many.
struct ZstdReader<R> {
    reader: BufReader<R>,
    decoder: FrameDecoder,
    in_frame: bool,
    /// Why the frame breaks off, until the bytes before are read.
    broken: Option<io::Error>,
}

impl<R: Read> ZstdReader<R> {
    fn new(reader: R, max_window: u64) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(max_window);
        Self { reader: BufReader::new(reader), decoder, in_frame: false, broken: None }
    }

    /// Reads the header of the next frame, past skippable ones; `false` at the end.
    fn begin_frame(&mut self) -> io::Result<bool> {
        if let Some(error) = self.broken.take() {
            return Err(error);
        }
        while !self.reader.fill_buf()?.is_empty() {
            match self.decoder.init(&mut self.reader) {
                Ok(()) => {
                    self.in_frame = true;
                    return Ok(true);
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    let length = u64::from(length);
                    if io::copy(&mut self.reader.by_ref().take(length), &mut io::sink())? < length {
                        return Err(ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(error) => return Err(decode_error(error)),
            }
        }
        Ok(false)
    }

    /// Decodes blocks until there are bytes to give. A decoder holds the last bytes of a frame, up to its window, until
    /// the frame has ended: one that breaks off is ended by an empty block and any checksum, which gives them.
    fn decode(&mut self) {
        const ONE: BlockDecodingStrategy = BlockDecodingStrategy::UptoBlocks(1);
        const END: [u8; 7] = [1, 0, 0, 0, 0, 0, 0];
        while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
            let Err(error) = self.decoder.decode_blocks(&mut self.reader, ONE) else { continue };
            self.in_frame = self.decoder.decode_blocks(&END[..], ONE).is_ok();
            self.broken = Some(decode_error(error));
            return;
        }
    }

    fn check_frame(&self) -> io::Result<()> {
        let stored = self.decoder.get_checksum_from_data();
        if self.broken.is_none() && stored.is_some() && stored != self.decoder.get_calculated_checksum() {
            return Err(io::Error::new(ErrorKind::InvalidData, "the checksum of a zstd frame is wrong"));
        }
        Ok(())
    }
}

impl<R: Read> Read for ZstdReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        while self.in_frame || self.begin_frame()? {
            self.decode();
            if !self.in_frame {
                continue;
            }
            let count = self.decoder.read(buffer)?;
            if count > 0 {
                return Ok(count);
            }
            self.in_frame = false;
            self.check_frame()?;
        }
        Ok(0)
    }
}

/// Returns the decoder's error, of kind `UnexpectedEof` if its input has ended early.
fn decode_error(error: FrameDecoderError) -> io::Error {
    let mut kind = ErrorKind::InvalidData;
    let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(next) = cause {
        if next.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::UnexpectedEof) {
            kind = ErrorKind::UnexpectedEof;
        }
        cause = next.source();
    }
    io::Error::new(kind, error)
}

#[cfg(test)]
mod tests;
