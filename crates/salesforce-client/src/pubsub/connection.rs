//! The connection to the Pub/Sub API, and its three calls.

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

pub(crate) struct Connection {
    endpoint: Endpoint,
    /// Made within the runtime that calls, which is not there yet when settings are read.
    channel: OnceLock<Channel>,
    timeout_seconds: u32,
    silence_seconds: u32,
}

/// A subscription as far as the transport goes. Its first request is sent.
pub(crate) struct Opened {
    topic: String,
    requests: mpsc::UnboundedSender<FetchRequest>,
    answers: Streaming<FetchResponse>,
    /// The answer that has shown that the subscription is taken.
    first: Option<FetchResponse>,
    silence_seconds: u32,
}

/// What one call is named in errors.
const SUBSCRIBE: &str = "subscribe";
/// An event has up to 1 MB; what comes together may have more than gRPC's usual limit of 4 MB.
const MAX_MESSAGE: usize = 8 << 20;
/// A subscription whose events nobody takes at the moment holds this much back; all of them together, with room to
/// spare, less than the connection, so that none can hold up another.
const STREAM_WINDOW: u32 = 512 << 10;
const CONNECTION_WINDOW: u32 = 32 << 20;

impl Connection {
    pub(crate) fn new(settings: &Settings) -> std::result::Result<Self, SettingsError> {
        let wrong = |problem: String| SettingsError::Value { key: "pubsub_url", problem };
        let endpoint = Endpoint::from_shared(settings.pubsub_url.clone()).map_err(|_| wrong("is no URL".to_owned()))?;
        let mut endpoint = endpoint
            .connect_timeout(Duration::from_secs(settings.timeout_seconds.into()))
            .tcp_nodelay(true)
            // Connections die without a word when something on the way forgets them.
            .http2_keep_alive_interval(Duration::from_secs(30))
            .keep_alive_timeout(Duration::from_secs(20))
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

    pub(crate) async fn topic(&self, token: &Token, name: &str) -> Result<Topic> {
        let call = "topic";
        let request = request(call, token, TopicRequest { topic_name: name.to_owned() })?;
        let answer = answered(call, self.timeout_seconds, self.stub().get_topic(request)).await?.into_inner();
        Ok(Topic { name: answer.topic_name, can_subscribe: answer.can_subscribe, schema_id: answer.schema_id })
    }

    /// The text of a schema.
    pub(crate) async fn schema(&self, token: &Token, id: &str) -> Result<String> {
        let call = "schema";
        let request = request(call, token, SchemaRequest { schema_id: id.to_owned() })?;
        let answer = answered(call, self.timeout_seconds, self.stub().get_schema(request)).await?;
        Ok(answer.into_inner().schema_json)
    }

    /// Subscribes, and waits for the first answer: before it nobody knows whether the token is taken.
    pub(crate) async fn open(&self, token: &Token, topic: &str, replay: &Replay) -> Result<Opened> {
        let (preset, replay_id) = match replay {
            Replay::Latest => (ReplayPreset::Latest, Vec::new()),
            Replay::Earliest => (ReplayPreset::Earliest, Vec::new()),
            Replay::After(replay_id) => (ReplayPreset::Custom, replay_id.clone()),
        };
        let first = FetchRequest { replay_preset: preset.into(), replay_id, ..fetch(topic, credit::MOST) };
        let (requests, outgoing) = mpsc::unbounded();
        // Cannot fail: the receiver is here.
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
    /// The next answer.
    ///
    /// # Errors
    /// If there will be none.
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

    pub(crate) fn ask(&self, events: usize) {
        // It is closed when the stream has failed, and then the next answer tells how.
        drop(self.requests.unbounded_send(fetch(&self.topic, events)));
    }
}

fn fetch(topic: &str, events: usize) -> FetchRequest {
    let num_requested = i32::try_from(events).unwrap_or(i32::MAX);
    FetchRequest { topic_name: topic.to_owned(), num_requested, ..FetchRequest::default() }
}

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

fn request<T>(call: &'static str, token: &Token, message: T) -> Result<Request<T>> {
    let value = |text: &str| {
        let problem = "a token or name that cannot be a header".to_owned();
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
