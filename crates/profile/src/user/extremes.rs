//! Extremes of an account's days: the largest request through each surface, and the number of record pages.

use super::{MOST_EVIDENCE, Peaks, learn_again, push_unique};
use crate::estimate::{Moments, Prior, Root, cube_root};
use model::{Activity, Surface, Text, Uuid};
use serde::{Deserialize, Serialize};

/// What was learned of one quantity of an account's days. The order of the fields is the encoding of the stored state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ExtremeModel {
    /// [`cube_root`] of each day that has any, clipped.
    pub(crate) root: Moments,
    pub(crate) peaks: Peaks,
}

/// The quantity on one day. The order of the fields is the encoding of the stored state.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ExtremeDay {
    pub(crate) value: f64,
    /// What is usual of the account, as of the first of the day; `None` if nothing is known.
    pub(crate) usual: Option<Root>,
    /// What is usual of a member of its class.
    pub(crate) peers: Option<Root>,
    /// What the baseline learned of the day; `None` before its first close.
    learned: Option<f64>,
}

/// The largest request of one day through one surface. The order of the fields is the encoding of the stored state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LargestDay {
    pub(crate) surface: Surface,
    /// Its rows.
    pub(crate) rows: ExtremeDay,
    /// The request once it stands out.
    pub(crate) request: Option<Box<NamedRequest>>,
}

/// A request, as a finding names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct NamedRequest {
    pub(crate) name: Option<Text>,
    pub(crate) objects: Vec<Text>,
    pub(crate) id: Uuid,
}

/// The record pages of one day. The order of the fields is the encoding of the stored state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PageDay {
    /// Pages, with the same record counted once among [`PageDay::RECENT`].
    pub(crate) count: ExtremeDay,
    /// Hashes of the latest records; the next one replaces that at `count` modulo their number.
    recent: Vec<u32>,
    /// Pages when the day was observed last.
    pub(crate) observed: f64,
    /// Objects of the pages once there are unusually many, at most [`MOST_EVIDENCE`].
    pub(crate) objects: Vec<Text>,
    pub(crate) evidence: Vec<Uuid>,
}

impl ExtremeModel {
    /// Scales above the usual at which a value is clipped before it is learned, and from which on a day is remembered as a
    /// peak. A choice: people exceed two scales on one day in 40, and a smaller one would let each such day excuse others.
    const CLIP: f64 = 3.0;

    /// Begins a day.
    pub(crate) fn open(&self, prior: Option<&Prior>) -> ExtremeDay {
        ExtremeDay { value: 0.0, usual: Root::new(&self.root, prior), peers: prior.map(Root::of_member), learned: None }
    }

    /// Learns a day; it replaces what was learned of the day before.
    pub(crate) fn learn_day(&mut self, day: &mut ExtremeDay, number: i32, memory: f64) {
        let root = cube_root(day.value);
        let usual = day.usual.filter(|usual| usual.evidence >= 1.0);
        let most = usual.map_or(f64::INFINITY, |usual| usual.location + Self::CLIP * usual.scale);
        learn_again(&mut self.root, day.learned, root.min(most), 1.0, memory);
        day.learned = Some(root.min(most));
        if root > most {
            self.peaks.remember(number, day.value.ln_1p());
        }
    }

    /// Returns how many days some weeks ago had about as much.
    pub(crate) fn recurrences(&self, day: i32, value: f64) -> u32 {
        self.peaks.at_least(day, value.ln_1p()) as u32
    }
}

impl ExtremeDay {
    /// Returns how many scales the value lies above the account's usual, and above that of a member of its class, on a day
    /// that has e^`shift` times the usual. Without a class, both are the account's. Returns `None` if nothing is known.
    pub(crate) fn deviations(&self, shift: f64) -> Option<(f64, f64)> {
        let own = self.usual?.deviations(self.value, shift);
        Some((own, self.peers.map_or(own, |peers| peers.deviations(self.value, shift))))
    }
}

impl LargestDay {
    /// Returns the bytes of memory on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        let objects = |request: &NamedRequest| request.objects.capacity() * size_of::<Text>();
        self.request.as_deref().map_or(0, |request| size_of::<NamedRequest>() + objects(request))
    }
}

impl PageDay {
    /// Records of which a repeated page is known. A choice that bounds memory: people come back to a record within a few
    /// pages, and Salesforce logs some pages twice.
    const RECENT: usize = 64;

    /// Begins a day.
    pub(crate) fn new(count: ExtremeDay) -> Self {
        Self { count, recent: Vec::new(), observed: 0.0, objects: Vec::new(), evidence: Vec::new() }
    }

    /// Counts the page of a record. Returns whether it is not one of the latest.
    pub(crate) fn add(&mut self, record: u64) -> bool {
        let record = (record >> 32) as u32;
        if self.recent.contains(&record) {
            return false;
        }
        let oldest = self.count.value as usize % Self::RECENT;
        match self.recent.get_mut(oldest) {
            Some(slot) => *slot = record,
            None => self.recent.push(record),
        }
        self.count.value += 1.0;
        true
    }

    /// Counts the page of a record. Returns whether it is not the last one again.
    pub(crate) fn add_unless_last(&mut self, record: u64) -> bool {
        let record = (record >> 32) as u32;
        if self.recent.first() == Some(&record) {
            return false;
        }
        self.recent.clear();
        self.recent.push(record);
        self.count.value += 1.0;
        true
    }

    /// Keeps a page as evidence.
    pub(crate) fn keep(&mut self, activity: &Activity) {
        if self.evidence.len() < MOST_EVIDENCE {
            self.evidence.push(activity.id);
        }
        activity.objects.iter().for_each(|object| push_unique(&mut self.objects, object.clone()));
    }

    /// Returns the bytes of memory on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.recent.capacity() * size_of::<u32>()
            + self.objects.capacity() * size_of::<Text>()
            + self.evidence.capacity() * size_of::<Uuid>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learn(model: &mut ExtremeModel, number: i32, value: f64) -> ExtremeDay {
        let mut day = ExtremeDay { value, ..model.open(None) };
        model.learn_day(&mut day, number, 120.0);
        day
    }

    #[test]
    fn a_large_day_is_learned_clipped_and_excuses_a_later_one() {
        let mut model = ExtremeModel::default();
        for number in 0..40 {
            learn(&mut model, number, 100.0);
        }
        let before = model.root.mean;
        learn(&mut model, 40, 50_000.0);
        assert!(model.root.mean < before * 1.05, "{}", model.root.mean);
        assert_eq!((model.recurrences(45, 50_000.0), model.recurrences(70, 50_000.0)), (0, 1));
        assert_eq!(model.recurrences(70, 200_000.0), 0);
    }

    #[test]
    fn a_day_that_is_closed_again_replaces_what_was_learned() {
        let (mut once, mut again) = (ExtremeModel::default(), ExtremeModel::default());
        for number in 0..10 {
            learn(&mut once, number, 100.0);
            learn(&mut again, number, 100.0);
        }
        let mut day = ExtremeDay { value: 20.0, ..again.open(None) };
        again.learn_day(&mut day, 10, 120.0);
        day.value = 120.0;
        again.learn_day(&mut day, 10, 120.0);
        learn(&mut once, 10, 120.0);
        assert!((once.root.mean - again.root.mean).abs() < 1e-9 && once.root.weight == again.root.weight);
    }

    #[test]
    fn a_record_counts_once_until_many_others_came() {
        let mut pages = PageDay::new(ExtremeModel::default().open(None));
        let record = |n: u64| n << 32;
        assert!(pages.add(record(1)) && !pages.add(record(1)) && pages.add(record(2)) && !pages.add(record(1)));
        (3..66).for_each(|n| assert!(pages.add(record(n))));
        assert!(pages.add(record(1)) && !pages.add(record(3)));
        assert_eq!((pages.count.value, pages.recent.len()), (66.0, 64));
    }
}
