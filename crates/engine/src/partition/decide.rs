//! Decisions of people among the entries of a partition. What cannot be taken is refused, and stops nothing.

use super::{Partition, PartitionError};
use model::{Decision, OrgId, Ruling, Text, Timestamp, Uuid};
use settings::Settings;
use std::collections::BTreeSet;
use std::path::Path;

/// A decision that took effect: its org and id, and the start of the hour with the close of which it did.
pub type Effect = (OrgId, Uuid, Timestamp);

/// A decision that is not taken: its org and id, and the reason.
pub type Refused = (OrgId, Uuid, String);

/// Why a decision is not taken.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("its settings {hash} cannot be read by this version; decide on settings of this version ({reason})")]
    Unreadable { hash: Text, reason: String },
    #[error("its settings {hash} are out of range; decide on others ({reason})")]
    OutOfRange { hash: Text, reason: String },
    #[error("other settings of the org have the hash {hash}; decide on these with the hash that they have")]
    OtherHash { hash: Text },
    #[error(
        "too many decisions wait for the org's next hour to close; decide once more when it has an hour that closes"
    )]
    TooMany,
}

impl Partition {
    /// Keeps a decision until the hour of its org that begins at `hour` is closed; `None`: until the next hour is. It takes
    /// effect then: see [`Org::decide`](profile::Org::decide). A decision that was taken before changes nothing.
    ///
    /// Settings that this version cannot read, or with values out of range, or with a hash by which the org has others, are
    /// [refused](Partition::take_refused), and nothing changes. So are those decisions that wait and were recorded first, if
    /// too many wait.
    ///
    /// # Errors
    /// If the settings of the service do not fit; they have been checked before.
    pub fn decide(&mut self, decision: &Decision, hour: Option<Timestamp>) -> Result<(), PartitionError> {
        let id = &decision.org_id;
        let prepared = match &decision.ruling {
            Ruling::Settings { hash, toml } => match self.read(id, hash, toml) {
                Ok(settings) => Some((hash, settings)),
                Err(refusal) => {
                    self.refuse(id, decision.decision_id, &refusal);
                    return Ok(());
                }
            },
            _ => None,
        };
        self.org(id)?;
        if let Some((hash, settings)) = prepared {
            if let Err(refusal) = self.prepare(id, hash, settings) {
                self.refuse(id, decision.decision_id, &refusal);
                return Ok(());
            }
            self.test(id);
        }
        for dropped in self.org(id)?.decide(decision, hour) {
            self.refuse(id, dropped, &Refusal::TooMany);
        }
        Ok(())
    }

    /// Returns the decisions that took effect since the last call. To be stored with each checkpoint, with the number of the
    /// partition in [`Decision::in_force`]; after a crash, those that took effect since are returned once more.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        let of_org = |(id, org): (&OrgId, &mut profile::Org)| -> Vec<Effect> {
            org.take_effects().into_iter().map(|(decision, hour)| (id.clone(), decision, hour)).collect()
        };
        self.orgs.iter_mut().flat_map(of_org).collect()
    }

    /// Returns the decisions that were refused since the last call, or when the partition was restored: then the settings
    /// of the service hold in place of theirs. They are for operators to know; the partition goes on without them.
    pub fn take_refused(&mut self) -> Vec<Refused> {
        std::mem::take(&mut self.refused)
    }

    /// Returns the dispositions since the last call that came too late to keep a day from being learned, with the reason. Their
    /// other effects are taken.
    pub fn take_too_late(&mut self) -> Vec<Refused> {
        let of_org = |(id, org): (&OrgId, &mut profile::Org)| -> Vec<Refused> {
            let reason = |day: Timestamp| {
                format!("the day that began at {day} was learned for good: it was released more than 30 days before")
            };
            org.take_too_late().into_iter().map(|(decision, day)| (id.clone(), decision, reason(day))).collect()
        };
        self.orgs.iter_mut().flat_map(of_org).collect()
    }

    fn refuse(&mut self, org: &OrgId, decision: Uuid, refusal: &Refusal) {
        self.refused.push((org.clone(), decision, refusal.to_string()));
    }

    /// Reads the settings of a decision that is not taken yet, and checks them.
    ///
    /// Their hash cannot be worked out from the text: that of settings is of those keys that were set, while the text has all
    /// weights; and another version has another hash for the same settings. So a hash is believed, for its org alone, as long
    /// as the org has no other settings by it.
    fn read(&mut self, org: &OrgId, hash: &Text, toml: &str) -> Result<Settings, Refusal> {
        let settings = read_decided(hash, toml)?;
        let errors = settings.check();
        if !errors.is_empty() {
            return Err(Refusal::OutOfRange { hash: hash.clone(), reason: errors.join("; ") });
        }
        self.forget_decided(org);
        let known = self.decided.get(org).and_then(|decided| decided.get(hash));
        // An org's id can be written in two ways, so equal hashes say more than equal texts.
        if known.is_some_and(|known| known.hash() != settings.hash()) {
            return Err(Refusal::OtherHash { hash: hash.clone() });
        }
        Ok(settings)
    }

    /// Says to an org what settings that people have decided on mean.
    fn prepare(&mut self, id: &OrgId, hash: &Text, settings: Settings) -> Result<(), Refusal> {
        let Some(org) = self.orgs.get_mut(id) else { return Ok(()) };
        let unreadable = |error: profile::SettingsError| unreadable(hash, &error);
        org.prepare(hash, &settings.profile_of(id), settings.detect.surprise_key()).map_err(unreadable)?;
        self.decided.entry(id.clone()).or_default().insert(hash.clone(), settings);
        Ok(())
    }

    /// Does so for all stored decisions, before anything else. Those that cannot be read any more are refused.
    pub(super) fn prepare_all(&mut self) {
        let of_org = |(id, org): (&OrgId, &profile::Org)| -> Vec<(OrgId, Uuid, Text, String)> {
            let settings = org.decided_settings();
            settings.map(|(decision, hash, toml)| (id.clone(), decision, hash.clone(), toml.to_owned())).collect()
        };
        let stored: Vec<_> = self.orgs.iter().flat_map(of_org).collect();
        for (id, decision, hash, toml) in stored {
            let prepared = read_decided(&hash, &toml).and_then(|settings| self.prepare(&id, &hash, settings));
            if let Err(refusal) = prepared {
                self.refuse(&id, decision, &refusal);
            }
        }
    }

    /// Drops settings of an org of which no decision is left.
    fn forget_decided(&mut self, id: &OrgId) {
        let (Some(org), Some(decided)) = (self.orgs.get(id), self.decided.get_mut(id)) else { return };
        let known: BTreeSet<&Text> = org.decided_settings().map(|(_, hash, _)| hash).collect();
        decided.retain(|hash, _| known.contains(hash));
    }
}

/// Reads the settings of a decision. Their values are not checked, because ranges may change from version to version.
fn read_decided(hash: &Text, toml: &str) -> Result<Settings, Refusal> {
    Settings::read_stored(toml, Path::new("decision")).map_err(|error| unreadable(hash, &error))
}

fn unreadable(hash: &Text, error: &dyn std::error::Error) -> Refusal {
    Refusal::Unreadable { hash: hash.clone(), reason: error.to_string().replace('\n', " ") }
}
