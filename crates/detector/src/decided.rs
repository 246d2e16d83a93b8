//! The settings that people have decided on for single orgs, which observations name by hash.

use bus::Delivery;
use engine::Rules;
use model::{Observation, Text};
use settings::Settings;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use store::{Store, StoreError};

/// Those that observations have named.
pub(crate) struct Decided {
    store: Store,
    known: BTreeMap<Text, Settings>,
}

/// Why observations cannot be judged by the settings that they name.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DecidedError {
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// They are not there, or this version cannot read them.
    #[error("settings {hash} of a decision are not stored, or this version cannot read them")]
    NotStored {
        /// Their hash.
        hash: Text,
    },
}

/// The most settings that are kept. A choice: far more than orgs change theirs while observations wait.
const MOST: usize = 100;

impl Decided {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, known: BTreeMap::new() }
    }

    /// Returns `rules` with those settings that observations name.
    ///
    /// # Errors
    /// If the database does not answer, or does not have them: whoever sends a decision stores its settings first.
    pub(crate) async fn complete(
        &mut self,
        rules: Arc<Rules>,
        deliveries: &[Delivery<Observation>],
    ) -> Result<Arc<Rules>, DecidedError> {
        let items = deliveries.iter().flat_map(|delivery| &delivery.items);
        let named: BTreeSet<Text> = items.filter_map(|item| rules.lacks(&item.value).cloned()).collect();
        if named.is_empty() {
            return Ok(rules);
        }
        if self.known.len() + named.len() > MOST {
            self.known.retain(|hash, _| named.contains(hash));
        }
        let unread: Vec<Text> = named.iter().filter(|hash| !self.known.contains_key(*hash)).cloned().collect();
        if !unread.is_empty() {
            let stored = self.store.settings(&unread).await?;
            self.known.extend(stored.into_iter().filter_map(|(hash, text)| Some((hash.clone(), parse(&hash, &text)?))));
        }
        let mut rules = Rules::clone(&rules);
        for hash in named {
            let Some(settings) = self.known.get(&hash) else { return Err(DecidedError::NotStored { hash }) };
            rules.add(hash, settings);
        }
        Ok(Arc::new(rules))
    }
}

fn parse(hash: &Text, text: &str) -> Option<Settings> {
    let read = Settings::read_stored(text, Path::new("stored settings"));
    read.inspect_err(|error| tracing::error!(%hash, %error, "stored settings cannot be read")).ok()
}
