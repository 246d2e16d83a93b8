//! How orgwatch itself stands: services, partitions, consumers and latency, by the API and on the page of sources.

use crate::support::{Answer, Console, INCIDENT, OTHER, OURS};
use axum::http::StatusCode;
use bus::{Bus, DetectorGroup, Topology, dead};
use console::Settings;
use model::OrgId;
use secrecy::SecretString;
use serde_json::{Value, json};
use servers::Nats;
use store::{NewGap, Replica, Role};

const ACTIVITY: &str = "orgwatch.v1.activity.";

/// Starts a NATS with the streams and consumers of four partitions and one detector group.
async fn nats() -> (Nats, Bus) {
    let nats = Nats::start().await.unwrap();
    let settings = bus::Settings { servers: vec![nats.url()], partitions: 4, ..bus::Settings::default() };
    let bus = Bus::connect("test", &settings).await.unwrap();
    let group = DetectorGroup { name: "all".to_owned(), families: vec!["volume".to_owned()] };
    Topology::new(&settings, &[group]).apply(&bus).await.unwrap();
    (nats, bus)
}

/// Publishes a message, as the replay of a dead letter does.
async fn publish(bus: &Bus, subject: &str) {
    dead::put(bus, "test", subject, "", b"{}".as_slice(), "a test").await;
    let letters = dead::list(bus, &dead::Filter::default()).await.unwrap();
    let letter = letters.iter().find(|letter| letter.subject == subject).unwrap();
    dead::replay(bus, letter.sequence).await.unwrap();
}

impl Console {
    async fn report(&self, service: &str, instance: &str, version: &str) {
        let replica = Replica {
            service: service.into(),
            instance: instance.into(),
            version: version.into(),
            settings_hash: Some("0123456789abcdef".into()),
        };
        self.owner.put_replica(&replica, None).await.unwrap();
    }

    /// Places orgs in partitions: ours in 1, both in 2, the other in 3.
    async fn place(&self) {
        for (partition, orgs) in [(1, vec![OURS]), (2, vec![OTHER, OURS]), (3, vec![OTHER])] {
            for org in orgs {
                let record = ::profile::Record { key: "head".into(), bytes: Some(vec![1]) };
                self.put_state(partition, org, vec![record]).await;
            }
        }
    }
}

/// Returns the part of a page that is its own.
fn main(answer: &Answer) -> &str {
    let (_, main) = answer.text.split_once("<main").unwrap_or_else(|| panic!("no page: {}", answer.text));
    main.split_once("</main>").unwrap().0
}

async fn page(console: &Console, token: &SecretString) -> String {
    let answer = console.get(token, "/sources").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert!(!answer.text.contains("style="), "inline style");
    main(&answer).to_owned()
}

#[tokio::test]
async fn services_are_listed_with_their_replicas() {
    let console = Console::start().await;
    let viewer = console.token(&[(OURS, Role::Viewer)]).await;
    for (service, instance, version) in
        [("baseline", "pod-0/1", "1.0.0"), ("baseline", "pod-1/1", "1.1.0"), ("console", "pod-2/1", "1.1.0")]
    {
        console.report(service, instance, version).await;
    }
    console
        .execute("UPDATE orgwatch.services SET seen_at = now() - interval '1 hour' WHERE instance = 'pod-2/1'")
        .await;
    let services = console.get(&viewer, "/v1/services").await.json();
    let found: Vec<(&str, usize)> = services
        .as_array()
        .unwrap()
        .iter()
        .map(|service| (service["service"].as_str().unwrap(), service["replicas"].as_array().unwrap().len()))
        .collect();
    let expect = [("ingest", 0), ("baseline", 2), ("detector", 0), ("correlator", 0), ("notifier", 0), ("console", 1)];
    assert_eq!(found, expect);
    let replica = |service: usize, replica: usize| {
        let replica: &Value = &services[service]["replicas"][replica];
        (replica["instance"].clone(), replica["version"].clone(), replica["silent"].clone())
    };
    assert_eq!(replica(1, 1), ("pod-1/1".into(), "1.1.0".into(), false.into()));
    assert_eq!(replica(5, 0), ("pod-2/1".into(), "1.1.0".into(), true.into()));

    let text = page(&console, &viewer).await;
    for part in [
        "<b>No replica runs of ingest, detector, correlator, notifier, console</b>",
        "<b>A replica of console is silent</b>: <bdi>pod-2/1</bdi>",
        "<b>Replicas run different versions</b>: 1.0.0, 1.1.0",
        "<code>01234567</code>",
        "<span class=\"pill critical\">silent</span> 1 h ago",
        "<span class=\"pill critical\">no replica</span>",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("different settings") && !text.contains("Lag of the other stages"), "{text}");
}

#[tokio::test]
async fn partitions_show_what_waits_and_name_no_other_org() {
    let (_nats, bus) = nats().await;
    for partition in [0, 2, 2, 3] {
        publish(&bus, &format!("{ACTIVITY}{partition}")).await;
    }
    let console = Console::start().await.with_bus(bus);
    console.place().await;
    let ours = console.token(&[(OURS, Role::Viewer)]).await;
    let all = console.token(&[("*", Role::Viewer)]).await;
    let partitions = async |token| {
        let found = console.get(token, "/v1/partitions").await.json();
        let row = |partition: &Value| {
            assert_eq!(partition["checkpoint_at"].is_string(), partition["applied"] == 1, "{partition}");
            json!([partition["partition"], partition["orgs"], partition["waiting"]])
        };
        found.as_array().unwrap().iter().map(row).collect::<Vec<_>>()
    };
    assert_eq!(partitions(&ours).await, [json!([1, [OURS], 0]), json!([2, [OURS], 2])]);
    let everything = [json!([0, [], 1]), json!([1, [OURS], 0]), json!([2, [OURS, OTHER], 2]), json!([3, [OTHER], 1])];
    assert_eq!(partitions(&all).await, everything);

    console.execute("UPDATE orgwatch.checkpoints SET updated_at = now() - interval '11 minutes'").await;
    let text = page(&console, &ours).await;
    assert!(text.contains("<b>Partition 2 stands still</b>"), "{text}");
    assert!(!text.contains("Partition 1 stands") && !text.contains("Partition 3 stands"), "{text}");
    assert!(!text.contains(OTHER), "{text}");
    let text = page(&console, &all).await;
    assert!(text.contains("<b>Partition 3 stands still</b>") && !text.contains("Partition 0 stands"), "{text}");
}

#[tokio::test]
async fn what_waits_for_the_other_stages_takes_a_role_in_all_orgs() {
    let (nats, bus) = nats().await;
    for subject in ["orgwatch.v1.observation.volume.1", "orgwatch.v1.finding.1", "orgwatch.v1.finding.2"] {
        publish(&bus, subject).await;
    }
    dead::put_record(&bus, "ingest", "00D000000000001/logs/1", "a,b", "a row has too few columns").await;
    let console = Console::start().await.with_bus(bus.clone());
    let all = console.token(&[("*", Role::Viewer)]).await;
    let administrator = console.token(&[("*", Role::Administrator)]).await;
    let ours = console.token(&[(OURS, Role::Administrator)]).await;
    let consumer = |name: &str, stream: &str, waiting: u64| json!({ "consumer": name, "stream": stream, "waiting": waiting, "unacknowledged": 0 });
    let expect = json!([
        consumer("detector-all", "observation", 1),
        consumer("correlator", "finding", 2),
        consumer("notifier", "incident", 0)
    ]);
    assert_eq!(console.get(&all, "/v1/consumers").await.json(), expect);
    assert_eq!(console.get(&ours, "/v1/consumers").await.status, StatusCode::FORBIDDEN);

    let text = page(&console, &administrator).await;
    assert!(
        text.contains("<bdi>detector-all</bdi>") && text.contains("<a href=\"/letters\">Dead letters</a>"),
        "{text}"
    );
    for (token, sees_lag) in [(&all, true), (&ours, false)] {
        let text = page(&console, token).await;
        assert_eq!(text.contains("<bdi>detector-all</bdi>"), sees_lag, "{text}");
        assert!(!text.contains("Dead letters</a> wait") && !text.contains("NATS does not answer"), "{text}");
    }

    console.place().await;
    drop(nats);
    let partitions = console.get(&all, "/v1/partitions").await;
    assert_eq!((partitions.status, &partitions.json()[0]["waiting"]), (StatusCode::OK, &Value::Null));
    assert_eq!(console.get(&all, "/v1/consumers").await.status, StatusCode::SERVICE_UNAVAILABLE);
    let text = page(&console, &all).await;
    for part in ["<b>NATS does not answer the console</b>", "<b>Not known:</b> NATS has not answered", "not known"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(page(&console, &ours).await.contains("<b>NATS does not answer the console</b>"));
}

#[tokio::test]
async fn latency_leaves_old_events_out_and_counts_them() {
    let console = Console::start().await;
    let viewer = console.token(&[(OURS, Role::Viewer)]).await;
    let path = format!("/v1/orgs/{OURS}/latency");
    // The event of the incident is of March 2026.
    let latency = console.get(&viewer, &path).await.json();
    assert_eq!(latency, json!({ "incidents": 1, "older": 1, "opened": null, "delivered": null }));
    let text = page(&console, &viewer).await;
    assert!(text.contains("is left out: their first event was more than a day old"), "{text}");

    let opened = format!(
        "UPDATE orgwatch.incidents SET opened_at = orgwatch.from_ms(first_event_at + 90500)
         WHERE incident_id = '{INCIDENT}'"
    );
    console.execute(&opened).await;
    let delivered = format!(
        "INSERT INTO orgwatch.deliveries (incident_id, revision, channel, state, attempts, confirmed_at)
         SELECT incident_id, 1, channel, 'confirmed', 1, opened_at + after
         FROM orgwatch.incidents, (VALUES ('chat', interval '2.5 s'), ('mail', interval '9 s')) d (channel, after)
         WHERE incident_id = '{INCIDENT}'"
    );
    console.execute(&delivered).await;
    let latency = console.get(&viewer, &path).await.json();
    let spread = |seconds: f64| json!({ "incidents": 1, "median_seconds": seconds, "high_seconds": seconds });
    assert_eq!(latency, json!({ "incidents": 1, "older": 0, "opened": spread(90.5), "delivered": spread(2.5) }));
    let text = page(&console, &viewer).await;
    assert!(text.contains(">1 min 30 s<") && text.contains(">2.5 s<") && !text.contains("left out"), "{text}");
    let other = console.get(&viewer, &format!("/v1/orgs/{OTHER}/latency")).await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_asks_for_somebody_is_of_all_orgs_of_the_session() {
    let links = console::Links { alerts: Some("https://alerts.example.com/#/alerts".into()), ..Default::default() };
    let console = Console::with(Settings { links, ..Settings::default() }).await;
    let blind = |kind: &str| store::SourceState {
        source: "stream".into(),
        kind: kind.into(),
        state: "blind".into(),
        last_event_at: None,
        last_heard_at: None,
        detail: None,
    };
    console.owner.put_source_states(&OrgId::new(OTHER), &[blind("api"), blind("report")]).await.unwrap();
    let gap = NewGap {
        source: "stream".into(),
        kind: "api".into(),
        from: model::Timestamp(0),
        to: model::Timestamp(1),
        reason: "lost".into(),
    };
    console.owner.open_gap(&OrgId::new(OTHER), &gap).await.unwrap();
    let all = console.token(&[("*", Role::Viewer)]).await;
    let ours = console.token(&[(OURS, Role::Viewer)]).await;
    let gaps = async |token| console.get(token, "/v1/gaps").await.json().as_array().unwrap().len();
    assert_eq!((gaps(&all).await, gaps(&ours).await), (3, 1));
    // The page is about our org.
    let text = page(&console, &all).await;
    for part in [
        format!("<b>2 kinds of events of <a href=\"/sources?org={OTHER}\"><bdi>{OTHER}</bdi></a></b> are not seen"),
        format!("<b>2 periods of <a href=\"/sources?org={OTHER}\"><bdi>{OTHER}</bdi></a></b> have events"),
        format!("<b>1 period of <a href=\"/sources?org={OURS}\"><bdi>{OURS}</bdi></a></b> has events"),
        "href=\"https://alerts.example.com/#/alerts\"".to_owned(),
    ] {
        assert!(text.contains(&part), "{part}: {text}");
    }
    assert!(!page(&console, &ours).await.contains(OTHER));
}
