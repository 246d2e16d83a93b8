//! Parses chunks on several threads and hands the results over in the order of the file.

use model::Activity;
use salesforce::{Chunks, Context, Parsed};
use std::collections::{BTreeMap, VecDeque};
use std::io::Read;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// The parsed chunk; `None` after the last.
pub(super) type ChunkResult = Result<Option<Parsed>, salesforce::ReadError>;

/// A file that several threads read: one cuts the next chunk while others parse.
pub(super) struct SharedFile {
    reader: Mutex<Reader>,
    results: Mutex<BTreeMap<u64, ChunkResult>>,
    context: Context,
}

struct Reader {
    chunks: Chunks<Box<dyn Read + Send>>,
    next: u64,
    ended: bool,
}

/// The queue of chunks to parse, and the signal that it or a result changed.
#[derive(Default)]
pub(super) struct Workers {
    jobs: Mutex<Jobs>,
    changed: Condvar,
}

#[derive(Default)]
struct Jobs {
    waiting: VecDeque<Arc<SharedFile>>,
    is_over: bool,
}

impl SharedFile {
    pub(super) fn new(chunks: Chunks<Box<dyn Read + Send>>, context: Context) -> Arc<Self> {
        let reader = Reader { chunks, next: 0, ended: false };
        Arc::new(Self { reader: Mutex::new(reader), results: Mutex::default(), context })
    }

    /// Reads and parses the next chunk.
    fn advance(&self) {
        let (number, chunk) = {
            let mut reader = lock(&self.reader);
            let number = reader.next;
            reader.next += 1;
            let chunk = if reader.ended { Ok(None) } else { reader.chunks.next_chunk() };
            reader.ended |= !matches!(chunk, Ok(Some(_)));
            (number, chunk)
        };
        let parse = |chunk| {
            let parsed = salesforce::parse(&chunk, &self.context);
            lock(&self.reader).chunks.recycle(chunk);
            parsed
        };
        let parsed = chunk.map(|chunk| chunk.map(parse));
        lock(&self.results).insert(number, parsed);
    }
}

impl Workers {
    /// Queues the next chunk of a file.
    pub(super) fn request(&self, file: &Arc<SharedFile>) {
        lock(&self.jobs).waiting.push_back(Arc::clone(file));
        self.changed.notify_one();
    }

    /// Returns chunk `number` of a file, which was requested; works on the queue until it is parsed.
    pub(super) fn wait_for(&self, file: &SharedFile, number: u64) -> ChunkResult {
        loop {
            // Looked up under the lock of the jobs, so that no signal is missed in between.
            let mut jobs = lock(&self.jobs);
            if let Some(result) = lock(&file.results).remove(&number) {
                return result;
            }
            if let Some(job) = jobs.waiting.pop_front() {
                drop(jobs);
                job.advance();
            } else {
                let woken = self.changed.wait(jobs).unwrap_or_else(PoisonError::into_inner);
                drop(woken);
            }
        }
    }

    /// Works on the queue until [`Workers::finish`].
    pub(super) fn work(&self) {
        loop {
            let mut jobs = lock(&self.jobs);
            if jobs.is_over {
                return;
            }
            if let Some(job) = jobs.waiting.pop_front() {
                drop(jobs);
                job.advance();
                let jobs = lock(&self.jobs);
                self.changed.notify_all();
                drop(jobs);
            } else {
                drop(self.changed.wait(jobs).unwrap_or_else(PoisonError::into_inner));
            }
        }
    }

    /// Ends the work of all threads.
    pub(super) fn finish(&self) {
        lock(&self.jobs).is_over = true;
        self.changed.notify_all();
    }
}

/// The activities of a chunk, in the order of the file.
pub(super) type Activities = std::vec::IntoIter<Activity>;

/// Locks, also after a panic elsewhere: nothing is left half changed while a lock is held.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
