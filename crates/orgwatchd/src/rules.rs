//! The rules in force: those of the configuration, or those that `config push` has distributed since.

use anyhow::{Context, Result};
use bus::{Bucket, Bus, BusError};
use futures::StreamExt;
use model::{Text, Timestamp};
use runtime::error::chain;
use runtime::retry::{Backoff, SteadyBackoff};
use serde::{Deserialize, Serialize};
use settings::{Change, Hashed, Settings, SettingsError};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use store::{Store, StoreError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The value of [`KEY`] in the settings bucket.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pushed {
    /// The keys that are pushed, as TOML. Each service puts them over its own configuration. `None` if it takes its own
    /// configuration again.
    toml: Option<String>,
    /// The database login of the operator.
    pub(crate) by: String,
    /// When they were pushed.
    pub(crate) at: Timestamp,
}

/// The rules in force where the configuration is that of this process.
pub(crate) struct Live {
    /// The rules.
    pub(crate) rules: Hashed,
    /// Who pushed keys over the configuration; `None` if nobody did, or what is pushed cannot be read.
    pub(crate) pushed: Option<Pushed>,
    /// Why what is pushed cannot be read. `rules` are then those of the configuration.
    pub(crate) unreadable: Option<anyhow::Error>,
}

/// What the audit trail calls a push.
pub(crate) const PUSHED: &str = "rules pushed";

/// Key in the settings bucket.
const KEY: &str = "rules";

/// Returns what `make` makes of the rules in force, and follows those that are pushed until `shutdown`. Rules are stored
/// by their hash before they are used.
///
/// # Errors
/// If the bucket or the database does not answer.
pub(crate) async fn follow<T: Send + Sync + 'static>(
    bus: &Bus,
    store: &Store,
    own: Settings,
    shutdown: CancellationToken,
    make: impl Fn(Hashed) -> T + Send + 'static,
) -> Result<watch::Receiver<Arc<T>>> {
    let bucket = Bucket::open(bus).await?;
    let mut values = bucket.watch(KEY)?;
    let first = first(&bucket).await?.and_then(|value| valid(&value, &own)).unwrap_or_else(|| own.clone());
    let first = Hashed::from(first);
    keep(store, &first).await?;
    let (sender, receiver) = watch::channel(Arc::new(make(first)));
    let store = store.clone();
    tokio::spawn(async move {
        loop {
            let value = tokio::select! {
                () = shutdown.cancelled() => return,
                value = values.next() => value,
            };
            let Some(value) = value else { return };
            let Some(rules) = valid(&value, &own) else { continue };
            let rules = Hashed::from(rules);
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = until_kept(&store, &rules) => {}
            }
            tracing::info!(hash = %rules.hash, "new rules are in use");
            sender.send_replace(Arc::new(make(rules)));
        }
    });
    Ok(receiver)
}

/// Reads the value at start-up. A bucket that was made a moment ago does not answer before its servers have a leader.
async fn first(bucket: &Bucket) -> Result<Option<Vec<u8>>, BusError> {
    /// Attempts before the service gives up, over about a minute. A choice: an election takes seconds.
    const ATTEMPTS: usize = 30;
    let delays = SteadyBackoff::steady(Duration::from_millis(100), Duration::from_secs(3));
    for delay in delays.take(ATTEMPTS) {
        match bucket.get(KEY).await {
            Ok(value) => return Ok(value.map(Into::into)),
            Err(error) => tracing::warn!(error = chain(&error), "the rules cannot be read yet"),
        }
        tokio::time::sleep(delay).await;
    }
    Ok(bucket.get(KEY).await?.map(Into::into))
}

/// Keys to distribute, and what they change for a service with one configuration.
pub(crate) struct Plan {
    toml: Option<String>,
    /// The rules of that service then.
    pub(crate) after: Hashed,
    /// What changes for it.
    pub(crate) changes: Vec<Change>,
}

/// Returns what changes for a service with the configuration `own` and the rules `before` if the keys of `overlay`, a text
/// in TOML, are distributed; `None`: if all services return to their own configuration.
///
/// # Errors
/// If `overlay` is not valid over `own`.
pub(crate) fn plan(own: &Settings, before: &Settings, overlay: Option<&str>) -> Result<Plan> {
    // The keys alone, without comments.
    let toml = overlay.map(|text| toml::from_str::<toml::Table>(text).map(|keys| keys.to_string())).transpose()?;
    let after = Hashed::from(over(own, toml.as_deref())?);
    let changes = before.changes(&after.settings)?;
    Ok(Plan { toml, after, changes })
}

/// Distributes what is planned. `reason` and `claimed_by` go into the audit trail.
///
/// # Errors
/// If the bucket or the database does not answer, or the database does not take the record of it in the audit trail.
/// Nothing is distributed then, unless the bucket has taken it without an answer.
pub(crate) async fn push(
    bus: &Bus,
    store: &Store,
    plan: Plan,
    reason: Option<&str>,
    claimed_by: Option<&str>,
) -> Result<()> {
    let Plan { toml, after, changes } = plan;
    keep(store, &after).await?;
    let by = store.login().await?;
    let mut details = serde_json::json!({ "keys": toml, "changes": changes });
    if let (Some(reason), Some(details)) = (reason, details.as_object_mut()) {
        details.insert("reason".to_owned(), reason.into());
    }
    let pushed = Pushed { toml, by, at: runtime::clock::now() };
    let bucket = Bucket::open(bus).await?;
    // Before the bucket: no rules come into force without a record.
    store.audit(claimed_by, PUSHED, &after.hash, &details).await?;
    if let Err(error) = bucket.put(KEY, serde_json::to_vec(&pushed)?.into()).await {
        let details = serde_json::json!({ "error": chain(&error) });
        store.audit(claimed_by, "pushing rules failed", &after.hash, &details).await?;
        return Err(error.into());
    }
    Ok(())
}

/// Returns the rules in force where the configuration is `own`.
///
/// # Errors
/// If the bucket does not answer.
pub(crate) async fn live(bus: &Bus, own: &Settings) -> Result<Live> {
    let value = Bucket::open(bus).await?.get(KEY).await?;
    let resolved = value.map_or_else(|| Ok((own.clone(), None)), |value| resolve(&value, own));
    let (rules, pushed, unreadable) = match resolved {
        Ok((rules, pushed)) => (rules, pushed, None),
        Err(error) => (own.clone(), None, Some(error)),
    };
    Ok(Live { rules: rules.into(), pushed, unreadable })
}

/// Returns the settings of `hashes` that are stored, by hash, or why they cannot be read.
///
/// # Errors
/// If the database does not answer.
pub(crate) async fn stored(
    store: &Store,
    hashes: &[Text],
) -> Result<BTreeMap<Text, Result<Settings, SettingsError>>, StoreError> {
    let read = |(hash, text): (Text, String)| {
        let name = format!("orgwatch.settings, hash {hash}");
        (hash, Settings::read_stored(&text, Path::new(&name)))
    };
    Ok(store.settings(hashes).await?.into_iter().map(read).collect())
}

/// Returns the settings that a value puts in force where the configuration is `own`.
fn resolve(value: &[u8], own: &Settings) -> Result<(Settings, Option<Pushed>)> {
    let path = Path::new("pushed rules");
    let Ok(pushed) = serde_json::from_slice::<Pushed>(value) else {
        // Earlier versions put a file into the bucket, of which the section `detect` counted.
        let text = std::str::from_utf8(value).context("pushed rules: not a text")?;
        return Ok((Settings { detect: Settings::parse(text, path)?.detect, ..own.clone() }, None));
    };
    Ok((over(own, pushed.toml.as_deref())?, Some(pushed)))
}

/// Puts pushed keys over the configuration. Partitions are always those of the installation.
fn over(own: &Settings, toml: Option<&str>) -> Result<Settings, SettingsError> {
    let Some(toml) = toml else { return Ok(own.clone()) };
    Ok(Settings { partitions: own.partitions.clone(), ..own.overlay(toml, Path::new("pushed rules"))? })
}

fn valid(value: &[u8], own: &Settings) -> Option<Settings> {
    let resolved = resolve(value, own);
    resolved
        .inspect_err(|error| tracing::error!(error = format!("{error:#}"), "pushed rules are not valid and not used"))
        .ok()
        .map(|(settings, _)| settings)
}

/// Stores rules by their hash.
///
/// # Errors
/// If the database refuses.
pub(crate) async fn keep(store: &Store, rules: &Hashed) -> Result<()> {
    Ok(store.put_settings(&rules.hash, &rules.settings.stored()?).await?)
}

async fn until_kept(store: &Store, rules: &Hashed) {
    let mut delays = Backoff::steady(Duration::from_millis(100), Duration::from_secs(5));
    while let Err(error) = keep(store, rules).await {
        tracing::warn!(hash = %rules.hash, error = format!("{error:#}"), "new rules cannot be stored, trying again");
        tokio::time::sleep(delays.delay()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Settings {
        Settings::parse(text, Path::new("test")).unwrap()
    }

    #[test]
    fn pushed_keys_change_nothing_else_of_a_configuration() {
        let value = |toml: Option<&str>| {
            let toml = toml.map(str::to_owned);
            serde_json::to_vec(&Pushed { toml, by: "alice".to_owned(), at: Timestamp(0) }).unwrap()
        };
        let service = "[profile]\ntime_zone = \"Asia/Tokyo\"\n[orgs.00Dhn0000018hrcEAA]\nmerge_hours = 12\n";
        let own = parse(service);
        let (settings, pushed) = resolve(&value(Some("[detect]\nraise_at = 3.0\n")), &own).unwrap();
        assert_eq!(settings, parse(&format!("[detect]\nraise_at = 3.0\n{service}")));
        assert_eq!(pushed.unwrap().by, "alice");
        let partitions = "[detect]\nraise_at = 3.0\n[partitions]\ncount = 8\n";
        assert_eq!(resolve(&value(Some(partitions)), &own).unwrap().0, settings, "partitions are fixed");
        assert_eq!(resolve(&value(None), &own).unwrap().0, own);
        assert!(resolve(&value(Some("[detect]\nraise_at = 99\n")), &own).is_err());
    }

    #[test]
    fn what_an_earlier_version_pushed_stays_in_force() {
        let own = parse("[risk]\nmerge_hours = 48\n");
        let (settings, pushed) = resolve(b"[detect]\nraise_at = 3.0\n[risk]\nmerge_hours = 12\n", &own).unwrap();
        assert_eq!((settings, pushed), (parse("[detect]\nraise_at = 3.0\n[risk]\nmerge_hours = 48\n"), None));
    }
}
