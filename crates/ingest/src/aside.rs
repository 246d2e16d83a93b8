//! Records that a source could not read: which of them are kept as dead letters.

use bytes::Bytes;
use model::time::HOUR;
use model::{OrgId, Timestamp, id};
use std::collections::{BTreeMap, BTreeSet};

/// A record that a source could not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    pub org: OrgId,
    /// Such as `stream/LoginEventStream`, `stored/LoginEvent`, `log_files/Login`.
    pub source: String,
    /// Where in the source it is, such as `replay_id=00000000000003e9`; empty if the source has no places.
    pub place: String,
    pub reason: String,
    /// As it came; of rows of log files and log objects the start.
    pub record: Bytes,
}

/// What was kept lately, by org and source.
#[derive(Debug, Default)]
pub(crate) struct Lately(BTreeMap<(OrgId, String), Hour>);

/// What is to be done with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Keep,
    /// It is kept already: much is read more than once.
    Kept,
    /// There were too many already: a format that cannot be read at all would flood the dead stream.
    LeaveOut {
        is_first: bool,
    },
}

/// Records of one source that are kept in an hour.
pub(crate) const MOST: usize = 100;

#[derive(Debug)]
struct Hour {
    began: Timestamp,
    kept: BTreeSet<u64>,
    leaves_out: bool,
}

impl Unread {
    /// The source, and the place in it.
    pub(crate) fn origin(&self) -> String {
        format!("{}/{} {}", self.org, self.source, self.place).trim_end().to_owned()
    }

    fn key(&self) -> (OrgId, String) {
        (self.org.clone(), self.source.clone())
    }

    fn identity(&self) -> u64 {
        id::hash(&[self.place.as_bytes(), &self.record].concat())
    }
}

impl Lately {
    pub(crate) fn fate(&mut self, unread: &Unread, now: Timestamp) -> Fate {
        let hour = self.0.entry(unread.key()).or_insert_with(|| Hour::begin(now));
        if now.since(hour.began) >= HOUR {
            *hour = Hour::begin(now);
        }
        if hour.kept.contains(&unread.identity()) {
            Fate::Kept
        } else if hour.kept.len() < MOST {
            Fate::Keep
        } else {
            Fate::LeaveOut { is_first: !std::mem::replace(&mut hour.leaves_out, true) }
        }
    }

    /// It is in the dead stream.
    pub(crate) fn kept(&mut self, unread: &Unread) {
        if let Some(hour) = self.0.get_mut(&unread.key()) {
            hour.kept.insert(unread.identity());
        }
    }
}

impl Hour {
    fn begin(now: Timestamp) -> Self {
        Self { began: now, kept: BTreeSet::new(), leaves_out: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ORG;

    fn unread(source: &str, place: usize) -> Unread {
        let (source, place) = (source.to_owned(), format!("line {place}"));
        Unread { org: OrgId::new(ORG), source, place, reason: "no time".to_owned(), record: Bytes::from_static(b"{}") }
    }

    /// What becomes of a record; what is to be kept is.
    fn meet(lately: &mut Lately, unread: &Unread, minute: i64) -> Fate {
        let fate = lately.fate(unread, Timestamp(minute * 60_000));
        if fate == Fate::Keep {
            lately.kept(unread);
        }
        fate
    }

    #[test]
    fn each_is_kept_once_and_of_each_source_so_many_an_hour() {
        let mut lately = Lately::default();
        for place in 0..MOST {
            assert_eq!(meet(&mut lately, &unread("stored/LoginEvent", place), 0), Fate::Keep);
            assert_eq!(meet(&mut lately, &unread("stored/LoginEvent", place), 1), Fate::Kept);
        }
        let other = unread("stored/LoginEvent", MOST);
        assert_eq!(meet(&mut lately, &other, 59), Fate::LeaveOut { is_first: true });
        assert_eq!(meet(&mut lately, &other, 59), Fate::LeaveOut { is_first: false });
        assert_eq!(meet(&mut lately, &unread("stored/ApiEvent", 0), 59), Fate::Keep);
        assert_eq!(meet(&mut lately, &Unread { org: OrgId::new("other"), ..other.clone() }, 59), Fate::Keep);
        assert_eq!(meet(&mut lately, &other, 60), Fate::Keep);
    }

    #[test]
    fn what_is_not_stored_yet_is_not_kept() {
        let (mut lately, unread) = (Lately::default(), unread("stream/LoginEventStream", 1));
        assert_eq!(lately.fate(&unread, Timestamp(0)), Fate::Keep);
        assert_eq!(lately.fate(&unread, Timestamp(0)), Fate::Keep);
    }

    #[test]
    fn rows_without_a_place_are_told_apart_by_what_they_say() {
        let mut lately = Lately::default();
        let one = Unread { place: String::new(), ..unread("log_objects/RestApiEventLog", 0) };
        let other = Unread { record: Bytes::from_static(b"{ }"), ..one.clone() };
        assert_eq!((meet(&mut lately, &one, 0), meet(&mut lately, &other, 0)), (Fate::Keep, Fate::Keep));
        assert_eq!(meet(&mut lately, &one, 0), Fate::Kept);
        assert_eq!(one.origin(), format!("{ORG}/log_objects/RestApiEventLog"));
    }
}
