//! Many files as one stream in order of event time.

use super::open::{Input, InputError, Order};
use super::sorted::{Sorted, Sorter};
use super::workers::{Activities, Source, Workers};
use model::{Activity, OrgId, Timestamp};
use salesforce::{Occurrences, Reject};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Activities that follow each other, and what was met on the way to them.
#[derive(Debug, Default)]
pub struct Batch {
    pub activities: Vec<Activity>,
    pub rejects: Vec<(PathBuf, Reject)>,
    /// Events of kinds that are not watched.
    pub ignored: u64,
    /// Bytes read from disk so far.
    pub bytes: u64,
}

/// Reads all inputs, merged by event time, and gives batch after batch to `take`.
///
/// Parsing runs on `threads` threads, this one included; the order of activities does not depend on how many.
///
/// # Errors
/// If a file cannot be read to its end, or `take` gives up with an error of its own.
pub fn read<E: From<InputError>>(
    inputs: &[Input],
    org: Option<&OrgId>,
    threads: usize,
    mut take: impl FnMut(Batch) -> Result<(), E>,
) -> Result<(), E> {
    let workers = Workers::default();
    std::thread::scope(|scope| {
        for _ in 1..threads.max(1) {
            scope.spawn(|| workers.work());
        }
        let result = merge(inputs, org, threads, &workers, &mut take);
        workers.finish();
        result
    })
}

/// Activities of a batch, about as many as a chunk holds.
const BATCH: usize = 1_024;

fn merge<E: From<InputError>>(
    inputs: &[Input],
    org: Option<&OrgId>,
    threads: usize,
    workers: &Workers,
    take: &mut impl FnMut(Batch) -> Result<(), E>,
) -> Result<(), E> {
    let bytes = Arc::new(AtomicU64::new(0));
    // More chunks ahead for few files, so that all threads have work; fewer for many, to bound the memory.
    let ahead = if inputs.len() <= 4 { threads + 1 } else { 1 };
    let mut files: Vec<Option<Stream>> = inputs.iter().map(|_| None).collect();
    let mut next: BinaryHeap<Reverse<(Timestamp, usize)>> =
        inputs.iter().enumerate().map(|(index, input)| Reverse((input.first, index))).collect();
    let mut batch = Batch::default();
    while let Some(Reverse((_, index))) = next.pop() {
        let (Some(slot), Some(input)) = (files.get_mut(index), inputs.get(index)) else { continue };
        let stream = match slot {
            Some(stream) => stream,
            None => slot.insert(Stream::open(input, org, workers, ahead, &bytes, &mut batch)?),
        };
        // One after the other from this file, as long as no other has an earlier one.
        let until = next.peek().map_or(Timestamp(i64::MAX), |Reverse((at, _))| *at);
        loop {
            match stream.peek(workers, &mut batch)? {
                None => {
                    *slot = None;
                    break;
                }
                Some(at) if at > until => {
                    next.push(Reverse((at, index)));
                    break;
                }
                Some(_) => batch.activities.extend(stream.take()),
            }
            if batch.activities.len() >= BATCH {
                batch.bytes = bytes.load(Ordering::Relaxed);
                take(std::mem::take(&mut batch))?;
            }
        }
    }
    batch.bytes = bytes.load(Ordering::Relaxed);
    take(batch)
}

/// One file, activity by activity.
struct Stream {
    path: PathBuf,
    source: Arc<Source>,
    /// The chunk that comes next.
    number: u64,
    current: Activities,
    sorted: Option<Sorted>,
    head: Option<Activity>,
    occurrences: Occurrences,
}

impl Stream {
    fn open(
        input: &Input,
        org: Option<&OrgId>,
        workers: &Workers,
        ahead: usize,
        bytes: &Arc<AtomicU64>,
        batch: &mut Batch,
    ) -> Result<Self, InputError> {
        let source = Source::new(input.open(bytes)?, org);
        (0..ahead).for_each(|_| workers.ask(&source));
        let mut stream = Self {
            path: input.name(),
            source,
            number: 0,
            current: Vec::new().into_iter(),
            sorted: None,
            head: None,
            occurrences: Occurrences::new(),
        };
        if input.order != Order::OldestFirst {
            let spill = |source| InputError::Spill { path: input.name(), source };
            let mut sorter = Sorter::new(input.order);
            while let Some(activity) = stream.parsed(workers, batch)? {
                sorter.push(activity).map_err(spill)?;
            }
            stream.sorted = Some(sorter.finish().map_err(spill)?);
        }
        Ok(stream)
    }

    /// Time of the next activity; `None` at the end.
    fn peek(&mut self, workers: &Workers, batch: &mut Batch) -> Result<Option<Timestamp>, InputError> {
        if self.head.is_none() {
            self.head = match &mut self.sorted {
                Some(sorted) => {
                    sorted.next().map_err(|source| InputError::Spill { path: self.path.clone(), source })?
                }
                None => self.parsed(workers, batch)?,
            };
        }
        Ok(self.head.as_ref().map(|activity| activity.event_time))
    }

    fn take(&mut self) -> Option<Activity> {
        self.head.take()
    }

    /// The next activity in the order of the file.
    fn parsed(&mut self, workers: &Workers, batch: &mut Batch) -> Result<Option<Activity>, InputError> {
        loop {
            if let Some(mut activity) = self.current.next() {
                self.occurrences.number(&mut activity);
                return Ok(Some(activity));
            }
            let read = workers.wait_for(&self.source, self.number);
            let parsed = read.map_err(|error| InputError::Record {
                path: self.path.clone(),
                line: error.line,
                source: error.source,
            })?;
            let Some(parsed) = parsed else { return Ok(None) };
            self.number += 1;
            workers.ask(&self.source);
            batch.ignored += parsed.ignored;
            batch.rejects.extend(parsed.rejects.into_iter().map(|reject| (self.path.clone(), reject)));
            self.current = parsed.activities.into_iter();
        }
    }
}
