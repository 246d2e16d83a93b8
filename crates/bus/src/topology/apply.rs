//! Creates and updates the declared streams and consumers.

use super::{Ack, ConsumerSpec, Difference, StreamSpec, Topology};
use crate::{Bucket, Bus, BusError};
use async_nats::jetstream::consumer::{AckPolicy, Config as ConsumerConfig, DeliverPolicy, ReplayPolicy};
use async_nats::jetstream::context::{ConsumerInfoErrorKind, GetStreamErrorKind};
use async_nats::jetstream::stream::{Config as StreamConfig, DiscardPolicy, RetentionPolicy, StorageType};
use async_nats::jetstream::{ErrorCode, stream::Stream as NatsStream};
use std::time::Duration;

/// A field of a stream or consumer: its name, the declared and the actual value, and whether the server can change it.
type Field = (&'static str, String, String, bool);

impl Topology {
    /// Creates missing streams and consumers and updates those that differ. Any number of services may do so at once.
    /// Retries for `connect_seconds` while JetStream does not answer.
    ///
    /// # Errors
    /// [`BusError::Immutable`] names a field that the server cannot change in place. Otherwise if JetStream refuses or
    /// does not answer.
    pub async fn apply(&self, bus: &Bus) -> Result<(), BusError> {
        bus.until_answered(async || self.apply_all(bus).await).await
    }

    async fn apply_all(&self, bus: &Bus) -> Result<(), BusError> {
        for spec in &self.streams {
            self.apply_stream(bus, spec).await?;
        }
        for spec in &self.consumers {
            self.apply_consumer(bus, spec).await?;
        }
        Bucket::apply(bus, self.replicas).await
    }

    /// Returns what [`Topology::apply`] would change. Retries as it does.
    ///
    /// # Errors
    /// If JetStream does not answer.
    pub async fn check(&self, bus: &Bus) -> Result<Vec<Difference>, BusError> {
        bus.until_answered(async || self.check_all(bus).await).await
    }

    async fn check_all(&self, bus: &Bus) -> Result<Vec<Difference>, BusError> {
        let mut differences = Vec::new();
        for spec in &self.streams {
            let found = stream(bus, &spec.name).await?.map(|stream| stream.cached_info().config.clone());
            let fields = found.map(|config| stream_fields(&spec.config(), &config));
            differences.extend(differing(&spec.object(), fields));
        }
        for spec in &self.consumers {
            let found = consumer(bus, spec).await?;
            let fields = found.map(|config| consumer_fields(&spec.config(), &config));
            differences.extend(differing(&spec.object(), fields));
        }
        let copies =
            |config: StreamConfig| vec![("replicas", self.replicas.to_string(), config.num_replicas.to_string(), true)];
        let found = Bucket::config(bus).await?.map(copies);
        differences.extend(differing(&format!("bucket {}", self.bucket), found));
        Ok(differences)
    }

    async fn apply_stream(&self, bus: &Bus, spec: &StreamSpec) -> Result<(), BusError> {
        let wanted = spec.config();
        let Some(found) = stream(bus, &spec.name).await? else {
            let created = bus.context.create_stream(wanted).await;
            tracing::info!(stream = %spec.name, "nats: stream created");
            return created.map(drop).map_err(|error| BusError::api(spec.object(), "create it")(error.into()));
        };
        let actual = found.cached_info().config.clone();
        if !must_update(&spec.object(), stream_fields(&wanted, &actual))? {
            return Ok(());
        }
        tracing::info!(stream = %spec.name, "nats: stream changed");
        // Fields that are not declared keep the values that an operator may have set.
        let updated = StreamConfig {
            subjects: wanted.subjects,
            max_age: wanted.max_age,
            max_bytes: wanted.max_bytes,
            num_replicas: wanted.num_replicas,
            duplicate_window: wanted.duplicate_window,
            discard: wanted.discard,
            ..actual
        };
        let updated = bus.context.update_stream(updated).await;
        updated.map(drop).map_err(|error| BusError::api(spec.object(), "update it")(error.into()))
    }

    async fn apply_consumer(&self, bus: &Bus, spec: &ConsumerSpec) -> Result<(), BusError> {
        let wanted = spec.config();
        if let Some(actual) = consumer(bus, spec).await? {
            if !must_update(&spec.object(), consumer_fields(&wanted, &actual))? {
                return Ok(());
            }
            tracing::info!(stream = %spec.stream, consumer = %spec.name, "nats: consumer changed");
        }
        let created = bus.context.create_consumer_on_stream(wanted, &spec.stream).await;
        created.map(drop).map_err(|error| BusError::api(spec.object(), "create it")(error.into()))
    }
}

impl StreamSpec {
    fn object(&self) -> String {
        format!("stream {}", self.name)
    }

    fn config(&self) -> StreamConfig {
        StreamConfig {
            name: self.name.clone(),
            subjects: self.subjects.clone(),
            retention: RetentionPolicy::Limits,
            storage: StorageType::File,
            discard: DiscardPolicy::Old,
            max_age: Duration::from_secs(u64::from(self.max_age_hours) * 3600),
            max_bytes: self.max_bytes.and_then(|bytes| i64::try_from(bytes).ok()).unwrap_or(-1),
            max_messages: -1,
            max_messages_per_subject: -1,
            max_consumers: -1,
            num_replicas: self.replicas.into(),
            duplicate_window: Duration::from_secs(self.duplicate_window_seconds.into()),
            ..StreamConfig::default()
        }
    }
}

impl ConsumerSpec {
    fn object(&self) -> String {
        format!("consumer {}/{}", self.stream, self.name)
    }

    fn config(&self) -> ConsumerConfig {
        ConsumerConfig {
            durable_name: Some(self.name.clone()),
            deliver_policy: DeliverPolicy::All,
            ack_policy: match self.ack {
                Ack::All => AckPolicy::All,
                Ack::Explicit => AckPolicy::Explicit,
            },
            ack_wait: self.ack_wait(),
            max_deliver: -1,
            max_ack_pending: self.max_ack_pending.map_or(-1, i64::from),
            filter_subjects: self.filters.clone(),
            replay_policy: ReplayPolicy::Instant,
            ..ConsumerConfig::default()
        }
    }
}

/// Looks up a stream; `None` if it does not exist.
pub(crate) async fn stream(bus: &Bus, name: &str) -> Result<Option<NatsStream>, BusError> {
    match bus.context.get_stream(name).await {
        Ok(stream) => Ok(Some(stream)),
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(cause) if cause.error_code() == ErrorCode::STREAM_NOT_FOUND => Ok(None),
            _ => Err(BusError::api(format!("stream {name}"), "look it up")(error.into())),
        },
    }
}

/// Looks up a consumer; `None` if it does not exist.
async fn consumer(bus: &Bus, spec: &ConsumerSpec) -> Result<Option<ConsumerConfig>, BusError> {
    let unreachable = BusError::api(spec.object(), "look it up");
    let stream = match bus.context.get_stream_no_info(&spec.stream).await {
        Ok(stream) => stream,
        Err(error) => return Err(unreachable(error.into())),
    };
    match stream.consumer_info(&spec.name).await {
        Ok(info) => Ok(Some(info.config)),
        Err(error) => match error.kind() {
            ConsumerInfoErrorKind::NotFound | ConsumerInfoErrorKind::StreamNotFound => Ok(None),
            _ => Err(unreachable(error.into())),
        },
    }
}

fn stream_fields(wanted: &StreamConfig, actual: &StreamConfig) -> Vec<Field> {
    let field = |name, of: fn(&StreamConfig) -> String, mutable| (name, of(wanted), of(actual), mutable);
    vec![
        field("storage", |config| format!("{:?}", config.storage), false),
        field("retention", |config| format!("{:?}", config.retention), false),
        field("subjects", |config| config.subjects.join(" "), true),
        field("max_age", |config| format!("{:?}", config.max_age), true),
        field("max_bytes", |config| config.max_bytes.to_string(), true),
        field("replicas", |config| config.num_replicas.to_string(), true),
        field("duplicate_window", |config| format!("{:?}", config.duplicate_window), true),
        field("discard", |config| format!("{:?}", config.discard), true),
    ]
}

fn consumer_fields(wanted: &ConsumerConfig, actual: &ConsumerConfig) -> Vec<Field> {
    let field = |name, of: fn(&ConsumerConfig) -> String, mutable| (name, of(wanted), of(actual), mutable);
    vec![
        field("deliver_policy", |config| format!("{:?}", config.deliver_policy), false),
        field("ack_policy", |config| format!("{:?}", config.ack_policy), false),
        field("deliver_subject", |config| config.deliver_subject.clone().unwrap_or_default(), false),
        field("filters", filters, true),
        field("ack_wait", |config| format!("{:?}", config.ack_wait), true),
        field("max_deliver", |config| config.max_deliver.to_string(), true),
        field("max_ack_pending", |config| config.max_ack_pending.to_string(), true),
    ]
}

/// Returns the filters in one order, from both fields that the server may use.
fn filters(config: &ConsumerConfig) -> String {
    let mut filters = config.filter_subjects.clone();
    filters.extend(Some(config.filter_subject.clone()).filter(|filter| !filter.is_empty()));
    filters.sort();
    filters.join(" ")
}

/// Returns the fields that differ. `fields` is `None` where the object is missing.
fn differing(object: &str, fields: Option<Vec<Field>>) -> Vec<Difference> {
    let fields = fields.unwrap_or_else(|| vec![("existence", "present".to_owned(), "missing".to_owned(), true)]);
    let differing = fields.into_iter().filter(|(_, expected, actual, _)| expected != actual);
    let difference = |(field, expected, actual, _)| Difference { object: object.to_owned(), field, expected, actual };
    differing.map(difference).collect()
}

/// Returns whether a field differs.
///
/// # Errors
/// [`BusError::Immutable`] if the server cannot change it.
fn must_update(object: &str, fields: Vec<Field>) -> Result<bool, BusError> {
    let differing: Vec<Field> = fields.into_iter().filter(|(_, expected, actual, _)| expected != actual).collect();
    for (field, expected, actual, mutable) in &differing {
        if !mutable {
            let (expected, actual) = (expected.clone(), actual.clone());
            return Err(BusError::Immutable { object: object.to_owned(), field, expected, actual });
        }
    }
    Ok(!differing.is_empty())
}
