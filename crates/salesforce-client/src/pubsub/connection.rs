//! The connection to the Pub/Sub API, and its three calls: topic, schema, subscribe.

use super::wire::pub_sub_client::PubSubClient;
use super::wire::{FetchRequest, FetchResponse, ReplayPreset, SchemaRequest, TopicRequest};
use super::{Replay, Topic, credit};
use crate::auth::Token;
use crate::{Error, Result, Settings, SettingsError};
use futures::channel::mpsc;
use secrecy::ExposeSecret;
use std::sync::OnceLock;
use std::time::Duration;
use tonic::metadata::{AsciiMetadataValue, MetadataMap};
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use tonic::{Code, Request, Status, Streaming};

/// A lazily opened connection, shared by all subscriptions of a client.
pub(crate) struct Connection {
    endpoint: Endpoint,
    /// Created at the first call, since it needs the async runtime.
    channel: OnceLock<Channel>,
    timeout_seconds: u32,
    silence_seconds: u32,
}

/// The gRPC stream of a subscription, after its first request was accepted.
pub(crate) struct Opened {
    topic: String,
    requests: mpsc::UnboundedSender<FetchRequest>,
    answers: Streaming<FetchResponse>,
    /// The first answer, which showed that Salesforce accepted the subscription.
    first: Option<FetchResponse>,
    silence_seconds: u32,
}

/// The name of subscriptions in errors.
const SUBSCRIBE: &str = "subscribe";
/// The largest message that is accepted, in bytes, in place of gRPC's default of 4 MB: an event has up to 1 MB, and an
/// answer holds up to 100 events. A choice.
const MAX_MESSAGE: usize = 8 << 20;
/// HTTP/2 flow control window of a stream, in bytes: the most that Salesforce sends to a subscription that is not read.
/// A choice.
const STREAM_WINDOW: u32 = 512 << 10;
/// HTTP/2 flow control window of the connection, in bytes. It exceeds the windows of 60 streams together, so that
/// subscriptions that are not read cannot block the others.
const CONNECTION_WINDOW: u32 = 32 << 20;
/// How often to send an HTTP/2 ping. A choice: proxies and firewalls drop idle connections without closing them.
const PING_INTERVAL: Duration = Duration::from_secs(30);
/// How long to wait for the answer to a ping before the connection counts as dead. A choice.
const PING_TIMEOUT: Duration = Duration::from_secs(20);

impl Connection {
    pub(crate) fn new(settings: &Settings) -> std::result::Result<Self, SettingsError> {
        let wrong = |problem: String| SettingsError::Value { key: "pubsub_url", problem };
        let endpoint =
            Endpoint::from_shared(settings.pubsub_url.clone()).map_err(|_| wrong("is not a URL".to_owned()))?;
        let mut endpoint = endpoint
            .connect_timeout(Duration::from_secs(settings.timeout_seconds.into()))
            .tcp_nodelay(true)
            .http2_keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIMEOUT)
            .keep_alive_while_idle(true)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW);
        if settings.pubsub_url.starts_with("https:") {
            let tls = ClientTlsConfig::new().with_native_roots();
            endpoint = endpoint.tls_config(tls).map_err(|error| wrong(format!("no TLS: {error}")))?;
        }
        let Settings { timeout_seconds, silence_seconds, .. } = *settings;
        Ok(Self { endpoint, channel: OnceLock::new(), timeout_seconds, silence_seconds })
    }

    /// Looks up a topic.
    pub(crate) async fn topic(&self, token: &Token, name: &str) -> Result<Topic> {
        let call = "topic";
        let request = request(call, token, TopicRequest { topic_name: name.to_owned() })?;
        let answer = answered(call, self.timeout_seconds, self.stub().get_topic(request)).await?.into_inner();
        Ok(Topic { name: answer.topic_name, can_subscribe: answer.can_subscribe, schema_id: answer.schema_id })
    }

    /// Fetches a schema's JSON text.
    pub(crate) async fn schema(&self, token: &Token, id: &str) -> Result<String> {
        let call = "schema";
        let request = request(call, token, SchemaRequest { schema_id: id.to_owned() })?;
        let answer = answered(call, self.timeout_seconds, self.stub().get_schema(request)).await?;
        Ok(answer.into_inner().schema_json)
    }

    /// Subscribes, and waits for the first answer, which shows whether Salesforce accepts the token.
    pub(crate) async fn open(&self, token: &Token, topic: &str, replay: &Replay) -> Result<Opened> {
        let (preset, replay_id) = match replay {
            Replay::Latest => (ReplayPreset::Latest, Vec::new()),
            Replay::Earliest => (ReplayPreset::Earliest, Vec::new()),
            Replay::After(replay_id) => (ReplayPreset::Custom, replay_id.clone()),
        };
        let first = FetchRequest { replay_preset: preset.into(), replay_id, ..fetch(topic, credit::MOST) };
        let (requests, outgoing) = mpsc::unbounded();
        // Cannot fail: this function holds the receiver.
        drop(requests.unbounded_send(first));

        let mut stub = self.stub();
        let subscribed = stub.subscribe(request(SUBSCRIBE, token, outgoing)?);
        let answers = answered(SUBSCRIBE, self.silence_seconds, subscribed).await?.into_inner();
        let silence_seconds = self.silence_seconds;
        let mut opened = Opened { topic: topic.to_owned(), requests, answers, first: None, silence_seconds };
        opened.first = Some(opened.answer().await?);
        Ok(opened)
    }

    fn stub(&self) -> PubSubClient<Channel> {
        let channel = self.channel.get_or_init(|| self.endpoint.connect_lazy());
        PubSubClient::new(channel.clone()).max_decoding_message_size(MAX_MESSAGE)
    }
}

impl Opened {
    /// Waits for the next answer.
    ///
    /// # Errors
    /// If the stream failed, ended, or was silent for too long. There is no further answer then.
    pub(crate) async fn answer(&mut self) -> Result<FetchResponse> {
        if let Some(first) = self.first.take() {
            return Ok(first);
        }
        let answer = answered(SUBSCRIBE, self.silence_seconds, self.answers.message()).await?;
        answer.ok_or_else(|| {
            let message = "the stream has ended".to_owned();
            Error::Stream { call: SUBSCRIBE, code: "Ok".to_owned(), grpc: Code::Ok, message }
        })
    }

    /// Requests so many more events.
    pub(crate) fn request(&self, events: usize) {
        // The channel is closed if the stream has failed; the next answer then returns the error.
        drop(self.requests.unbounded_send(fetch(&self.topic, events)));
    }
}

fn fetch(topic: &str, events: usize) -> FetchRequest {
    let num_requested = i32::try_from(events).unwrap_or(i32::MAX);
    FetchRequest { topic_name: topic.to_owned(), num_requested, ..FetchRequest::default() }
}

/// Waits for an answer with a time limit.
async fn answered<T>(
    call: &'static str,
    seconds: u32,
    answer: impl Future<Output = std::result::Result<T, Status>>,
) -> Result<T> {
    match tokio::time::timeout(Duration::from_secs(seconds.into()), answer).await {
        Ok(answer) => answer.map_err(|status| Error::status(call, &status)),
        Err(_) => Err(Error::Silent { call, seconds }),
    }
}

/// Adds the metadata with which the Pub/Sub API authenticates each call.
fn request<T>(call: &'static str, token: &Token, message: T) -> Result<Request<T>> {
    let value = |text: &str| {
        let problem = "the token or instance URL cannot be sent as a header".to_owned();
        AsciiMetadataValue::try_from(text).map_err(|_| Error::Unexpected { call, problem })
    };
    let mut secret = value(token.secret.expose_secret())?;
    secret.set_sensitive(true);
    let mut metadata = MetadataMap::new();
    metadata.insert("accesstoken", secret);
    metadata.insert("instanceurl", value(&token.identity.instance_url)?);
    metadata.insert("tenantid", value(token.identity.org_id.as_str())?);
    Ok(Request::from_parts(metadata, tonic::Extensions::default(), message))
}
