//! Dead letters, read from a real NATS.

use crate::support::{Console, OURS};
use axum::http::StatusCode;
use bus::{Bus, DetectorGroup, Topology, dead};
use serde_json::json;
use servers::Nats;
use store::Role;

#[tokio::test]
async fn dead_letters_are_listed_for_administrators_of_all_orgs() {
    let nats = Nats::start().await.unwrap();
    let settings = bus::Settings { servers: vec![nats.url()], ..bus::Settings::default() };
    let bus = Bus::connect("test", &settings).await.unwrap();
    let group = DetectorGroup { name: "all".to_owned(), families: vec!["volume".to_owned()] };
    Topology::new(&settings, &[group]).apply(&bus).await.unwrap();
    for (origin, text) in [("00D000000000001/logs/1", "a,b"), ("00D000000000001/logs/2", "c,d")] {
        dead::put_record(&bus, "ingest", origin, text, "a row has too few columns").await;
    }
    dead::put(&bus, "baseline", "orgwatch.v1.activity.3", "", b"{}".as_slice(), "undecodable").await;

    let console = Console::start().await.with_bus(bus);
    let token = console.token(&[("*", Role::Administrator)]).await;
    let page = console.get(&token, "/v1/dead-letters?limit=2").await.json();
    assert_eq!(
        (&page["items"][0]["origin"], &page["items"][1]["bytes"]),
        (&"00D000000000001/logs/1".into(), &3.into())
    );
    let cursor = page["next_cursor"].as_str().unwrap();
    let next = console.get(&token, &format!("/v1/dead-letters?limit=2&cursor={cursor}")).await.json();
    let left: Vec<&str> = next["items"].as_array().unwrap().iter().map(|l| l["stage"].as_str().unwrap()).collect();
    assert_eq!((left, next["next_cursor"].as_str()), (vec!["baseline"], None));
    let of_stage = console.get(&token, "/v1/dead-letters?stage=baseline").await.json();
    assert_eq!(of_stage["items"], next["items"]);
    assert_eq!(console.get(&token, "/v1/dead-letters?stage=%3E").await.status, StatusCode::BAD_REQUEST);
    let record = console.get(&token, "/v1/dead-letters/1").await.json();
    assert_eq!(
        (&record["content"]["text"], &record["letter"]["reason"]),
        (&"a,b".into(), &"a row has too few columns".into())
    );
    let trail = console.get(&token, "/v1/audit").await.json();
    assert_eq!(
        (&trail["items"][0]["action"], &trail["items"][0]["subject"]),
        (&"dead letter read".into(), &"1".into())
    );
    let message = console.get(&token, "/v1/dead-letters/3").await.json();
    assert!(message["content"]["undecodable"].is_string(), "{message}");
    for missing in [0, 9, i64::MAX as u64, u64::MAX] {
        let answer = console.get(&token, &format!("/v1/dead-letters/{missing}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{missing}: {}", answer.text);
        let listed = console.get(&token, &format!("/v1/dead-letters?cursor={}", cursor_of(missing))).await;
        assert_eq!(listed.status, StatusCode::OK, "{missing}: {}", listed.text);
    }

    // They may be of any org.
    let of_one = console.token(&[(OURS, Role::Administrator)]).await;
    for path in ["/v1/dead-letters", "/v1/dead-letters/1"] {
        assert_eq!(console.get(&of_one, path).await.status, StatusCode::FORBIDDEN, "{path}");
    }
    drop(nats);
    assert_eq!(console.get(&token, "/v1/dead-letters").await.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_dead_letter_is_replayed_once_and_the_trail_says_by_whom() {
    let nats = Nats::start().await.unwrap();
    let settings = bus::Settings { servers: vec![nats.url()], ..bus::Settings::default() };
    let bus = Bus::connect("test", &settings).await.unwrap();
    let group = DetectorGroup { name: "all".to_owned(), families: vec!["volume".to_owned()] };
    Topology::new(&settings, &[group]).apply(&bus).await.unwrap();
    dead::put(&bus, "correlator", "orgwatch.v1.finding.3", "", b"{}".as_slice(), "undecodable").await;
    dead::put_record(&bus, "ingest", "00D000000000001/logs/1", "a,b", "a row has too few columns").await;
    let console = Console::start().await.with_bus(bus.clone());
    let token = console.token(&[("*", Role::Administrator)]).await;
    let of_one = console.token(&[(OURS, Role::Administrator)]).await;
    let responder = console.token(&[("*", Role::Responder)]).await;
    let replay = async |token, sequence: u64| {
        console.send(token, "POST", &format!("/v1/dead-letters/{sequence}/replay"), None).await
    };
    for refused in [&of_one, &responder] {
        assert_eq!(replay(refused, 1).await.status, StatusCode::FORBIDDEN);
    }
    let record = replay(&token, 2).await;
    assert_eq!(record.status, StatusCode::CONFLICT, "{}", record.text);
    assert!(record.text.contains("was never in a stream"), "{}", record.text);
    let trail = console.get(&token, "/v1/audit").await.json();
    assert!(!trail.to_string().contains("dead letter"), "nothing was replayed yet: {trail}");

    let replayed = replay(&token, 1).await;
    let expect = json!({ "sequence": 1, "stage": "correlator", "subject": "orgwatch.v1.finding.3" });
    assert_eq!((replayed.status, replayed.json()), (StatusCode::OK, expect));
    assert_eq!(replay(&token, 1).await.status, StatusCode::NOT_FOUND, "once");
    let trail = console.get(&token, "/v1/audit").await.json();
    let [first, second] = [&trail["items"][0], &trail["items"][1]];
    assert_eq!((&first["action"], &first["subject"]), (&"dead letter replayed".into(), &"1".into()));
    assert_eq!(first["detail"], json!({ "stage": "correlator", "subject": "orgwatch.v1.finding.3" }));
    assert_ne!(second["action"], "dead letter replayed");
    let left = dead::list(&bus, &dead::Filter::default()).await.unwrap();
    assert_eq!(left.iter().map(|letter| letter.sequence).collect::<Vec<_>>(), [2]);
}

/// A cursor as the list writes it, which clients may also make up.
fn cursor_of(sequence: u64) -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sequence.to_string())
}
