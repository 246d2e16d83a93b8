use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// An object with rows of (milliseconds, identifier) that answers in the ways Salesforce may.
#[derive(Clone, Debug)]
struct Model {
    rows: Vec<(i64, u32)>,
    /// Rows of a page, or of a whole answer where there are no further pages.
    page: usize,
    has_pages: bool,
    sorts: bool,
    /// Queries over more milliseconds time out.
    max_reach: i64,
    /// The numbers of the further pages that are lost.
    losses: Vec<usize>,
}

/// The outcome of a drain.
#[derive(Debug, Default)]
struct Drained {
    /// How often each row was read.
    rows: BTreeMap<(i64, u32), usize>,
    asked: Vec<Query>,
    truncated: Vec<Timestamp>,
    failed: Option<Refusal>,
}

const FULL: usize = 8;

impl Model {
    fn of(rows: impl IntoIterator<Item = (i64, u32)>) -> Self {
        let rows = rows.into_iter().collect();
        Self { rows, page: FULL, has_pages: true, sorts: true, max_reach: i64::MAX, losses: Vec::new() }
    }

    fn within(&self, from: i64, to: i64) -> impl Iterator<Item = (i64, u32)> {
        self.rows.iter().copied().filter(move |row| (from..=to).contains(&row.0))
    }

    fn answer(&self, query: Query) -> Result<Vec<(i64, u32)>, Refusal> {
        if query.latest.is_some() && !self.sorts {
            return Err(Refusal::Query);
        }
        if query.to.since(query.from) > self.max_reach {
            return Err(Refusal::Timeout);
        }
        let mut rows: Vec<_> = self.within(query.from.0, query.to.0).collect();
        if let Some(latest) = query.latest {
            rows.sort_by_key(|row| -row.0);
            rows.truncate(latest);
        }
        if !self.has_pages {
            rows.truncate(self.page);
        }
        Ok(rows)
    }

    fn drain(&self, from: i64, to: i64) -> Drained {
        let mut drain = Drain::new(Timestamp(from), Timestamp(to), true, FULL);
        let mut drained = Drained::default();
        let (mut rest, mut further) = (Vec::new(), 0);
        let mut next = drain.ask();
        loop {
            let answer = match next {
                Next::Done => break,
                Next::Query(query) => {
                    drained.asked.push(query);
                    assert!(drained.asked.len() < 10_000, "{query:?}");
                    self.answer(query)
                }
                Next::Page => {
                    further += 1;
                    if self.losses.contains(&further) { Err(Refusal::Cursor) } else { Ok(rest.clone()) }
                }
            };
            let after = match answer {
                Err(refusal) => drain.refused(refusal).ok_or(refusal),
                Ok(mut rows) => {
                    rest = rows.split_off(rows.len().min(self.page));
                    rows.iter().for_each(|row| *drained.rows.entry(*row).or_default() += 1);
                    let oldest = rows.iter().map(|row| Timestamp(row.0)).min();
                    Ok(drain.page(rows.len(), oldest, !rest.is_empty()))
                }
            };
            match after {
                Ok(after) => next = after,
                Err(refusal) => {
                    drained.failed = Some(refusal);
                    break;
                }
            }
        }
        drained.truncated = drain.truncated().to_vec();
        drained
    }
}

fn keys(drained: &Drained) -> Vec<(i64, u32)> {
    drained.rows.keys().copied().collect()
}

fn at(moment: i64, count: u32) -> impl Iterator<Item = (i64, u32)> {
    (0..count).map(move |number| (moment, moment as u32 * 1_000 + number))
}

#[test]
fn a_query_is_written_as_soql() {
    let check = |latest, expect: &str| {
        let query = Query { from: Timestamp(1_772_461_912_867), to: Timestamp(1_772_461_920_000), latest };
        assert_eq!(query.soql("ApiEvent", &["EventDate".into(), "UserId".into()]), expect);
    };
    check(
        Some(2000),
        "SELECT EventDate,UserId FROM ApiEvent WHERE EventDate >= 2026-03-02T14:31:52.867Z AND EventDate <= \
         2026-03-02T14:32:00.000Z ORDER BY EventDate DESC LIMIT 2000",
    );
    check(
        None,
        "SELECT EventDate,UserId FROM ApiEvent WHERE EventDate >= 2026-03-02T14:31:52.867Z AND EventDate <= \
         2026-03-02T14:32:00.000Z",
    );
}

#[test]
fn few_rows_take_one_query_and_an_empty_stretch_takes_none() {
    assert_eq!(Model::of([(1, 1), (5, 2)]).drain(0, 9).asked.len(), 1);
    assert_eq!(Model::of([]).drain(0, 9).asked.len(), 1);
    assert_eq!(Model::of([(1, 1)]).drain(5, 4).asked.len(), 0);
}

#[test]
fn r4_pages_until_done() {
    let model = Model { page: 2, ..Model::of((0..7).map(|number| (i64::from(number), number))) };
    let drained = model.drain(0, 9);
    assert_eq!((keys(&drained).len(), drained.asked.len()), (7, 1));
}

#[test]
fn r14_query_timeout_halves_the_window() {
    let second = SECOND;
    let rows = (0..600).map(|number| (i64::from(number) * second, number));
    let model = Model { max_reach: 100 * second, ..Model::of(rows) };
    let drained = model.drain(0, 600 * second);
    assert_eq!((keys(&drained).len(), drained.failed), (600, None));
    let widths: Vec<i64> = drained.asked.iter().map(|query| query.to.since(query.from) / second).collect();
    assert_eq!(widths[..4], [600, 300, 150, 75]);
    assert!(widths[3..].iter().all(|width| *width <= 75), "{widths:?}");

    let hopeless = Model { max_reach: 10, ..model }.drain(0, 600 * second);
    assert_eq!(hopeless.failed, Some(Refusal::Timeout));
    assert!(hopeless.asked.len() < 20);
}

#[test]
fn r16_many_rows_at_one_timestamp() {
    let rows = || at(3, 2).chain(at(5, 50)).chain(at(7, 3));
    let drained = Model::of(rows()).drain(0, 9);
    assert_eq!(keys(&drained), rows().collect::<Vec<_>>());
    assert_eq!(drained.truncated, []);

    // Without pages no more of a moment can be read than one answer holds: it is reported, and the rest is read.
    for sorts in [true, false] {
        let drained = Model { has_pages: false, sorts, ..Model::of(rows()) }.drain(0, 9);
        assert_eq!((keys(&drained).len(), drained.failed), (2 + FULL + 3, None), "sorts: {sorts}");
        assert_eq!(drained.truncated, [Timestamp(5)], "sorts: {sorts}");
    }
}

#[test]
fn an_object_that_cannot_sort_is_asked_to_sort_once() {
    let drained = Model { sorts: false, ..Model::of((0..40).map(|number| (i64::from(number), number))) }.drain(0, 39);
    assert_eq!(keys(&drained).len(), 40);
    assert_eq!(drained.asked.iter().filter(|query| query.latest.is_some()).count(), 1);
}

#[test]
fn a_query_that_is_refused_sorted_and_unsorted_fails() {
    let mut drain = Drain::new(Timestamp(0), Timestamp(9), true, FULL);
    drain.ask();
    assert!(matches!(drain.refused(Refusal::Query), Some(Next::Query(Query { latest: None, .. }))));
    assert_eq!(drain.refused(Refusal::Query), None);
}

#[test]
fn a_lost_cursor_restarts_its_window_a_limited_number_of_times() {
    let model = Model { sorts: false, page: 3, ..Model::of((0..40).map(|number| (i64::from(number), number))) };
    let drained = Model { losses: vec![2, 5, 6], ..model.clone() }.drain(0, 39);
    assert_eq!((keys(&drained).len(), drained.failed), (40, None));
    let drained = Model { losses: (1..10_000).collect(), ..model }.drain(0, 39);
    assert_eq!(drained.failed, Some(Refusal::Cursor));
}

prop_compose! {
    /// Few moments, so that many rows share a moment.
    fn models()(
        moments in prop::collection::vec(prop_oneof![0_i64..12, 0_i64..20_000], 0..120),
        page in 1..=FULL,
        has_pages in any::<bool>(),
        sorts in any::<bool>(),
        max_reach in prop_oneof![Just(i64::MAX), SECOND..20 * SECOND],
        losses in prop::collection::btree_set(1_usize..60, 0..4),
    ) -> Model {
        let rows = moments.into_iter().zip(0..).collect();
        // Without further pages an answer has as many rows as were asked for.
        let page = if has_pages { page } else { FULL };
        Model { rows, page, has_pages, sorts, max_reach, losses: losses.into_iter().collect() }
    }
}

proptest! {
    #[test]
    fn every_row_is_read_or_its_moment_is_reported(model in models(), from in 0_i64..8, to in 0_i64..20_000) {
        let drained = model.drain(from, to);
        prop_assert_eq!(drained.failed, None);
        let expected: Vec<_> = model.within(from, to).collect();
        for row in keys(&drained) {
            prop_assert!(expected.contains(&row), "{:?}", row);
        }
        for row in expected {
            let is_read = drained.rows.contains_key(&row);
            prop_assert!(is_read || drained.truncated.contains(&Timestamp(row.0)), "{:?}", row);
        }
        if model.has_pages {
            // A single page that is exactly full may or may not be complete.
            let just_full = |moment: &Timestamp| model.within(moment.0, moment.0).count() == FULL;
            prop_assert!(drained.truncated.iter().all(just_full), "{:?}", drained.truncated);
        }
    }
}
