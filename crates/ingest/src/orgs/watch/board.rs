//! What is seen of each kind of events, and when it is seen no more. Pure: time is an argument.

use super::blind::{Blindness, Reason, Turn};
use super::sight::{Clock, Sight};
use crate::meter::Origin;
use model::time::DAY;
use model::{Kind, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;
use store::{Gap, SourceState};
use tokio::time::Instant;

/// All that is seen of one org.
#[derive(Debug)]
pub(super) struct Board {
    clock: Clock,
    begun: Instant,
    sights: BTreeMap<(Kind, Origin), Sight>,
    leads: BTreeMap<Kind, Lead>,
    /// Whether it was looked at what the org offers.
    is_planned: bool,
    /// Why the org cannot be read at all.
    unreachable: Option<String>,
    gaps: Vec<(Kind, Gap)>,
    /// What was told to be blind, and when.
    blind: BTreeMap<Kind, (Blindness, Instant)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Lead {
    /// Whether it was looked for.
    is_known: bool,
    now: Option<Origin>,
    /// The one that it had last.
    last: Option<Origin>,
}

/// How well a leading source is heard, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hearing {
    pub(super) kind: Kind,
    pub(super) source: Origin,
    pub(super) lag: Duration,
    pub(super) is_blind: bool,
}

/// For how long an unfilled gap makes blind: what was missed before says nothing of today.
const GAP_COUNTS: i64 = DAY;

impl Hearing {
    /// As a source that is not read any more.
    pub(super) fn over(self) -> Self {
        Self { lag: Duration::ZERO, is_blind: false, ..self }
    }
}

impl Board {
    /// `wall` is the time until the org has said what time it is.
    pub(super) fn new(begun: Instant, wall: Timestamp) -> Self {
        Self {
            clock: Clock::new(begun, wall),
            begun,
            sights: BTreeMap::new(),
            leads: BTreeMap::new(),
            is_planned: false,
            unreachable: None,
            gaps: Vec::new(),
            blind: BTreeMap::new(),
        }
    }

    /// Takes up what was known before a restart, beside what is known already. What is expected has to be said before.
    pub(super) fn restore(&mut self, states: Vec<SourceState>, now: Instant) {
        let is_blind = |state: &SourceState| state.state == BLIND;
        let whole = states.iter().all(|state| is_blind(state) || state.state != LEADING);
        for state in states {
            let source = ORIGINS.into_iter().find(|origin| origin.as_str() == state.source);
            let (Some(kind), Some(source)) = (kind_of(&state.kind), source) else { continue };
            self.sight(kind, source, now).restore(state.last_event_at, state.last_heard_at);
            if let Some(lead) = self.leads.get_mut(&kind).filter(|_| is_blind(&state) || state.state == LEADING) {
                lead.last = lead.last.or(Some(source));
            }
            if is_blind(&state) && !self.blind.contains_key(&kind) {
                let since = state.last_heard_at.unwrap_or_else(|| self.clock.at(now));
                let reason = Reason::Kept(state.detail.unwrap_or_default());
                let blindness = Blindness { kind, source, since, noticed: since, reason, whole };
                self.blind.insert(kind, (blindness, self.begun));
            }
        }
    }

    /// The kinds that are to be read, before it is known what the org offers.
    pub(super) fn expect(&mut self, kinds: impl IntoIterator<Item = Kind>) {
        for kind in kinds {
            self.leads.entry(kind).or_default();
        }
    }

    pub(super) fn led(&mut self, kind: Kind, lead: Option<Origin>, now: Instant) {
        (self.is_planned, self.unreachable) = (true, None);
        for (_, sight) in self.sights.iter_mut().filter(|((of_kind, _), _)| *of_kind == kind) {
            sight.missing = None;
        }
        let known = self.leads.entry(kind).or_default();
        let is_new = known.now != lead;
        *known = Lead { is_known: true, now: lead, last: lead.or(known.last) };
        if let (Some(source), true) = (lead, is_new) {
            self.sight(kind, source, now).expect(now);
        }
    }

    pub(super) fn missing(&mut self, source: Origin, kind: Kind, problem: String, now: Instant) {
        self.sight(kind, source, now).missing = Some(problem);
    }

    pub(super) fn unreachable(&mut self, problem: &str) {
        for (kind, lead) in &self.leads {
            if let Some(sight) = lead.now.and_then(|source| self.sights.get_mut(&(*kind, source))) {
                sight.failed(problem);
            }
        }
        self.unreachable = Some(problem.to_owned());
    }

    pub(super) fn heard(&mut self, source: Origin, kinds: &[Kind], at: Timestamp, now: Instant) {
        self.clock.hear(at, now);
        let at = self.clock.at(now);
        for kind in kinds {
            self.sight(*kind, source, now).heard(at, now);
        }
    }

    /// Activities were told, the latest of which happened at `latest`.
    pub(super) fn saw(&mut self, source: Origin, kind: Kind, latest: Timestamp, now: Instant) {
        let at = self.clock.at(now);
        self.sight(kind, source, now).saw(latest, at, now);
    }

    pub(super) fn failed(&mut self, source: Origin, kinds: &[Kind], problem: &str, now: Instant) {
        for kind in kinds {
            self.sight(*kind, source, now).failed(problem);
        }
    }

    /// All gaps that are open.
    pub(super) fn gaps(&mut self, gaps: Vec<Gap>) {
        let of_kind = |gap: Gap| Some((kind_of(&gap.kind)?, gap));
        self.gaps = gaps.into_iter().filter_map(of_kind).collect();
    }

    /// The changes that nobody was told of yet. [`Board::told`] says that one was.
    pub(super) fn turns(&self, now: Instant, patience: impl Fn(Origin) -> Duration) -> Vec<Turn> {
        let kinds = self.leads.keys().chain(self.blind.keys().filter(|kind| !self.leads.contains_key(*kind)));
        let seen = kinds.map(|kind| (*kind, self.trouble(*kind, now, &patience)));
        let mut turns = Vec::new();
        for (kind, trouble) in seen {
            match (self.blind.get(&kind), trouble) {
                (None, Some((source, since, reason))) => {
                    let noticed = self.clock.at(now);
                    turns.push(Turn::Blind(Blindness { kind, source, since, noticed, reason, whole: false }));
                }
                (Some((blindness, told)), None) if self.sees_again(kind, *told) => {
                    turns.push(Turn::Sighted { blindness: blindness.clone(), at: self.clock.at(now) });
                }
                _ => {}
            }
        }
        let blind_then = |kind: &Kind| {
            turns
                .iter()
                .rfind(|turn| turn.kind() == *kind)
                .map_or_else(|| self.blind.contains_key(kind), |turn| matches!(turn, Turn::Blind(_)))
        };
        let whole =
            self.leads.iter().filter(|(_, lead)| lead.last.is_some() || !lead.is_known).all(|(k, _)| blind_then(k));
        for turn in &mut turns {
            if let Turn::Blind(blindness) = turn {
                blindness.whole = whole;
            }
        }
        turns
    }

    pub(super) fn told(&mut self, turn: Turn, now: Instant) {
        match turn {
            Turn::Blind(blindness) => {
                // Even one of which nothing was ever heard has a state.
                self.sight(blindness.kind, blindness.source, now).is_used = true;
                self.blind.insert(blindness.kind, (blindness, now));
            }
            Turn::Sighted { blindness, .. } => drop(self.blind.remove(&blindness.kind)),
        }
    }

    /// What is known of every source that was ever there.
    pub(super) fn states(&self) -> Vec<SourceState> {
        let state = |((kind, source), sight): (&(Kind, Origin), &Sight)| {
            let blind = self.blind.get(kind).map(|(blindness, _)| blindness).filter(|blind| blind.source == *source);
            let leads = self.leads.get(kind).is_some_and(|lead| lead.now == Some(*source));
            let (word, detail) = match (blind, &sight.missing) {
                (Some(blindness), _) => (BLIND, Some(blindness.detail())),
                (None, Some(problem)) => ("missing", Some(problem.clone())),
                (None, None) if leads => (LEADING, sight.problem.clone()),
                (None, None) if sight.is_used => ("following", sight.problem.clone()),
                (None, None) => ("off", None),
            };
            SourceState {
                source: source.as_str().to_owned(),
                kind: kind.as_str().to_owned(),
                state: word.to_owned(),
                last_event_at: sight.event,
                last_heard_at: sight.heard,
                detail,
            }
        };
        // What was there before a restart may yet turn out to be there again.
        self.sights.iter().filter(|(_, sight)| self.is_planned || sight.is_used).map(state).collect()
    }

    pub(super) fn hearing(&self, now: Instant) -> Vec<Hearing> {
        let of_kind = |(kind, lead): (&Kind, &Lead)| {
            let source = lead.now.or(lead.last)?;
            let lag = now.duration_since(self.sights.get(&(*kind, source))?.since());
            Some(Hearing { kind: *kind, source, lag, is_blind: self.blind.contains_key(kind) })
        };
        self.leads.iter().filter_map(of_kind).collect()
    }

    /// Why a kind is not seen: by which source, since when, and the reason.
    fn trouble(
        &self,
        kind: Kind,
        now: Instant,
        patience: impl Fn(Origin) -> Duration,
    ) -> Option<(Origin, Timestamp, Reason)> {
        let lead = self.leads.get(&kind)?;
        let source = match (lead.now, lead.last) {
            (Some(source), _) => source,
            (None, last) if !lead.is_known => last.unwrap_or(Origin::Stream),
            (None, Some(last)) => return Some((last, self.since(kind, last), Reason::Gone)),
            (None, None) => return None,
        };
        let sight = self.sights.get(&(kind, source));
        let silent = now.duration_since(sight.map_or(self.begun, Sight::since));
        if silent >= patience(source) {
            let problem = sight.and_then(|sight| sight.problem.as_ref()).or(self.unreachable.as_ref());
            let reason = problem.map_or(Reason::Silent, |problem| Reason::Failed(problem.clone()));
            return Some((source, self.since(kind, source), reason));
        }
        let counts = self.clock.at(now).plus(-GAP_COUNTS);
        let gap = self.gaps.iter().find(|(of_kind, gap)| *of_kind == kind && gap.to >= counts);
        gap.map(|(_, gap)| (source, gap.from, Reason::Gap { to: gap.to, reason: gap.reason.clone() }))
    }

    /// When something was last heard, by the org's clock.
    fn since(&self, kind: Kind, source: Origin) -> Timestamp {
        let heard = self.sights.get(&(kind, source)).and_then(|sight| sight.heard);
        heard.unwrap_or_else(|| self.clock.at(self.begun))
    }

    /// A source that was blind has to be heard before it counts as seeing; what is not read any more is not missed.
    fn sees_again(&self, kind: Kind, told: Instant) -> bool {
        match self.leads.get(&kind) {
            Some(Lead { now: Some(source), .. }) => {
                self.sights.get(&(kind, *source)).is_some_and(|sight| sight.heard_after(told))
            }
            Some(lead) => lead.is_known,
            None => self.is_planned,
        }
    }

    fn sight(&mut self, kind: Kind, source: Origin, now: Instant) -> &mut Sight {
        self.sights.entry((kind, source)).or_insert_with(|| Sight::new(now))
    }
}

const ORIGINS: [Origin; 6] =
    [Origin::Push, Origin::Files, Origin::Stream, Origin::Stored, Origin::LogFiles, Origin::LogObjects];
const BLIND: &str = "blind";
const LEADING: &str = "leading";

fn kind_of(word: &str) -> Option<Kind> {
    Kind::ALL.iter().copied().find(|kind| kind.as_str() == word)
}
