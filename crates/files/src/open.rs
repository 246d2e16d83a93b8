//! Finds files of events, looks at what is in them, and opens them.

use crate::errors::{InputError, MOST_LISTED, SkipReason, Skipped};
use crate::orgs::{NamedOrgs, UNNAMED_ORG};
use crate::stdin::Kept;
use crate::text::as_utf8;
use crate::unpack::{self, FILE_WINDOW, Packing};
use model::{OrgId, Timestamp};
use salesforce::{Chunks, Context, Format, NotEvents};
use std::fs::File;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A file of events.
#[derive(Clone, Debug)]
pub struct Input {
    /// The path; `None` is standard input.
    pub path: Option<PathBuf>,
    /// Bytes on disk; 0 for standard input.
    pub bytes: u64,
    pub(super) format: Format,
    /// What its records may not say.
    pub(super) context: Context,
    /// Time of its first event, and how its events are ordered.
    pub(super) first: Timestamp,
    pub(super) order: TimeOrder,
    /// The bytes of standard input that were read to find this out.
    pub(super) head: Arc<Vec<u8>>,
    /// Standard input, kept so that it can be read again.
    pub(super) kept: Option<Arc<Kept>>,
    /// The orgs that the records at its beginning name.
    pub(super) named: NamedOrgs,
    /// Whether the caller named it, so that a failure to read it is an error.
    pub(super) is_named: bool,
}

/// How the events of a file follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimeOrder {
    /// By time, with events up to 5 minutes late.
    OldestFirst,
    /// By time backwards, as the query API returns them.
    NewestFirst,
    Mixed,
}

/// Bytes of a file, unpacked, that are looked at for its format and order. A choice: hundreds of records of any kind.
const HEAD: usize = 256 * 1024;

/// Finds the files of events in `paths`: files, folders, or `-` for standard input. A file that holds no events is left
/// out. `given` is what records may not say.
///
/// # Errors
/// If a path cannot be read, or nothing is left to read.
pub fn expand(paths: &[PathBuf], given: &Context) -> Result<(Vec<Input>, Vec<Skipped>), InputError> {
    let (mut inputs, mut skipped) = (Vec::new(), Vec::new());
    for path in paths {
        let is_folder = path.is_dir();
        let found = if is_folder { files_below(path)? } else { vec![path.clone()] };
        for file in found {
            let probed = if file.as_os_str() == "-" { probe_stdin(given)? } else { probe(&file, given)? };
            match probed {
                Ok(input) => inputs.push(Input { is_named: !is_folder, ..input }),
                Err(reason) => skipped.push(Skipped { path: file, reason }),
            }
        }
    }
    if inputs.is_empty() {
        let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).take(MOST_LISTED).collect();
        return Err(InputError::NoEvents { paths: names.join(", "), skipped });
    }
    inputs.sort_by(|a, b| a.first.cmp(&b.first).then_with(|| a.path.cmp(&b.path)));
    Ok((inputs, skipped))
}

impl Input {
    /// Returns the path, or `-`.
    pub fn name(&self) -> PathBuf {
        self.path.clone().unwrap_or_else(|| "-".into())
    }

    /// Opens the file for reading whole records, unpacked. Bytes read from disk are added to `bytes`.
    pub(super) fn open(&self, bytes: &Arc<AtomicU64>) -> Result<Chunks<Box<dyn Read + Send>>, InputError> {
        let raw: Box<dyn Read + Send> = match (&self.path, &self.kept) {
            (Some(path), _) => Box::new(open_file(path)?),
            (None, Some(kept)) => Box::new(Kept::reader(kept)),
            (None, None) => Box::new(Cursor::new(Head(Arc::clone(&self.head))).chain(std::io::stdin())),
        };
        let counted = Counted { inner: raw, bytes: Arc::clone(bytes) };
        let read = |source| InputError::Read { path: self.name(), source };
        Ok(Chunks::new(unpacked(counted).map_err(read)?, self.format))
    }
}

fn probe(path: &Path, given: &Context) -> Result<Result<Input, SkipReason>, InputError> {
    let read = |source| InputError::Read { path: path.into(), source };
    let bytes = std::fs::metadata(path).map_err(read)?.len();
    let mut head = Vec::new();
    let mut unpacked = unpacked(open_file(path)?).map_err(read)?;
    let whole = read_head(&mut unpacked, &mut head);
    let context = Context { types: given.types.with_file(&path.to_string_lossy()), ..given.clone() };
    Ok(look_at(&head, whole, context).map(|look| look.into_input(Some(path.into()), bytes)))
}

fn probe_stdin(given: &Context) -> Result<Result<Input, SkipReason>, InputError> {
    let read = |source| InputError::Read { path: PathBuf::from("-"), source };
    // Without an org it may have to be read again, when the orgs that its records name are known.
    let kept = match &given.org {
        Some(_) => None,
        None => Some(Arc::new(Kept::new(std::io::stdin()).map_err(read)?)),
    };
    let mut head = Vec::new();
    match &kept {
        Some(kept) => read_head(&mut Kept::reader(kept), &mut head).map_err(read)?,
        None => read_head(&mut std::io::stdin(), &mut head).map_err(read)?,
    };
    let mut plain = Vec::new();
    let whole = read_head(&mut unpacked(Cursor::new(head.clone())).map_err(read)?, &mut plain);
    Ok(look_at(&plain, whole, given.clone()).map(|look| Input {
        head: Arc::new(head),
        kept,
        ..look.into_input(None, 0)
    }))
}

/// Looks at the events in `head`. A file that breaks off is read as far as it goes, unless that is before its first event.
fn look_at(head: &[u8], whole: std::io::Result<usize>, context: Context) -> Result<Look, SkipReason> {
    look(head, context).map_err(|reason| match whole {
        Ok(_) => reason.into(),
        Err(error) => SkipReason::Broken(error.to_string()),
    })
}

/// What the head of a file shows.
struct Look {
    format: Format,
    context: Context,
    first: Timestamp,
    order: TimeOrder,
    named: NamedOrgs,
}

impl Look {
    fn into_input(self, path: Option<PathBuf>, bytes: u64) -> Input {
        let Self { format, context, first, order, named } = self;
        Input { path, bytes, format, context, first, order, head: Arc::default(), kept: None, named, is_named: true }
    }
}

fn look(head: &[u8], context: Context) -> Result<Look, NotEvents> {
    let format = salesforce::detect(head)?;
    let named_or_not = Some(context.org.clone().unwrap_or_else(|| OrgId::new(UNNAMED_ORG)));
    let with_org = Context { org: named_or_not, ..context.clone() };
    let mut chunks = Chunks::new(head, format);
    let (mut times, mut named) = (Vec::new(), NamedOrgs::default());
    while let Ok(Some(chunk)) = chunks.next_chunk() {
        for activity in salesforce::parse(&chunk, &with_org).activities {
            times.push(activity.event_time);
            named.see(&activity.org_id);
        }
    }
    let first = times.iter().min().copied().unwrap_or(Timestamp(i64::MIN));
    Ok(Look { format, context, first, order: order_of(&times), named })
}

fn order_of(times: &[Timestamp]) -> TimeOrder {
    /// As late as Salesforce writes events of one file out of order; a choice.
    const LATE: i64 = 5 * model::time::MINUTE;
    fn goes_on(mut times: impl Iterator<Item = i64>) -> bool {
        let mut latest = i64::MIN;
        times.all(|time| {
            latest = latest.max(time);
            latest.saturating_sub(time) <= LATE
        })
    }
    if goes_on(times.iter().map(|time| time.0)) {
        TimeOrder::OldestFirst
    } else if goes_on(times.iter().rev().map(|time| time.0)) {
        TimeOrder::NewestFirst
    } else {
        TimeOrder::Mixed
    }
}

fn read_head(reader: &mut impl Read, head: &mut Vec<u8>) -> std::io::Result<usize> {
    reader.take(HEAD as u64).read_to_end(head)
}

fn open_file(path: &Path) -> Result<File, InputError> {
    File::open(path).map_err(|source| InputError::Read { path: path.into(), source })
}

/// Returns the files below a folder, sorted by path, without hidden ones.
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

fn unpacked<R: Read + Send + 'static>(reader: R) -> std::io::Result<Box<dyn Read + Send>> {
    unpack::unpacked(reader, Packing::Detect, FILE_WINDOW).map(as_utf8)
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
    fn the_order_of_a_file_is_recognized() {
        let times = |minutes: &[i64]| minutes.iter().map(|m| Timestamp(m * model::time::MINUTE)).collect::<Vec<_>>();
        assert_eq!(order_of(&times(&[1, 3, 2, 9, 8])), TimeOrder::OldestFirst);
        assert_eq!(order_of(&times(&[90, 60, 61, 30])), TimeOrder::NewestFirst);
        assert_eq!(order_of(&times(&[90, 30, 60])), TimeOrder::Mixed);
        assert_eq!(order_of(&[]), TimeOrder::OldestFirst);
    }

    const ORG: &str = "00Dhn0000018hrcMAU";

    fn line(number: u32) -> String {
        format!(
            "{{\"attributes\":{{\"type\":\"ListViewEvent\"}},\"EventIdentifier\":\"7d0c2b1e-4f6a-4c1e-9a70-{number:012}\",\
             \"EventDate\":\"2026-03-02T10:{:02}:00.000Z\",\"UserId\":\"005hn00000EmmaMAAU\",\"RowsProcessed\":1}}\n",
            number % 60,
        )
    }

    fn zstd(text: &str) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(text.as_bytes(), ruzstd::encoding::CompressionLevel::Fastest)
    }

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    /// Returns how many activities a file gives, and its rejects as lines and reasons.
    fn read(bytes: &[u8]) -> (usize, Vec<(u64, String)>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events");
        std::fs::write(&path, bytes).unwrap();
        let org = OrgId::new(ORG);
        let (inputs, _) = expand(&[path], &Context { org: Some(org.clone()), ..Context::default() }).unwrap();
        let (mut activities, mut rejects) = (0, Vec::new());
        crate::read::<InputError>(&inputs, Some(&org), 1, |batch| {
            activities += batch.activities.len();
            rejects.extend(batch.rejects.iter().map(|(_, reject)| (reject.line, reject.reason.to_string())));
            Ok(())
        })
        .unwrap();
        (activities, rejects)
    }

    #[test]
    fn all_frames_of_a_packed_file_are_read() {
        assert_eq!(read(&[zstd(&line(1)), zstd(&line(2))].concat()), (2, vec![]));
    }

    #[test]
    fn a_named_file_that_is_cut_off_gives_the_records_before_and_says_where() {
        let text: String = (0..2_000).map(line).collect();
        for packed in [gzip(&text), zstd(&text)] {
            let cut = packed.len() / 2;
            let (activities, rejects) = read(&packed[..cut]);
            let [(line, reason)] = rejects.as_slice() else { panic!("{rejects:?}") };
            assert!(activities > 200 && *line == activities as u64 + 1, "{activities} activities, line {line}");
            let expected =
                format!("cannot read the rest of the file: the packed bytes are cut off at byte {cut}, after ");
            assert!(reason.starts_with(&expected) && reason.ends_with(" unpacked bytes"), "{reason}");
        }
    }

    #[test]
    fn a_wrong_checksum_is_set_aside_behind_the_records() {
        let mut packed = zstd(&line(1));
        *packed.last_mut().unwrap() ^= 1;
        let (activities, rejects) = read(&packed);
        assert_eq!(activities, 1);
        assert!(
            rejects.len() == 1 && rejects[0].1.contains("are damaged (the checksum of a zstd frame is wrong) at byte"),
            "{rejects:?}"
        );
    }

    #[test]
    fn a_batch_holds_the_rejects_of_few_chunks() {
        let text = line(1) + &"{}\n".repeat(2_000_000);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events");
        std::fs::write(&path, text).unwrap();
        let (inputs, _) = expand(&[path], &Context::default()).unwrap();
        let (mut most, mut all) = (0, 0);
        crate::read::<InputError>(&inputs, None, 1, |batch| {
            most = most.max(batch.rejects.len());
            all += batch.rejects.len();
            Ok(())
        })
        .unwrap();
        assert_eq!(all, 2_000_001, "the event names no org");
        assert!(most < 400_000, "{most}");
    }
}
