//! The state of every channel of one org.

use super::super::Gap;
use super::blindness::{Blindness, Reason, Transition};
use super::signal::{Clock, Signal};
use model::time::DAY;
use model::{Channel, Kind, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;

/// What is seen of each kind of events in one org. `now` is always the time since the board was made.
#[derive(Debug)]
pub struct Board {
    clock: Clock,
    signals: BTreeMap<(Kind, Channel), Signal>,
    leads: BTreeMap<Kind, Lead>,
    /// Whether the org's offer is known.
    is_planned: bool,
    /// Why the org cannot be read at all.
    unreachable: Option<String>,
    gaps: Vec<Gap>,
    /// The kinds whose blindness was published, and when.
    blind: BTreeMap<Kind, (Blindness, Duration)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Lead {
    /// Whether a leading channel was looked for.
    is_known: bool,
    now: Option<Channel>,
    /// The latest leading channel.
    last: Option<Channel>,
}

/// How well the leading channel of a kind is heard, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeadStatus {
    /// The kind.
    pub kind: Kind,
    /// Its leading channel.
    pub channel: Channel,
    /// How long the channel has been silent.
    pub lag: Duration,
    /// Whether the kind is currently not seen.
    pub is_blind: bool,
}

/// What is known of one channel and kind, as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelState {
    /// The channel.
    pub channel: Channel,
    /// The kind.
    pub kind: Kind,
    /// Its status.
    pub status: Status,
    /// Event time of the latest event.
    pub last_event_at: Option<Timestamp>,
    /// When the channel last answered, by the org's clock.
    pub last_heard_at: Option<Timestamp>,
    /// What is wrong and what to do, for an operator.
    pub detail: Option<String>,
}

/// The status of a channel for a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It leads, and is heard.
    Leading,
    /// It is read, and another channel leads.
    Following,
    /// It leads, and its events are currently not seen.
    Blind,
    /// The org or its user does not have it.
    Missing,
    /// It is not read.
    Off,
}

/// For how long an unfilled gap makes a kind blind, in milliseconds. A choice: what was missed earlier says nothing
/// about today.
const GAP_COUNTS: i64 = DAY;

/// When the board was made.
const BEGUN: Duration = Duration::ZERO;

impl Board {
    /// Makes a board without signals. `wall` is the time by our clock, which counts until the org gives its own.
    pub fn new(wall: Timestamp) -> Self {
        Self {
            clock: Clock::new(wall),
            signals: BTreeMap::new(),
            leads: BTreeMap::new(),
            is_planned: false,
            unreachable: None,
            gaps: Vec::new(),
            blind: BTreeMap::new(),
        }
    }

    /// Takes in the states that were stored before a restart. Call [`Board::expect`] first.
    pub fn restore(&mut self, states: Vec<ChannelState>, now: Duration) {
        let whole = states.iter().all(|state| state.status != Status::Leading);
        for state in states {
            let ChannelState { channel, kind, status, .. } = state;
            self.signal(kind, channel, now).restore(state.last_event_at, state.last_heard_at);
            if let Some(lead) = self.leads.get_mut(&kind).filter(|_| matches!(status, Status::Blind | Status::Leading))
            {
                lead.last = lead.last.or(Some(channel));
            }
            if status == Status::Blind && !self.blind.contains_key(&kind) {
                let since = state.last_heard_at.unwrap_or_else(|| self.clock.at(now));
                let reason = Reason::Restored(state.detail.unwrap_or_default());
                let blindness = Blindness { kind, channel, since, noticed: since, reason, whole };
                self.blind.insert(kind, (blindness, BEGUN));
            }
        }
    }

    /// Takes in the kinds that are to be read, before the org's offer is known.
    pub fn expect(&mut self, kinds: impl IntoIterator<Item = Kind>) {
        for kind in kinds {
            self.leads.entry(kind).or_default();
        }
    }

    /// Takes in the leading channel of a kind; `None` if no channel has it.
    pub fn led(&mut self, kind: Kind, lead: Option<Channel>, now: Duration) {
        (self.is_planned, self.unreachable) = (true, None);
        for (_, signal) in self.signals.iter_mut().filter(|((of_kind, _), _)| *of_kind == kind) {
            signal.missing = None;
        }
        let known = self.leads.entry(kind).or_default();
        let is_new = known.now != lead;
        *known = Lead { is_known: true, now: lead, last: lead.or(known.last) };
        if let (Some(channel), true) = (lead, is_new) {
            self.signal(kind, channel, now).expect(now);
        }
    }

    /// Records why the org or its user has no such channel for a kind.
    pub fn missing(&mut self, channel: Channel, kind: Kind, problem: String, now: Duration) {
        self.signal(kind, channel, now).missing = Some(problem);
    }

    /// Records why the org cannot be read at all.
    pub fn unreachable(&mut self, problem: &str) {
        for (kind, lead) in &self.leads {
            if let Some(signal) = lead.now.and_then(|channel| self.signals.get_mut(&(*kind, channel))) {
                signal.failed(problem);
            }
        }
        self.unreachable = Some(problem.to_owned());
    }

    /// Records that a channel has answered about these kinds, with or without events. `at` is the org's time.
    pub fn heard(&mut self, channel: Channel, kinds: &[Kind], at: Timestamp, now: Duration) {
        self.clock.hear(at, now);
        let at = self.clock.at(now);
        for kind in kinds {
            self.signal(*kind, channel, now).heard(at, now);
        }
    }

    /// Records that a channel has delivered events of a kind, the latest of which happened at `latest`.
    pub fn saw(&mut self, channel: Channel, kind: Kind, latest: Timestamp, now: Duration) {
        let at = self.clock.at(now);
        self.signal(kind, channel, now).saw(latest, at, now);
    }

    /// Records why a channel cannot currently read these kinds.
    pub fn failed(&mut self, channel: Channel, kinds: &[Kind], problem: &str, now: Duration) {
        for kind in kinds {
            self.signal(*kind, channel, now).failed(problem);
        }
    }

    /// Replaces the open gaps, oldest first.
    pub fn gaps(&mut self, gaps: Vec<Gap>) {
        self.gaps = gaps;
    }

    /// Returns the transitions that are not published yet. `patience` is how long a channel may be silent. Call
    /// [`Board::published`] for each one that was published.
    pub fn transitions(&self, now: Duration, patience: impl Fn(Channel) -> Duration) -> Vec<Transition> {
        let kinds = self.leads.keys().chain(self.blind.keys().filter(|kind| !self.leads.contains_key(*kind)));
        let seen = kinds.map(|kind| (*kind, self.trouble(*kind, now, &patience)));
        let mut transitions = Vec::new();
        for (kind, trouble) in seen {
            match (self.blind.get(&kind), trouble) {
                (None, Some((channel, since, reason))) => {
                    let noticed = self.clock.at(now);
                    let blindness = Blindness { kind, channel, since, noticed, reason, whole: false };
                    transitions.push(Transition::Blind(blindness));
                }
                (Some((blindness, published)), None) if self.sees_again(kind, *published) => {
                    transitions.push(Transition::Sighted { blindness: blindness.clone(), at: self.clock.at(now) });
                }
                _ => {}
            }
        }
        let blind_then = |kind: &Kind| {
            transitions
                .iter()
                .rfind(|transition| transition.kind() == *kind)
                .map_or_else(|| self.blind.contains_key(kind), |transition| matches!(transition, Transition::Blind(_)))
        };
        let whole =
            self.leads.iter().filter(|(_, lead)| lead.last.is_some() || !lead.is_known).all(|(k, _)| blind_then(k));
        for transition in &mut transitions {
            if let Transition::Blind(blindness) = transition {
                blindness.whole = whole;
            }
        }
        transitions
    }

    /// Records that a transition was published at `now`.
    pub fn published(&mut self, transition: Transition, now: Duration) {
        match transition {
            Transition::Blind(blindness) => {
                // A channel that was never heard has a state too, once it is blind.
                self.signal(blindness.kind, blindness.channel, now).is_used = true;
                self.blind.insert(blindness.kind, (blindness, now));
            }
            Transition::Sighted { blindness, .. } => drop(self.blind.remove(&blindness.kind)),
        }
    }

    /// Returns the state of every channel and kind that was ever there.
    pub fn states(&self) -> Vec<ChannelState> {
        let state = |((kind, channel), signal): (&(Kind, Channel), &Signal)| {
            let blind = self.blind.get(kind).map(|(blindness, _)| blindness).filter(|blind| blind.channel == *channel);
            let leads = self.leads.get(kind).is_some_and(|lead| lead.now == Some(*channel));
            let (status, detail) = match (blind, &signal.missing) {
                (Some(blindness), _) => (Status::Blind, Some(blindness.detail())),
                (None, Some(problem)) => (Status::Missing, Some(problem.clone())),
                (None, None) if leads => (Status::Leading, signal.problem.clone()),
                (None, None) if signal.is_used => (Status::Following, signal.problem.clone()),
                (None, None) => (Status::Off, None),
            };
            ChannelState {
                channel: *channel,
                kind: *kind,
                status,
                last_event_at: signal.event,
                last_heard_at: signal.heard,
                detail,
            }
        };
        // Until the offer is known, a channel of before the restart may still be there.
        self.signals.iter().filter(|(_, signal)| self.is_planned || signal.is_used).map(state).collect()
    }

    /// Returns how well the leading channel of each kind is heard.
    pub fn lead_statuses(&self, now: Duration) -> Vec<LeadStatus> {
        let of_kind = |(kind, lead): (&Kind, &Lead)| {
            let channel = lead.now.or(lead.last)?;
            let lag = now.saturating_sub(self.signals.get(&(*kind, channel))?.since());
            Some(LeadStatus { kind: *kind, channel, lag, is_blind: self.blind.contains_key(kind) })
        };
        self.leads.iter().filter_map(of_kind).collect()
    }

    /// Returns why a kind is not seen: by which channel, since when, and the reason.
    fn trouble(
        &self,
        kind: Kind,
        now: Duration,
        patience: impl Fn(Channel) -> Duration,
    ) -> Option<(Channel, Timestamp, Reason)> {
        let lead = self.leads.get(&kind)?;
        let channel = match (lead.now, lead.last) {
            (Some(channel), _) => channel,
            (None, last) if !lead.is_known => last.unwrap_or(Channel::Stream),
            (None, Some(last)) => return Some((last, self.since(kind, last), Reason::Gone)),
            (None, None) => return None,
        };
        let signal = self.signals.get(&(kind, channel));
        let silent = now.saturating_sub(signal.map_or(BEGUN, Signal::since));
        if silent >= patience(channel) {
            let problem = signal.and_then(|signal| signal.problem.as_ref()).or(self.unreachable.as_ref());
            let reason = problem.map_or(Reason::Silent, |problem| Reason::Failed(problem.clone()));
            return Some((channel, self.since(kind, channel), reason));
        }
        let counts = self.clock.at(now).plus(-GAP_COUNTS);
        let gap = self.gaps.iter().find(|gap| gap.kind == kind && gap.to >= counts);
        gap.map(|gap| (channel, gap.from, Reason::Gap { to: gap.to, reason: gap.reason.clone() }))
    }

    /// Returns when a channel last answered, by the org's clock.
    fn since(&self, kind: Kind, channel: Channel) -> Timestamp {
        let heard = self.signals.get(&(kind, channel)).and_then(|signal| signal.heard);
        heard.unwrap_or_else(|| self.clock.at(BEGUN))
    }

    /// Returns whether a blind kind counts as seen: its channel has answered since, or the kind is no longer read.
    fn sees_again(&self, kind: Kind, published: Duration) -> bool {
        match self.leads.get(&kind) {
            Some(Lead { now: Some(channel), .. }) => {
                self.signals.get(&(kind, *channel)).is_some_and(|signal| signal.heard_after(published))
            }
            Some(lead) => lead.is_known,
            None => self.is_planned,
        }
    }

    fn signal(&mut self, kind: Kind, channel: Channel, now: Duration) -> &mut Signal {
        self.signals.entry((kind, channel)).or_insert_with(|| Signal::new(now))
    }
}

impl LeadStatus {
    /// Returns the status of a channel that this process no longer reads.
    #[must_use]
    pub fn over(self) -> Self {
        Self { lag: Duration::ZERO, is_blind: false, ..self }
    }
}

impl Status {
    const ALL: [Self; 5] = [Self::Leading, Self::Following, Self::Blind, Self::Missing, Self::Off];

    /// Returns its name in `orgwatch.source_states`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Leading => "leading",
            Self::Following => "following",
            Self::Blind => "blind",
            Self::Missing => "missing",
            Self::Off => "off",
        }
    }

    /// Returns the status of a name; [`Status::Off`] for an unknown one.
    pub fn named(name: &str) -> Self {
        Self::ALL.into_iter().find(|status| status.as_str() == name).unwrap_or(Self::Off)
    }
}
