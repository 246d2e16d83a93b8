//! Parsing in parallel, results in order.

use model::{Activity, OrgId};
use salesforce::{Chunks, Context, Parsed};
use std::collections::{BTreeMap, VecDeque};
use std::io::Read;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// What one chunk of a file held; `None` after the last.
pub(super) type Read1 = Result<Option<Parsed>, salesforce::ReadError>;

/// A file that is being read. Reading it is sequential, parsing its chunks is not.
pub(super) struct Source {
    reader: Mutex<Reader>,
    results: Mutex<BTreeMap<u64, Read1>>,
    context: Context,
}

struct Reader {
    chunks: Chunks<Box<dyn Read + Send>>,
    next: u64,
    ended: bool,
}

/// Jobs that wait for a worker, and how everybody learns of news.
#[derive(Default)]
pub(super) struct Workers {
    jobs: Mutex<Jobs>,
    news: Condvar,
}

#[derive(Default)]
struct Jobs {
    waiting: VecDeque<Arc<Source>>,
    is_over: bool,
}

impl Source {
    pub(super) fn new(chunks: Chunks<Box<dyn Read + Send>>, org: Option<&OrgId>) -> Arc<Self> {
        let reader = Reader { chunks, next: 0, ended: false };
        let context = Context { org: org.cloned() };
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
    /// Asks for one more chunk of a file.
    pub(super) fn ask(&self, source: &Arc<Source>) {
        lock(&self.jobs).waiting.push_back(Arc::clone(source));
        self.news.notify_one();
    }

    /// The chunk `number` of a file that was asked for; works on what waits until it is there.
    pub(super) fn wait_for(&self, source: &Source, number: u64) -> Read1 {
        loop {
            // Looked up under the lock of the jobs, so that no news is missed in between.
            let mut jobs = lock(&self.jobs);
            if let Some(result) = lock(&source.results).remove(&number) {
                return result;
            }
            if let Some(job) = jobs.waiting.pop_front() {
                drop(jobs);
                job.advance();
            } else {
                let woken = self.news.wait(jobs).unwrap_or_else(PoisonError::into_inner);
                drop(woken);
            }
        }
    }

    /// Works until there is nothing more to come.
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
                self.news.notify_all();
                drop(jobs);
            } else {
                drop(self.news.wait(jobs).unwrap_or_else(PoisonError::into_inner));
            }
        }
    }

    pub(super) fn finish(&self) {
        lock(&self.jobs).is_over = true;
        self.news.notify_all();
    }
}

/// Activities of a chunk in the order of the file.
pub(super) type Activities = std::vec::IntoIter<Activity>;

/// A panic elsewhere has been told already; what it left is whole, since nothing is changed in halves.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
