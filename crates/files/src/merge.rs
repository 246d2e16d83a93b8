//! Merges many files into one stream in order of event time.

use crate::errors::InputError;
use crate::open::{Input, TimeOrder};
use crate::sorted::{Sorted, Sorter};
use crate::unpack::Break;
use crate::workers::{Activities, SharedFile, Workers};
use model::{Activity, OrgId, Timestamp};
use salesforce::{Context, Counts, Occurrences, ReadError, Reject, RejectReason};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Consecutive activities, and what was set aside between them.
#[derive(Debug, Default)]
pub struct Batch {
    /// Activities in order of event time.
    pub activities: Vec<Activity>,
    /// Records that were set aside, with their file.
    pub rejects: Vec<(PathBuf, Reject)>,
    /// What else the records held, in numbers.
    pub counts: Counts,
    /// Bytes read from disk so far, of all files.
    pub bytes: u64,
}

/// Reads all inputs, merged by event time, and lends one batch after the other to `take`, which may empty it.
///
/// Parses on `threads` threads, this one included; the order of activities does not depend on their number.
///
/// # Errors
/// If a file cannot be read to its end, or `take` returns an error.
pub fn read<E: From<InputError>>(
    inputs: &[Input],
    org: Option<&OrgId>,
    threads: usize,
    mut take: impl FnMut(&mut Batch) -> Result<(), E>,
) -> Result<(), E> {
    let workers = Workers::default();
    std::thread::scope(|scope| {
        for _ in 1..threads.max(1) {
            scope.spawn(|| workers.work());
        }
        let bytes = Arc::default();
        let mut out = Out { batch: Batch::default(), bytes: Arc::clone(&bytes), take: &mut take };
        let result = merge(inputs, org, threads, &workers, &bytes, &mut out);
        workers.finish();
        result
    })
}

/// Activities of a batch, about as many as a chunk of 512 KiB holds. A batch may have a chunk's rejects more than that.
const BATCH: usize = 1_024;

/// The batch that is being filled, and where it goes.
struct Out<'t, T> {
    batch: Batch,
    /// Bytes read from disk so far.
    bytes: Arc<AtomicU64>,
    take: &'t mut T,
}

impl<T> Out<'_, T> {
    fn flush<E>(&mut self) -> Result<(), E>
    where
        T: FnMut(&mut Batch) -> Result<(), E>,
    {
        self.batch.bytes = self.bytes.load(Ordering::Relaxed);
        (self.take)(&mut self.batch)?;
        self.batch.clear();
        Ok(())
    }
}

fn merge<E: From<InputError>>(
    inputs: &[Input],
    org: Option<&OrgId>,
    threads: usize,
    workers: &Workers,
    bytes: &Arc<AtomicU64>,
    out: &mut Out<'_, impl FnMut(&mut Batch) -> Result<(), E>>,
) -> Result<(), E> {
    // More chunks ahead for few files, so that all threads have work; fewer for many, to bound the memory.
    let ahead = if inputs.len() <= 4 { threads + 1 } else { 1 };
    let mut files: Vec<Option<Stream>> = inputs.iter().map(|_| None).collect();
    let mut next: BinaryHeap<Reverse<(Timestamp, usize)>> =
        inputs.iter().enumerate().map(|(index, input)| Reverse((input.first, index))).collect();
    while let Some(Reverse((_, index))) = next.pop() {
        let (Some(slot), Some(input)) = (files.get_mut(index), inputs.get(index)) else { continue };
        let stream = match slot {
            Some(stream) => stream,
            None => slot.insert(Stream::open(input, org, workers, ahead, bytes, out)?),
        };
        // Stays with this file as long as no other has an earlier activity.
        let until = next.peek().map_or(Timestamp(i64::MAX), |Reverse((at, _))| *at);
        loop {
            match stream.peek(workers, out)? {
                None => {
                    *slot = None;
                    break;
                }
                Some(at) if at > until => {
                    next.push(Reverse((at, index)));
                    break;
                }
                Some(_) => out.batch.activities.extend(stream.take()),
            }
            if out.batch.activities.len() >= BATCH {
                out.flush()?;
            }
        }
    }
    out.flush()
}

impl Batch {
    /// Empties the batch and reserves memory for the next one.
    fn clear(&mut self) {
        self.activities.clear();
        self.activities.reserve(BATCH);
        self.rejects.clear();
        self.counts = Counts::default();
    }
}

/// One file, activity by activity.
struct Stream {
    path: PathBuf,
    /// Whether the caller named it, so that a failure to read it is an error of the run.
    is_named: bool,
    file: Arc<SharedFile>,
    /// Number of the next chunk.
    number: u64,
    current: Activities,
    /// The activities in order of time, with the next one, if the file has another order.
    sorted: Option<(Sorted, Option<Activity>)>,
    occurrences: Occurrences,
}

impl Stream {
    fn open<E: From<InputError>>(
        input: &Input,
        org: Option<&OrgId>,
        workers: &Workers,
        ahead: usize,
        bytes: &Arc<AtomicU64>,
        out: &mut Out<'_, impl FnMut(&mut Batch) -> Result<(), E>>,
    ) -> Result<Self, E> {
        let file = SharedFile::new(input.open(bytes)?, Context { org: org.cloned(), ..input.context.clone() });
        (0..ahead).for_each(|_| workers.request(&file));
        let mut stream = Self {
            path: input.name(),
            is_named: input.is_named,
            file,
            number: 0,
            current: Vec::new().into_iter(),
            sorted: None,
            occurrences: Occurrences::new(),
        };
        if input.order != TimeOrder::OldestFirst {
            let spill = |source| InputError::Spill { path: input.name(), source };
            let mut sorter = Sorter::new(input.order);
            let mut sorted = 0;
            while stream.peek(workers, out)?.is_some() {
                if let Some(activity) = stream.take() {
                    sorter.push(activity).map_err(spill)?;
                }
                sorted += 1;
                // Says how far it is, with an empty batch.
                if sorted % (16 * BATCH) == 0 {
                    out.flush()?;
                }
            }
            stream.sorted = Some((sorter.finish().map_err(spill)?, None));
        }
        Ok(stream)
    }

    /// Returns the time of the next activity; `None` at the end.
    fn peek<E: From<InputError>>(
        &mut self,
        workers: &Workers,
        out: &mut Out<'_, impl FnMut(&mut Batch) -> Result<(), E>>,
    ) -> Result<Option<Timestamp>, E> {
        let next = if let Some((sorted, head)) = &mut self.sorted {
            if head.is_none() {
                let spill = |source| InputError::Spill { path: self.path.clone(), source };
                *head = sorted.next().map_err(spill)?;
            }
            head.as_ref()
        } else {
            self.parse(workers, out)?;
            // Read in place, because an activity is large to move.
            self.current.as_slice().first()
        };
        Ok(next.map(|activity| activity.event_time))
    }

    /// Returns the activity whose time was peeked.
    fn take(&mut self) -> Option<Activity> {
        if let Some((_, head)) = &mut self.sorted {
            return head.take();
        }
        let mut activity = self.current.next()?;
        self.occurrences.number(&mut activity);
        Some(activity)
    }

    /// Waits for the next chunk that has an activity, unless one is at hand or the file has ended.
    fn parse<E: From<InputError>>(
        &mut self,
        workers: &Workers,
        out: &mut Out<'_, impl FnMut(&mut Batch) -> Result<(), E>>,
    ) -> Result<(), E> {
        while self.current.as_slice().is_empty() {
            let parsed = match workers.wait_for(&self.file, self.number) {
                Ok(Some(parsed)) => parsed,
                Ok(None) => return Ok(()),
                Err(ReadError { line, source }) if self.is_named && Break::of(&source).is_none() => {
                    return Err(InputError::Record { path: self.path.clone(), line, source }.into());
                }
                Err(ReadError { line, source }) => {
                    let reason = RejectReason::BreaksOff(source.to_string());
                    out.batch.rejects.push((self.path.clone(), Reject { line, reason, excerpt: String::new() }));
                    return Ok(());
                }
            };
            self.number += 1;
            workers.request(&self.file);
            out.batch.counts.append(parsed.counts);
            out.batch.rejects.extend(parsed.rejects.into_iter().map(|reject| (self.path.clone(), reject)));
            self.current = parsed.activities.into_iter();
            if out.batch.rejects.len() >= BATCH {
                out.flush()?;
            }
        }
        Ok(())
    }
}
