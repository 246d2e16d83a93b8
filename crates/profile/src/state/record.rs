//! The records of an org but those of its users: their keys, and what they hold.

use super::StateError;
use super::bytes::Fixed;
use crate::calendar::LocalHour;
use crate::org::population::CountDay;
use crate::user::Counter;
use model::{Scope, Text};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// Users a page of slots.
pub(super) const PAGE: usize = 1_024;

/// Which record it is. Shown as its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Head,
    Populations,
    Progress,
    Slots(u32),
    Known(u8),
    Names(u8),
    Seen { hour: i64, number: u32 },
}

/// What changes all the time, and what the other records must add up to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) open: Option<LocalHour>,
    /// The hours found last, by event time and by the clock.
    pub(super) calendar: LocalHour,
    pub(super) clock_calendar: LocalHour,
    pub(super) active_hour: Vec<u32>,
    pub(super) active_day: Vec<u32>,
    /// Users active, by the start of the day in milliseconds.
    pub(super) user_days: Vec<(i64, u64)>,
    pub(super) counts_today: [CountDay; Counter::COUNT],
    pub(super) sizes: Sizes,
    /// Entries under the keys of identities, by hour.
    pub(super) seen: Vec<(i64, u32)>,
}

/// What follows the head since its second version.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct HeadMore {
    /// Kinds of events that are missing.
    pub(super) blind: BTreeSet<model::Kind>,
    /// Slots of the users whose open day consists of lessons.
    pub(super) taught: BTreeSet<u32>,
}

/// How much the other records hold together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sizes {
    pub(super) users: u32,
    pub(super) known: u32,
    pub(super) new_today: u32,
    pub(super) views: u32,
    pub(super) values: u32,
}

/// How many users know a value, and how many have it for the first time today.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct KnownShard {
    pub(super) known: Vec<(Fixed, u32)>,
    pub(super) new_today: Vec<(Fixed, u32)>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct NamesShard {
    pub(super) views: Vec<StoredView>,
    pub(super) values: Vec<(Fixed, Text)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct StoredView {
    pub(super) key: Fixed,
    pub(super) object: Fixed,
    pub(super) name: Text,
    pub(super) scope: Option<Scope>,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => f.write_str("head"),
            Self::Populations => f.write_str("populations"),
            Self::Progress => f.write_str("progress"),
            Self::Slots(page) => write!(f, "slots/{page}"),
            Self::Known(shard) => write!(f, "known/{shard}"),
            Self::Names(shard) => write!(f, "names/{shard}"),
            Self::Seen { hour, number } => write!(f, "seen/{hour}/{number}"),
        }
    }
}

impl Kind {
    /// # Errors
    /// If it is no key of a record, or that of a user.
    pub(super) fn parse(key: &str) -> Result<Self, StateError> {
        let (kind, rest) = key.split_once('/').unwrap_or((key, ""));
        let found = match kind {
            "head" => Some(Self::Head),
            "populations" => Some(Self::Populations),
            "progress" => Some(Self::Progress),
            "slots" => rest.parse().ok().map(Self::Slots),
            "known" => rest.parse().ok().map(Self::Known),
            "names" => rest.parse().ok().map(Self::Names),
            "seen" => rest
                .split_once('/')
                .and_then(|(hour, number)| Some(Self::Seen { hour: hour.parse().ok()?, number: number.parse().ok()? })),
            _ => None,
        };
        found.filter(|found| found.to_string() == key).ok_or_else(|| StateError::Key { key: key.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_are_shown() {
        let kinds = [
            (Kind::Head, "head"),
            (Kind::Populations, "populations"),
            (Kind::Progress, "progress"),
            (Kind::Slots(70_000), "slots/70000"),
            (Kind::Known(0), "known/0"),
            (Kind::Names(255), "names/255"),
            (Kind::Seen { hour: -3, number: 12 }, "seen/-3/12"),
        ];
        for (kind, key) in kinds {
            assert_eq!((kind.to_string().as_str(), Kind::parse(key).unwrap()), (key, kind));
        }
        for key in ["", "head/1", "user/005", "known/256", "known/01", "slots/", "seen/7", "seen/7/", "seen/+7/1"] {
            assert!(matches!(Kind::parse(key), Err(StateError::Key { .. })), "{key}");
        }
    }
}
