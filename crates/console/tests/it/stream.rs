//! The event stream.

use crate::support::{Console, INCIDENT, OTHER, OTHER_INCIDENT, OURS};
use axum::body::{Body, BodyDataStream};
use axum::http::{Request, StatusCode};
use futures::StreamExt;
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;
use store::Role;
use tower::ServiceExt;

/// A client that follows the stream.
struct Follower {
    events: BodyDataStream,
    /// The name and id of the event with which the stream began.
    beginning: (String, String),
}

impl Follower {
    async fn start(console: &Console, token: &SecretString, query: &str) -> Self {
        let request = Request::get(format!("/v1/events{query}"))
            .header("authorization", format!("Bearer {}", token.expose_secret()))
            .body(Body::empty())
            .unwrap();
        let response = console.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut follower = Self { events: response.into_body().into_data_stream(), beginning: Default::default() };
        let text = follower.text().await.unwrap();
        follower.beginning = (field(&text, "event:"), field(&text, "id:"));
        follower
    }

    /// The next event: its id and its data; `None` at the end of the stream.
    async fn next(&mut self) -> Option<(String, String)> {
        let text = self.text().await?;
        Some((field(&text, "id:"), field(&text, "data:")))
    }

    async fn text(&mut self) -> Option<String> {
        let wait = Duration::from_secs(30);
        let frame = tokio::time::timeout(wait, self.events.next()).await.expect("an event within 30 s")?.unwrap();
        Some(String::from_utf8(frame.to_vec()).unwrap())
    }
}

fn field(event: &str, name: &str) -> String {
    event.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned()
}

#[tokio::test]
async fn changes_arrive_and_are_resumed_by_id() {
    let console = Console::start().await;
    let token = console.token(&[(OURS, Role::Viewer)]).await;
    // While a transaction of another test is open, this change is not in the stream yet, and would come as a new one below.
    let mut from_start = Follower::start(&console, &token, "?after=0").await;
    assert!(from_start.next().await.unwrap().1.contains("opened"));
    let mut follower = Follower::start(&console, &token, "").await;
    let beginning = follower.beginning.clone();
    assert_eq!(beginning.0, "start");
    console.change(OTHER, OTHER_INCIDENT, 2).await;
    console.change(OURS, INCIDENT, 2).await;
    console.change(OURS, INCIDENT, 3).await;
    let (first_id, first) = follower.next().await.unwrap();
    assert!(first.contains(&INCIDENT.to_string()) && first.contains("\"revision\":2"), "{first}");
    let (_, second) = follower.next().await.unwrap();
    assert!(second.contains("\"revision\":3"), "{second}");
    let mut again = Follower::start(&console, &token, &format!("?after={}", beginning.1)).await;
    assert_eq!(again.next().await.unwrap().1, first, "a client that has seen no change yet loses none");
    let mut resumed = Follower::start(&console, &token, &format!("?after={first_id}&org={OURS}")).await;
    assert_eq!(resumed.next().await.unwrap().1, second);
}

#[tokio::test]
async fn the_stream_ends_with_the_session_and_with_the_service() {
    let console = Console::start().await;
    let token = console.token(&[(OURS, Role::Viewer)]).await;
    let mut follower = Follower::start(&console, &token, "").await;
    let own = console.get(&token, "/v1/session").await.json();
    console.send(&token, "DELETE", &format!("/v1/sessions/{}", own["session_id"].as_str().unwrap()), None).await;
    assert_eq!(follower.next().await, None);
    let token = console.token(&[(OURS, Role::Viewer)]).await;
    let mut follower = Follower::start(&console, &token, "").await;
    console.shutdown.cancel();
    assert_eq!(follower.next().await, None);
}

#[tokio::test]
async fn an_id_of_another_database_is_named_and_the_stream_goes_on() {
    let console = Console::start().await;
    let token = console.token(&[(OURS, Role::Viewer)]).await;
    let mut follower = Follower::start(&console, &token, "?after=18446744073709551615-1").await;
    assert_eq!(follower.beginning.0, "reset");
    console.change(OURS, INCIDENT, 2).await;
    assert!(follower.next().await.unwrap().1.contains(&INCIDENT.to_string()));
}

#[tokio::test]
async fn what_is_no_id_of_an_event_is_refused_wherever_it_stands() {
    let console = Console::start().await;
    let token = console.token(&[(OURS, Role::Viewer)]).await;
    for (query, header) in [("?after=", None), ("?after=", Some("0-0")), ("", Some("yesterday")), ("", Some("0-é"))] {
        let headers = header.map(|id| ("last-event-id", id));
        let path = format!("/v1/events{query}");
        let answer = console.send_with(&token, "GET", &path, None, headers.as_slice()).await;
        assert_eq!(answer.status.as_u16(), 400, "{query} {header:?}");
        assert!(answer.text.contains("is no id of an event"), "{}", answer.text);
    }
}

#[tokio::test]
async fn a_session_has_a_bounded_number_of_streams() {
    let console = Console::start().await;
    let token = console.token(&[(OURS, Role::Viewer)]).await;
    let mut open = Vec::new();
    for _ in 0..20 {
        open.push(Follower::start(&console, &token, "").await);
    }
    let status = async || console.get(&token, "/v1/events").await.status;
    assert_eq!(status().await, StatusCode::TOO_MANY_REQUESTS);
    let another = console.token(&[(OURS, Role::Viewer)]).await;
    Follower::start(&console, &another, "").await;
    drop(open.pop());
    open.push(Follower::start(&console, &token, "").await);
}
