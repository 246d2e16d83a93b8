//! Many stretches of time side by side, from the earliest on, in windows that hold about as much as is good.

use model::time::SECOND;
use model::{Kind, Timestamp};

/// What keeps one kind of events for queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) kind: Kind,
    pub(super) name: &'static str,
}

/// A stretch of time of one object; both ends are included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) object: Object,
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
}

/// The part of a span that lies in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Which span it is of.
    pub(super) index: usize,
    pub(super) span: Span,
}

#[derive(Debug)]
pub(super) struct Sweep {
    /// What is still to be read of each.
    spans: Vec<Span>,
    /// Milliseconds of a window.
    width: i64,
    most: i64,
}

/// About so many rows are held at once.
pub(super) const MOST_ROWS: usize = if cfg!(test) { 4_000 } else { 50_000 };
/// A window of this many milliseconds is not made smaller, whatever it holds.
const LEAST: i64 = SECOND;

impl Sweep {
    /// Windows have `width` milliseconds at first and `most` at most.
    pub(super) fn new(spans: Vec<Span>, width: i64, most: i64) -> Self {
        Self { spans, width, most }
    }

    /// The parts of the next window, and how many rows they may have together; no parts once all is read.
    pub(super) fn next(&self) -> (Vec<Part>, usize) {
        let open = || self.spans.iter().enumerate().filter(|(_, span)| span.from <= span.to);
        let Some(start) = open().map(|(_, span)| span.from).min() else { return (Vec::new(), MOST_ROWS) };
        let end = start.plus(self.width - 1);
        let part = |(index, span): (usize, &Span)| Part { index, span: Span { to: span.to.min(end), ..*span } };
        let parts = open().filter(|(_, span)| span.from <= end).map(part).collect();
        (parts, if self.width > LEAST { MOST_ROWS } else { usize::MAX })
    }

    /// A part is read, and what comes of it is kept.
    pub(super) fn read(&mut self, part: &Part) {
        if let Some(span) = self.spans.get_mut(part.index) {
            span.from = part.span.to.plus(1);
        }
    }

    /// Nothing more is to be read of a span.
    pub(super) fn leave(&mut self, index: usize) {
        if let Some(span) = self.spans.get_mut(index) {
            span.to = span.from.plus(-1);
        }
    }

    /// The window held too many rows, and none is kept.
    pub(super) fn narrow(&mut self) {
        self.width = (self.width / 2).max(LEAST);
    }

    /// The window held so many rows.
    pub(super) fn held(&mut self, rows: usize) {
        if rows < MOST_ROWS / 4 {
            self.width = (self.width * 2).min(self.most);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OBJECT: Object = Object { kind: Kind::Api, name: "ApiEvent" };

    fn span(from: i64, to: i64) -> Span {
        Span { object: OBJECT, from: Timestamp(from), to: Timestamp(to) }
    }

    fn window(sweep: &Sweep) -> Vec<(usize, i64, i64)> {
        let (parts, _) = sweep.next();
        parts.iter().map(|part| (part.index, part.span.from.0, part.span.to.0)).collect()
    }

    fn read(sweep: &mut Sweep) {
        sweep.next().0.iter().for_each(|part| sweep.read(part));
    }

    #[test]
    fn windows_skip_what_nobody_asks_for() {
        let mut sweep = Sweep::new(vec![span(0, 2_500), span(90_000, 90_500), span(1_500, 1_600)], 1_000, 1_000);
        assert_eq!(window(&sweep), [(0, 0, 999)]);
        read(&mut sweep);
        assert_eq!(window(&sweep), [(0, 1_000, 1_999), (2, 1_500, 1_600)]);
        read(&mut sweep);
        read(&mut sweep);
        assert_eq!(window(&sweep), [(1, 90_000, 90_500)]);
        sweep.leave(1);
        assert_eq!(window(&sweep), []);
    }

    #[test]
    fn windows_adapt_to_what_they_hold() {
        let mut sweep = Sweep::new(vec![span(0, 100_000)], 8_000, 16_000);
        let end = |sweep: &Sweep| window(sweep)[0].2 + 1;
        sweep.held(MOST_ROWS / 2);
        assert_eq!(end(&sweep), 8_000);
        sweep.held(10);
        sweep.held(10);
        assert_eq!((end(&sweep), sweep.next().1), (16_000, MOST_ROWS));
        (0..9).for_each(|_| sweep.narrow());
        assert_eq!((end(&sweep), sweep.next().1), (1_000, usize::MAX));
    }

    proptest! {
        #[test]
        fn every_moment_of_a_span_is_read_once_and_in_order(
            spans in prop::collection::vec((0_i64..60_000, 0_i64..60_000), 0..6),
            rows in prop::collection::vec(0..2 * MOST_ROWS, 1..40),
        ) {
            let spans: Vec<Span> = spans.into_iter().map(|(from, to)| span(from, to)).collect();
            let mut sweep = Sweep::new(spans.clone(), 4_000, 16_000);
            let mut reached: Vec<i64> = spans.iter().map(|span| span.from.0).collect();
            let mut last = i64::MIN;
            for rows in rows.iter().cycle() {
                let (parts, most) = sweep.next();
                let Some(first) = parts.iter().map(|part| part.span.from.0).min() else { break };
                if *rows > most {
                    sweep.narrow();
                    continue;
                }
                prop_assert!(first > last);
                for part in &parts {
                    prop_assert_eq!(part.span.from.0, reached[part.index]);
                    reached[part.index] = part.span.to.0 + 1;
                    last = last.max(part.span.to.0);
                    sweep.read(part);
                }
                sweep.held(*rows);
            }
            for (span, reached) in spans.iter().zip(reached) {
                prop_assert_eq!(reached, span.from.0.max(span.to.0 + 1));
            }
        }
    }
}
