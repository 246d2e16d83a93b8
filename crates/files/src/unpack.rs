//! Unpacks gzip and Zstandard in constant memory.

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, DEFAULT_MAX_WINDOW_SIZE, FrameDecoder};
use std::io::{self, BufRead, BufReader, Cursor, Read};

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

/// Unpacks what `reader` gives. A Zstandard frame that wants a window of more than `max_window` bytes is refused.
///
/// # Errors
/// If the first bytes cannot be read. What cannot be unpacked is an error of the returned reader.
pub fn unpacked<'a>(
    mut reader: impl Read + Send + 'a,
    packing: Packing,
    max_window: u64,
) -> io::Result<Box<dyn Read + Send + 'a>> {
    const GZIP: &[u8] = &[0x1f, 0x8b];
    const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
    let mut magic = Vec::with_capacity(ZSTD.len());
    reader.by_ref().take(ZSTD.len() as u64).read_to_end(&mut magic)?;
    let is_gzip = packing == Packing::Gzip || packing == Packing::Detect && magic.starts_with(GZIP);
    let is_zstd = packing == Packing::Zstd || packing == Packing::Detect && magic.starts_with(ZSTD);
    let whole = Cursor::new(magic).chain(reader);
    if is_gzip {
        return Ok(Box::new(flate2::read::MultiGzDecoder::new(whole)));
    }
    if is_zstd {
        return Ok(Box::new(ZstdReader::new(whole, max_window)));
    }
    Ok(Box::new(whole))
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

/// All Zstandard frames of a reader, one after the other: parallel compressors write many.
struct ZstdReader<R> {
    reader: BufReader<R>,
    decoder: FrameDecoder,
    in_frame: bool,
}

impl<R: Read> ZstdReader<R> {
    fn new(reader: R, max_window: u64) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(max_window);
        Self { reader: BufReader::new(reader), decoder, in_frame: false }
    }

    /// Reads the header of the next frame, past skippable ones; `false` at the end.
    fn begin_frame(&mut self) -> io::Result<bool> {
        while !self.reader.fill_buf()?.is_empty() {
            match self.decoder.init(&mut self.reader) {
                Ok(()) => {
                    self.in_frame = true;
                    return Ok(true);
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    let length = u64::from(length);
                    if io::copy(&mut self.reader.by_ref().take(length), &mut io::sink())? < length {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(error) => return Err(io::Error::other(error)),
            }
        }
        Ok(false)
    }

    fn check_frame(&self) -> io::Result<()> {
        let stored = self.decoder.get_checksum_from_data();
        if stored.is_some() && stored != self.decoder.get_calculated_checksum() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the checksum of a zstd frame is wrong"));
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
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let blocks = BlockDecodingStrategy::UptoBlocks(1);
                self.decoder.decode_blocks(&mut self.reader, blocks).map_err(io::Error::other)?;
            }
            let count = self.decoder.read(buffer)?;
            if count > 0 {
                return Ok(count);
            }
            self.check_frame()?;
            self.in_frame = false;
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const TEXT: &[u8] = b"one line of text, and another one that is a little longer";

    fn gzip() -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(TEXT).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd() -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(TEXT, ruzstd::encoding::CompressionLevel::Fastest)
    }

    fn skippable(content: &[u8]) -> Vec<u8> {
        let length = u32::try_from(content.len()).unwrap().to_le_bytes();
        [&[0x50, 0x2a, 0x4d, 0x18], &length[..], content].concat()
    }

    fn unpack(bytes: &[u8], packing: Packing) -> io::Result<Vec<u8>> {
        let mut unpacked_bytes = Vec::new();
        unpacked(bytes, packing, HTTP_WINDOW)?.read_to_end(&mut unpacked_bytes)?;
        Ok(unpacked_bytes)
    }

    #[test]
    fn the_first_bytes_decide() {
        let check = |bytes: &[u8], expect: &[u8]| assert_eq!(unpack(bytes, Packing::Detect).unwrap(), expect);
        check(b"", b"");
        check(b"{}", b"{}");
        check(TEXT, TEXT);
        check(&gzip(), TEXT);
        check(&zstd(), TEXT);
    }

    #[test]
    fn members_and_frames_follow_each_other() {
        let twice = [TEXT, TEXT].concat();
        assert_eq!(unpack(&[gzip(), gzip()].concat(), Packing::Gzip).unwrap(), twice);
        assert_eq!(unpack(&[zstd(), zstd()].concat(), Packing::Detect).unwrap(), twice);
        let with_skippable = [skippable(b"not content"), zstd(), skippable(b""), zstd()].concat();
        assert_eq!(unpack(&with_skippable, Packing::Zstd).unwrap(), twice);
    }

    #[test]
    fn damage_is_an_error() {
        let check = |bytes: &[u8], packing| assert!(unpack(bytes, packing).is_err(), "{bytes:?}");
        let (gzip, zstd) = (gzip(), zstd());
        check(&gzip[..gzip.len() - 3], Packing::Detect);
        check(&zstd[..zstd.len() - 3], Packing::Detect);
        check(&[&zstd[..], b"more"].concat(), Packing::Detect);
        check(&skippable(b"cut off")[..10], Packing::Zstd);
        check(TEXT, Packing::Gzip);
        check(TEXT, Packing::Zstd);
    }

    #[test]
    fn a_window_beyond_the_limit_is_refused() {
        // Magic, no single segment, and a window of 2^(10 + 21) bytes.
        let wide = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3];
        let error = unpack(&wide, Packing::Detect).unwrap_err().to_string();
        assert!(error.contains("window"), "{error}");
    }

    #[test]
    fn a_capped_reader_fails_beyond_its_cap() {
        let read = |cap| io::copy(&mut Capped::new(TEXT, cap), &mut io::sink());
        assert_eq!(read(TEXT.len() as u64).unwrap(), TEXT.len() as u64);
        assert!(is_beyond_cap(&read(TEXT.len() as u64 - 1).unwrap_err()));
        assert!(!is_beyond_cap(&io::ErrorKind::UnexpectedEof.into()));
    }
}
