//! The outcome of an activity.

/// The outcome of an activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ActivityOutcome {
    /// Observed and learned in order.
    Learned,
    /// Its day was closed: it counts against that day, which is judged and learned once more when the present hour
    /// closes.
    Late,
    /// An identical copy was counted before; nothing was learned.
    Duplicate,
    /// A copy was counted before that carried less about its connection: the rest was learned.
    Enriched,
    /// Dated more than 5 minutes after its receipt: set aside, nothing was learned.
    Future,
    /// Older than `identity_hours`, so that it cannot be known whether it was counted before: set aside.
    Forgotten,
    /// A profile that it needs is not in memory, see [`Org::wanted`](crate::Org::wanted) and [`Org::is_away`](crate::Org::is_away). Nothing has changed; load
    /// the profile and observe the activity again.
    Away,
}

impl ActivityOutcome {
    /// Returns the outcome in lower case, as metrics and logs name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Learned => "learned",
            Self::Late => "late",
            Self::Duplicate => "duplicate",
            Self::Enriched => "enriched",
            Self::Future => "future",
            Self::Forgotten => "forgotten",
            Self::Away => "away",
        }
    }
}
