//! A stub of the Pub/Sub API that answers by script.

use crate::org::{self, ORG_ID, Org};
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use salesforce_client::pubsub::wire::pub_sub_server::{PubSub, PubSubServer};
use salesforce_client::pubsub::wire::{
    ConsumerEvent, FetchRequest, FetchResponse, ProducerEvent, SchemaInfo, SchemaRequest, TopicInfo, TopicRequest,
};
use salesforce_client::{Client, Settings};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::metadata::MetadataMap;
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};

/// A step of the answer to a subscription.
pub(crate) enum Step {
    Answer(FetchResponse),
    /// Waits for a request for more events.
    Request,
    Fail(Status),
    /// Stays silent from now on.
    Hang,
}

/// A Pub/Sub API with its org. It stops when it is dropped.
pub(crate) struct Stub {
    pub(crate) org: Org,
    pub(crate) api: Arc<Api>,
    /// The requests of the clients, one subscription after the other.
    pub(crate) requests: mpsc::UnboundedReceiver<FetchRequest>,
    url: String,
    serving: tokio::task::JoinHandle<()>,
}

pub(crate) struct Api {
    org: Arc<org::State>,
    /// The answers to the next subscriptions.
    pub(crate) scripts: Mutex<VecDeque<Vec<Step>>>,
    /// The errors of the next requests for schemas.
    pub(crate) schema_failures: Mutex<VecDeque<Status>>,
    pub(crate) schemas_fetched: AtomicUsize,
    requests: mpsc::UnboundedSender<FetchRequest>,
}

/// Schemas by id: an event, the same event a release later, and an invalid one.
pub(crate) const SCHEMAS: [(&str, &str); 3] = [
    (
        "one",
        r#"{"type":"record","name":"LoginEventStream","fields":[{"name":"N","type":"int"},{"name":"S","type":["null","string"]}]}"#,
    ),
    (
        "two",
        r#"{"type":"record","name":"LoginEventStream","fields":[{"name":"New","type":["null","int"]},{"name":"S","type":["null","string"]},{"name":"N","type":"int"}]}"#,
    ),
    ("bad", "no schema"),
];

impl Stub {
    pub(crate) async fn start(scripts: impl IntoIterator<Item = Vec<Step>>) -> Self {
        let org = Org::start().await;
        let (sender, requests) = mpsc::unbounded_channel();
        let api = Arc::new(Api {
            org: org.state.clone(),
            scripts: Mutex::new(scripts.into_iter().collect()),
            schema_failures: Mutex::default(),
            schemas_fetched: AtomicUsize::new(0),
            requests: sender,
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = Server::builder().add_service(PubSubServer::from_arc(api.clone()));
        let serving = server.serve_with_incoming(TcpListenerStream::new(listener)).map(Result::unwrap);
        Self { org, api, requests, url, serving: tokio::spawn(serving) }
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings { pubsub_url: self.url.clone(), ..self.org.settings() }
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(&self.settings()).unwrap()
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// An answer with events given as (replay id, schema id, payload).
pub(crate) fn answer(events: &[(u8, &str, &[u8])], pending: i32) -> Step {
    let event = |&(replay_id, schema_id, payload): &(u8, &str, &[u8])| {
        let event = ProducerEvent { schema_id: schema_id.to_owned(), payload: payload.to_vec(), ..Default::default() };
        ConsumerEvent { event: Some(event), replay_id: vec![replay_id] }
    };
    let latest_replay_id = vec![events.last().map_or(99, |(replay_id, ..)| *replay_id)];
    let events = events.iter().map(event).collect();
    Step::Answer(FetchResponse { events, latest_replay_id, pending_num_requested: pending, ..Default::default() })
}

pub(crate) fn status(code: tonic::Code, trailer: &str) -> Status {
    let mut metadata = MetadataMap::new();
    metadata.insert("error-code", format!("sfdc.platform.eventbus.grpc.{trailer}").parse().unwrap());
    Status::with_metadata(code, "some words", metadata)
}

impl Api {
    fn check(&self, metadata: &MetadataMap) -> Result<(), Status> {
        let text = |name: &str| metadata.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !self.org.accepts(text("accesstoken")) {
            return Err(status(tonic::Code::Unauthenticated, "service.auth.error"));
        }
        let is_complete = text("tenantid") == ORG_ID && text("instanceurl").starts_with("http://127.0.0.1:");
        if is_complete { Ok(()) } else { Err(Status::invalid_argument("metadata")) }
    }
}

#[tonic::async_trait]
impl PubSub for Api {
    type SubscribeStream = BoxStream<'static, Result<FetchResponse, Status>>;

    async fn subscribe(
        &self,
        request: Request<Streaming<FetchRequest>>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        self.check(request.metadata())?;
        let script = self.scripts.lock().unwrap().pop_front().unwrap_or_default();
        let mut requests = request.into_inner();
        self.requests.send(requests.message().await?.unwrap()).unwrap();
        let state = (VecDeque::from(script), requests, self.requests.clone());
        let answers = stream::unfold(state, |(mut script, mut requests, sender)| async move {
            loop {
                let step = match script.pop_front()? {
                    Step::Answer(answer) => Ok(answer),
                    Step::Fail(status) => Err(status),
                    Step::Hang => std::future::pending().await,
                    Step::Request => {
                        sender.send(requests.message().await.ok()??).ok()?;
                        continue;
                    }
                };
                return Some((step, (script, requests, sender)));
            }
        });
        Ok(Response::new(answers.boxed()))
    }

    async fn get_schema(&self, request: Request<SchemaRequest>) -> Result<Response<SchemaInfo>, Status> {
        self.check(request.metadata())?;
        self.schemas_fetched.fetch_add(1, Ordering::SeqCst);
        if let Some(failure) = self.schema_failures.lock().unwrap().pop_front() {
            return Err(failure);
        }
        let schema_id = request.into_inner().schema_id;
        let known = SCHEMAS.iter().find(|(id, _)| *id == schema_id);
        let (_, json) = known.ok_or_else(|| Status::not_found("no such schema"))?;
        Ok(Response::new(SchemaInfo { schema_json: (*json).to_owned(), schema_id, ..Default::default() }))
    }

    async fn get_topic(&self, request: Request<TopicRequest>) -> Result<Response<TopicInfo>, Status> {
        self.check(request.metadata())?;
        let topic_name = request.into_inner().topic_name;
        match topic_name.as_str() {
            "/event/LoginEventStream" => {
                let schema_id = "one".to_owned();
                Ok(Response::new(TopicInfo { topic_name, can_subscribe: true, schema_id, ..Default::default() }))
            }
            _ => Err(Status::not_found("no such topic")),
        }
    }
}
