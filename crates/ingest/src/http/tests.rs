use super::*;
use crate::OrgSettings;
use crate::testing::{Memory, ORG, gzip, id, record, records, sink};
use axum::body::Body;
use axum::http::StatusCode;
use model::Timestamp;
use secrecy::SecretString;
use serde_json::{Value, json};
use tower::ServiceExt;

const TOKEN: &str = "a-token-of-this-org";
const NEXT: &str = "the-token-after-it!";

struct Server {
    memory: Arc<Memory>,
    push: Arc<Push>,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

fn server() -> Server {
    server_with(Settings::default())
}

fn server_with(settings: Settings) -> Server {
    let tokens = [TOKEN, NEXT].map(SecretString::from).to_vec();
    let org = OrgSettings { tokens, ..OrgSettings::default() };
    let settings = Settings { orgs: [(OrgId::new(ORG), org)].into(), ..settings };
    let memory = Arc::new(Memory::default());
    let push = Push::new(&settings, Tokens::load(&settings).unwrap(), sink(&memory), &Health::default());
    Server { memory, push: Arc::new(push) }
}

impl Server {
    async fn post(&self, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        self.post_to(ROUTE, headers, body).await
    }

    async fn post_to(&self, uri: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let mut request = Request::builder().method("POST").uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = router(Arc::clone(&self.push)).oneshot(request.body(body.into()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body: serde_json::from_slice(&body).unwrap() }
    }

    async fn send(&self, body: impl Into<Body>) -> Answer {
        self.post(&[("authorization", &format!("Bearer {TOKEN}"))], body).await
    }
}

#[tokio::test]
async fn stored_events_are_accepted() {
    let server = server();
    let unwatched = r#"{"attributes":{"type":"LightningErrorEvent"},"EventDate":"2026-03-02T00:00:00Z","UserId":"a"}"#;
    let answer = server.send(format!("{}\n{{no json\n{unwatched}\n{}\n", record(1, "a", ""), record(2, "a", ""))).await;
    assert_eq!(answer.status, 202);
    let reason = "not a JSON object: key must be a string at line 1 column 2 of the record";
    assert_eq!(
        answer.body,
        json!({
            "accepted": 2, "backfill": 0, "too_old": 0, "ahead": 0, "ignored": 1,
            "not_watched": {"LightningErrorEvent": 1},
            "faults": [{"fault": "not a JSON object: key must be a string", "count": 1, "first": {"line": 2, "reason": reason}}],
            "rejected": [{"line": 2, "reason": reason}], "rejected_total": 1,
        })
    );
    assert_eq!(server.memory.texts(), [id(1), id(2)]);
}

#[tokio::test]
async fn a_push_may_say_the_type_of_records_that_do_not() {
    let server = server();
    let untyped = record(1, "a", "").replace(r#""attributes":{"type":"ListViewEvent"},"#, "");
    assert!(!untyped.contains("attributes"), "{untyped}");
    let authorization = format!("Bearer {TOKEN}");
    let headers = [("authorization", authorization.as_str())];
    let answer = server.post_to(ROUTE, &headers, untyped.clone()).await;
    assert_eq!((answer.status, &answer.body["accepted"]), (400, &json!(0)), "{}", answer.body);
    let answer = server.post_to(&format!("{ROUTE}?type=ListViewEvent&watch=true"), &headers, untyped.clone()).await;
    assert_eq!((answer.status, &answer.body["accepted"]), (202, &json!(1)), "{}", answer.body);
    let answer = server.post_to(&format!("{ROUTE}?type=Account"), &headers, untyped).await;
    assert_eq!(answer.status, 400);
    let expected = "\"Account\" is no type: it must be the name of an event object or log file, such as ListViewEvent";
    assert_eq!(answer.body["error"], expected);
}

#[tokio::test]
async fn history_is_backfill_unless_the_push_asks_to_watch() {
    let Server { memory, push } = server();
    let push = Arc::into_inner(push).unwrap();
    let aged = Push { sink: push.sink.with_backfill_hours(72).with_limits(600, 96), ..push };
    let server = Server { memory, push: Arc::new(aged) };
    let authorization = format!("Bearer {TOKEN}");
    let headers = [("authorization", authorization.as_str())];
    let old = |n| records([n]);
    let answer = server.post_to(ROUTE, &headers, old(1)).await;
    assert_eq!((answer.status, &answer.body["accepted"], &answer.body["backfill"]), (202, &json!(1), &json!(1)));
    let answer = server.post_to(&format!("{ROUTE}?watch=true"), &headers, old(2)).await;
    assert_eq!((answer.status, &answer.body["accepted"], &answer.body["backfill"]), (202, &json!(1), &json!(0)));
    assert_eq!(server.memory.texts(), [format!("backfill {}", id(1)), id(2)]);

    let late = record(3, "a", "").replace("2026", "2025");
    let answer = server.post_to(ROUTE, &headers, late).await;
    let counts = ["accepted", "backfill", "too_old"].map(|name| answer.body[name].clone());
    assert_eq!(counts, [json!(0), json!(0), json!(1)], "{}", answer.body);
    let answer = server.post_to(&format!("{ROUTE}?watch=yes"), &headers, old(4)).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.body["error"], "\"watch=yes\" in the query is not known: there are watch=true and type=NAME");
}

#[tokio::test]
async fn the_order_of_a_body_is_kept_in_each_partition() {
    let server = server();
    let answer = server.send(gzip(records((0..3000).rev()).as_bytes())).await;
    assert_eq!(answer.body["accepted"], 3000);
    let mut last = std::collections::BTreeMap::new();
    for (partition, id) in server.memory.sent() {
        assert!(last.insert(partition, id.clone()).is_none_or(|before| before > id));
    }
    assert_eq!(last.len(), 3, "the org has three partitions");
}

#[tokio::test]
async fn a_push_needs_a_token() {
    let server = server();
    let check = async |header: Option<&str>, expect: u16| {
        let headers: Vec<(&str, &str)> = header.map(|value| ("authorization", value)).into_iter().collect();
        let answer = server.post(&headers, records([1])).await;
        assert_eq!(answer.status, expect, "{header:?}");
        if expect == 401 {
            assert_eq!(answer.headers["www-authenticate"], "Bearer");
        }
    };
    check(None, 401).await;
    check(Some("Bearer wrong"), 401).await;
    check(Some("Bearer "), 401).await;
    check(Some(TOKEN), 401).await;
    check(Some(&format!("Basic {TOKEN}")), 401).await;
    assert_eq!(server.memory.texts(), [""; 0]);
    check(Some(&format!("Bearer {TOKEN}")), 202).await;
    check(Some(&format!("bearer  {NEXT}")), 202).await;
}

#[tokio::test]
async fn a_too_large_body_is_refused() {
    let server = server_with(Settings { max_body_bytes: 1_000, max_unpacked_bytes: 10_000, ..Settings::default() });
    assert_eq!(server.send(records(0..50)).await.status, 413);
    let parts = (0..50).map(|number| Ok::<_, std::io::Error>(records([number])));
    assert_eq!(server.send(Body::from_stream(futures::stream::iter(parts))).await.status, 413, "without a length");
    let small = gzip(records(std::iter::repeat_n(1, 100)).as_bytes());
    assert!(small.len() < 1_000);
    let answer = server.send(small).await;
    assert_eq!((answer.status, &answer.body), (413, &json!({"error": "more than 10000 bytes when unpacked"})));
    assert_eq!(server.send(records([1])).await.status, 202);
    assert_eq!(server.memory.texts(), [id(1)]);
}

#[tokio::test]
async fn a_body_of_many_megabytes_is_accepted() {
    let server = server();
    let answer = server.send(records(0..40_000)).await;
    assert_eq!((answer.status, &answer.body["accepted"]), (202, &json!(40_000)));
}

#[tokio::test]
async fn an_unknown_encoding_is_refused() {
    let server = server();
    let authorization = format!("Bearer {TOKEN}");
    let check = async |encoding: &str, body: Vec<u8>, expect: u16| {
        let headers = [("authorization", authorization.as_str()), ("content-encoding", encoding)];
        assert_eq!(server.post(&headers, body).await.status, expect, "{encoding}");
    };
    let text = records([1]);
    check("br", text.clone().into_bytes(), 415).await;
    check("gzip, zstd", text.clone().into_bytes(), 415).await;
    check("gzip", gzip(text.as_bytes()), 202).await;
    check("identity", text.clone().into_bytes(), 202).await;
    check("gzip", text.into_bytes(), 400).await;
}

#[tokio::test]
async fn a_body_without_an_event_is_refused() {
    let server = server();
    assert_eq!(server.send("").await.body, json!({"error": "no events: empty"}));
    assert_eq!(server.send("hello").await.status, 400);
    let answer = server.send("{\"a\":1}\n".repeat(150)).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.body["error"], "the body has no event that can be read");
    assert_eq!(answer.body["rejected"].as_array().unwrap().len(), 100);
    assert_eq!(answer.body["rejected_total"], 150);
    assert_eq!(answer.body["rejected"][99]["line"], 100);
}

#[tokio::test]
async fn a_full_publisher_is_answered_with_429() {
    let server = server();
    server.memory.set_busy(true);
    let answer = server.send(records([1])).await;
    assert_eq!((answer.status, answer.headers["retry-after"].to_str().unwrap()), (429, "1"));
    server.memory.set_busy(false);
    assert_eq!(server.send(records([1])).await.status, 202);
    assert_eq!(server.memory.texts(), [id(1)]);
}

#[tokio::test]
async fn requests_beyond_the_limit_are_answered_with_429() {
    let server = server_with(Settings { max_requests: 1, ..Settings::default() });
    let place = server.push.places.take(&OrgId::new(ORG)).unwrap();
    let answer = server.send(records([1])).await;
    assert_eq!((answer.status, answer.headers["retry-after"].to_str().unwrap()), (429, "1"));
    assert_eq!(answer.body["error"], "1 pushes of all orgs are being processed, the most at a time");
    drop(place);
    assert_eq!(server.send(records([1])).await.status, 202);
    assert_eq!(server.send(records([2])).await.status, 202);
}

#[tokio::test(start_paused = true)]
async fn events_that_are_not_acknowledged_are_answered_with_503() {
    let server = server();
    server.memory.acknowledge_nothing();
    let answer = server.send(records([1])).await;
    assert_eq!((answer.status, &answer.body), (503, &json!({"error": "not stored in time"})));
    assert!(answer.headers.contains_key("retry-after"));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_arrive_is_refused() {
    let server = server();
    let never = futures::stream::pending::<std::io::Result<Vec<u8>>>();
    assert_eq!(server.send(Body::from_stream(never)).await.status, 408);
    assert_eq!(server.push.places.take(&OrgId::new(ORG)).err().map(|refusal| refusal.to_string()), None);
    let broken = futures::stream::iter([Err::<Vec<u8>, _>(std::io::Error::other("gone"))]);
    assert_eq!(server.send(Body::from_stream(broken)).await.status, 400);
}

#[tokio::test]
async fn a_push_ends_the_silence_of_its_org() {
    let server = server();
    let later = now().plus(400_000);
    server.push.idle().watch(OrgId::new(ORG), Duration::from_secs(300), Timestamp(0));
    assert_eq!(server.send(records([1])).await.status, 202);
    assert_eq!(server.push.idle().due(now()), []);
    assert_eq!(server.push.idle().due(later), [(OrgId::new(ORG), later.plus(-300_000))]);
}

#[tokio::test]
async fn other_methods_and_paths_are_not_served() {
    let server = server();
    let get = async |path: &str| {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        router(Arc::clone(&server.push)).oneshot(request).await.unwrap().status()
    };
    assert_eq!(get(ROUTE).await, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(get("/metrics").await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_body_that_is_cut_off_is_stored_as_far_as_it_goes() {
    let server = server();
    let mut body = gzip(records(0..5_000).as_bytes());
    body.truncate(body.len() - 9);
    let answer = server.send(body).await;
    let accepted = server.memory.texts().len();
    assert_eq!((answer.status, &answer.body["accepted"]), (400, &json!(accepted)));
    assert_eq!(answer.body["rejected_total"], 1);
    let error = answer.body["error"].as_str().unwrap();
    assert!(accepted > 0 && error.starts_with(&format!("line {}: ", accepted + 1)), "{accepted}: {error}");
    assert!(error.ends_with("; the records before are stored"), "{error}");
}

#[tokio::test]
async fn a_body_without_room_is_refused_with_the_reason() {
    let limits = Settings { max_body_bytes: 100_000, max_held_bytes: 100_000, ..Settings::default() };
    let server = server_with(limits);
    let mut other = server.push.places.take(&OrgId::new("00D000000000009EAA")).unwrap();
    other.grow(60_000).unwrap();
    let answer = server.send("x".repeat(50_000)).await;
    assert_eq!(answer.status, 429);
    let expected = "the bodies of all orgs that are being processed have 100000 bytes, the most they may have";
    assert_eq!(answer.body["error"], expected);
    drop(other);
    assert_eq!(server.send(records([1])).await.status, 202);
}

/// The place of a push is taken while its thread runs, also if the client has gone.
#[tokio::test]
async fn a_place_is_taken_until_decoding_has_ended() {
    let server = server_with(Settings { max_requests: 1, ..Settings::default() });
    // Nothing is acknowledged or read, so the thread waits for room after its second batch.
    server.memory.hold_sends();
    let body = records(0..40_000);
    let mut sending = Box::pin(server.send(body));
    while server.memory.texts().is_empty() {
        assert!(futures::poll!(sending.as_mut()).is_pending());
        tokio::task::yield_now().await;
    }
    assert!(server.push.places.take(&OrgId::new(ORG)).is_err());
    drop(sending);
    // Decoding notices by itself that nobody waits for it.
    while server.push.places.take(&OrgId::new(ORG)).is_err() {
        tokio::task::yield_now().await;
    }
    server.memory.release_sends();
    assert_eq!(server.send(records([1])).await.status, 202);
}
