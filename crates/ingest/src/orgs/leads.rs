//! Which channel leads for which kind of events.

use model::{Channel, Kind, Timestamp};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use store::Gap;

/// One channel a kind, so that nothing counts twice; the others follow. What the lead has missed is filled by the next
/// one that has it.
#[derive(Debug, Default)]
pub(crate) struct Leads {
    leads: BTreeMap<Kind, Channel>,
    fillers: BTreeMap<Kind, Channel>,
    /// What is to be filled by log files: kind, from, to.
    gaps: Mutex<Vec<(Kind, Timestamp, Timestamp)>>,
}

impl Leads {
    pub(crate) fn new(leads: BTreeMap<Kind, Channel>, fillers: BTreeMap<Kind, Channel>) -> Self {
        Self { leads, fillers, gaps: Mutex::default() }
    }

    pub(crate) fn of(&self, kind: Kind) -> Option<Channel> {
        self.leads.get(&kind).copied()
    }

    /// Whether only log files can tell what the lead has missed.
    pub(crate) fn is_filled_by_log_files(&self, kind: Kind) -> bool {
        self.fillers.get(&kind) == Some(&Channel::LogFile)
    }

    /// The gaps that are open, of which log files then fill those that nothing else can.
    pub(crate) fn miss(&self, gaps: &[Gap]) {
        let of_kind = |gap: &Gap| {
            let kind = self.fillers.keys().find(|kind| kind.as_str() == gap.kind)?;
            self.is_filled_by_log_files(*kind).then_some((*kind, gap.from, gap.to))
        };
        let missed = gaps.iter().filter_map(of_kind).collect();
        *self.gaps.lock().unwrap_or_else(PoisonError::into_inner) = missed;
    }

    /// Whether an activity is to be published that came by `channel`. Streamed and stored copies have one identity, so
    /// both may be.
    pub(crate) fn takes(&self, channel: Channel, kind: Kind, at: Timestamp) -> bool {
        let has_identity = |channel| matches!(channel, Channel::Stream | Channel::Stored);
        match self.of(kind) {
            Some(lead) if lead == channel || has_identity(lead) && has_identity(channel) => true,
            Some(_) => channel == Channel::LogFile && self.is_missed(kind, at),
            None => false,
        }
    }

    fn is_missed(&self, kind: Kind, at: Timestamp) -> bool {
        let gaps = self.gaps.lock().unwrap_or_else(PoisonError::into_inner);
        gaps.iter().any(|(of, from, to)| *of == kind && (*from..=*to).contains(&at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{OrgId, Uuid};

    fn gap(kind: Kind) -> Gap {
        let (source, kind, reason) = ("stream".to_owned(), kind.as_str().to_owned(), "lost".to_owned());
        let (from, to) = (Timestamp(10), Timestamp(20));
        Gap { id: Uuid::nil(), org_id: OrgId::new("00D"), source, kind, from, to, reason, note: None }
    }

    #[test]
    fn what_leads_is_taken_and_its_twin() {
        let leads = Leads::new([(Kind::Api, Channel::Stream), (Kind::BulkApi, Channel::LogFile)].into(), [].into());
        let check = |channel, kind, expect| assert_eq!(leads.takes(channel, kind, Timestamp(0)), expect);
        check(Channel::Stream, Kind::Api, true);
        check(Channel::Stored, Kind::Api, true);
        check(Channel::LogFile, Kind::Api, false);
        check(Channel::LogFile, Kind::BulkApi, true);
        check(Channel::Stream, Kind::Report, false);
    }

    #[test]
    fn log_files_fill_what_nothing_else_can() {
        let leads = [(Kind::Api, Channel::Stream), (Kind::Login, Channel::Stream)].into();
        let leads = Leads::new(leads, [(Kind::Api, Channel::Stored), (Kind::Login, Channel::LogFile)].into());
        leads.miss(&[gap(Kind::Api), gap(Kind::Login)]);
        let takes = |kind, at| leads.takes(Channel::LogFile, kind, Timestamp(at));
        assert_eq!([9, 10, 20, 21].map(|at| takes(Kind::Login, at)), [false, true, true, false]);
        assert!(!takes(Kind::Api, 15));
        leads.miss(&[]);
        assert!(!takes(Kind::Login, 15));
    }
}
