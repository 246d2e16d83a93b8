//! The state of one partition: its orgs, as far as entries have been applied to them. The service around it reads
//! entries, loads profiles and commits changes.

mod decide;

pub use decide::{Effect, Refused};

use model::{Command, Control, Entry, Observation, OrgId, Text, Timestamp, UserDay, UserId, Uuid};
use profile::{ActivityOutcome, IdentityUse, Org, Profile, SettingsError, StateError, TestCount};
use settings::Settings;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;

/// The orgs of one partition.
pub struct Partition {
    settings: Settings,
    /// Settings that people have decided on, by org and hash: what is wrong with those of one org is nothing to another.
    decided: BTreeMap<OrgId, ByHash>,
    orgs: BTreeMap<OrgId, Org>,
    /// Decisions that are not taken, since they were last asked for.
    refused: Vec<Refused>,
    /// Days of accounts that have closed since they were last taken.
    user_days: Vec<UserDay>,
}

/// Settings of an org by hash.
type ByHash = BTreeMap<Text, Settings>;

/// A record of stored state: org, key, and the bytes to store under it; `None` deletes the record.
pub type Change = (OrgId, String, Option<Vec<u8>>);

/// Why an entry cannot be applied, or state not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum PartitionError {
    /// The settings of profiles do not fit.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A decision that a person gave is not taken.
    #[error("org {org}: the decision {decision_id} is refused: {reason}")]
    Refused {
        /// The org of the decision.
        org: OrgId,
        /// The decision.
        decision_id: Uuid,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// A record of stored state cannot be decoded or encoded.
    #[error("org {org}: stored state: {source}")]
    State {
        /// The org of the record.
        org: OrgId,
        /// What is wrong with the record.
        source: StateError,
    },
}

impl PartitionError {
    /// Whether the bytes of a stored record are damaged.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::State { source, .. } if source.is_damage())
    }
}

/// A partition that is being restored from its stored records, one after the other.
pub struct Restore {
    settings: Settings,
    orgs: BTreeMap<OrgId, profile::Restore>,
}

impl Restore {
    /// Begins to restore a partition.
    pub fn new(settings: &Settings) -> Self {
        Self { settings: settings.clone(), orgs: BTreeMap::new() }
    }

    /// Adds a record of any org and any key but those of users, in any order.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn add(&mut self, org: OrgId, key: String, bytes: Vec<u8>) -> Result<(), PartitionError> {
        let failed = |source| PartitionError::State { org: org.clone(), source };
        let of_org = match self.orgs.entry(org.clone()) {
            Slot::Occupied(known) => known.into_mut(),
            Slot::Vacant(new) => {
                new.insert(profile::Restore::new(org.clone(), &self.settings.profile_of(&org)).map_err(failed)?)
            }
        };
        of_org.add(key, bytes).map_err(failed)
    }

    /// Restores the partition when all records are added. Settings of decisions that this version cannot read stop nothing:
    /// see [`Partition::take_refused`].
    ///
    /// # Errors
    /// If records of an org are missing or belong to another checkpoint.
    pub fn finish(self) -> Result<Partition, PartitionError> {
        let finish = |(id, org): (OrgId, profile::Restore)| match org.finish() {
            Ok(org) => Ok((id, org)),
            Err(source) => Err(PartitionError::State { org: id, source }),
        };
        let orgs = self.orgs.into_iter().map(finish).collect::<Result<_, _>>()?;
        let mut partition = Partition { orgs, ..Partition::new(&self.settings) };
        partition.prepare_all();
        partition.test_all();
        Ok(partition)
    }
}

impl Partition {
    /// Creates a partition without orgs.
    pub fn new(settings: &Settings) -> Self {
        let (decided, orgs) = (BTreeMap::new(), BTreeMap::new());
        Self { settings: settings.clone(), decided, orgs, refused: Vec::new(), user_days: Vec::new() }
    }

    /// Replaces the settings of the service for all orgs: see [`Org::set_settings`].
    ///
    /// # Errors
    /// If the settings do not fit.
    pub fn set_settings(&mut self, settings: &Settings) -> Result<(), PartitionError> {
        for (id, org) in &mut self.orgs {
            org.set_settings(&settings.profile_of(id))?;
        }
        self.settings = settings.clone();
        self.test_all();
        Ok(())
    }

    /// Returns the users with profiles to load before the first entry is applied: those with an open day.
    pub fn wanted(&self) -> Vec<(OrgId, UserId)> {
        let of_org = |(id, org): (&OrgId, &Org)| org.wanted().into_iter().map(|user| (id.clone(), user)).collect();
        self.orgs.iter().flat_map(|of| -> Vec<_> { of_org(of) }).collect()
    }

    /// Loads a stored profile.
    ///
    /// # Errors
    /// If its bytes cannot be read.
    pub fn load(&mut self, org: &OrgId, user: &UserId, bytes: &[u8]) -> Result<(), PartitionError> {
        let Some(state) = self.orgs.get_mut(org) else { return Ok(()) };
        state.load(user, bytes).map_err(|source| PartitionError::State { org: org.clone(), source })
    }

    /// Gives a user a new profile in place of a stored one that cannot be read.
    pub fn renew(&mut self, org: &OrgId, user: &UserId) {
        if let Some(state) = self.orgs.get_mut(org) {
            state.renew(user);
        }
    }

    /// Applies the next entry of the stream; observations go to `out`. Returns the outcome of an activity, `None` for
    /// a control record. [`ActivityOutcome::Away`] means that nothing has changed: load the user's profile, then apply
    /// the entry again.
    ///
    /// Backfill raises nothing, now or later. Days of other users that it closes are judged as always. A decision that cannot
    /// be taken is refused: see [`Partition::decide`].
    ///
    /// # Errors
    /// If the settings do not fit; they have been checked before.
    pub fn apply(
        &mut self,
        entry: &Entry,
        out: &mut Vec<Observation>,
    ) -> Result<Option<ActivityOutcome>, PartitionError> {
        let first = out.len();
        let outcome = self.observe(entry, out)?;
        if let (Some(org), Some(observed)) = (self.orgs.get_mut(entry.org_id()), out.get_mut(first..)) {
            let rules = (&self.settings, self.decided.get(entry.org_id()));
            calibrate(org, entry, observed, rules, &mut self.user_days);
            if observed.iter().any(|observation| observation.revision == 0) {
                let judged = out.split_off(first).into_iter().filter(|observation| observation.revision > 0);
                out.extend(judged);
            }
        }
        Ok(outcome)
    }

    fn observe(
        &mut self,
        entry: &Entry,
        out: &mut Vec<Observation>,
    ) -> Result<Option<ActivityOutcome>, PartitionError> {
        match entry {
            Entry::Activity(activity) => Ok(Some(self.org(&activity.org_id)?.observe(activity, out))),
            Entry::Backfill(activity) => Ok(Some(self.org(&activity.org_id)?.backfill(activity, out))),
            Entry::Control(Control { org_id, command }) => {
                if let Command::Decide(decision) = command {
                    self.decide(decision, None)?;
                    return Ok(None);
                }
                let org = match command {
                    Command::Blind { .. } => Some(self.org(org_id)?),
                    // An org without any activity has nothing to judge or close.
                    _ => self.orgs.get_mut(org_id),
                };
                let Some(org) = org else { return Ok(None) };
                match command {
                    Command::Watermark(time) => org.judge(*time, out),
                    Command::End => org.finish(out),
                    Command::Blind { kind } => org.blind(*kind),
                    Command::Sighted { kind } => org.sighted(*kind),
                    Command::Decide(_) => {}
                }
                Ok(None)
            }
        }
    }

    /// Says to all orgs by which settings they are tested.
    fn test_all(&mut self) {
        self.orgs.iter_mut().for_each(|(id, org)| test_by(org, &self.settings, self.decided.get(id)));
    }

    /// Says so to one org.
    fn test(&mut self, id: &OrgId) {
        if let Some(org) = self.orgs.get_mut(id) {
            test_by(org, &self.settings, self.decided.get(id));
        }
    }

    /// Returns the org's state, new at its first entry.
    fn org(&mut self, id: &OrgId) -> Result<&mut Org, PartitionError> {
        Ok(match self.orgs.entry(id.clone()) {
            Slot::Occupied(known) => known.into_mut(),
            Slot::Vacant(new) => {
                let org = new.insert(Org::new(id.clone(), &self.settings.profile_of(id))?);
                test_by(org, &self.settings, None);
                org
            }
        })
    }

    /// Returns the orgs that have had an activity, in order.
    pub fn orgs(&self) -> impl Iterator<Item = &OrgId> {
        self.orgs.keys()
    }

    /// Returns the event time up to which each org's hours are closed.
    pub fn clocks(&self) -> impl Iterator<Item = (&OrgId, Timestamp)> {
        self.orgs.iter().filter_map(|(id, org)| Some((id, org.clock()?)))
    }

    /// Returns the start of the day of the org's latest activity, by arrival, in its time zone.
    pub fn day_of_latest(&self, org: &OrgId) -> Option<Timestamp> {
        self.orgs.get(org).map(Org::day_of_latest)
    }

    /// Returns the profiles in memory with their accounts, by org.
    pub fn profiles(&self) -> impl Iterator<Item = (&OrgId, &UserId, &Profile)> {
        self.orgs.iter().flat_map(|(id, org)| org.profiles().map(move |(user, profile)| (id, user, profile)))
    }

    /// Returns the users with a profile in memory, over all orgs.
    pub fn users(&self) -> u64 {
        self.orgs.values().map(|org| org.profiles().count() as u64).sum()
    }

    /// Returns the days on which a user was active, summed over users, of days that begin at `from` or later.
    pub fn user_days_since(&self, from: Timestamp) -> u64 {
        self.orgs.values().map(|org| org.user_days_since(from)).sum()
    }

    /// Takes the days of accounts that have closed since the last call, in the order in which they closed: a day that late
    /// activities changed is there once more.
    pub fn take_user_days(&mut self) -> Vec<UserDay> {
        std::mem::take(&mut self.user_days)
    }

    /// Returns the records that changed since the last call.
    ///
    /// # Errors
    /// If a record cannot be encoded; restore the partition then.
    pub fn take_changes(&mut self) -> Result<Vec<Change>, PartitionError> {
        let mut changes = Vec::new();
        for (id, org) in &mut self.orgs {
            let records = org.take_changes();
            let records = records.map_err(|source| PartitionError::State { org: id.clone(), source })?;
            changes.extend(records.into_iter().map(|record| (id.clone(), record.key, record.bytes)));
        }
        Ok(changes)
    }

    /// Keeps at most about `limit` profiles in memory, an even share for each org, and returns how many it removed.
    pub fn evict(&mut self, limit: usize) -> usize {
        let share = limit / self.orgs.len().max(1);
        self.orgs.values_mut().map(|org| org.evict(share)).sum()
    }

    /// Returns how many identities of counted activities are kept, and what they take.
    pub fn identities(&self) -> IdentityUse {
        let add = |sum: IdentityUse, of: IdentityUse| IdentityUse {
            entries: sum.entries + of.entries,
            bytes: sum.bytes + of.bytes,
            rows: sum.rows + of.rows,
        };
        self.orgs.values().map(Org::identities).fold(IdentityUse::default(), add)
    }

    /// Takes what was counted of each org's tests since the last call: see [`Org::take_test_counts`].
    pub fn take_test_counts(&mut self) -> impl Iterator<Item = (&OrgId, TestCount)> {
        let of_org = |(id, org): (_, &mut Org)| org.take_test_counts().into_iter().map(move |count| (id, count));
        self.orgs.iter_mut().flat_map(of_org)
    }

    /// Returns how many accounts each org has, with profiles in memory or not.
    pub fn accounts(&self) -> impl Iterator<Item = (&OrgId, usize)> {
        self.orgs.iter().map(|(id, org)| (id, org.accounts()))
    }

    /// Returns how many profiles are in memory.
    pub fn profiles_in_memory(&self) -> usize {
        self.orgs.values().map(Org::profiles_in_memory).sum()
    }
}

/// Has an org calibrated and tested by the settings of detectors: those of the service, and those of decisions by hash.
fn test_by(org: &mut Org, service: &Settings, decided: Option<&ByHash>) {
    org.calibrate_by(service.detect.surprise_key());
    let service = service.detect.clone();
    let decided: BTreeMap<Text, detect::Settings> =
        decided.into_iter().flatten().map(|(hash, settings)| (hash.clone(), settings.detect.clone())).collect();
    org.test_by(move |observation| {
        detect::tests(observation, decided.get(&observation.settings).unwrap_or(&service), |_, _| {})
    });
}

/// Adds calibrations to what was observed of an entry, by the settings that each observation names; days that the entry has
/// ended count from then on. Days of accounts that it has closed go to `user_days`.
fn calibrate(
    org: &mut Org,
    entry: &Entry,
    observed: &mut [Observation],
    (service, decided): (&Settings, Option<&ByHash>),
    user_days: &mut Vec<UserDay>,
) {
    // What is judged in silence is not learned.
    let is_learned = !matches!(entry, Entry::Control(Control { command: Command::Watermark(_), .. }));
    for observation in observed {
        let settings = decided.and_then(|decided| decided.get(&observation.settings)).unwrap_or(service);
        let mut unjudged = Vec::new();
        let tests = detect::tests(observation, &settings.detect, |detector, reason| unjudged.push((detector, reason)));
        org.calibrate(observation, &tests, is_learned);
        for (detector, reason) in unjudged.into_iter().filter(|_| is_learned) {
            org.note_unjudged(observation, detector, reason);
        }
    }
    org.take_user_days(user_days);
    org.close_calibrations();
}

#[cfg(test)]
mod tests;
