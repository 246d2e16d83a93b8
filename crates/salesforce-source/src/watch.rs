//! Stores the state of every channel of one org, and publishes which kinds of events go blind and are seen again.

mod findings;
mod meter;
#[cfg(test)]
mod tests;

pub(crate) use findings::{FindingStream, Findings};

use crate::common::known_gaps;
use crate::settings::ConnectedOrg;
use ingest::{Coverage, Sink, SourceError};
use meter::Gauges;
use model::{Activity, Channel, Item, Kind, OrgId, Timestamp};
use salesforce::reading::catalog::category;
use salesforce::reading::coverage::{Board, ChannelState, LeadStatus, Status, Transition};
use salesforce::reading::plan::asked_for;
use salesforce::reading::{channel_of_source, kind_named, source_name};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use store::{Gap, NewGap, SourceState};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// The coverage of one org. Clones share it.
#[derive(Clone)]
pub(crate) struct Watch {
    org: OrgId,
    coverage: Arc<dyn Coverage>,
    board: Arc<Mutex<Board>>,
    /// When the board was made.
    started: Instant,
    /// Whether the stored gaps may differ from those on the board.
    gaps_changed: Arc<AtomicBool>,
}

/// Where a watch publishes transitions.
#[derive(Clone)]
pub(crate) struct Outputs {
    pub(crate) sink: Sink,
    pub(crate) findings: Arc<dyn Findings>,
    pub(crate) settings: Arc<ConnectedOrg>,
}

/// How often transitions are looked for. A choice.
pub(crate) const PERIOD: Duration = Duration::from_secs(5);
/// How often gaps are read again, because other processes close gaps too. A choice.
const GAPS_AGE: Duration = Duration::from_secs(60);

impl Watch {
    pub(crate) fn new(org: OrgId, coverage: Arc<dyn Coverage>) -> Self {
        let board = Arc::new(Mutex::new(Board::new(runtime::clock::now())));
        let gaps_changed = Arc::new(AtomicBool::new(true));
        Self { org, coverage, board, started: Instant::now(), gaps_changed }
    }

    /// Takes in the leading channel of a kind; `None` if no channel has it.
    pub(crate) fn led(&self, kind: Kind, lead: Option<Channel>) {
        self.board().led(kind, lead, self.now());
    }

    /// Records why the org or its user has no such channel for a kind.
    pub(crate) fn missing(&self, channel: Channel, kind: Kind, problem: String) {
        self.board().missing(channel, kind, problem, self.now());
    }

    /// Records why the org cannot be read at all.
    pub(crate) fn unreachable(&self, problem: String) {
        self.board().unreachable(&problem);
    }

    /// Records that a channel has answered about these kinds, with or without events. `at` is the org's time.
    pub(crate) fn heard(&self, channel: Channel, kinds: &[Kind], at: Timestamp) {
        self.board().heard(channel, kinds, at, self.now());
    }

    /// Records the activities that a channel has delivered.
    pub(crate) fn saw(&self, channel: Channel, activities: &[Activity]) {
        let mut latest: BTreeMap<Kind, Timestamp> = BTreeMap::new();
        for activity in activities {
            let time = latest.entry(category(activity.kind)).or_insert(activity.event_time);
            *time = activity.event_time.max(*time);
        }
        let (mut board, now) = (self.board(), self.now());
        for (kind, time) in latest {
            board.saw(channel, kind, time, now);
        }
    }

    /// Records why a channel cannot currently read these kinds.
    pub(crate) fn failed(&self, channel: Channel, kinds: &[Kind], problem: String) {
        self.board().failed(channel, kinds, &problem, self.now());
    }

    /// Stores a gap, unless the same one is stored already.
    pub(crate) async fn open_gap(&self, gap: NewGap) -> Result<(), SourceError> {
        self.coverage.open_gap(&self.org, &gap).await?;
        self.gaps_changed.store(true, Ordering::Release);
        Ok(())
    }

    /// Returns the open gaps, oldest first.
    pub(crate) async fn gaps(&self) -> Result<Vec<Gap>, SourceError> {
        Ok(self.coverage.gaps(&self.org).await?)
    }

    /// Closes a gap; `note` says how it was filled, or why it cannot be.
    pub(crate) async fn close_gap(&self, gap: &Gap, note: &str) -> Result<(), SourceError> {
        self.coverage.close_gap(gap, note).await?;
        self.gaps_changed.store(true, Ordering::Release);
        Ok(())
    }

    /// Every `period`, publishes transitions and stores changed states, until `shutdown`. States that cannot be stored
    /// are stored in a later period.
    ///
    /// # Errors
    /// If transitions cannot be published.
    pub(crate) async fn run(
        self,
        outputs: Outputs,
        period: Duration,
        shutdown: CancellationToken,
    ) -> Result<(), SourceError> {
        self.board().expect(asked_for(outputs.settings.kinds.as_deref()).map(|entry| entry.kind));
        let (mut round, mut ticks) = (Round::new(), interval(period));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                _ = ticks.tick() => {}
            }
            if let Err(error) = self.refresh(&mut round).await {
                tracing::warn!(org = %self.org, error = &error as &dyn std::error::Error, "coverage cannot be read");
            }
            tokio::select! {
                () = shutdown.cancelled() => break,
                published = self.publish_transitions(&outputs, round.is_restored) => published?,
            }
            let leads = self.board().lead_statuses(self.now());
            round.gauges.record(&self.org, &leads);
            self.store_states(&mut round).await;
        }
        self.store_states(&mut round).await;
        // Another replica may read the org next: this one's gauges must not stay beside it at their last value.
        let leads: Vec<LeadStatus> = self.board().lead_statuses(self.now()).into_iter().map(LeadStatus::over).collect();
        round.gauges.record(&self.org, &leads);
        Ok(())
    }

    /// Brings the stored states and gaps onto the board.
    async fn refresh(&self, round: &mut Round) -> Result<(), SourceError> {
        if !round.is_restored {
            let stored = self.coverage.states(&self.org).await?;
            self.board().restore(stored.into_iter().filter_map(channel_state).collect(), self.now());
            round.is_restored = true;
        }
        if self.gaps_changed.swap(false, Ordering::AcqRel) || round.gaps_read.elapsed() >= GAPS_AGE {
            match self.gaps().await {
                Ok(gaps) => self.board().gaps(known_gaps(&gaps)),
                Err(error) => {
                    self.gaps_changed.store(true, Ordering::Release);
                    return Err(error);
                }
            }
            round.gaps_read = Instant::now();
        }
        Ok(())
    }

    /// Publishes each transition before it counts as published: after a crash it is published again under the same id.
    async fn publish_transitions(&self, outputs: &Outputs, is_restored: bool) -> Result<(), SourceError> {
        if !is_restored {
            return Ok(());
        }
        let transitions = self.board().transitions(self.now(), |channel| patience(&outputs.settings, channel));
        for transition in transitions {
            let span = tracing::info_span!("coverage", orgwatch.service = "ingest");
            tracing::Instrument::instrument(self.publish(outputs, &transition), span).await?;
            let blindness = transition.blindness();
            let (kind, source) = (transition.kind(), source_name(blindness.channel));
            let (summary, detail) = (transition.summary(), blindness.detail());
            match &transition {
                Transition::Blind(_) => tracing::warn!(org = %self.org, %kind, source, summary, detail, "blind"),
                Transition::Sighted { .. } => tracing::info!(org = %self.org, %kind, source, summary, "sees again"),
            }
            self.board().published(transition, self.now());
        }
        Ok(())
    }

    async fn publish(&self, outputs: &Outputs, transition: &Transition) -> Result<(), SourceError> {
        let command = outputs.sink.command(&self.org, transition.command()).await?;
        let finding = Item { traceparent: bus::trace::current(), ..Item::new(transition.finding(&self.org)) };
        let finding = outputs.findings.send(finding).await?;
        command.await?;
        Ok(finding.await?)
    }

    async fn store_states(&self, round: &mut Round) {
        let states = self.board().states().into_iter().map(source_state);
        let changed: Vec<SourceState> = states.filter(|state| !round.stored.contains(state)).collect();
        match self.coverage.put_states(&self.org, &changed).await {
            Ok(()) => {
                round.stored.retain(|old| !changed.iter().any(|new| old.source == new.source && old.kind == new.kind));
                round.stored.extend(changed);
            }
            Err(error) => {
                tracing::warn!(org = %self.org, error = &error as &dyn std::error::Error, "coverage cannot be stored");
            }
        }
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        // No change of the board can be interrupted halfway.
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }
}

/// The state of a run between periods.
struct Round {
    gauges: Gauges,
    is_restored: bool,
    gaps_read: Instant,
    stored: Vec<SourceState>,
}

impl Round {
    fn new() -> Self {
        Self { gauges: Gauges::new(), is_restored: false, gaps_read: Instant::now(), stored: Vec::new() }
    }
}

/// Returns how long a channel may be silent: a channel that is polled may miss up to two answers.
fn patience(settings: &ConnectedOrg, channel: Channel) -> Duration {
    let seconds = match channel {
        Channel::Stream => 0,
        Channel::Stored | Channel::SecurityCenter | Channel::Setup => settings.stored_seconds.saturating_mul(3),
        Channel::LogFile | Channel::LogObject => settings.log_file_seconds.saturating_mul(3),
    };
    Duration::from_secs(seconds.max(settings.blind_seconds).into())
}

/// Returns a state as it is stored.
fn source_state(state: ChannelState) -> SourceState {
    let ChannelState { channel, kind, status, last_event_at, last_heard_at, detail } = state;
    SourceState {
        source: source_name(channel).to_owned(),
        kind: kind.as_str().to_owned(),
        state: status.as_str().to_owned(),
        last_event_at,
        last_heard_at,
        detail,
    }
}

/// Returns a stored state; `None` if its channel or kind is unknown.
fn channel_state(state: SourceState) -> Option<ChannelState> {
    let SourceState { source, kind, state, last_event_at, last_heard_at, detail } = state;
    let (channel, kind) = (channel_of_source(&source)?, kind_named(&kind)?);
    Some(ChannelState { channel, kind, status: Status::named(&state), last_event_at, last_heard_at, detail })
}
