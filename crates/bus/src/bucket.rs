//! The key-value bucket that distributes settings to running services.

use crate::error::Cause;
use crate::{Bus, BusError, topology};
use async_nats::jetstream::kv::{Config, Operation, Store, Watch};
use async_nats::jetstream::stream::Config as StreamConfig;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use runtime::retry::Backoff;
use std::time::Duration;

/// The bucket `<prefix>-settings`. Clones share one handle.
#[derive(Clone, Debug)]
pub struct Bucket {
    store: Store,
}

impl Bucket {
    /// Opens the bucket. Retries for `connect_seconds` while JetStream does not answer.
    ///
    /// # Errors
    /// If JetStream refuses, or the bucket was never created, which [`crate::Topology::apply`] does.
    pub async fn open(bus: &Bus) -> Result<Self, BusError> {
        let name = topology::bucket(&bus.settings.prefix);
        let open = async || {
            let store = bus.context.get_key_value(&name).await;
            Ok(Self { store: store.map_err(|error| api(&name, "open it", error.into()))? })
        };
        bus.until_answered(open).await
    }

    /// Creates the bucket if it does not exist, and sets its number of copies.
    pub(crate) async fn apply(bus: &Bus, replicas: u8) -> Result<(), BusError> {
        let bucket = topology::bucket(&bus.settings.prefix);
        let num_replicas = replicas.into();
        let Some(actual) = Self::config(bus).await? else {
            let config = Config { bucket: bucket.clone(), history: 1, num_replicas, ..Config::default() };
            let created = bus.context.create_key_value(config).await;
            return created.map(drop).map_err(|error| api(&bucket, "create it", error.into()));
        };
        if actual.num_replicas == num_replicas {
            return Ok(());
        }
        let updated = bus.context.update_stream(StreamConfig { num_replicas, ..actual }).await;
        updated.map(drop).map_err(|error| api(&bucket, "update it", error.into()))
    }

    /// Returns the configuration of the stream behind the bucket; `None` if it does not exist.
    pub(crate) async fn config(bus: &Bus) -> Result<Option<StreamConfig>, BusError> {
        let stream = topology::stream(bus, &format!("KV_{}", topology::bucket(&bus.settings.prefix))).await?;
        Ok(stream.map(|stream| stream.cached_info().config.clone()))
    }

    /// Stores a value. It is stored when this returns.
    ///
    /// # Errors
    /// [`BusError::Key`] for a name that is not valid; if JetStream refuses or does not answer.
    pub async fn put(&self, key: &str, value: Bytes) -> Result<(), BusError> {
        check(key)?;
        let put = self.store.put(key, value).await;
        put.map(drop).map_err(|error| api(&self.store.name, "put into it", error.into()))
    }

    /// Returns the value of a key, if there is one.
    ///
    /// # Errors
    /// As [`Bucket::put`].
    pub async fn get(&self, key: &str) -> Result<Option<Bytes>, BusError> {
        check(key)?;
        self.store.get(key).await.map_err(|error| api(&self.store.name, "read it", error.into()))
    }

    /// Returns the present value of a key, if there is one, and every later one. The stream never ends and survives the
    /// loss of the connection. Of values stored in quick succession it may yield only the last.
    ///
    /// # Errors
    /// [`BusError::Key`] for a name that is not valid.
    pub fn watch(&self, key: &str) -> Result<impl Stream<Item = Bytes> + Send + Unpin + 'static, BusError> {
        check(key)?;
        let watcher = Watcher { store: self.store.clone(), key: key.to_owned(), watch: None, seen: 0 };
        Ok(Box::pin(futures::stream::unfold(watcher, |mut watcher| async {
            let value = watcher.next().await;
            Some((value, watcher))
        })))
    }
}

/// How long a watch may be silent until the value itself is read. The client recreates a consumer that was lost with
/// its server; where it cannot, the watch stays silent. Five seconds are a choice: settings change rarely.
const SILENCE: Duration = Duration::from_secs(5);

struct Watcher {
    store: Store,
    key: String,
    watch: Option<Watch>,
    /// The revision last returned.
    seen: u64,
}

impl Watcher {
    async fn next(&mut self) -> Bytes {
        let mut delays = Backoff::steady(Duration::from_millis(100), Duration::from_secs(5));
        loop {
            match self.attempt().await {
                Ok(Some(value)) => return value,
                Ok(None) => continue,
                Err(error) => tracing::warn!(key = %self.key, %error, "nats: watching settings was interrupted"),
            }
            self.watch = None;
            tokio::time::sleep(delays.delay()).await;
        }
    }

    /// Waits for the next value; `None` if an update holds no new one.
    async fn attempt(&mut self) -> Result<Option<Bytes>, Cause> {
        let watch = match &mut self.watch {
            Some(watch) => watch,
            none => none.insert(self.store.watch_with_history(&self.key).await?),
        };
        let entry = match tokio::time::timeout(SILENCE, watch.next()).await {
            Ok(entry) => entry.ok_or("the watch ended")??,
            Err(_) => match self.store.entry(&self.key).await? {
                Some(entry) if entry.revision > self.seen => {
                    self.watch = None;
                    entry
                }
                _ => return Ok(None),
            },
        };
        if entry.revision <= self.seen || entry.operation != Operation::Put {
            return Ok(None);
        }
        self.seen = entry.revision;
        Ok(Some(entry.value))
    }
}

fn check(key: &str) -> Result<(), BusError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_/=.".contains(&byte);
    let valid = !key.is_empty() && key.bytes().all(plain) && !key.starts_with('.') && !key.ends_with('.');
    if valid { Ok(()) } else { Err(BusError::Key { name: key.to_owned() }) }
}

fn api(bucket: &str, action: &'static str, error: Cause) -> BusError {
    BusError::api(format!("bucket {bucket}"), action)(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;
    use servers::Nats;

    #[tokio::test]
    async fn a_watch_that_stays_silent_is_replaced() {
        let nats = Nats::start().await.unwrap();
        let settings = Settings { servers: vec![nats.url()], ..Settings::default() };
        let bus = Bus::connect("test", &settings).await.unwrap();
        Bucket::apply(&bus, 1).await.unwrap();
        let bucket = Bucket::open(&bus).await.unwrap();
        bucket.put("rules", "new".into()).await.unwrap();
        // A watch of another key receives no update of the rules.
        let silent = bucket.store.watch("other").await.unwrap();
        let store = bucket.store.clone();
        let mut watcher = Watcher { store, key: "rules".to_owned(), watch: Some(silent), seen: 0 };
        assert_eq!(watcher.next().await, "new");
        bucket.put("rules", "newer".into()).await.unwrap();
        assert_eq!(watcher.next().await, "newer");
    }
}
