//! Unpacks gzip, bzip2 and Zstandard in constant memory, and verifies checksums.

use bzip2::read::MultiBzDecoder;
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
    const GZIP: &[u8] = &[0x1f, 0x8b];
    const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
    const BZIP2: &[u8] = b"BZh";
    let mut magic = Vec::with_capacity(ZSTD.len());
    reader.by_ref().take(ZSTD.len() as u64).read_to_end(&mut magic)?;
    let is_gzip = packing == Packing::Gzip || packing == Packing::Detect && magic.starts_with(GZIP);
    let is_zstd = packing == Packing::Zstd || packing == Packing::Detect && magic.starts_with(ZSTD);
    let is_bzip2 = packing == Packing::Detect && magic.starts_with(BZIP2) && magic.len() > BZIP2.len();
    let whole = Cursor::new(magic).chain(reader);
    let progress = Arc::<Progress>::default();
    let packed = Packed { inner: whole, progress: Arc::clone(&progress) };
    if is_gzip {
        return Ok(Box::new(Located { decoder: flate2::read::MultiGzDecoder::new(packed), progress, unpacked: 0 }));
    }
    if is_zstd {
        return Ok(Box::new(Located { decoder: ZstdReader::new(packed, max_window), progress, unpacked: 0 }));
    }
    if is_bzip2 {
        return Ok(Box::new(Located { decoder: MultiBzDecoder::new(packed), progress, unpacked: 0 }));
    }
    Ok(Box::new(packed.inner))
}

impl Break {
    /// Returns where packed bytes break off, if that is what the error says.
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
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

/// A reader that fails, instead of ending, when it has read more than its cap.
pub struct Capped<R> {
    inner: R,
    left: u64,
}

#[derive(Debug, thiserror::Error)]
#[error("more bytes than are allowed")]
struct BeyondCap;

/// Returns whether the error is that of a [`Capped`] reader whose cap was reached.
pub fn is_beyond_cap(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|error| error.is::<BeyondCap>())
}

impl<R: Read> Capped<R> {
    /// Reads at most `cap` bytes of `inner`.
    pub fn new(inner: R, cap: u64) -> Self {
        Self { inner, left: cap }
    }
}

impl<R: Read> Read for Capped<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| io::Error::other(BeyondCap))?;
        Ok(count)
    }
}

/// How much of the packed bytes was read, and whether reading has failed.
#[derive(Default)]
struct Progress {
    bytes: AtomicU64,
    has_failed: AtomicBool,
}

/// The packed bytes.
struct Packed<R> {
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
        let kind = if is_cut_off { ErrorKind::UnexpectedEof } else { ErrorKind::InvalidData };
        let packed = self.progress.bytes.load(Ordering::Relaxed);
        Err(io::Error::new(kind, Break { is_cut_off, packed, unpacked: self.unpacked, cause }))
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
