//! Reads files on a blocking thread, beside publishing.

use crate::FileSettings;
use crate::source::SourceError;
use ::files::{Batch, Input, InputError, Skipped, expand, read};
use model::{OrgId, Uuid, id};
use salesforce::Context;
use salesforce::reading::delivered::{Delivered, LeftOut};
use std::num::NonZero;
use std::time::SystemTime;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};

/// The files to read.
pub(super) struct Plan {
    inputs: Vec<Input>,
    org: Option<OrgId>,
    pub(super) skipped: Vec<Skipped>,
    /// A hash of the files and of the settings that select activities. `None` if standard input is among the files,
    /// which cannot be read again.
    pub(super) fingerprint: Option<Uuid>,
}

/// The activities of a plan, in order.
pub(super) struct Reader {
    batches: mpsc::Receiver<(Batch, LeftOut)>,
    task: JoinHandle<Result<(), Stop>>,
}

/// Why reading stopped before the end.
enum Stop {
    Failed(InputError),
    /// The receiver is gone.
    Unwanted,
}

/// How many batches are read ahead. A choice.
const AHEAD: usize = 4;

/// The version of reading. Raise it when the same files give other activities or another order: a position counts them.
const READING: u32 = 1;

impl Plan {
    pub(super) async fn make(settings: FileSettings) -> Result<Self, SourceError> {
        let make = move || {
            let org = settings.org.as_ref().map(|org| OrgId::new(org.as_str()));
            let (inputs, skipped) = expand(&settings.paths, &Context { org: org.clone(), ..Context::default() })?;
            let fingerprint = fingerprint(&inputs, &settings)?;
            Ok(Self { inputs, org, skipped, fingerprint })
        };
        spawn_blocking(make).await.map_err(SourceError::Reader)?
    }

    pub(super) fn start(self) -> Reader {
        let (sender, batches) = mpsc::channel(AHEAD);
        let task = spawn_blocking(move || {
            let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
            let mut delivered = Delivered::default();
            let mut is_said = false;
            let has_one_channel = Input::have_one_channel(&self.inputs);
            if !has_one_channel {
                tracing::info!("the files are read to their end, to know which channel leads, and then published");
                delivered = self.delivered(threads, || sender.is_closed())?;
            }
            read(&self.inputs, self.org.as_ref(), threads, |batch| {
                let mut left_out = LeftOut::new();
                if has_one_channel {
                    batch.activities.iter().for_each(|activity| delivered.see(activity));
                    if delivered.is_shared() && !std::mem::replace(&mut is_said, true) {
                        tracing::error!(
                            "a file has records of several channels: what both have may count twice; give each channel a file of its own"
                        );
                    }
                } else {
                    delivered.leave_out(&mut batch.activities, &mut left_out);
                }
                sender.blocking_send((std::mem::take(batch), left_out)).map_err(|_| Stop::Unwanted)
            })
        });
        Reader { batches, task }
    }

    /// Reads all files, to know which channel leads at each time.
    fn delivered(&self, threads: usize, is_unwanted: impl Fn() -> bool) -> Result<Delivered, Stop> {
        let mut delivered = Delivered::default();
        read(&self.inputs, self.org.as_ref(), threads, |batch| {
            batch.activities.iter().for_each(|activity| delivered.see(activity));
            if is_unwanted() { Err(Stop::Unwanted) } else { Ok(()) }
        })?;
        Ok(delivered)
    }
}

impl Reader {
    /// Returns the next batch, and what was left out of it; `None` after the last one, and after a failure, which [`Reader::finish`] returns.
    pub(super) async fn next(&mut self) -> Option<(Batch, LeftOut)> {
        self.batches.recv().await
    }

    /// Drops the remaining batches, and waits until reading has stopped.
    pub(super) async fn finish(self) -> Result<(), SourceError> {
        drop(self.batches);
        match self.task.await.map_err(SourceError::Reader)? {
            Ok(()) | Err(Stop::Unwanted) => Ok(()),
            Err(Stop::Failed(error)) => Err(error.into()),
        }
    }
}

impl From<InputError> for Stop {
    fn from(error: InputError) -> Self {
        Self::Failed(error)
    }
}

fn fingerprint(inputs: &[Input], settings: &FileSettings) -> Result<Option<Uuid>, InputError> {
    let FileSettings { paths: _, org, from, to, watch, end, speed: _, paced_from: _ } = settings;
    let mut parts = vec![format!("{READING} {org:?} {from:?} {to:?} {watch} {end}")];
    for input in inputs {
        let Some(path) = &input.path else { return Ok(None) };
        let read = |source| InputError::Read { path: path.clone(), source };
        let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified()).map_err(read)?;
        let modified = modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        parts.push(format!("{} {} {}", input.name.display(), input.bytes, modified.as_nanos()));
    }
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    Ok(Some(id::derive(&parts)))
}
