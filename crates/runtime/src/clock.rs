//! The wall clock.

use std::time::SystemTime;

use model::Timestamp;

/// Returns the current time of the wall clock.
///
/// The result is only for measuring delays and for comparing with clocks of other machines. What orgwatch decides takes
/// its time from events, as an argument.
///
/// A clock that is set before 1970 gives 1970.
pub fn now() -> Timestamp {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_is_milliseconds() {
        let (lowest, highest) = ("2026-01-01T00:00:00Z", "2200-01-01T00:00:00Z");
        let range = Timestamp::parse(lowest).unwrap()..Timestamp::parse(highest).unwrap();
        assert!(range.contains(&now()), "{}", now());
    }
}
