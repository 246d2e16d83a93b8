//! One owned partition: applies its stream, publishes observations, commits checkpoints.

use crate::error::BaselineError;
use crate::meter::Meter;
use crate::settings::Settings;
use ::settings::Hashed;
use bus::{Bus, Delivery, Failure, Handler, PublishError, Publisher, Ticket, subject, trace};
use engine::{ActivityOutcome, Partition, Remark, Restore, SetAside};
use model::partition::Partitions;
use model::{Entry, Finding, Item, Observation, OrgId, Timestamp, UserId};
use profile::Org;
use runtime::error::chain;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Effect, Owner, StateEntry, StateKey};
use tokio::sync::watch;
use tokio::time::{Duration, Instant};
use tracing::Span;

pub(crate) struct Worker {
    partition: u16,
    state: Partition,
    rules: watch::Receiver<Arc<Hashed>>,
    /// The session that owns the partition. It can commit only while it does.
    owner: Arc<Owner>,
    bus: Bus,
    publisher: Publisher<Observation>,
    /// Findings about activities that are set aside.
    findings: Publisher<Finding>,
    partitions: Partitions,
    set_aside: SetAside,
    /// Activities of the delivery at hand by outcome.
    outcomes: BTreeMap<ActivityOutcome, u64>,
    settings: Settings,
    /// Observations not yet acknowledged. A checkpoint waits for all of them, so that none is lost.
    tickets: Vec<Ticket>,
    applied: u64,
    checkpointed: u64,
    /// The stream sequence up to which the partition has no further messages, and the one that is stored.
    seen_to: u64,
    reached: u64,
    checkpoint_due: Instant,
    /// The clocks of orgs as last written.
    clocks: BTreeMap<OrgId, Timestamp>,
    meter: Meter,
}

impl Worker {
    /// Loads the last checkpoint.
    ///
    /// # Errors
    /// If the database does not answer, or the state cannot be read.
    pub(crate) async fn load(
        partition: u16,
        bus: &Bus,
        owner: Arc<Owner>,
        (publisher, findings): (Publisher<Observation>, Publisher<Finding>),
        partitions: &Partitions,
        mut rules: watch::Receiver<Arc<Hashed>>,
        settings: &Settings,
    ) -> Result<Self, BaselineError> {
        let applied = owner.load_checkpoint(partition.into()).await?.unwrap_or(0);
        let reached = owner.load_reached(partition.into()).await?.unwrap_or(0);
        let started = Instant::now();
        let in_force = Arc::clone(&rules.borrow_and_update());
        let mut worker = Self {
            partition,
            state: restore(partition, &owner, &in_force.settings).await?,
            rules,
            bus: bus.clone(),
            owner,
            publisher,
            findings,
            partitions: partitions.clone(),
            set_aside: SetAside::default(),
            outcomes: BTreeMap::new(),
            settings: settings.clone(),
            tickets: Vec::new(),
            applied,
            checkpointed: applied,
            seen_to: reached,
            reached,
            checkpoint_due: Instant::now() + settings.checkpoint_interval(),
            clocks: BTreeMap::new(),
            meter: Meter::new(),
        };
        let mut by_org: BTreeMap<OrgId, Vec<UserId>> = BTreeMap::new();
        for (org, user) in worker.state.wanted() {
            by_org.entry(org).or_default().push(user);
        }
        for (org, users) in by_org {
            for some in users.chunks(FETCHED_AT_ONCE) {
                worker.fetch(&org, some).await?;
            }
        }
        worker.note_refused();
        worker.meter.restored(partition, started.elapsed());
        worker.meter.identities(partition, worker.state.identities());
        worker.measure_orgs();
        Ok(worker)
    }

    /// Returns the stream sequence up to which everything is applied.
    pub(crate) fn applied(&self) -> u64 {
        self.applied
    }

    /// Loads profiles. An account with a profile that cannot be read starts over, and stops no others.
    async fn fetch(&mut self, org: &OrgId, users: &[UserId]) -> Result<(), BaselineError> {
        let keys: Vec<String> = users.iter().map(Org::user_key).collect();
        let stored = self.owner.load_keys(self.partition.into(), org, &keys).await?;
        let mut by_key: BTreeMap<String, Vec<u8>> = stored.into_iter().map(|entry| (entry.key, entry.bytes)).collect();
        for (user, key) in users.iter().zip(keys) {
            let Some(bytes) = by_key.remove(&key) else {
                self.renew(org, user, Vec::new(), "the profile is missing").await;
                continue;
            };
            match self.state.load(org, user, &bytes) {
                Ok(()) => {}
                Err(error) if error.is_damage() => self.renew(org, user, bytes, &chain(&error)).await,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Lets an account start over, and keeps the bytes of its profile in the dead stream.
    async fn renew(&mut self, org: &OrgId, user: &UserId, bytes: Vec<u8>, reason: &str) {
        let origin = format!("partition {}, org {org}, {}", self.partition, Org::user_key(user));
        let reason = format!("{reason}; the account starts over");
        bus::dead::put_record(&self.bus, "baseline", &origin, bytes, &reason).await;
        self.state.renew(org, user);
        self.meter.renewed();
    }

    /// Applies one entry; its observations go to `out` by subject.
    async fn learn(&mut self, item: &Item<Entry>, out: &mut Outgoing) -> Result<(), BaselineError> {
        let mut observations = Vec::new();
        let outcome = loop {
            let outcome = self.state.apply(&item.value, &mut observations)?;
            let Some(activity) = item.value.activity().filter(|_| outcome == Some(ActivityOutcome::Away)) else {
                break outcome;
            };
            let user = [activity.user_id.clone()];
            self.fetch(&activity.org_id, &user).await?;
        };
        self.note_refused();
        if let Some(outcome) = outcome {
            self.note(item, outcome).await?;
        }
        if observations.is_empty() {
            return Ok(());
        }
        let traceparent = {
            let span = tracing::info_span!(
                "observe",
                orgwatch.service = "baseline",
                orgwatch.observations = observations.len()
            );
            trace::parent(&span, &item.traceparent);
            let _entered = span.enter();
            trace::current()
        };
        for observation in observations {
            for (family, observation) in observation.by_family() {
                let subject = subject::observation(&self.bus.settings().prefix, family.as_str(), self.partition);
                out.entry(subject).or_default().push(item.causes(observation, traceparent.clone()));
            }
        }
        Ok(())
    }

    /// Counts the outcome of an activity; what is set aside because of its time is logged, and if there is much of it,
    /// reported as a finding.
    async fn note(&mut self, item: &Item<Entry>, outcome: ActivityOutcome) -> Result<(), BaselineError> {
        *self.outcomes.entry(outcome).or_default() += 1;
        let (Some(activity), Some(received)) = (item.value.activity(), item.received_at) else { return Ok(()) };
        let org = &activity.org_id;
        match self.set_aside.note(org, outcome, received) {
            None => {}
            Some(Remark::First) => {
                let (outcome, at) = (outcome.as_str(), activity.event_time);
                tracing::warn!(org.id = %org, outcome, %at, "events are set aside because of their time");
            }
            Some(Remark::Many(finding)) => {
                tracing::error!(org.id = %org, summary = %finding.summary, "many events are set aside");
                let partition = self.partitions.of_finding(&finding.org_id, &finding.user_id);
                let finding = item.causes(*finding, item.traceparent.clone());
                let subject = subject::finding(&self.bus.settings().prefix, partition);
                self.tickets.push(self.findings.send(subject, vec![finding]).await?);
            }
        }
        Ok(())
    }

    /// Logs and counts the decisions that the partition does not take, or not as far as a day is concerned. It goes on without
    /// them.
    fn note_refused(&mut self) {
        let refused = self.state.take_refused();
        for (org, decision_id, reason) in refused.into_iter().chain(self.state.take_too_late()) {
            let partition = self.partition;
            tracing::error!(partition, org.id = %org, decision.id = %decision_id, reason, "a decision is refused");
            self.meter.refused(&org);
        }
    }

    async fn publish(&mut self, out: Outgoing) -> Result<(), PublishError> {
        for (subject, items) in out {
            self.tickets.push(self.publisher.send_or_set_aside("baseline", subject, items).await?);
        }
        Ok(())
    }

    /// Takes new settings over, after a checkpoint: what is applied again after a crash is applied with the new ones.
    async fn follow_rules(&mut self) -> Result<(), BaselineError> {
        if !self.rules.has_changed().unwrap_or(false) {
            return Ok(());
        }
        self.checkpoint().await?;
        let in_force = Arc::clone(&self.rules.borrow_and_update());
        Ok(self.state.set_settings(&in_force.settings)?)
    }

    async fn checkpoint(&mut self) -> Result<(), BaselineError> {
        for ticket in std::mem::take(&mut self.tickets) {
            ticket.await?;
        }
        self.checkpoint_due = Instant::now() + self.settings.checkpoint_interval();
        if self.applied == self.checkpointed {
            self.put_clocks().await?;
            return self.store_reached().await;
        }
        let started = Instant::now();
        let (mut upserts, mut deletes) = (Vec::new(), Vec::new());
        for (org_id, key, bytes) in self.state.take_changes()? {
            match bytes {
                Some(bytes) => upserts.push(StateEntry { org_id, key, bytes }),
                None => deletes.push(StateKey { org_id, key }),
            }
        }
        // An org's partitions each take a decision: the store knows which one this is.
        let effects: Vec<Effect> =
            self.state.take_effects().into_iter().map(|(_, decision_id, hour)| Effect { decision_id, hour }).collect();
        let user_days = self.state.take_user_days();
        let size: usize = upserts.iter().map(|entry| entry.bytes.len()).sum();
        self.owner.checkpoint(self.partition.into(), self.applied, &upserts, &deletes, &effects, &user_days).await?;
        self.checkpointed = self.applied;
        self.put_clocks().await?;
        self.state.evict(self.settings.profiles_in_memory);
        self.meter.checkpoint(size, started.elapsed(), self.state.profiles_in_memory());
        self.meter.identities(self.partition, self.state.identities());
        self.measure_orgs();
        tracing::debug!(partition = self.partition, applied = self.applied, bytes = size, "checkpoint");
        Ok(())
    }

    /// Measures the orgs. Called when the state is stored, so that what is applied again after a crash counts once.
    fn measure_orgs(&mut self) {
        for (org, users) in self.state.accounts() {
            self.meter.users(self.partition, org, users);
        }
        for (org, count) in self.state.take_test_counts() {
            self.meter.tested(org, &count);
        }
    }

    /// Writes the clocks that have moved since they were last written; the correlator ends incidents by them.
    async fn put_clocks(&mut self) -> Result<(), BaselineError> {
        let moved = self.state.clocks().filter(|(org, clock)| self.clocks.get(*org) != Some(clock));
        let moved: Vec<(OrgId, Timestamp)> = moved.map(|(org, clock)| (org.clone(), clock)).collect();
        if !moved.is_empty() {
            self.owner.put_clocks(self.partition.into(), self.checkpointed, &moved).await?;
            self.clocks.extend(moved);
        }
        Ok(())
    }

    /// Stores how far the stream was read. All that was read is in the checkpoint.
    async fn store_reached(&mut self) -> Result<(), BaselineError> {
        if self.seen_to > self.reached {
            self.owner.put_reached(self.partition.into(), self.seen_to).await?;
            self.reached = self.seen_to;
        }
        Ok(())
    }
}

/// Restores the state of a partition page by page, so that checkpoints of other partitions have their turn between.
async fn restore(partition: u16, owner: &Owner, settings: &::settings::Settings) -> Result<Partition, BaselineError> {
    let mut restore = Restore::new(settings);
    let mut page = owner.load_page(partition.into(), Org::USERS, None).await?;
    while let Some(last) = page.last().map(|last| StateKey { org_id: last.org_id.clone(), key: last.key.clone() }) {
        for entry in page {
            restore.add(entry.org_id, entry.key, entry.bytes)?;
        }
        page = owner.load_page(partition.into(), Org::USERS, Some(&last)).await?;
    }
    Ok(restore.finish()?)
}

/// Observations by subject.
type Outgoing = BTreeMap<String, Vec<Item<Observation>>>;

impl Handler for Worker {
    type Item = Entry;

    async fn handle(&mut self, deliveries: Vec<Delivery<Entry>>) -> Result<(), Failure> {
        Span::current().record("orgwatch.partition", self.partition);
        self.follow_rules().await.map_err(|error| error.failure())?;
        let mut out = Outgoing::new();
        for delivery in deliveries {
            for item in &delivery.items {
                self.learn(item, &mut out).await.map_err(|error| error.failure())?;
            }
            self.applied = delivery.sequence;
            self.meter.applied(&delivery.items);
            self.meter.outcomes(&std::mem::take(&mut self.outcomes));
            // Applying entries never waits, and the connection needs its turn on this thread.
            tokio::task::yield_now().await;
        }
        self.publish(out).await.map_err(|error| BaselineError::from(error).failure())?;
        self.tick().await
    }

    async fn tick(&mut self) -> Result<(), Failure> {
        if Instant::now() < self.checkpoint_due {
            return Ok(());
        }
        self.checkpoint().await.map_err(|error| error.failure())
    }

    fn durable(&self) -> Option<u64> {
        Some(self.checkpointed)
    }

    fn reach(&mut self, sequence: u64) {
        self.seen_to = sequence;
    }

    fn reached(&self) -> u64 {
        self.reached
    }

    async fn finish(&mut self) -> Result<(), Failure> {
        self.checkpoint().await.map_err(|error| error.failure())
    }
}

/// Profiles that one query loads when a partition is taken. A choice: about 4 MB, so that commits of other partitions get
/// their turn on the session.
const FETCHED_AT_ONCE: usize = 256;
/// How long a worker waits after a failure before the partition restarts: about the time of a reconnection.
pub(crate) const PAUSE: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests;
