//! The records of an org, except those of its users: their keys and contents.

use super::StateError;
use super::bytes::Fixed;
use crate::calendar::LocalHour;
use crate::estimate::Dropped;
use crate::org::population::CountDay;
use crate::org::progress::Factors;
use crate::user::{
    ClosedDays, Counter, DayMore, DayNews, DaySignals, HourRows, Signals, Unjudged, WriteDay, WriteModel,
};
use model::{Scope, Text};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Users in a page of slots. A choice: 20 KB are written for one more user.
pub(super) const PAGE: usize = 1_024;

/// Identifies a record. It is displayed as the record's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RecordKind {
    Head,
    Populations,
    Progress,
    /// Absent before version 7 of profiles.
    Signals,
    /// Absent while nobody has decided anything.
    Decisions,
    Slots(u32),
    Known(u8),
    Names(u8),
    /// Its key begins with `seen/`.
    Identities {
        hour: i64,
        number: u32,
    },
}

/// What changes with every activity, and the sizes that the other records must have.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) open: Option<LocalHour>,
    /// The hour found last for an activity.
    pub(super) calendar: LocalHour,
    /// The hour found last for the clock.
    pub(super) clock_calendar: LocalHour,
    pub(super) active_hour: Vec<u32>,
    pub(super) active_day: Vec<u32>,
    /// Number of active users by the start of the day in milliseconds.
    pub(super) user_days: Vec<(i64, u64)>,
    pub(super) counts_today: [CountDay; Counter::COUNT],
    pub(super) sizes: Sizes,
    /// Number of entries of identities by hour.
    pub(super) identities: Vec<(i64, u32)>,
}

/// What follows the head from version 2 on.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct HeadMore {
    /// Kinds of events that are missing.
    pub(super) blind: BTreeSet<model::Kind>,
    /// Slots of the users with an open day of backfill only.
    pub(super) backfill_days: BTreeSet<u32>,
    /// Number of names that only people read. It follows from version 3 on, which heads have if there are any.
    #[serde(skip)]
    pub(super) shown: u32,
}

/// What follows the day factor from version 6 on.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct ProgressMore {
    /// The factors of closed days.
    pub(super) past: BTreeMap<i32, Factors>,
    /// Start of the hour that was judged in silence, in milliseconds.
    pub(super) judged: Option<i64>,
    /// The time before which identities were forgotten, in milliseconds; `None` if none were. Some records of version 2
    /// lack it.
    pub(super) forgotten: Option<i64>,
}

/// What follows a profile from version 4 on.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct ProfileMore {
    /// Whether the account may administer.
    pub(super) administers: Option<bool>,
    /// The closed days that late activities can still change.
    pub(super) closed: ClosedDays,
    /// Rows of the open day by earlier clock hour.
    pub(super) earlier: HourRows,
}

/// What follows from version 5 on: what was learned of the account's writes, those of the open day, and those of closed
/// days by the number of the day.
pub(super) type ProfileWrites = (Vec<WriteModel>, Vec<WriteDay>, Vec<(i32, Vec<WriteDay>)>);

/// What follows from version 6 on: more of the open day, and of closed days by the number of the day.
pub(super) type ProfileDays = (Option<DayMore>, Vec<(i32, DayMore)>);

/// What follows from version 7 on: more of the account, of its open day, and of closed days by their place,
/// and the filters of dropped values by kind.
pub(super) type ProfileSignals = (Signals, Option<DaySignals>, Vec<(u32, DaySignals)>, Vec<(u8, Dropped)>);

/// What follows from version 9 on, behind what may be there of version 8: the news of the open day, of closed days and of
/// held ones, by their place.
pub(super) type ProfileNews = (DayNews, Vec<(u32, DayNews)>, Vec<(u32, DayNews)>);

/// What follows from version 10 on: the detectors that could not judge the open day, closed days and held ones, by their place.
pub(super) type ProfileUnjudged = (Unjudged, Vec<(u32, Unjudged)>, Vec<(u32, Unjudged)>);

/// Number of entries that the other records hold together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sizes {
    pub(super) users: u32,
    pub(super) known: u32,
    pub(super) new_today: u32,
    pub(super) views: u32,
    pub(super) values: u32,
}

/// The numbers of users that know a value, and of those that use it for the first time today.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct KnownShard {
    pub(super) known: Vec<(Fixed, u32)>,
    pub(super) new_today: Vec<(Fixed, u32)>,
}

/// Names behind hashes. From version 2 on, those follow that only people read.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct NamesShard {
    pub(super) views: Vec<StoredView>,
    pub(super) values: Vec<(Fixed, Text)>,
}

/// What follows the names from version 2 on: those of objects, reports, countries and connected apps.
pub(super) type ShownNames = Vec<(Fixed, Text)>;

/// The name of a list view.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct StoredView {
    pub(super) key: Fixed,
    pub(super) object: Fixed,
    pub(super) name: Text,
    pub(super) scope: Option<Scope>,
}

impl fmt::Display for RecordKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => f.write_str("head"),
            Self::Populations => f.write_str("populations"),
            Self::Progress => f.write_str("progress"),
            Self::Signals => f.write_str("signals"),
            Self::Decisions => f.write_str("decisions"),
            Self::Slots(page) => write!(f, "slots/{page}"),
            Self::Known(shard) => write!(f, "known/{shard}"),
            Self::Names(shard) => write!(f, "names/{shard}"),
            Self::Identities { hour, number } => write!(f, "seen/{hour}/{number}"),
        }
    }
}

impl RecordKind {
    /// Reads a key.
    ///
    /// # Errors
    /// If no record has it, or if it is that of a user.
    pub(super) fn parse(key: &str) -> Result<Self, StateError> {
        let (kind, rest) = key.split_once('/').unwrap_or((key, ""));
        let found = match kind {
            "head" => Some(Self::Head),
            "populations" => Some(Self::Populations),
            "progress" => Some(Self::Progress),
            "signals" => Some(Self::Signals),
            "decisions" => Some(Self::Decisions),
            "slots" => rest.parse().ok().map(Self::Slots),
            "known" => rest.parse().ok().map(Self::Known),
            "names" => rest.parse().ok().map(Self::Names),
            "seen" => rest.split_once('/').and_then(|(hour, number)| {
                Some(Self::Identities { hour: hour.parse().ok()?, number: number.parse().ok()? })
            }),
            _ => None,
        };
        found.filter(|found| found.to_string() == key).ok_or_else(|| StateError::Key { key: key.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_are_written() {
        let kinds = [
            (RecordKind::Head, "head"),
            (RecordKind::Populations, "populations"),
            (RecordKind::Progress, "progress"),
            (RecordKind::Signals, "signals"),
            (RecordKind::Decisions, "decisions"),
            (RecordKind::Slots(70_000), "slots/70000"),
            (RecordKind::Known(0), "known/0"),
            (RecordKind::Names(255), "names/255"),
            (RecordKind::Identities { hour: -3, number: 12 }, "seen/-3/12"),
        ];
        for (kind, key) in kinds {
            assert_eq!((kind.to_string().as_str(), RecordKind::parse(key).unwrap()), (key, kind));
        }
        for key in ["", "head/1", "user/005", "known/256", "known/01", "slots/", "seen/7", "seen/7/", "seen/+7/1"] {
            assert!(matches!(RecordKind::parse(key), Err(StateError::Key { .. })), "{key}");
        }
    }
}
