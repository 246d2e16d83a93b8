//! The values that users of an org know.

/// Who knows a value, and when it recurred last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct KnownBy {
    /// Number of users that have used it on two days.
    pub(crate) users: u32,
    /// The latest week of event time in which one of them used it, counted from 1970.
    pub(crate) week: i32,
}

/// Returns the week of a day, both counted from 1970. Recurrence is noted once a week, so that not every day writes all
/// known values again.
pub(super) fn week(day: i32) -> i32 {
    day.div_euclid(7)
}
