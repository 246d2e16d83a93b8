//! gzip and Zstandard, in constant memory and up to a cap.

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};
use std::io::{self, Read};

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// As its first bytes tell.
    Detect,
    Gzip,
    Zstd,
}

impl Packing {
    /// From a `Content-Encoding`; `None` if it is not supported. Files may be sent packed without saying so.
    pub fn of(content_encoding: &str) -> Option<Self> {
        let is = |name: &str| content_encoding.trim().eq_ignore_ascii_case(name);
        if is("") || is("identity") {
            return Some(Self::Detect);
        }
        if is("gzip") || is("x-gzip") {
            return Some(Self::Gzip);
        }
        is("zstd").then_some(Self::Zstd)
    }
}

pub(super) fn unpacked(body: &[u8], packing: Packing) -> io::Result<Box<dyn Read + '_>> {
    const GZIP: &[u8] = &[0x1f, 0x8b];
    const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
    let is_gzip = packing == Packing::Gzip || packing == Packing::Detect && body.starts_with(GZIP);
    let is_zstd = packing == Packing::Zstd || packing == Packing::Detect && body.starts_with(ZSTD);
    if is_gzip {
        return Ok(Box::new(flate2::bufread::MultiGzDecoder::new(body)));
    }
    if is_zstd {
        return Ok(Box::new(Frames { frame: next_frame(body)? }));
    }
    Ok(Box::new(body))
}

/// Fails, rather than end, when more than the cap has been read.
pub(super) struct Capped<R> {
    inner: R,
    left: u64,
}

#[derive(Debug, thiserror::Error)]
#[error("more bytes than are allowed")]
struct BeyondCap;

pub(super) fn is_beyond_cap(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|error| error.is::<BeyondCap>())
}

impl<R: Read> Capped<R> {
    pub(super) fn new(inner: R, most: u64) -> Self {
        Self { inner, left: most }
    }
}

impl<R: Read> Read for Capped<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| io::Error::other(BeyondCap))?;
        Ok(count)
    }
}

type Frame<'a> = StreamingDecoder<&'a [u8], FrameDecoder>;

/// All frames, one after the other; parallel compressors write many.
struct Frames<'a> {
    /// `None` after the last.
    frame: Option<Frame<'a>>,
}

impl Read for Frames<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(frame) = &mut self.frame {
            let count = frame.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            let stored = frame.decoder.get_checksum_from_data();
            if stored.is_some() && stored != frame.decoder.get_calculated_checksum() {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the checksum of a zstd frame is wrong"));
            }
            self.frame = next_frame(frame.get_ref())?;
        }
        Ok(0)
    }
}

/// The most that a frame may ask to be remembered, as RFC 9659 has it for HTTP; it would be allocated at once.
const WINDOW: u64 = 8 << 20;
/// Magic number and length of a frame that is to be skipped.
const SKIP_HEADER: usize = 8;

/// The frame that `rest` begins with, past those that are to be skipped; `None` at the end.
fn next_frame(mut rest: &[u8]) -> io::Result<Option<Frame<'_>>> {
    while !rest.is_empty() {
        match StreamingDecoder::new_with_max_window_size(rest, WINDOW) {
            Ok(frame) => return Ok(Some(frame)),
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                let skipped = SKIP_HEADER.saturating_add(length as usize);
                rest = rest.get(skipped..).ok_or(io::ErrorKind::UnexpectedEof)?;
            }
            Err(error) => return Err(io::Error::other(error)),
        }
    }
    Ok(None)
}
