//! Subscriptions: a topic's events from a position on.

use super::connection::Opened;
use super::credit::Credit;
use super::wire::{ConsumerEvent, FetchResponse, ProducerEvent};
use super::{Replay, Response, Streamed, avro};
use crate::pubsub::schemas::Parsed;
use crate::{Client, Error, Result, Trouble};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use std::collections::HashMap;
use std::fmt;
use tonic::Code;

/// A topic's events from a position on. It requests further events by itself, at most 100 at a time.
pub struct Subscription {
    topic: String,
    responses: BoxStream<'static, Result<Response>>,
}

impl Subscription {
    pub(crate) fn new(client: Client, topic: String, replay: Replay) -> Self {
        let reading = Reading { client, topic: topic.clone(), replay, open: None };
        // The stream owns the state and the future in progress, so that dropping the future of `next` loses nothing.
        let responses = stream::try_unfold(reading, |mut reading| async move {
            let response = reading.next().await?;
            Ok(Some((response, reading)))
        });
        Self { topic, responses: responses.boxed() }
    }

    /// Waits for the next answer. It is cancel safe: dropping the future loses nothing.
    ///
    /// # Errors
    /// If the stream failed or ended, or nothing arrived for [`crate::Settings::silence_seconds`]. The subscription is
    /// over then; every further call fails.
    pub async fn next(&mut self) -> Result<Response> {
        match self.responses.next().await {
            Some(response) => response,
            None => {
                let message = "the subscription is over".to_owned();
                Err(Error::Stream { call: "subscribe", code: "Ok".to_owned(), grpc: Code::Ok, message })
            }
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("topic", &self.topic).finish_non_exhaustive()
    }
}

/// The state of a subscription.
struct Reading {
    client: Client,
    topic: String,
    replay: Replay,
    /// `None` before the first answer was asked for.
    open: Option<(Opened, Credit)>,
}

impl Reading {
    async fn next(&mut self) -> Result<Response> {
        let (stream, credit) = match &mut self.open {
            Some(open) => open,
            None => {
                let opened = self.client.open(&self.topic, &self.replay).await?;
                self.open.insert((opened, Credit::new()))
            }
        };
        let answer = stream.answer().await?;
        let pending = usize::try_from(answer.pending_num_requested).unwrap_or(0);
        if let Some(events) = credit.after(answer.events.len(), pending) {
            stream.request(events);
        }
        self.decode(answer).await
    }

    async fn decode(&self, answer: FetchResponse) -> Result<Response> {
        // Remembers refused schemas too, so that they are requested once per answer instead of once per event.
        let mut schemas = HashMap::new();
        let mut events = Vec::with_capacity(answer.events.len());
        for ConsumerEvent { event, replay_id } in answer.events {
            let Some(ProducerEvent { schema_id, payload, .. }) = event else {
                let fields = Err("the answer has a replay id without an event".to_owned());
                let (event, schema_id, payload) = Default::default();
                events.push(Streamed { event, replay_id, schema_id, payload, fields });
                continue;
            };
            if !schemas.contains_key(&schema_id) {
                schemas.insert(schema_id.clone(), self.schema(&schema_id).await?);
            }
            let (event, fields) = match schemas.get(&schema_id) {
                Some(Ok(schema)) => (avro::name(schema), avro::decode(schema, &payload)),
                Some(Err(problem)) => (String::new(), Err(problem.clone())),
                None => (String::new(), Err("the event has no schema".to_owned())),
            };
            events.push(Streamed { event, replay_id, schema_id, payload, fields });
        }
        Ok(Response { events, latest_replay_id: answer.latest_replay_id })
    }

    /// Returns the schema, or why there is none.
    ///
    /// # Errors
    /// If the failure may be transient.
    async fn schema(&self, id: &str) -> Result<Parsed> {
        match self.client.schema(id).await {
            Err(error) if matches!(error.trouble(), Trouble::Denied | Trouble::Query) => Ok(Err(error.to_string())),
            outcome => outcome,
        }
    }
}
