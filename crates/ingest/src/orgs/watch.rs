//! What each source has seen, and what it has not.

mod blind;
mod board;
mod meter;
mod sight;
#[cfg(test)]
mod tests;

pub(crate) use blind::{FindingStream, Findings};

use super::catalog::category;
use super::plan::asked_for;
use super::settings::ConnectedOrg;
use crate::Sink;
use crate::meter::Origin;
use crate::source::{Coverage, SourceError};
use blind::Turn;
use board::{Board, Hearing};
use meter::Gauges;
use model::{Activity, Item, Kind, OrgId, Timestamp};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use store::{Gap, NewGap, SourceState};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// Keeps the coverage of one org; clones share it.
#[derive(Clone)]
pub(crate) struct Watch {
    org: OrgId,
    coverage: Arc<dyn Coverage>,
    board: Arc<Mutex<Board>>,
    /// Whether the gaps on the board may be others than those that are kept.
    gaps_changed: Arc<AtomicBool>,
}

/// By what a watch tells that it has gone blind.
#[derive(Clone)]
pub(crate) struct Voice {
    pub(crate) sink: Sink,
    pub(crate) findings: Arc<dyn Findings>,
    pub(crate) settings: Arc<ConnectedOrg>,
}

impl Watch {
    pub(crate) fn new(org: OrgId, coverage: Arc<dyn Coverage>) -> Self {
        let board = Arc::new(Mutex::new(Board::new(Instant::now(), crate::http::now())));
        Self { org, coverage, board, gaps_changed: Arc::new(AtomicBool::new(true)) }
    }

    /// Which source leads for a kind; `None` if none has it.
    pub(crate) fn led(&self, kind: Kind, lead: Option<Origin>) {
        self.board().led(kind, lead, Instant::now());
    }

    /// The org or its user has no such source for a kind; in words for an operator.
    pub(crate) fn missing(&self, origin: Origin, kind: Kind, problem: String) {
        self.board().missing(origin, kind, problem, Instant::now());
    }

    /// The org cannot be read at all; in words for an operator.
    pub(crate) fn unreachable(&self, problem: String) {
        self.board().unreachable(&problem);
    }

    /// A source has answered about these kinds at `at`, by the org's clock, whether or not it had anything to tell.
    pub(crate) fn heard(&self, origin: Origin, kinds: &[Kind], at: Timestamp) {
        self.board().heard(origin, kinds, at, Instant::now());
    }

    /// Activities that a source has told.
    pub(crate) fn saw(&self, origin: Origin, activities: &[Activity]) {
        let mut latest: BTreeMap<Kind, Timestamp> = BTreeMap::new();
        for activity in activities {
            let time = latest.entry(category(activity.kind)).or_insert(activity.event_time);
            *time = activity.event_time.max(*time);
        }
        let (mut board, now) = (self.board(), Instant::now());
        for (kind, time) in latest {
            board.saw(origin, kind, time, now);
        }
    }

    /// A source cannot read these kinds for now; in words for an operator.
    pub(crate) fn failed(&self, origin: Origin, kinds: &[Kind], problem: String) {
        self.board().failed(origin, kinds, &problem, Instant::now());
    }

    /// Records that a source has missed something. The same gap is recorded once.
    pub(crate) async fn missed(&self, gap: NewGap) -> Result<(), SourceError> {
        self.coverage.open_gap(&self.org, &gap).await?;
        self.gaps_changed.store(true, Ordering::Release);
        Ok(())
    }

    /// The gaps that are not filled, oldest first.
    pub(crate) async fn gaps(&self) -> Result<Vec<Gap>, SourceError> {
        Ok(self.coverage.gaps(&self.org).await?)
    }

    /// Records that a gap is filled, or why it cannot be.
    pub(crate) async fn filled(&self, gap: &Gap, note: &str) -> Result<(), SourceError> {
        self.coverage.close_gap(gap, note).await?;
        self.gaps_changed.store(true, Ordering::Release);
        Ok(())
    }

    /// Every `period` notes what has changed, and tells who has gone blind and who sees again, until `shutdown`. What
    /// cannot be noted is noted later.
    ///
    /// # Errors
    /// If nothing can be published any more.
    pub(crate) async fn run(
        self,
        voice: Voice,
        period: Duration,
        shutdown: CancellationToken,
    ) -> Result<(), SourceError> {
        self.board().expect(asked_for(&voice.settings).map(|watched| watched.kind));
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
                told = self.tell(&voice, round.is_restored) => told?,
            }
            let hearing = self.board().hearing(Instant::now());
            round.gauges.record(&self.org, &hearing);
            self.note(&mut round).await;
        }
        self.note(&mut round).await;
        // Another replica may go on: what this one shows must not stand beside it as the worst.
        let silent: Vec<Hearing> = self.board().hearing(Instant::now()).into_iter().map(Hearing::over).collect();
        round.gauges.record(&self.org, &silent);
        Ok(())
    }

    /// Brings what is kept onto the board.
    async fn refresh(&self, round: &mut Round) -> Result<(), SourceError> {
        if !round.is_restored {
            let noted = self.coverage.noted(&self.org).await?;
            self.board().restore(noted, Instant::now());
            round.is_restored = true;
        }
        if self.gaps_changed.swap(false, Ordering::AcqRel) || round.gaps_read.elapsed() >= GAPS_AGE {
            match self.gaps().await {
                Ok(gaps) => self.board().gaps(gaps),
                Err(error) => {
                    self.gaps_changed.store(true, Ordering::Release);
                    return Err(error);
                }
            }
            round.gaps_read = Instant::now();
        }
        Ok(())
    }

    /// Tells each change, and only then takes it as told: after a crash it is told again, under the same identity.
    async fn tell(&self, voice: &Voice, is_restored: bool) -> Result<(), SourceError> {
        if !is_restored {
            return Ok(());
        }
        let patience = |origin| patience(&voice.settings, origin);
        let turns = self.board().turns(Instant::now(), patience);
        for turn in turns {
            let span = tracing::info_span!("coverage", orgwatch.service = "ingest");
            tracing::Instrument::instrument(self.publish(voice, &turn), span).await?;
            let (kind, source) = (turn.kind(), turn.blindness().source.as_str());
            let (summary, detail) = (turn.summary(), turn.blindness().detail());
            match turn {
                Turn::Blind(_) => tracing::warn!(org = %self.org, %kind, source, summary, detail, "blind"),
                Turn::Sighted { .. } => tracing::info!(org = %self.org, %kind, source, summary, "sees again"),
            }
            self.board().told(turn, Instant::now());
        }
        Ok(())
    }

    async fn publish(&self, voice: &Voice, turn: &Turn) -> Result<(), SourceError> {
        let ordered = voice.sink.command(&self.org, turn.command()).await?;
        let finding = Item { traceparent: bus::trace::current(), ..Item::new(turn.finding(&self.org)) };
        let found = voice.findings.send(finding).await?;
        ordered.await?;
        Ok(found.await?)
    }

    async fn note(&self, round: &mut Round) {
        let states = self.board().states();
        let changed: Vec<SourceState> = states.into_iter().filter(|state| !round.noted.contains(state)).collect();
        match self.coverage.note(&self.org, &changed).await {
            Ok(()) => {
                round.noted.retain(|old| !changed.iter().any(|new| old.source == new.source && old.kind == new.kind));
                round.noted.extend(changed);
            }
            Err(error) => {
                tracing::warn!(org = %self.org, error = &error as &dyn std::error::Error, "coverage cannot be noted");
            }
        }
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        // Nothing on the board is left half done.
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Between two looks at the board, as a rule.
pub(crate) const PERIOD: Duration = Duration::from_secs(5);
/// Gaps are also closed by others.
const GAPS_AGE: Duration = Duration::from_secs(60);

/// What lasts from one look to the next.
struct Round {
    gauges: Gauges,
    is_restored: bool,
    gaps_read: Instant,
    noted: Vec<SourceState>,
}

impl Round {
    fn new() -> Self {
        Self { gauges: Gauges::new(), is_restored: false, gaps_read: Instant::now(), noted: Vec::new() }
    }
}

/// What is asked now and then may miss an answer or two.
fn patience(settings: &ConnectedOrg, origin: Origin) -> Duration {
    let seconds = match origin {
        Origin::Push | Origin::Files | Origin::Stream => 0,
        Origin::Stored => settings.stored_seconds.saturating_mul(3),
        Origin::LogFiles | Origin::LogObjects => settings.log_file_seconds.saturating_mul(3),
    };
    Duration::from_secs(seconds.max(settings.blind_seconds).into())
}
