//! One partition's state: its orgs, and what of its stream has been applied to them. Pure: the service around it
//! reads, loads and commits.

use model::{Command, Control, Entry, Observation, OrgId, UserId};
use profile::{ActivityOutcome, Org, Settings, SettingsError, StateError};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;

/// The orgs that fall into one partition.
pub struct Partition {
    settings: Settings,
    orgs: BTreeMap<OrgId, Org>,
}

/// A key of stored state, and its bytes: `None` removes it.
pub type Change = (OrgId, String, Option<Vec<u8>>);

#[derive(Debug, thiserror::Error)]
pub enum PartitionError {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error("org {org}: stored state: {source}")]
    State { org: OrgId, source: StateError },
}

impl Partition {
    /// A partition from its stored state: all keys but those of users, of all orgs in any order.
    ///
    /// # Errors
    /// If an org's state cannot be read.
    pub fn restore(
        settings: &Settings,
        stored: impl IntoIterator<Item = (OrgId, String, Vec<u8>)>,
    ) -> Result<Self, PartitionError> {
        let mut by_org: BTreeMap<OrgId, Vec<(String, Vec<u8>)>> = BTreeMap::new();
        for (org, key, bytes) in stored {
            by_org.entry(org).or_default().push((key, bytes));
        }
        let mut orgs = BTreeMap::new();
        for (id, records) in by_org {
            let org = Org::restore(id.clone(), settings, records)
                .map_err(|source| PartitionError::State { org: id.clone(), source })?;
            orgs.insert(id, org);
        }
        Ok(Self { settings: settings.clone(), orgs })
    }

    /// Users whose profiles must be loaded before the first entry is applied: those with an open day.
    pub fn wanted(&self) -> Vec<(OrgId, UserId)> {
        let of_org = |(id, org): (&OrgId, &Org)| org.wanted().into_iter().map(|user| (id.clone(), user)).collect();
        self.orgs.iter().flat_map(|of| -> Vec<_> { of_org(of) }).collect()
    }

    /// A profile that was stored.
    ///
    /// # Errors
    /// If its bytes cannot be read.
    pub fn load(&mut self, org: &OrgId, user: &UserId, bytes: &[u8]) -> Result<(), PartitionError> {
        let Some(state) = self.orgs.get_mut(org) else { return Ok(()) };
        state.load(user, bytes).map_err(|source| PartitionError::State { org: org.clone(), source })
    }

    /// Applies the next entry of the stream. [`ActivityOutcome::Away`] means that nothing was changed: the user's profile is to
    /// be loaded, and the entry applied again. `None` is the fate of control records.
    ///
    /// A lesson raises nothing, then or later. What it closes of days on which others were watched is told as ever.
    ///
    /// # Errors
    /// If the settings do not fit; they have been checked before.
    pub fn apply(
        &mut self,
        entry: &Entry,
        out: &mut Vec<Observation>,
    ) -> Result<Option<ActivityOutcome>, PartitionError> {
        match entry {
            Entry::Activity(activity) => Ok(Some(self.org(&activity.org_id)?.observe(activity, out))),
            Entry::Backfill(activity) => Ok(Some(self.org(&activity.org_id)?.teach(activity, out))),
            Entry::Control(Control { org_id, command }) => {
                let org = match command {
                    Command::Blind { .. } => Some(self.org(org_id)?),
                    // An org that has told nothing yet has nothing to close.
                    Command::Watermark(_) | Command::End | Command::Sighted { .. } => self.orgs.get_mut(org_id),
                };
                let Some(org) = org else { return Ok(None) };
                match command {
                    Command::Watermark(time) => org.advance(*time, out),
                    Command::End => org.finish(out),
                    Command::Blind { kind } => org.blind(*kind),
                    Command::Sighted { kind } => org.sighted(*kind),
                }
                Ok(None)
            }
        }
    }

    /// The org, new if nothing was heard of it yet.
    fn org(&mut self, id: &OrgId) -> Result<&mut Org, PartitionError> {
        Ok(match self.orgs.entry(id.clone()) {
            Slot::Occupied(known) => known.into_mut(),
            Slot::Vacant(new) => new.insert(Org::new(id.clone(), &self.settings)?),
        })
    }

    /// What changed since the last call.
    ///
    /// # Errors
    /// If something has no encoding; the partition is then to be restored.
    pub fn take_changes(&mut self) -> Result<Vec<Change>, PartitionError> {
        let mut changes = Vec::new();
        for (id, org) in &mut self.orgs {
            let records = org.take_changes();
            let records = records.map_err(|source| PartitionError::State { org: id.clone(), source })?;
            changes.extend(records.into_iter().map(|record| (id.clone(), record.key, record.bytes)));
        }
        Ok(changes)
    }

    /// Keeps at most about `limit` profiles in memory, shared evenly by the orgs.
    pub fn evict(&mut self, limit: usize) -> usize {
        let share = limit / self.orgs.len().max(1);
        self.orgs.values_mut().map(|org| org.evict(share)).sum()
    }

    pub fn profiles_in_memory(&self) -> usize {
        self.orgs.values().map(Org::profiles_in_memory).sum()
    }
}

#[cfg(test)]
mod tests;
