//! Scripts, and simple clients.

use fake_org::{Event, FakeOrg, Script, Settings};
use model::{OrgId, Timestamp};
use salesforce_client::pubsub::wire::pub_sub_client::PubSubClient;
use salesforce_client::pubsub::wire::{FetchRequest, FetchResponse, ReplayPreset};
use serde_json::{Map, Value, json};
use std::sync::Once;
use tokio::sync::mpsc::UnboundedSender;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status, Streaming};

/// 2026-01-05T00:00:00Z.
pub(crate) const MONDAY: Timestamp = Timestamp(1_767_571_200_000);
pub(crate) const ORG: &str = "00Dfk0000000001EAA";

/// An event `after` milliseconds after [`MONDAY`].
pub(crate) fn event(object: &str, after: i64, number: usize) -> Event {
    let at = MONDAY.plus(after);
    let date = at.to_utc().format("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string();
    let record = json!({
        "attributes": { "type": object },
        "EventIdentifier": format!("00000000-0000-4000-8000-{number:012}"),
        "EventDate": date,
        "CreatedDate": date,
        "UserId": "005fk0000000001AAA",
        "Username": "emma@fake.example",
        "RowsProcessed": number as f64,
    });
    Event { at, object: object.to_owned(), record: fields(record).into() }
}

/// A script with one list view per second.
pub(crate) fn list_views(count: usize) -> Script {
    script((0..count).map(|number| event("ListViewEvent", number as i64 * 1_000, number)).collect())
}

pub(crate) fn script(events: Vec<Event>) -> Script {
    Script::new(OrgId::new(ORG), events)
}

/// Changes the settings of a script.
pub(crate) fn set(mut script: Script, change: impl FnOnce(&mut Settings)) -> Script {
    change(&mut script.settings);
    script
}

/// The simulator's events of the last `days` days.
pub(crate) fn simulated(days: usize) -> Script {
    let plan = simulator::Plan { attacks: simulator::Attacks::PerFamily(1), ..simulator::Plan::new(60, 12, 7) };
    let org = OrgId::new(&plan.org_id);
    let mut text = Vec::new();
    let first = 12 - days;
    for day in simulator::Simulation::new(plan).unwrap().skip(first) {
        day.events.iter().for_each(|event| event.write_json(&mut text));
    }
    let text = String::from_utf8(text).unwrap();
    Script::new(org, text.lines().map(|line| Event::read(line).unwrap()).collect())
}

pub(crate) fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        other => panic!("{other}"),
    }
}

pub(crate) fn http() -> reqwest::Client {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    reqwest::Client::new()
}

/// A client that is logged in.
pub(crate) struct Client {
    pub(crate) http: reqwest::Client,
    pub(crate) url: String,
    pub(crate) token: String,
    pub(crate) pubsub: PubSubClient<Channel>,
    org: String,
}

impl Client {
    pub(crate) async fn of(org: &FakeOrg) -> Self {
        let http = http();
        let url = org.login_url();
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", "fake-consumer-key"),
            ("client_secret", "fake-consumer-secret"),
        ];
        let form = form.map(|(name, value)| format!("{name}={value}")).join("&");
        let request = http.post(format!("{url}/services/oauth2/token")).body(form);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        let id = answer["id"].as_str().unwrap().split('/').rev().nth(1).unwrap().to_owned();
        let channel = Endpoint::from_shared(org.pubsub_url()).unwrap().connect_lazy();
        Self {
            http,
            url,
            token: answer["access_token"].as_str().unwrap().to_owned(),
            pubsub: PubSubClient::new(channel),
            org: id,
        }
    }

    pub(crate) fn get(&self, path: &str) -> reqwest::RequestBuilder {
        self.http.get(format!("{}{path}", self.url)).bearer_auth(&self.token)
    }

    /// Returns status and body.
    pub(crate) async fn json(&self, path: &str) -> (u16, Value) {
        let answer = self.get(path).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    pub(crate) async fn query(&self, soql: &str) -> (u16, Value) {
        self.json(&query_path(soql)).await
    }

    /// Returns the records of a query that must succeed.
    pub(crate) async fn records(&self, soql: &str) -> Vec<Value> {
        let (status, body) = self.query(soql).await;
        assert_eq!(status, 200, "{soql}: {body}");
        body["records"].as_array().unwrap().clone()
    }

    /// Returns the error code of a query that must be refused.
    pub(crate) async fn refused(&self, soql: &str) -> String {
        let (status, body) = self.query(soql).await;
        assert!(status >= 400, "{soql}: {body}");
        body[0]["errorCode"].as_str().unwrap().to_owned()
    }

    pub(crate) fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let metadata = [("accesstoken", &self.token), ("instanceurl", &self.url), ("tenantid", &self.org)];
        for (name, value) in metadata {
            request.metadata_mut().insert(name, value.parse().unwrap());
        }
        request
    }

    pub(crate) async fn subscribe(&self, first: FetchRequest) -> Result<Subscriber, Status> {
        let (requests, receiver) = tokio::sync::mpsc::unbounded_channel();
        requests.send(first.clone()).unwrap();
        let request = self.request(UnboundedReceiverStream::new(receiver));
        let answers = self.pubsub.clone().subscribe(request).await?.into_inner();
        Ok(Subscriber { topic: first.topic_name, requests, answers })
    }

    /// Subscribes from the earliest event on.
    pub(crate) async fn earliest(&self, topic: &str, count: i32) -> Subscriber {
        self.subscribe(fetch(topic, ReplayPreset::Earliest, &[], count)).await.unwrap()
    }
}

pub(crate) fn query_path(soql: &str) -> String {
    let encoded: String = soql
        .bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect();
    format!("/services/data/v62.0/query?q={encoded}")
}

pub(crate) fn fetch(topic: &str, preset: ReplayPreset, replay_id: &[u8], count: i32) -> FetchRequest {
    FetchRequest {
        topic_name: format!("/event/{topic}"),
        replay_preset: preset.into(),
        replay_id: replay_id.to_vec(),
        num_requested: count,
        auth_refresh: String::new(),
    }
}

pub(crate) struct Subscriber {
    topic: String,
    pub(crate) requests: UnboundedSender<FetchRequest>,
    pub(crate) answers: Streaming<FetchResponse>,
}

impl Subscriber {
    pub(crate) fn request(&self, count: i32) {
        let more = FetchRequest { topic_name: self.topic.clone(), num_requested: count, ..FetchRequest::default() };
        self.requests.send(more).unwrap();
    }

    pub(crate) async fn next(&mut self) -> Result<FetchResponse, Status> {
        match self.answers.message().await? {
            Some(answer) => Ok(answer),
            None => Err(Status::cancelled("the stream has ended")),
        }
    }

    /// Receives events up to the first keepalive, requesting `credit` more whenever all requested ones have arrived.
    pub(crate) async fn drain(&mut self, credit: i32) -> Vec<salesforce_client::pubsub::wire::ConsumerEvent> {
        let mut events = Vec::new();
        loop {
            let answer = self.next().await.unwrap();
            if answer.events.is_empty() {
                return events;
            }
            events.extend(answer.events);
            if answer.pending_num_requested == 0 {
                self.request(credit);
            }
        }
    }
}

/// Returns the error code in the trailer.
pub(crate) fn error_code(status: &Status) -> &str {
    status.metadata().get("error-code").and_then(|code| code.to_str().ok()).unwrap_or_default()
}
