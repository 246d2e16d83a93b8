//! Strategies for arbitrary values of the model.

mod activity;
mod decision;
mod incident;
mod observation;
mod volume;

pub(crate) use activity::activity;
pub(crate) use decision::decision;
pub(crate) use incident::{finding, incident};
pub(crate) use observation::observation;

use model::{OrgId, Text, Timestamp, UserId, Uuid};
use proptest::collection::vec;
use proptest::num::f64::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
use proptest::option;
use proptest::prelude::*;

/// The numbers and times that a format can carry.
#[derive(Clone, Copy)]
pub(crate) struct Range {
    number: fn() -> BoxedStrategy<f64>,
    time: fn() -> BoxedStrategy<Timestamp>,
}

/// The wire: every finite number and every time.
pub(crate) const WIRE: Range =
    Range { number: || (POSITIVE | NEGATIVE | NORMAL | SUBNORMAL | ZERO).boxed(), time: || time().boxed() };

/// JSON as orgwatch writes it: numbers of six decimals, times from 1970 to 9999.
pub(crate) const JSON: Range = Range {
    number: || (-1_000_000_000_000i64..1_000_000_000_000).prop_map(|n| n as f64 / 1e6).boxed(),
    time: || (0i64..253_402_300_800_000).prop_map(Timestamp).boxed(),
};

/// A time in the years 1 to 9999.
pub(crate) fn time() -> impl Strategy<Value = Timestamp> + Clone {
    (-62_135_596_800_000i64..253_402_300_800_000).prop_map(Timestamp)
}

pub(crate) fn text() -> impl Strategy<Value = Text> + Clone {
    ".{0,30}".prop_map(Text::from)
}

pub(crate) fn maybe<T: Clone + std::fmt::Debug>(
    of: impl Strategy<Value = T> + Clone,
) -> impl Strategy<Value = Option<T>> + Clone {
    option::of(of)
}

pub(crate) fn texts() -> impl Strategy<Value = Vec<Text>> {
    vec(text(), 0..4)
}

pub(crate) fn uuid() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

pub(crate) fn uuids() -> impl Strategy<Value = Vec<Uuid>> {
    vec(uuid(), 0..4)
}

pub(crate) fn org() -> impl Strategy<Value = OrgId> {
    "[0-9A-Za-z]{1,18}".prop_map(|id| OrgId::new(&id))
}

/// An account, by id or by username.
pub(crate) fn user() -> impl Strategy<Value = UserId> {
    prop_oneof![
        "[0-9A-Za-z]{15}|[0-9A-Za-z]{18}".prop_map(|id| UserId::new(&id)),
        "[0-9A-Za-z.]{1,16}(@[a-z]{1,8})?".prop_map(|name| UserId::from_username(&name)),
    ]
}

/// Any variant of an enum.
pub(crate) fn word<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> + Clone {
    proptest::sample::select(all)
}
