//! Blindness as a text, a control record and a finding.

use super::super::source_name;
use model::operational::Unseen;
use model::{Channel, Command, Finding, Kind, OrgId, Timestamp};

/// A kind of events that is currently not seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Blindness {
    /// The kind.
    pub kind: Kind,
    /// Its leading channel.
    pub channel: Channel,
    /// Since when events are missing, by the org's clock.
    pub since: Timestamp,
    /// When that was noticed, by the org's clock.
    pub noticed: Timestamp,
    /// Why.
    pub reason: Reason,
    /// Whether every other kind of the org is blind too.
    pub whole: bool,
}

/// Why a kind is not seen.
#[derive(Clone, Debug, PartialEq)]
pub enum Reason {
    /// The channel has not answered.
    Silent,
    /// The channel has failed; the text is for an operator.
    Failed(String),
    /// No channel has these events anymore.
    Gone,
    /// The channel answers, but a gap before is not filled.
    Gap {
        /// The end of the gap.
        to: Timestamp,
        /// Why the events were missed.
        reason: String,
    },
    /// It was found before a restart; the text is the detail that was stored.
    Restored(String),
}

/// A kind has gone blind, or is seen again.
#[derive(Clone, Debug, PartialEq)]
pub enum Transition {
    /// It has gone blind.
    Blind(Blindness),
    /// It is seen again.
    Sighted {
        /// As it was published when the kind went blind.
        blindness: Blindness,
        /// Since when it is seen again, by the org's clock.
        at: Timestamp,
    },
}

impl Blindness {
    /// Returns what is wrong and what to do.
    pub fn detail(&self) -> String {
        let advice = match &self.reason {
            Reason::Silent => "check the network and the status of Salesforce",
            Reason::Failed(_) => "correct what the error names; orgwatch keeps trying",
            Reason::Gone => "turn on its streaming or storage in the Event Manager",
            Reason::Gap { .. } => "it is filled from stored events if storage is on",
            Reason::Restored(detail) => return detail.clone(),
        };
        format!("{}; {advice}", self.reason.text(self.channel))
    }
}

impl Reason {
    fn text(&self, channel: Channel) -> String {
        match self {
            Self::Silent => silence(channel).to_owned(),
            Self::Failed(text) | Self::Gap { reason: text, .. } | Self::Restored(text) => text.clone(),
            Self::Gone => "no channel of this org has them anymore".to_owned(),
        }
    }
}

impl Transition {
    /// Returns the kind.
    pub fn kind(&self) -> Kind {
        self.blindness().kind
    }

    /// Returns the blindness that begins or ends.
    pub fn blindness(&self) -> &Blindness {
        match self {
            Self::Blind(blindness) | Self::Sighted { blindness, .. } => blindness,
        }
    }

    /// Returns the control record for the org's activity stream.
    pub fn command(&self) -> Command {
        match self {
            Self::Blind(Blindness { kind, .. }) => Command::Blind { kind: *kind },
            Self::Sighted { blindness, .. } => Command::Sighted { kind: blindness.kind },
        }
    }

    /// Returns one line that says which events are missing, since when, and why.
    pub fn summary(&self) -> String {
        let Blindness { kind, channel, since, noticed, reason, .. } = self.blindness();
        let (kind, why) = (words(*kind), reason.text(*channel));
        match (self, reason) {
            (Self::Blind(_), Reason::Gap { to, .. }) => {
                format!("{kind} events are missing {}: {why}", span(*since, *to, *noticed))
            }
            (Self::Sighted { at, .. }, Reason::Gap { to, .. }) => {
                format!("{kind} events were missing {}: {why}", span(*since, *to, *at))
            }
            (Self::Blind(_), _) => format!("no {kind} events since {} UTC: {why}", time(*since, *noticed)),
            (Self::Sighted { at, .. }, _) => format!("no {kind} events {}: {why}", span(*since, *at, *at)),
        }
    }

    /// Returns the finding: revision 1 when the kind goes blind, revision 2 when it is seen again. Its score is 6, and
    /// 8 if the whole org is blind.
    pub fn finding(&self, org: &OrgId) -> Finding {
        let Blindness { kind, channel, since, noticed, whole, .. } = self.blindness();
        let (revision, revised_at) = match self {
            Self::Blind(_) => (1, *noticed),
            Self::Sighted { at, .. } => (2, *at),
        };
        let score = if *whole { 8.0 } else { 6.0 };
        let source = format!("{}/{kind}", source_name(*channel));
        let unseen = Unseen { subject: &source, since: *since, noticed: *noticed, score, summary: self.summary() };
        unseen.finding(org, revision, revised_at)
    }
}

fn silence(channel: Channel) -> &'static str {
    match channel {
        Channel::Stream => "the stream is silent",
        Channel::Stored | Channel::SecurityCenter | Channel::Setup => "queries of stored events get no answer",
        Channel::LogFile => "the list of log files gets no answer",
        Channel::LogObject => "queries of log objects get no answer",
    }
}

fn words(kind: Kind) -> String {
    kind.as_str().replace('_', " ").replace("api", "API").replace("uri", "URI")
}

fn span(from: Timestamp, to: Timestamp, now: Timestamp) -> String {
    format!("from {} to {} UTC", time(from, now), time(to, now))
}

/// Returns the time of day, with the date unless it is today's.
fn time(at: Timestamp, now: Timestamp) -> String {
    let (at, now) = (at.to_utc(), now.to_utc());
    let form = if at.date_naive() == now.date_naive() { "%H:%M" } else { "%Y-%m-%d %H:%M" };
    at.format(form).to_string()
}
