//! What the detectors of mass change and mass deletion share.

use crate::judgement::{Explanation, Judgement};
use crate::{Unscoreable, score, text};
use model::{Surface, WriteKind, Writes};
use profile::tail;

/// What is particular to one kind of write.
pub(super) struct Rule {
    /// Records a day below which it never raises.
    pub(super) least: f64,
    /// Least p-value at `least` records.
    pub(super) floor: f64,
    /// Whether that p-value falls with the number of records. If not, even the largest number proves little.
    pub(super) falls: bool,
}

/// Looks at the day and its largest hour.
const WAYS: f64 = 2.0;

/// Judges a day's writes: the probability that the day has such writes at all, times that of so many records on such a
/// day, in all or within an hour.
///
/// It is never below the chance that the day recurs ([`score::recurrence`]), nor below floor · least/records: the size
/// of harmless tasks that come up once has a heavy tail (a Pareto distribution of index 1, a choice), so ten times as
/// many records are at most ten times as surprising.
pub(super) fn judge<'a>(writes: &'a Writes, rule: &Rule) -> Result<Judgement<'a>, Unscoreable> {
    /// Days below which an account without such writes is not judged: its own, or the org's, on which it did not write
    /// either. A choice, one working week: it takes as long to know a program from a person, and jobs that run once a week
    /// from the first one on.
    const LEAST_DAYS: f64 = 5.0;
    if writes.days.max(writes.org_days) < LEAST_DAYS && writes.day.evidence < 1.0 {
        return Err(Unscoreable::NoBaseline);
    }
    let day = tail::at_least(&writes.day, writes.rows);
    let hour = tail::at_least(&writes.hour, writes.hour_rows);
    let own = writes.chance * tail::any_of(day.min(hour), WAYS);
    let of_size = if rule.falls { rule.least / writes.rows.max(rule.least) } else { 1.0 };
    let recurs = score::recurrence(writes.recurrences, writes.days);
    let few = if writes.rows < rule.least { 1.0 } else { 0.0 };
    let p = own.max(rule.floor * of_size).max(recurs).max(few);
    Ok(Judgement::new(tail::surprise(p), subject(writes), move || Explanation {
        confidence: score::confidence(writes.days),
        summary: summary(writes),
        features: vec![
            ("recordCount", format!("{:.0}", writes.rows), tail::surprise(day)),
            ("hourlyRecordCount", format!("{:.0}", writes.hour_rows), tail::surprise(hour)),
            ("shareOfDays", format!("{:.3}", writes.chance), tail::surprise(writes.chance)),
        ],
        measures: vec![
            ("records", writes.rows),
            ("requests", f64::from(writes.requests)),
            ("mean", writes.day.mean),
            ("days_with_such_writes", writes.day.evidence),
            ("share_of_days", writes.chance),
            ("baseline_days", writes.days),
        ],
        evidence: writes.evidence.clone(),
        objects: writes.objects.clone(),
        surface: Some(writes.surface),
        ..Explanation::default()
    }))
}

/// Returns the part of the finding's id: by surface and kind.
fn subject(writes: &Writes) -> &'static str {
    match (writes.surface, writes.kind) {
        (Surface::Bulk, WriteKind::Created) => "bulk created",
        (Surface::Bulk, WriteKind::Updated) => "bulk updated",
        (Surface::Bulk, WriteKind::Deleted) => "bulk deleted",
        (Surface::Bulk, WriteKind::Erased) => "bulk erased",
        (_, kind) => kind.as_str(),
    }
}

fn summary(writes: &Writes) -> String {
    let (verb, for_good) = match writes.kind {
        WriteKind::Created => ("Created", ""),
        WriteKind::Updated => ("Updated", ""),
        WriteKind::Deleted => ("Deleted", ""),
        WriteKind::Erased => ("Deleted", " for good"),
    };
    let objects = match writes.objects.as_slice() {
        [] => String::new(),
        names => format!(" of {}", text::list(names, names.len())),
    };
    let surface = text::through(writes.surface);
    let history = if writes.day.evidence < 0.5 {
        text::none("", writes.days)
    } else {
        let (mean, such) = (text::quantity(writes.day.mean), text::days(writes.day.evidence));
        format!("its {such} with such writes usually have {mean}")
    };
    format!("{verb} {} records{objects}{for_good} through {surface} in a day; {history}", text::count(writes.rows))
}

#[cfg(test)]
pub(super) mod tests {
    use model::{Feature, Surface, Usual, WriteKind, Writes};

    /// Returns the day of an account with 40 active days that never wrote so.
    pub(crate) fn first(kind: WriteKind, rows: f64) -> Writes {
        let (location, chance) = match kind {
            WriteKind::Created | WriteKind::Updated => (3.9, 0.004),
            WriteKind::Deleted | WriteKind::Erased => (0.9, 0.0007),
        };
        let usual = Usual { location, scale: 2.0, degrees: 6.0, ..Usual::default() };
        Writes {
            surface: Surface::Bulk,
            kind,
            rows,
            hour_rows: rows,
            requests: 3,
            day: usual,
            hour: usual,
            chance,
            days: 40.0,
            org_days: 4.0,
            objects: vec!["Account".into()],
            evidence: vec![],
            recurrences: 0,
        }
    }

    /// Returns the day of an account that writes about 20,000 records a night.
    pub(crate) fn nightly(kind: WriteKind, rows: f64) -> Feature {
        let day =
            Usual { location: 9.9, scale: 0.6, degrees: 45.0, mean: 20_000.0, evidence: 40.0, ..Usual::default() };
        Feature::Writes(Writes { day, hour: day, chance: 0.82, ..first(kind, rows) })
    }
}
