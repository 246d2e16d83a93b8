//! What an account writes through the APIs, by surface and kind of write: days, clock hours, recurring peaks.

use super::day::{MOST_EVIDENCE, push_unique};
use super::{Peaks, learn_again};
use crate::estimate::{Moments, Prior, usual};
use crate::state::exact;
use model::{Activity, Surface, Timestamp, UserClass, Usual, Uuid, WriteKind};
use serde::{Deserialize, Serialize};

/// What was learned of one account's writes of one kind through one surface. The order of the fields is the encoding of
/// the stored state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WriteModel {
    surface: Surface,
    kind: WriteKind,
    /// 1 for each active day that has such writes, 0 for the others.
    often: Moments,
    /// ln(1 + rows) of each day that has such writes.
    day: Moments,
    /// ln(1 + rows) of the largest clock hour of each such day.
    hour: Moments,
    /// Rows of each such day, not their logarithm: what summaries show.
    plain: Moments,
    pub(crate) peaks: Peaks,
}

/// The writes of one kind through one surface on one day. The order of the fields is the encoding of the stored state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WriteDay {
    pub(crate) surface: Surface,
    pub(crate) kind: WriteKind,
    pub(crate) rows: f64,
    pub(crate) requests: u32,
    /// Rows by the start of the clock hour, in milliseconds.
    hours: Vec<(i64, f64)>,
    pub(crate) usual: WriteUsual,
    /// The activities that wrote most rows, with the rows of each; at most [`MOST_EVIDENCE`].
    pub(crate) largest: Vec<(f64, Uuid)>,
    /// Objects written, at most [`MOST_EVIDENCE`].
    pub(crate) objects: Vec<model::Text>,
    /// What the baseline learned of the day; `None` before its first close.
    learned: Option<LearnedWrites>,
}

/// The usual writes of a day, as of the first of the day.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct WriteUsual {
    /// Rows of a day that has such writes.
    #[serde(with = "exact")]
    pub(crate) day: Usual,
    /// Rows of the largest clock hour of such a day.
    #[serde(with = "exact")]
    pub(crate) hour: Usual,
    /// Probability that an active day has such writes.
    pub(crate) chance: f64,
    /// Active days of the account.
    pub(crate) days: f64,
}

/// The values that the baseline learned of a day's writes.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct LearnedWrites {
    day: f64,
    hour: f64,
    plain: f64,
}

/// Active days that the expected share of days with writes weighs. A choice: two working weeks.
const STRENGTH: f64 = 10.0;
/// Days with writes that the expected rows weigh. A choice: the account's own second such day outweighs them.
const STRENGTH_OF_ROWS: f64 = 1.0;
/// Variance of ln(1 + rows) that is expected within an account. A choice: a factor of four is one deviation.
const WITHIN: f64 = 2.0;
/// Scales above the usual at which values are clipped before they are learned, as for rows that are read.
const CLIP: f64 = 3.0;
/// Scales above the usual from which on a day is remembered as a peak, as for rows that are read.
const PEAK: f64 = 2.0;

/// Returns what is expected of an account that has written nothing yet: the share of active days with such writes, and
/// the logarithm of their rows. Choices of the right order of magnitude: software writes on many days and much, an
/// administrator cleans up and imports now and then, and other people hardly ever write through an API.
fn expected(class: UserClass, kind: WriteKind) -> (f64, f64) {
    let (share, rows) = match class {
        UserClass::Integration => (0.3, 20_000.0_f64),
        UserClass::Admin => (0.1, 500.0),
        UserClass::Normal | UserClass::Power | UserClass::Guest => (0.02, 50.0),
    };
    // Deletions are rarer and smaller, and those for good still rarer.
    let (share, rows) = match kind {
        WriteKind::Created | WriteKind::Updated => (share, rows),
        WriteKind::Deleted => (share / 6.0, rows / 20.0),
        WriteKind::Erased => (share / 15.0, rows / 20.0),
    };
    (share, rows.ln())
}

impl WriteModel {
    /// Makes the model of writes that an account of so many active days never made.
    fn new(surface: Surface, kind: WriteKind, days: f64) -> Self {
        let often = Moments { weight: days, ..Moments::default() };
        let (day, hour, plain) = Default::default();
        Self { surface, kind, often, day, hour, plain, peaks: Peaks::default() }
    }

    /// Returns the model of these writes in a list of models.
    pub(crate) fn find(models: &[Self], surface: Surface, kind: WriteKind) -> Option<&Self> {
        models.iter().find(|model| model.surface == surface && model.kind == kind)
    }

    /// Returns the usual writes of an account of `days` active days and a class, which has `models`.
    pub(crate) fn usual(
        models: &[Self],
        surface: Surface,
        kind: WriteKind,
        class: UserClass,
        days: f64,
        memory: f64,
    ) -> WriteUsual {
        let none;
        let model = match Self::find(models, surface, kind) {
            Some(model) => model,
            None => {
                none = Self::new(surface, kind, days.min(memory));
                &none
            }
        };
        let (share, rows) = expected(class, kind);
        let prior = Prior { mean: rows, within: WITHIN, strength: STRENGTH_OF_ROWS, members: 0.0 };
        let often = model.often;
        WriteUsual {
            day: usual(&model.day, &model.plain, Some(&prior), 0.0).unwrap_or_default(),
            hour: usual(&model.hour, &Moments::default(), Some(&prior), 0.0).unwrap_or_default(),
            chance: (often.weight * often.mean + STRENGTH * share) / (often.weight + STRENGTH),
            days,
        }
    }

    /// Lowers the weight of what was learned, see [`Moments::discount`].
    pub(crate) fn discount(&mut self, share: f64) {
        for moments in [&mut self.often, &mut self.day, &mut self.hour, &mut self.plain] {
            moments.discount(share);
        }
    }

    /// Learns a day of the account: `writes` are all of the day. A day that is closed once more replaces what was
    /// learned of it. `days` are the account's active days before the first close.
    pub(crate) fn learn_day(
        models: &mut Vec<Self>,
        writes: &mut [WriteDay],
        day: i32,
        days: f64,
        memory: f64,
        is_first_close: bool,
    ) {
        for today in writes.iter() {
            if Self::find(models, today.surface, today.kind).is_none() {
                models.push(Self::new(today.surface, today.kind, days.min(memory)));
            }
        }
        for model in models {
            let today = writes.iter_mut().find(|today| today.surface == model.surface && today.kind == model.kind);
            match today {
                Some(today) => model.learn(today, day, memory, is_first_close),
                None if is_first_close => model.often.add(0.0, memory),
                None => {}
            }
        }
    }

    fn learn(&mut self, today: &mut WriteDay, day: i32, memory: f64, is_first_close: bool) {
        let before = today.learned;
        // A day that had no such writes when it was first closed was learned as one without.
        let often = if before.is_some() { Some(1.0) } else { (!is_first_close).then_some(0.0) };
        learn_again(&mut self.often, often, 1.0, 0.0, memory);
        let usual = &today.usual;
        let (rows, hour) = (today.rows.ln_1p(), today.largest_hour().ln_1p());
        let recurs = self.peaks.has_recurred(day, rows);
        let most = |usual: &Usual| match usual.evidence >= 1.0 && !recurs {
            true => usual.location + CLIP * usual.scale,
            false => f64::INFINITY,
        };
        let most_rows = most(&usual.day);
        let values = LearnedWrites {
            day: rows.min(most_rows),
            hour: hour.min(most(&usual.hour)),
            plain: today.rows.min(most_rows.exp_m1()),
        };
        learn_again(&mut self.day, before.map(|learned| learned.day), values.day, 0.0, memory);
        learn_again(&mut self.hour, before.map(|learned| learned.hour), values.hour, 0.0, memory);
        learn_again(&mut self.plain, before.map(|learned| learned.plain), values.plain, 0.0, memory);
        if usual.day.standardized(today.rows) > PEAK {
            self.peaks.remember(day, rows);
        }
        today.learned = Some(values);
    }
}

impl WriteDay {
    pub(crate) fn new(surface: Surface, kind: WriteKind, usual: WriteUsual) -> Self {
        let (hours, largest, objects) = Default::default();
        Self { surface, kind, rows: 0.0, requests: 0, hours, usual, largest, objects, learned: None }
    }

    /// Counts the rows of one activity in the clock hour that begins at `hour`.
    pub(crate) fn add(&mut self, activity: &Activity, rows: f64, hour: Timestamp) {
        self.rows += rows;
        self.requests += 1;
        match self.hours.iter_mut().find(|(start, _)| *start == hour.0) {
            Some((_, sum)) => *sum += rows,
            None => self.hours.push((hour.0, rows)),
        }
        for object in &activity.objects {
            push_unique(&mut self.objects, object.clone());
        }
        if self.largest.len() < MOST_EVIDENCE {
            self.largest.push((rows, activity.id));
        } else if let Some(least) = self.largest.iter_mut().min_by(|a, b| a.0.total_cmp(&b.0))
            && rows > least.0
        {
            *least = (rows, activity.id);
        }
    }

    /// Returns the rows of the largest clock hour so far.
    pub(crate) fn largest_hour(&self) -> f64 {
        self.hours.iter().map(|(_, rows)| *rows).fold(0.0, f64::max)
    }

    /// Returns the bytes held on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.hours.capacity() * size_of::<(i64, f64)>()
            + self.largest.capacity() * size_of::<(f64, Uuid)>()
            + self.objects.capacity() * size_of::<model::Text>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MEMORY: f64 = 60.0;

    fn usual(models: &[WriteModel], class: UserClass, days: f64) -> WriteUsual {
        WriteModel::usual(models, Surface::Bulk, WriteKind::Updated, class, days, MEMORY)
    }

    /// Returns the writes of a day of `rows` rows, none for 0.
    fn day_of(rows: f64, usual: WriteUsual) -> Vec<WriteDay> {
        let mut day = WriteDay::new(Surface::Bulk, WriteKind::Updated, usual);
        (day.rows, day.hours) = (rows, vec![(0, rows)]);
        if rows > 0.0 { vec![day] } else { Vec::new() }
    }

    /// Returns what is usual after days with these rows.
    fn after(rows: &[f64]) -> WriteUsual {
        let mut models = Vec::new();
        for (number, rows) in rows.iter().enumerate() {
            let usual = usual(&models, UserClass::Integration, number as f64);
            let mut writes = day_of(*rows, usual);
            WriteModel::learn_day(&mut models, &mut writes, number as i32, number as f64, MEMORY, true);
        }
        usual(&models, UserClass::Integration, rows.len() as f64)
    }

    #[test]
    fn a_nightly_job_becomes_usual() {
        let usual = after(&[120_000.0; 30]);
        assert!(usual.chance > 0.8 && usual.day.standardized(130_000.0) < 0.5, "{usual:?}");
        assert!(usual.day.standardized(1_500_000.0) > 3.0, "{usual:?}");
    }

    #[test]
    fn days_without_writes_make_writes_rare() {
        let never = usual(&[], UserClass::Normal, 40.0);
        assert!(never.chance < 0.005 && never.day.evidence == 0.0);
        let weekly: Vec<f64> = (0..40).map(|day| if day % 5 == 0 { 4_000.0 } else { 0.0 }).collect();
        let weekly = after(&weekly);
        assert!((0.15..0.3).contains(&weekly.chance) && weekly.day.evidence == 8.0, "{weekly:?}");
    }

    #[test]
    fn a_day_far_above_the_usual_is_clipped_unless_it_recurs() {
        let mut days = [1_000.0; 30].to_vec();
        let before = after(&days);
        days.push(1e9);
        let attacked = after(&days);
        assert!(attacked.day.location - before.day.location < 0.2, "{attacked:?}");
        days.extend([1_000.0; 20]);
        let calm = after(&days);
        days.push(1e9);
        let again = after(&days);
        assert!(again.day.location - calm.day.location > 0.2, "{again:?}");
    }

    proptest! {
        /// Rows that come late and those that came in time teach the same.
        #[test]
        fn a_day_that_is_closed_once_more_counts_once(first in 0.0..1e5, late in 1.0..1e5, others in prop::collection::vec(0.0..1e5, 1..9)) {
            let mut learned = Vec::new();
            for is_late in [false, true] {
                let mut models = Vec::new();
                for (number, rows) in others.iter().enumerate() {
                    let usual = usual(&models, UserClass::Normal, number as f64);
                    let mut writes = day_of(*rows, usual);
                    WriteModel::learn_day(&mut models, &mut writes, number as i32, number as f64, MEMORY, true);
                }
                let days = others.len() as f64;
                let of_day = usual(&models, UserClass::Normal, days);
                let mut writes = day_of(if is_late { first } else { first + late }, of_day);
                WriteModel::learn_day(&mut models, &mut writes, 50, days, MEMORY, true);
                if is_late {
                    writes = match writes.pop() {
                        Some(mut day) => {
                            (day.rows, day.hours) = (first + late, vec![(0, first + late)]);
                            vec![day]
                        }
                        None => day_of(late, of_day),
                    };
                    WriteModel::learn_day(&mut models, &mut writes, 50, days + 1.0, MEMORY, false);
                }
                learned.push(usual(&models, UserClass::Normal, days + 1.0));
            }
            let near = |a: f64, b: f64| (a - b).abs() <= 1e-6 * (1.0 + a.abs());
            let (once, twice) = (learned[0], learned[1]);
            prop_assert!(near(once.day.location, twice.day.location) && near(once.day.scale, twice.day.scale), "{once:?} {twice:?}");
            prop_assert!(near(once.chance, twice.chance) && near(once.hour.location, twice.hour.location), "{once:?} {twice:?}");
        }
    }
}
