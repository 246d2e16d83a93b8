//! The settings by which findings merge: those in force, and older ones by the hash that findings carry.

use model::{OrgId, Text};
use risk::Rulebook;
use settings::{Hashed, Settings};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::{Correlation, StoreError};
use tokio::sync::watch;

/// The settings in force, and those that findings have named.
pub(crate) struct Rules {
    in_force: watch::Receiver<Arc<Hashed>>,
    /// By hash; `None` if they are not stored.
    named: Mutex<BTreeMap<Text, Option<Settings>>>,
}

/// The most settings that are kept. A choice: far more than are pushed while findings of a user still change.
const MOST: usize = 1_000;

impl Rules {
    pub(crate) fn new(in_force: watch::Receiver<Arc<Hashed>>) -> Self {
        Self { in_force, named: Mutex::default() }
    }

    /// Reads those of the settings with these hashes that have not been read before.
    ///
    /// # Errors
    /// If the database does not answer.
    pub(crate) async fn read(&self, correlation: &mut Correlation, hashes: &BTreeSet<Text>) -> Result<(), StoreError> {
        let unread = |hash: &&Text| is_hash(hash) && !self.named().contains_key(*hash);
        let unread: Vec<Text> = hashes.iter().filter(unread).cloned().collect();
        if unread.is_empty() {
            return Ok(());
        }
        let mut stored: BTreeMap<Text, String> = correlation.settings(&unread).await?.into_iter().collect();
        let mut named = self.named();
        if named.len() + unread.len() > MOST {
            named.retain(|hash, _| hashes.contains(hash));
        }
        for hash in unread {
            let settings = stored.remove(&hash).and_then(|text| parse(&hash, &text));
            if settings.is_none() {
                tracing::warn!(%hash, "findings name settings that are not stored, and merge by those in force");
            }
            named.insert(hash, settings);
        }
        Ok(())
    }

    /// Returns the settings of an org that are in force, and all that were read.
    pub(crate) fn rulebook(&self, org: &OrgId) -> Rulebook {
        let in_force = Arc::clone(&self.in_force.borrow());
        let mut rulebook = Rulebook::new(in_force.hash.clone(), in_force.settings.risk_of(org));
        for (hash, settings) in self.named().iter() {
            if let Some(settings) = settings {
                rulebook.add(hash.clone(), settings.risk_of(org));
            }
        }
        rulebook
    }

    fn named(&self) -> MutexGuard<'_, BTreeMap<Text, Option<Settings>>> {
        self.named.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a text can be a hash. Findings of blind sources have none, and Postgres refuses some texts.
fn is_hash(text: &Text) -> bool {
    text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn parse(hash: &Text, text: &str) -> Option<Settings> {
    let read = Settings::read_stored(text, Path::new("stored settings"));
    read.inspect_err(|error| tracing::error!(%hash, %error, "stored settings cannot be read")).ok()
}

#[cfg(test)]
mod tests {
    use crate::meter::Meter;
    use crate::rules::Rules;
    use crate::testing::{finding, store};
    use crate::worker::Worker;
    use model::{Finding, Item, RiskModel};
    use settings::{Hashed, Settings};
    use std::collections::BTreeMap;
    use std::sync::Arc;
    use store::IncidentFilter;
    use tokio::sync::watch;

    fn of(model: RiskModel) -> Hashed {
        Settings { risk: risk::Settings { model, ..risk::Settings::default() }, ..Settings::default() }.into()
    }

    #[tokio::test]
    async fn a_receipt_says_what_it_was_computed_with() {
        let (_server, store) = store().await;
        let (first, pushed) = (of(RiskModel::NoisyOr), of(RiskModel::Sum));
        let (sender, in_force) = watch::channel(Arc::new(first.clone()));
        let worker = Worker::of(store.clone(), Rules::new(in_force), Meter::new());
        let receipts = async |hour: i64, config_hash: &str| {
            let finding = Finding { config_hash: config_hash.into(), ..finding(hour as u128, hour, 8.0) };
            let user = (finding.org_id.clone(), finding.user_id.clone());
            worker.correlate(BTreeMap::from([(user, vec![Item::new(finding)])])).await.unwrap();
            let mut stored = store.incidents(&IncidentFilter::default()).await.unwrap();
            stored.sort_by_key(|stored| stored.incident.first_event_at);
            let receipts = stored.into_iter().map(|stored| stored.incident.receipt);
            receipts.map(|receipt| (receipt.config_hash.to_string(), receipt.model)).collect::<Vec<_>>()
        };
        let (old, new) = ((first.hash.to_string(), RiskModel::NoisyOr), (pushed.hash.to_string(), RiskModel::Sum));

        // The detector has the pushed rules before the correlator has them.
        for rules in [&first, &pushed] {
            store.put_settings(&rules.hash, &rules.settings.stored().unwrap()).await.unwrap();
        }
        assert_eq!(receipts(0, &first.hash).await, std::slice::from_ref(&old));
        assert_eq!(receipts(100, &pushed.hash).await, [old.clone(), new.clone()]);
        assert_eq!(receipts(200, "").await, [old.clone(), new.clone(), old.clone()], "those in force");
        sender.send_replace(Arc::new(pushed));
        // Those that name none count by what is in force when they merge.
        let all = [old.clone(), new.clone(), old.clone(), old, new];
        assert_eq!(receipts(300, &first.hash).await, all[..4], "judged before the push");
        assert_eq!(receipts(400, "0123456789abcdef").await, all, "not stored");
    }
}
