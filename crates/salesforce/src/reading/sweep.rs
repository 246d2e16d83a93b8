//! Which window of stored events to read next, when several stretches of time are read in order.

use model::time::SECOND;
use model::{Kind, Timestamp};

/// A stored object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object {
    /// The kind of its events.
    pub kind: Kind,
    /// Its name in SOQL.
    pub name: &'static str,
}

/// A stretch of time of one object; both ends are included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The object.
    pub object: Object,
    /// The first moment.
    pub from: Timestamp,
    /// The last moment.
    pub to: Timestamp,
}

/// The part of a span that lies in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The index of the span.
    pub index: usize,
    /// The part, as a span of its own.
    pub span: Span,
}

/// How long windows are, and how many rows one may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// Milliseconds of the first window.
    pub width: i64,
    /// The most milliseconds of a window.
    pub max_width: i64,
    /// About how many rows may be held at once.
    pub max_rows: usize,
}

/// Reads several spans from the earliest moment on, in windows of about the right number of rows: a window that holds
/// too many is halved, and one that holds few is followed by a longer one.
#[derive(Debug)]
pub struct Sweep {
    /// The part of each span that is not read yet.
    spans: Vec<Span>,
    windows: Windows,
}

/// The shortest window in milliseconds: it is read whatever it holds. A choice.
const SHORTEST: i64 = SECOND;

impl Sweep {
    /// Makes a sweep over spans.
    pub fn new(spans: Vec<Span>, windows: Windows) -> Self {
        Self { spans, windows }
    }

    /// Returns the parts of the next window, and how many rows they may have together; no parts once all is read.
    pub fn next(&self) -> (Vec<Part>, usize) {
        let Windows { width, max_rows, .. } = self.windows;
        let open = || self.spans.iter().enumerate().filter(|(_, span)| span.from <= span.to);
        let Some(start) = open().map(|(_, span)| span.from).min() else { return (Vec::new(), max_rows) };
        let end = start.plus(width - 1);
        let part = |(index, span): (usize, &Span)| Part { index, span: Span { to: span.to.min(end), ..*span } };
        let parts = open().filter(|(_, span)| span.from <= end).map(part).collect();
        (parts, if width > SHORTEST { max_rows } else { usize::MAX })
    }

    /// Records that a part is read and published.
    pub fn read(&mut self, part: &Part) {
        if let Some(span) = self.spans.get_mut(part.index) {
            span.from = part.span.to.plus(1);
        }
    }

    /// Skips the rest of a span.
    pub fn leave(&mut self, index: usize) {
        if let Some(span) = self.spans.get_mut(index) {
            span.to = span.from.plus(-1);
        }
    }

    /// Halves the windows, because one held too many rows. It is to be read again.
    pub fn narrow(&mut self) {
        self.windows.width = (self.windows.width / 2).max(SHORTEST);
    }

    /// Takes in how many rows a window held, and lengthens the windows if there were few.
    pub fn held(&mut self, rows: usize) {
        let Windows { width, max_width, max_rows } = self.windows;
        if rows < max_rows / 4 {
            self.windows.width = (width * 2).min(max_width);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MAX_ROWS: usize = 4_000;
    const OBJECT: Object = Object { kind: Kind::Api, name: "ApiEvent" };

    fn span(from: i64, to: i64) -> Span {
        Span { object: OBJECT, from: Timestamp(from), to: Timestamp(to) }
    }

    fn sweep(spans: Vec<Span>, width: i64, max_width: i64) -> Sweep {
        Sweep::new(spans, Windows { width, max_width, max_rows: MAX_ROWS })
    }

    fn window(sweep: &Sweep) -> Vec<(usize, i64, i64)> {
        let (parts, _) = sweep.next();
        parts.iter().map(|part| (part.index, part.span.from.0, part.span.to.0)).collect()
    }

    fn read(sweep: &mut Sweep) {
        sweep.next().0.iter().for_each(|part| sweep.read(part));
    }

    #[test]
    fn windows_skip_stretches_without_a_span() {
        let mut sweep = sweep(vec![span(0, 2_500), span(90_000, 90_500), span(1_500, 1_600)], 1_000, 1_000);
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
    fn windows_adapt_to_the_rows_they_hold() {
        let mut sweep = sweep(vec![span(0, 100_000)], 8_000, 16_000);
        let end = |sweep: &Sweep| window(sweep)[0].2 + 1;
        sweep.held(MAX_ROWS / 2);
        assert_eq!(end(&sweep), 8_000);
        sweep.held(10);
        sweep.held(10);
        assert_eq!((end(&sweep), sweep.next().1), (16_000, MAX_ROWS));
        (0..9).for_each(|_| sweep.narrow());
        assert_eq!((end(&sweep), sweep.next().1), (1_000, usize::MAX));
    }

    proptest! {
        #[test]
        fn every_moment_of_a_span_is_read_once_and_in_order(
            spans in prop::collection::vec((0_i64..60_000, 0_i64..60_000), 0..6),
            rows in prop::collection::vec(0..2 * MAX_ROWS, 1..40),
        ) {
            let spans: Vec<Span> = spans.into_iter().map(|(from, to)| span(from, to)).collect();
            let mut sweep = sweep(spans.clone(), 4_000, 16_000);
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
