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
    /// By hash, at most [`MOST`] that the findings at hand do not name.
    named: Mutex<BTreeMap<Text, Settings>>,
    windows: Mutex<Windows>,
}

/// The widest merge windows of all stored settings, in milliseconds.
#[derive(Default)]
struct Windows {
    /// The hashes of the settings that are counted.
    counted: BTreeSet<Text>,
    of_all: i64,
    /// Those of orgs that have one of their own.
    own: BTreeMap<OrgId, i64>,
}

/// The most settings that are kept. A choice: far more than are pushed while findings of a user still change.
const MOST: usize = 100;

impl Rules {
    pub(crate) fn new(in_force: watch::Receiver<Arc<Hashed>>) -> Self {
        Self { in_force, named: Mutex::default(), windows: Mutex::default() }
    }

    /// Returns the widest merge window by which any finding of these orgs may merge, in milliseconds.
    ///
    /// # Errors
    /// If the database does not answer.
    pub(crate) async fn widest_window(
        &self,
        correlation: &mut Correlation,
        orgs: &BTreeSet<OrgId>,
    ) -> Result<i64, StoreError> {
        let stored = correlation.settings_hashes().await?;
        let is_new = |hash: &Text| !lock(&self.windows).counted.contains(hash);
        let new: Vec<Text> = stored.into_iter().filter(is_new).collect();
        let readable = read(correlation, &new).await?;
        let in_force = Arc::clone(&self.in_force.borrow());
        let mut windows = lock(&self.windows);
        readable.values().for_each(|settings| windows.widen(settings));
        // A stored text never changes, so one that cannot be read now never can.
        windows.counted.extend(new);
        let of_org = |org| windows.of(org).max(in_force.settings.risk_of(org).merge_window());
        Ok(orgs.iter().map(of_org).max().unwrap_or_default())
    }

    /// Returns the settings in force for each org, with those of the hashes, which findings name.
    ///
    /// # Errors
    /// If the database does not answer.
    pub(crate) async fn rulebooks(
        &self,
        correlation: &mut Correlation,
        orgs: &BTreeSet<OrgId>,
        hashes: &BTreeSet<Text>,
    ) -> Result<BTreeMap<OrgId, Rulebook>, StoreError> {
        let is_unread = |hash: &&Text| is_hash(hash) && !lock(&self.named).contains_key(*hash);
        let unread: Vec<Text> = hashes.iter().filter(is_unread).cloned().collect();
        let found = read(correlation, &unread).await?;
        let in_force = Arc::clone(&self.in_force.borrow());
        let mut named = lock(&self.named);
        if named.len() + found.len() > MOST {
            named.retain(|hash, _| hashes.contains(hash));
        }
        named.extend(found);
        // They are asked for again with the next findings that name them: what is not stored yet may be soon.
        if let Some(hash) = unread.iter().find(|hash| !named.contains_key(*hash)) {
            tracing::warn!(%hash, "findings name settings that are not stored or not readable, and merge by those in force");
        }
        let rulebook = |org: &OrgId| {
            let mut rulebook = Rulebook::new(in_force.hash.clone(), in_force.settings.risk_of(org));
            let of_findings = hashes.iter().filter_map(|hash| named.get_key_value(hash));
            of_findings.for_each(|(hash, settings)| rulebook.add(hash.clone(), settings.risk_of(org)));
            (org.clone(), rulebook)
        };
        Ok(orgs.iter().map(rulebook).collect())
    }
}

impl Windows {
    fn widen(&mut self, settings: &Settings) {
        self.of_all = self.of_all.max(settings.risk.merge_window());
        for (org, window) in settings.merge_windows() {
            let widest = self.own.entry(org).or_default();
            *widest = window.max(*widest);
        }
    }

    fn of(&self, org: &OrgId) -> i64 {
        self.own.get(org).copied().unwrap_or_default().max(self.of_all)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads those of the settings that are stored and readable.
async fn read(correlation: &mut Correlation, hashes: &[Text]) -> Result<BTreeMap<Text, Settings>, StoreError> {
    if hashes.is_empty() {
        return Ok(BTreeMap::new());
    }
    let stored = correlation.settings(hashes).await?;
    Ok(stored.into_iter().filter_map(|(hash, text)| parse(&hash, &text).map(|settings| (hash, settings))).collect())
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
    use super::*;
    use crate::meter::Meter;
    use crate::testing::{finding, store};
    use crate::worker::Worker;
    use model::{Finding, Item, RiskModel};
    use store::IncidentFilter;

    const UNSTORED: &str = "0123456789abcdef";

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
        assert_eq!(receipts(400, UNSTORED).await, all, "not stored");

        // What is stored after it was first asked for counts from then on.
        store.put_settings(UNSTORED, &first.settings.stored().unwrap()).await.unwrap();
        assert_eq!(receipts(500, UNSTORED).await.pop(), Some((UNSTORED.to_owned(), RiskModel::NoisyOr)));
    }

    #[tokio::test]
    async fn stored_findings_merge_by_their_own_settings_after_a_restart() {
        let (_server, store) = store().await;
        let default = Hashed::from(Settings::default());
        let wide = risk::Settings { merge_hours: 48, ..risk::Settings::default() };
        let wide = Hashed::from(Settings { risk: wide, ..Settings::default() });
        store.put_settings(&wide.hash, &wide.settings.stored().unwrap()).await.unwrap();
        for (id, hour, rules) in [(1, 40, &wide), (2, 0, &default)] {
            // Each time as after a restart: nothing has been read.
            let worker = Worker::of(store.clone(), crate::testing::rules(), Meter::new());
            let finding = Finding { config_hash: rules.hash.clone(), ..finding(id, hour, 8.0) };
            let user = (finding.org_id.clone(), finding.user_id.clone());
            worker.correlate(BTreeMap::from([(user, vec![Item::new(finding)])])).await.unwrap();
        }
        let stored = store.incidents(&IncidentFilter::default()).await.unwrap();
        assert_eq!(stored.iter().map(|stored| stored.finding_ids().count()).collect::<Vec<_>>(), [2]);
    }

    #[tokio::test]
    async fn only_some_settings_are_kept() {
        let (_server, store) = store().await;
        let text = Settings::default().stored().unwrap();
        let hashes: Vec<Text> = (0..=MOST).map(|number| Text::from(format!("{number:016x}"))).collect();
        for hash in &hashes {
            store.put_settings(hash, &text).await.unwrap();
        }
        let rules = crate::testing::rules();
        let orgs = BTreeSet::from([finding(1, 0, 8.0).org_id]);
        let mut correlation = store.correlate(&[]).await.unwrap();
        rules.widest_window(&mut correlation, &orgs).await.unwrap();
        assert_eq!(lock(&rules.named).len(), 0, "no finding names them");
        for hash in &hashes {
            rules.rulebooks(&mut correlation, &orgs, &BTreeSet::from([hash.clone()])).await.unwrap();
            assert!(lock(&rules.named).contains_key(hash));
        }
        assert!(lock(&rules.named).len() <= MOST);
    }
}
