//! Strategies for features of how much was read.

use super::observation::{number, rate, usual};
use super::{text, texts, time, uuids, word};
use model::{Burst, Downloads, Drain, Largest, Pages, Surface, Volume};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

pub(super) fn volume() -> impl Strategy<Value = Volume> {
    let usual = [usual().boxed(), usual().boxed(), usual().boxed(), usual().boxed()];
    let counts = (any::<u32>(), any::<u32>(), any::<bool>());
    (word(Surface::ALL), [number(), number()], counts, usual, texts(), uuids()).prop_map(
        |(
            surface,
            [rows, hour_rows],
            (requests, recurrences, closed),
            [day, hour, per_request, peer],
            objects,
            evidence,
        )| Volume {
            surface,
            rows,
            hour_rows,
            requests,
            day,
            hour,
            per_request,
            peer,
            objects,
            evidence,
            closed,
            recurrences,
        },
    )
}

pub(super) fn largest() -> impl Strategy<Value = Largest> {
    (word(Surface::ALL), option::of(text()), any::<u32>(), vec(number(), 8), texts(), uuids()).prop_map(
        |(surface, name, recurrences, numbers, objects, evidence)| {
            let mut numbers = numbers.into_iter();
            let mut next = || numbers.next().unwrap_or_default();
            Largest {
                surface,
                rows: next(),
                name,
                deviations: next(),
                peer_deviations: next(),
                usual: next(),
                days: next(),
                prior_weight: next(),
                recurrences,
                objects,
                evidence,
                shift: next(),
                unshifted: next(),
            }
        },
    )
}

pub(super) fn pages() -> impl Strategy<Value = Pages> {
    (any::<(u32, u32, bool)>(), vec(number(), 7), texts(), uuids()).prop_map(
        |((pages, recurrences, rare), numbers, objects, evidence)| {
            let mut numbers = numbers.into_iter();
            let mut next = || numbers.next().unwrap_or_default();
            Pages {
                pages,
                deviations: next(),
                peer_deviations: next(),
                usual: next(),
                shift: next(),
                days: next(),
                prior_weight: next(),
                recurrences,
                objects,
                evidence,
                unshifted: next(),
                rare,
            }
        },
    )
}

pub(super) fn burst() -> impl Strategy<Value = Burst> {
    (any::<(u32, u32, i64)>(), rate(), number(), texts(), uuids()).prop_map(
        |((requests, effective, span), usual, known_share, objects, evidence)| Burst {
            requests,
            effective,
            span,
            usual,
            known_share,
            objects,
            evidence,
        },
    )
}

pub(super) fn downloads() -> impl Strategy<Value = Downloads> {
    (any::<(u32, u64, u32)>(), rate(), uuids()).prop_map(|((count, bytes, recurrences), usual, evidence)| Downloads {
        count,
        bytes,
        usual,
        evidence,
        recurrences,
    })
}

pub(super) fn drain() -> impl Strategy<Value = Drain> {
    let numbers = [number(), number(), number(), number(), number()];
    (word(Surface::ALL), time(), any::<u32>(), numbers).prop_map(
        |(surface, since, days, [log10_e, excess, rows, usual_rows, evidence])| Drain {
            surface,
            since,
            log10_e,
            days,
            excess,
            rows,
            usual_rows,
            evidence,
        },
    )
}
