//! The Pub/Sub API's service.

use crate::fault::Fault;
use crate::org::Org;
use crate::refusal::{rpc_id, status};
use crate::replay::{self, Unusable};
use crate::timeline::{Offset, Topic};
use futures::Stream;
use salesforce_client::pubsub::wire::pub_sub_server::PubSub;
use salesforce_client::pubsub::wire::{
    FetchRequest, FetchResponse, ReplayPreset, SchemaInfo, SchemaRequest, TopicInfo, TopicRequest,
};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::time::Instant;
use tonic::metadata::MetadataMap;
use tonic::{Code, Request, Response, Status, Streaming};

#[derive(Debug)]
pub(crate) struct Service(pub(crate) Arc<Org>);

#[tonic::async_trait]
impl PubSub for Service {
    type SubscribeStream = Answers;

    async fn subscribe(&self, request: Request<Streaming<FetchRequest>>) -> Result<Response<Answers>, Status> {
        self.admit("subscribe", request.metadata())?;
        let mut requests = request.into_inner();
        let Some(first) = requests.message().await? else {
            return Err(status(Code::InvalidArgument, None, "nothing was asked for"));
        };
        let (number, topic) = self.topic(&first.topic_name)?;
        let names = topic.names();
        if self.0.faults.occurs(&names, &Fault::TopicForbidden) {
            return Err(status(Code::PermissionDenied, None, "the user may not subscribe to the topic"));
        }
        if self.0.faults.occurs(&names, &Fault::StreamsBroken) {
            return Err(unavailable());
        }
        let credit = credit(&first)?;
        let offset = self.offset(topic, &first)?;
        let offsets = self.0.timeline.offsets.get(number).map_or(&[][..], Vec::as_slice);
        let next = offsets.partition_point(|event| *event < offset);
        let (sender, answers) = mpsc::unbounded_channel();
        let id = self.0.streams().add(number, next, credit, Instant::now(), sender);
        self.0.wake.notify_one();
        tokio::spawn(listen(Arc::clone(&self.0), id, first.topic_name, requests));
        Ok(Response::new(Answers { org: Arc::clone(&self.0), id, answers }))
    }

    async fn get_schema(&self, request: Request<SchemaRequest>) -> Result<Response<SchemaInfo>, Status> {
        self.admit("schema", request.metadata())?;
        let id = request.into_inner().schema_id;
        let mut schemas = self.0.timeline.topics.iter().flat_map(|topic| [&topic.schema, &topic.changed]);
        let Some(schema) = schemas.find(|schema| schema.id == id) else {
            return Err(status(Code::NotFound, None, "the schema does not exist"));
        };
        Ok(Response::new(SchemaInfo { schema_json: schema.json.clone(), schema_id: id, rpc_id: rpc_id() }))
    }

    async fn get_topic(&self, request: Request<TopicRequest>) -> Result<Response<TopicInfo>, Status> {
        self.admit("topic", request.metadata())?;
        let name = request.into_inner().topic_name;
        let (_, topic) = self.topic(&name)?;
        let names = topic.names();
        let changed = self.0.faults.is_active(&names, &Fault::SchemaChanged);
        Ok(Response::new(TopicInfo {
            tenant_guid: format!("core/fake/{}", self.0.id),
            can_publish: false,
            can_subscribe: !self.0.faults.is_active(&names, &Fault::TopicForbidden),
            schema_id: if changed { topic.changed.id.clone() } else { topic.schema.id.clone() },
            rpc_id: rpc_id(),
            topic_name: name,
        }))
    }
}

impl Service {
    fn admit(&self, call: &'static str, metadata: &MetadataMap) -> Result<(), Status> {
        self.0.count(call);
        if self.0.faults.occurs(&[call], &Fault::Unavailable) {
            return Err(unavailable());
        }
        let said = |key: &str| metadata.get(key).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let known = self.0.tokens.is_valid(said("accesstoken"));
        if known && said("instanceurl") == self.0.url && said("tenantid") == self.0.id.as_str() {
            return Ok(());
        }
        Err(status(Code::Unauthenticated, Some("service.auth.error"), "the authentication is not valid"))
    }

    fn topic(&self, name: &str) -> Result<(usize, &Topic), Status> {
        let found = self.0.timeline.topic(name);
        found
            .filter(|(_, topic)| !self.0.faults.occurs(&topic.names(), &Fault::TopicMissing))
            .ok_or_else(|| status(Code::NotFound, None, "the topic does not exist"))
    }

    /// Returns the offset at which a subscription starts.
    fn offset(&self, topic: &Topic, request: &FetchRequest) -> Result<Offset, Status> {
        match request.replay_preset() {
            ReplayPreset::Latest => Ok(self.0.timeline.after(self.0.clock.now())),
            ReplayPreset::Earliest => Ok(self.0.earliest()),
            ReplayPreset::Custom => match replay::decode(&request.replay_id, self.0.replay_tag(&topic.name)) {
                Ok(offset) if (self.0.earliest()..=self.0.timeline.end()).contains(&offset) => Ok(offset),
                Ok(_) | Err(Unusable::Foreign) => Err(status(
                    Code::InvalidArgument,
                    Some("subscription.fetch.replayid.corrupted"),
                    "the replay id is not known",
                )),
                Err(Unusable::Malformed) => Err(status(
                    Code::InvalidArgument,
                    Some("subscription.fetch.replayid.validation.failed"),
                    "the replay id is no replay id",
                )),
            },
        }
    }
}

pub(crate) fn unavailable() -> Status {
    status(Code::Unavailable, Some("service.unavailable"), "the service is not available")
}

fn credit(request: &FetchRequest) -> Result<usize, Status> {
    match usize::try_from(request.num_requested) {
        Ok(more @ 1..) => Ok(more),
        _ => Err(status(Code::InvalidArgument, None, "num_requested must be positive")),
    }
}

/// The answers of one subscription. Dropping it ends the subscription.
#[derive(Debug)]
pub(crate) struct Answers {
    org: Arc<Org>,
    id: u64,
    answers: UnboundedReceiver<Result<FetchResponse, Status>>,
}

impl Stream for Answers {
    type Item = Result<FetchResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.answers.poll_recv(context)
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        self.org.streams().open.remove(&self.id);
        self.org.wake.notify_one();
    }
}

/// Receives the client's requests, until it breaks a rule, requests nothing for too long, or disconnects.
async fn listen(org: Arc<Org>, id: u64, topic: String, mut requests: Streaming<FetchRequest>) {
    let error = loop {
        let Ok(message) = tokio::time::timeout(org.settings.idle, requests.message()).await else {
            if org.streams().open.get(&id).is_some_and(|open| open.credit > 0) {
                continue;
            }
            break None;
        };
        match message {
            Ok(Some(request)) if !request.topic_name.is_empty() && request.topic_name != topic => {
                break Some(status(Code::InvalidArgument, None, "the topic of a stream cannot change"));
            }
            Ok(Some(request)) => match credit(&request) {
                Ok(more) => org.streams().add_credit(id, more),
                Err(error) => break Some(error),
            },
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
        org.wake.notify_one();
    };
    let mut streams = org.streams();
    match error {
        // Events that were requested are still sent.
        None => {
            if let Some(open) = streams.open.get_mut(&id) {
                open.ending = true;
            }
        }
        Some(error) => {
            if let Some(closed) = streams.open.remove(&id) {
                drop(closed.sender.send(Err(error)));
            }
        }
    }
    drop(streams);
    org.wake.notify_one();
}
