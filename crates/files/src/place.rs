//! Where the bytes of an input are: in a file, in standard input, or in a part of an archive.

use crate::archive::Zipped;
use crate::stdin::Kept;
use crate::unpack::{self, Break, FILE_WINDOW, Packing};
use rawzip::{FileReader, RangeReader, ReaderAt};
use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that can be opened again and again.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) base: Base,
    /// The part of it; all of it if `None`.
    pub(super) part: Option<Part>,
}

#[derive(Clone, Debug)]
pub(super) enum Base {
    File(PathBuf),
    /// Standard input.
    Stdin(Arc<Kept>),
    /// A temporary file.
    Spooled(Arc<Spooled>),
}

/// A member of an archive.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) range: Range<u64>,
    /// How it is packed, if the archive is a zip.
    pub(super) zipped: Option<Zipped>,
}

/// An unpacked archive, in a temporary file that is deleted when it is dropped.
#[derive(Debug)]
pub(super) struct Spooled {
    file: FileReader,
    pub(super) length: u64,
    /// How many times as large it is as its packed bytes, rounded up.
    expansion: u64,
    /// What was around it.
    packing: Vec<&'static str>,
}

/// Unpacked bytes may be so many times the packed ones, beyond the first. Log files pack to a twentieth, repeated text
/// to a hundredth.
const MAX_RATIO: u64 = 200;
/// Bytes that may be unpacked whatever the ratio, of a file and of a member. Choices.
const FREE_OF_FILE: u64 = 64 << 20;
const FREE_OF_MEMBER: u64 = 1 << 20;

impl Place {
    /// Opens the bytes, unpacked. Bytes read from disk are added to `bytes`.
    pub(super) fn open(&self, bytes: &Arc<AtomicU64>) -> io::Result<Box<dyn Read + Send>> {
        let packed = Arc::<AtomicU64>::default();
        let counted = Counted { inner: self.packed()?, all: Arc::clone(bytes), own: Arc::clone(&packed) };
        let unpacked = unpack::unpacked(self.member(Box::new(counted))?, Packing::Detect, FILE_WINDOW)?;
        let free = if self.part.is_some() { FREE_OF_MEMBER } else { FREE_OF_FILE };
        Ok(Box::new(Bounded { inner: unpacked, packed, ratio: MAX_RATIO / self.expansion(), free, count: 0 }))
    }

    /// Opens the bytes as they are.
    fn packed(&self) -> io::Result<Box<dyn Read + Send>> {
        let range = self.part.as_ref().map(|part| part.range.clone());
        Ok(match (&self.base, range) {
            (Base::File(path), None) => Box::new(File::open(path)?),
            (Base::File(path), Some(range)) => part_of(FileReader::from(File::open(path)?), range),
            (Base::Spooled(spooled), Some(range)) => part_of(Arc::clone(spooled), range),
            (Base::Spooled(spooled), None) => Box::new(RangeReader::new(Arc::clone(spooled), 0..spooled.length)),
            (Base::Stdin(kept), _) => Box::new(Kept::reader(kept)),
        })
    }

    /// Unpacks what a zip has packed.
    fn member(&self, bytes: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
        match self.part.as_ref().and_then(|part| part.zipped) {
            Some(zipped) => zipped.unpacked(bytes, FILE_WINDOW),
            None => Ok(bytes),
        }
    }

    /// Returns what is around the text, the outermost first: archives, and how they and it are packed.
    pub(super) fn packing(&self) -> io::Result<Vec<&'static str>> {
        let mut names = match &self.base {
            Base::Spooled(spooled) => spooled.packing.clone(),
            Base::File(_) | Base::Stdin(_) => Vec::new(),
        };
        names.extend(self.part.as_ref().map(|part| if part.zipped.is_some() { "zip" } else { "tar" }));
        let mut magic = Vec::new();
        self.member(self.packed()?)?.take(unpack::MAGIC).read_to_end(&mut magic)?;
        names.extend(unpack::packing_name(&magic));
        Ok(names)
    }

    /// Returns what the bytes were unpacked from, if they were put into a temporary file.
    pub(super) fn expansion(&self) -> u64 {
        match &self.base {
            Base::Spooled(spooled) => spooled.expansion.clamp(1, MAX_RATIO),
            Base::File(_) | Base::Stdin(_) => 1,
        }
    }
}

impl Spooled {
    /// Writes what `read` takes out of the unpacked bytes of `place` to a temporary file. It gets a reader of them.
    pub(super) fn of<T>(place: &Place, read: impl FnOnce(&mut (dyn Read + Send)) -> T) -> io::Result<(Self, T)> {
        let packed = Arc::default();
        let unpacked = place.open(&packed)?;
        let mut tee = Tee { inner: unpacked, file: BufWriter::new(tempfile::tempfile()?), length: 0 };
        let result = read(&mut tee);
        let file = tee.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        let expansion = tee.length.div_ceil(packed.load(Ordering::Relaxed).max(1)).saturating_mul(place.expansion());
        let packing = place.packing()?;
        Ok((Self { file: file.into(), length: tee.length, expansion, packing }, result))
    }
}

impl ReaderAt for Spooled {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }
}

fn part_of(bytes: impl ReaderAt + Send + 'static, range: Range<u64>) -> Box<dyn Read + Send> {
    Box::new(Whole(RangeReader::new(bytes, range)))
}

/// A part of an archive, which fails if the archive ends before it.
struct Whole<R>(RangeReader<R>);

impl<R: ReaderAt> Read for Whole<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.0.read(buffer)?;
        if count == 0 && !buffer.is_empty() && self.0.remaining() > 0 {
            let at = self.0.position();
            return Err(Break::error(true, at, at, ErrorKind::UnexpectedEof.into()));
        }
        Ok(count)
    }
}

/// Writes what is read to a file.
struct Tee {
    inner: Box<dyn Read + Send>,
    file: BufWriter<File>,
    length: u64,
}

impl Read for Tee {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.file.write_all(buffer.get(..count).unwrap_or_default())?;
        self.length += count as u64;
        Ok(count)
    }
}

/// Counts the bytes of all inputs, and of this one.
struct Counted<R> {
    inner: R,
    all: Arc<AtomicU64>,
    own: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.all.fetch_add(count as u64, Ordering::Relaxed);
        self.own.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Fails where bytes unpack to too many.
struct Bounded<R> {
    inner: R,
    packed: Arc<AtomicU64>,
    ratio: u64,
    free: u64,
    count: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.count += count as u64;
        let packed = self.packed.load(Ordering::Relaxed);
        if self.count > self.free.saturating_add(packed.saturating_mul(self.ratio)) {
            let cause = io::Error::other(format!("they unpack to more than {MAX_RATIO} times their size"));
            return Err(Break::error(false, packed, self.count, cause));
        }
        Ok(count)
    }
}
