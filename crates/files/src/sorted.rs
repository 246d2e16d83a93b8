//! Sorts a file by event time without holding it in memory.

use crate::open::TimeOrder;
use model::codec::Message;
use model::{Activity, Timestamp};
use std::collections::BinaryHeap;
use std::io::{BufReader, BufWriter, Read, Seek, Write};

/// External merge sort by event time. Events of equal time keep the order of the file, or the reverse of it where the
/// file has the newest first.
pub(super) struct Sorter {
    order: TimeOrder,
    run: Vec<Activity>,
    spilled: Vec<Run>,
    capacity: usize,
}

struct Run {
    reader: BufReader<std::fs::File>,
}

/// The activities in order of time.
pub(super) enum Sorted {
    InMemory(std::vec::IntoIter<Activity>),
    Spilled(Merge),
}

pub(super) struct Merge {
    order: TimeOrder,
    runs: Vec<Run>,
    heads: BinaryHeap<Head>,
}

struct Head {
    at: Timestamp,
    run: usize,
    /// Which run goes first at equal times.
    rank: usize,
    activity: Activity,
}

impl Sorter {
    /// Most activities held in memory: about 150 MB. A choice.
    const CAPACITY: usize = 200_000;

    pub(super) fn new(order: TimeOrder) -> Self {
        Self::with_capacity(order, Self::CAPACITY)
    }

    fn with_capacity(order: TimeOrder, capacity: usize) -> Self {
        Self { order, run: Vec::new(), spilled: Vec::new(), capacity }
    }

    pub(super) fn push(&mut self, activity: Activity) -> std::io::Result<()> {
        self.run.push(activity);
        if self.run.len() >= self.capacity {
            self.spill()?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> std::io::Result<Sorted> {
        if self.spilled.is_empty() {
            self.sort();
            return Ok(Sorted::InMemory(self.run.into_iter()));
        }
        self.spill()?;
        let mut merge = Merge { order: self.order, runs: self.spilled, heads: BinaryHeap::new() };
        for run in 0..merge.runs.len() {
            merge.refill(run)?;
        }
        Ok(Sorted::Spilled(merge))
    }

    fn sort(&mut self) {
        if self.order == TimeOrder::NewestFirst {
            self.run.reverse();
        }
        self.run.sort_by_key(|activity| activity.event_time);
    }

    /// Writes the activities in memory to a temporary file, each as its length and its message.
    fn spill(&mut self) -> std::io::Result<()> {
        self.sort();
        let mut writer = BufWriter::new(tempfile::tempfile()?);
        for activity in self.run.drain(..) {
            let bytes = activity.encode();
            writer.write_all(&(bytes.len() as u64).to_le_bytes())?;
            writer.write_all(&bytes)?;
        }
        let mut file = writer.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        file.rewind()?;
        self.spilled.push(Run { reader: BufReader::new(file) });
        Ok(())
    }
}

impl Run {
    fn next(&mut self) -> std::io::Result<Option<Activity>> {
        let mut length = [0u8; 8];
        if let Err(error) = self.reader.read_exact(&mut length) {
            return if error.kind() == std::io::ErrorKind::UnexpectedEof { Ok(None) } else { Err(error) };
        }
        let mut bytes = Vec::new();
        self.reader.by_ref().take(u64::from_le_bytes(length)).read_to_end(&mut bytes)?;
        Activity::decode(&bytes).map(Some).map_err(std::io::Error::other)
    }
}

impl Sorted {
    pub(super) fn next(&mut self) -> std::io::Result<Option<Activity>> {
        match self {
            Self::InMemory(activities) => Ok(activities.next()),
            Self::Spilled(merge) => {
                let Some(head) = merge.heads.pop() else { return Ok(None) };
                merge.refill(head.run)?;
                Ok(Some(head.activity))
            }
        }
    }
}

impl Merge {
    fn refill(&mut self, run: usize) -> std::io::Result<()> {
        let rank = if self.order == TimeOrder::NewestFirst { self.runs.len() - run } else { run };
        if let Some(source) = self.runs.get_mut(run)
            && let Some(activity) = source.next()?
        {
            self.heads.push(Head { at: activity.event_time, run, rank, activity });
        }
        Ok(())
    }
}

impl Ord for Head {
    /// Orders the earliest as the greatest, so that the heap returns it first.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (other.at, other.rank).cmp(&(self.at, self.rank))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Head {}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Channel, Kind, OrgId, UserId, Uuid};
    use proptest::prelude::*;

    fn activity(number: usize, at: i64) -> Activity {
        let (org, user) = (OrgId::new("00Dhn0000018hrcMAU"), UserId::new("005hn00000EmmaMAAU"));
        Activity::new(Uuid::from_u128(number as u128), org, user, Timestamp(at), Channel::Stored, Kind::Api)
    }

    proptest! {
        #[test]
        fn spilled_or_not_it_is_a_stable_sort(times in prop::collection::vec(0i64..30, 0..60), capacity in 1usize..70, backward in any::<bool>()) {
            let activities: Vec<Activity> = times.iter().enumerate().map(|(number, at)| activity(number, *at)).collect();
            let order = if backward { TimeOrder::NewestFirst } else { TimeOrder::Mixed };
            let mut sorter = Sorter::with_capacity(order, capacity);
            for activity in &activities {
                sorter.push(activity.clone()).unwrap();
            }
            let mut sorted = sorter.finish().unwrap();
            let mut found = Vec::new();
            while let Some(activity) = sorted.next().unwrap() {
                found.push(activity);
            }
            let mut expected = activities;
            if backward {
                expected.reverse();
            }
            expected.sort_by_key(|activity| activity.event_time);
            prop_assert_eq!(found, expected);
        }
    }
}
