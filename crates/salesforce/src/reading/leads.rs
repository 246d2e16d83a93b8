//! Which channel leads for each kind of events.

use super::Gap;
use model::{Channel, Kind, Timestamp};
use std::collections::BTreeMap;

/// The leading channel of each kind, and the channel that fills what it has missed.
///
/// Only one channel counts for a kind, so that no event counts twice. Streamed and stored copies of an event have the
/// same identity, so both of these channels may be published.
#[derive(Clone, Debug, Default)]
pub struct Leads {
    leads: BTreeMap<Kind, Channel>,
    fillers: BTreeMap<Kind, Channel>,
}

/// Returns which channel leads where several have the same kind: the one with the lowest number. Channels with the same
/// number share identities, so that both may be read.
pub fn precedence(channel: Channel) -> usize {
    match channel {
        Channel::Stream | Channel::Stored | Channel::SecurityCenter => 0,
        Channel::LogObject => 1,
        Channel::LogFile => 2,
        Channel::Setup => 3,
    }
}

impl Leads {
    /// Makes leads from the leading channel, and from the filling channel, of each kind that has one.
    pub fn new(leads: BTreeMap<Kind, Channel>, fillers: BTreeMap<Kind, Channel>) -> Self {
        Self { leads, fillers }
    }

    /// Returns the leading channel of a kind; `None` if the kind is not read.
    pub fn of(&self, kind: Kind) -> Option<Channel> {
        self.leads.get(&kind).copied()
    }

    /// Returns whether only log files can fill what the leading channel has missed.
    pub fn is_filled_by_log_files(&self, kind: Kind) -> bool {
        self.fillers.get(&kind) == Some(&Channel::LogFile)
    }

    /// Returns whether activities of a kind are published when they come by `channel`.
    pub fn takes(&self, channel: Channel, kind: Kind) -> bool {
        self.of(kind).is_some_and(|lead| precedence(lead) == precedence(channel))
    }

    /// Returns whether an activity is published because it fills a gap: it comes from a log file, nothing else can fill
    /// gaps of its kind, and its time lies in one of `gaps`.
    pub fn fills(&self, channel: Channel, kind: Kind, at: Timestamp, gaps: &[Gap]) -> bool {
        let is_missed = || gaps.iter().any(|gap| gap.kind == kind && (gap.from..=gap.to).contains(&at));
        channel == Channel::LogFile && self.of(kind).is_some() && self.is_filled_by_log_files(kind) && is_missed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_leading_channel_is_taken_and_its_twin() {
        let leads = Leads::new([(Kind::Api, Channel::Stream), (Kind::BulkApi, Channel::LogFile)].into(), [].into());
        let check = |channel, kind, expect| assert_eq!(leads.takes(channel, kind), expect);
        check(Channel::Stream, Kind::Api, true);
        check(Channel::Stored, Kind::Api, true);
        check(Channel::LogFile, Kind::Api, false);
        check(Channel::LogFile, Kind::BulkApi, true);
        check(Channel::Stream, Kind::Report, false);
    }

    #[test]
    fn log_files_fill_gaps_that_no_other_channel_can() {
        let leads = [(Kind::Api, Channel::Stream), (Kind::Login, Channel::Stream)].into();
        let leads = Leads::new(leads, [(Kind::Api, Channel::Stored), (Kind::Login, Channel::LogFile)].into());
        let gaps = [Kind::Api, Kind::Login].map(|kind| Gap {
            kind,
            from: Timestamp(10),
            to: Timestamp(20),
            reason: String::new(),
        });
        let fills = |kind, at| leads.fills(Channel::LogFile, kind, Timestamp(at), &gaps);
        assert_eq!([9, 10, 20, 21].map(|at| fills(Kind::Login, at)), [false, true, true, false]);
        assert!(!fills(Kind::Api, 15));
        assert!(!leads.fills(Channel::Stream, Kind::Login, Timestamp(15), &gaps));
        assert!(!leads.fills(Channel::LogFile, Kind::Login, Timestamp(15), &[]));
    }
}
