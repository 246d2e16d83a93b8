//! Which files there are, what is in them, and how they are opened.

use model::{OrgId, Timestamp};
use salesforce::{Chunks, Context, Format};
use std::fs::File;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A file of events.
#[derive(Clone, Debug)]
pub struct Input {
    /// `None` is standard input.
    pub path: Option<PathBuf>,
    /// Bytes on disk; 0 for standard input.
    pub bytes: u64,
    pub(super) format: Format,
    /// Time of its first event, and how its events are ordered.
    pub(super) first: Timestamp,
    pub(super) order: Order,
    /// What was read of standard input to find this out.
    pub(super) head: Arc<Vec<u8>>,
    /// Whether it was asked for by name, and so must be readable to its end.
    pub(super) is_named: bool,
}

/// How the events of a file follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// By time, but for what comes a little late.
    OldestFirst,
    /// As the query API gives them.
    NewestFirst,
    Mixed,
}

/// A file that holds no events, and why it was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    pub path: PathBuf,
    pub reason: &'static str,
}

#[derive(Debug, thiserror::Error)]
pub enum InputError {
    #[error("{}: cannot be read", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{}: holds no events that orgwatch can read", .0.display())]
    NotEvents(PathBuf),
    #[error("no file of events in {0}")]
    Empty(String),
    #[error("{}: line {line}: cannot be read", path.display())]
    Record { path: PathBuf, line: u64, source: std::io::Error },
    #[error("cannot sort {} by time: temporary file", path.display())]
    Spill { path: PathBuf, source: std::io::Error },
}

/// How much of a file is looked at before it is read.
const HEAD: usize = 256 * 1024;

/// Finds the files of events. A file that is named must hold events; one found in a folder may be skipped.
///
/// # Errors
/// If a path cannot be read, or nothing is left to read.
pub fn expand(paths: &[PathBuf], org: Option<&OrgId>) -> Result<(Vec<Input>, Vec<Skipped>), InputError> {
    let (mut inputs, mut skipped) = (Vec::new(), Vec::new());
    for path in paths {
        if path.as_os_str() == "-" {
            inputs.push(probe_stdin(org)?);
        } else if path.is_dir() {
            for file in files_below(path)? {
                match probe(&file, org)? {
                    Ok(input) => inputs.push(Input { is_named: false, ..input }),
                    Err(reason) => skipped.push(Skipped { path: file, reason }),
                }
            }
        } else {
            inputs.push(probe(path, org)?.map_err(|_| InputError::NotEvents(path.clone()))?);
        }
    }
    if inputs.is_empty() {
        let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        return Err(InputError::Empty(names.join(", ")));
    }
    inputs.sort_by(|a, b| a.first.cmp(&b.first).then_with(|| a.path.cmp(&b.path)));
    Ok((inputs, skipped))
}

impl Input {
    /// The path, or `-`.
    pub fn name(&self) -> PathBuf {
        self.path.clone().unwrap_or_else(|| "-".into())
    }

    /// Opens it, unpacked. Bytes read from disk are added to `bytes`.
    pub(super) fn open(&self, bytes: &Arc<AtomicU64>) -> Result<Chunks<Box<dyn Read + Send>>, InputError> {
        let raw: Box<dyn Read + Send> = match &self.path {
            Some(path) => Box::new(open_file(path)?),
            None => Box::new(Cursor::new(Head(Arc::clone(&self.head))).chain(std::io::stdin())),
        };
        let counted = Counted { inner: raw, bytes: Arc::clone(bytes) };
        let read = |source| InputError::Read { path: self.name(), source };
        Ok(Chunks::new(unpacked(counted).map_err(read)?, self.format))
    }
}

fn probe(path: &Path, org: Option<&OrgId>) -> Result<Result<Input, &'static str>, InputError> {
    let read = |source| InputError::Read { path: path.into(), source };
    let bytes = std::fs::metadata(path).map_err(read)?.len();
    let mut head = Vec::new();
    let unpacked = unpacked(open_file(path)?);
    // What cannot be unpacked is no file of events; one that breaks off is read as far as it goes.
    const BROKEN: &str = "cannot be unpacked";
    let Ok(mut unpacked) = unpacked else { return Ok(Err(BROKEN)) };
    let is_whole = read_head(&mut unpacked, &mut head).is_ok();
    let looked = look(&head, org).map_err(|reason| if is_whole { reason } else { BROKEN });
    Ok(looked.map(|(format, first, order)| Input {
        path: Some(path.into()),
        bytes,
        format,
        first,
        order,
        head: Arc::default(),
        is_named: true,
    }))
}

fn probe_stdin(org: Option<&OrgId>) -> Result<Input, InputError> {
    let path = PathBuf::from("-");
    let read = |source| InputError::Read { path: path.clone(), source };
    let mut head = Vec::new();
    read_head(&mut std::io::stdin(), &mut head).map_err(read)?;
    let mut plain = Vec::new();
    let mut unpacked = unpacked(Cursor::new(head.clone())).map_err(read)?;
    // The head of a packed stream ends in the middle: what could be unpacked of it is enough.
    let _truncated = read_head(&mut unpacked, &mut plain);
    let (format, first, order) = look(&plain, org).map_err(|_| InputError::NotEvents(path))?;
    Ok(Input { path: None, bytes: 0, format, first, order, head: Arc::new(head), is_named: true })
}

/// Format, first time and order of the events in `head`; why not, if there are none.
fn look(head: &[u8], org: Option<&OrgId>) -> Result<(Format, Timestamp, Order), &'static str> {
    if head.is_empty() {
        return Err("empty");
    }
    let format = salesforce::detect(head).ok_or("not JSON or CSV")?;
    if !salesforce::looks_like_events(head) {
        return Err("no Salesforce events");
    }
    let context = Context { org: Some(org.cloned().unwrap_or_else(|| OrgId::new("unknown"))) };
    let mut chunks = Chunks::new(head, format);
    let mut times = Vec::new();
    while let Ok(Some(chunk)) = chunks.next_chunk() {
        times.extend(salesforce::parse(&chunk, &context).activities.iter().map(|activity| activity.event_time));
    }
    let first = times.iter().min().copied().unwrap_or(Timestamp(i64::MIN));
    Ok((format, first, order_of(&times)))
}

fn order_of(times: &[Timestamp]) -> Order {
    const LATE: i64 = 5 * model::time::MINUTE;
    fn goes_on(mut times: impl Iterator<Item = i64>) -> bool {
        let mut latest = i64::MIN;
        times.all(|time| {
            latest = latest.max(time);
            latest.saturating_sub(time) <= LATE
        })
    }
    if goes_on(times.iter().map(|time| time.0)) {
        Order::OldestFirst
    } else if goes_on(times.iter().rev().map(|time| time.0)) {
        Order::NewestFirst
    } else {
        Order::Mixed
    }
}

fn read_head(reader: &mut impl Read, head: &mut Vec<u8>) -> std::io::Result<usize> {
    reader.take(HEAD as u64).read_to_end(head)
}

fn open_file(path: &Path) -> Result<File, InputError> {
    File::open(path).map_err(|source| InputError::Read { path: path.into(), source })
}

/// Files below a folder, sorted by path. Hidden ones are left out.
fn files_below(folder: &Path) -> Result<Vec<PathBuf>, InputError> {
    let read = |source| InputError::Read { path: folder.into(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(read)? {
        let path = entry.map_err(read)?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if is_hidden {
            continue;
        }
        if path.is_dir() { files.extend(files_below(&path)?) } else { files.push(path) }
    }
    files.sort();
    Ok(files)
}

/// Unpacks gzip and Zstandard, told by their first bytes.
fn unpacked<R: Read + Send + 'static>(mut reader: R) -> std::io::Result<Box<dyn Read + Send>> {
    let mut magic = Vec::with_capacity(4);
    reader.by_ref().take(4).read_to_end(&mut magic)?;
    let is_gzip = magic.starts_with(&[0x1f, 0x8b]);
    let is_zstd = magic.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]);
    let whole = Cursor::new(magic).chain(reader);
    if is_gzip {
        return Ok(Box::new(flate2::read::MultiGzDecoder::new(whole)));
    }
    if is_zstd {
        let decoder = ruzstd::decoding::StreamingDecoder::new(whole).map_err(std::io::Error::other)?;
        return Ok(Box::new(decoder));
    }
    Ok(Box::new(whole))
}

struct Head(Arc<Vec<u8>>);

impl AsRef<[u8]> for Head {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

struct Counted<R> {
    inner: R,
    bytes: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_told_from_newest_first() {
        let times = |minutes: &[i64]| minutes.iter().map(|m| Timestamp(m * model::time::MINUTE)).collect::<Vec<_>>();
        assert_eq!(order_of(&times(&[1, 3, 2, 9, 8])), Order::OldestFirst);
        assert_eq!(order_of(&times(&[90, 60, 61, 30])), Order::NewestFirst);
        assert_eq!(order_of(&times(&[90, 30, 60])), Order::Mixed);
        assert_eq!(order_of(&[]), Order::OldestFirst);
    }
}
