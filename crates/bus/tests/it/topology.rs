use crate::support::{settings, topology};
use bus::{Bus, BusError, DetectorGroup, Retention, Settings, Topology};
use servers::Nats;

#[tokio::test]
async fn apply_is_idempotent_and_check_returns_the_differences() {
    let nats = Nats::start().await.unwrap();
    let settings = settings(nats.url());
    let bus = Bus::connect("test", &settings).await.unwrap();
    let topology = topology(&settings);

    let missing = topology.check(&bus).await.unwrap();
    assert_eq!(missing.len(), topology.streams.len() + topology.consumers.len() + 1);
    let (first, second) = tokio::join!(topology.apply(&bus), topology.apply(&bus));
    first.unwrap();
    second.unwrap();
    topology.apply(&bus).await.unwrap();
    assert_eq!(topology.check(&bus).await.unwrap(), []);

    let retention = Retention { finding: 5, ..Retention::default() };
    let families = vec!["report".to_owned(), "api".to_owned()];
    let group = DetectorGroup { name: "all".to_owned(), families };
    let changed = Topology::new(&Settings { retention, ..settings }, &[group]);
    insta::assert_json_snapshot!(changed.check(&bus).await.unwrap(), @r#"
    [
      {
        "object": "stream ORGWATCH_FINDING",
        "field": "max_age",
        "expected": "18000s",
        "actual": "604800s"
      },
      {
        "object": "consumer ORGWATCH_OBSERVATION/detector-all",
        "field": "filters",
        "expected": "orgwatch.v1.observation.api.* orgwatch.v1.observation.report.*",
        "actual": "orgwatch.v1.observation.report.*"
      }
    ]
    "#);
    changed.apply(&bus).await.unwrap();
    assert_eq!(changed.check(&bus).await.unwrap(), []);
}

#[tokio::test]
async fn an_immutable_field_is_named() {
    let nats = Nats::start().await.unwrap();
    let settings = settings(nats.url());
    let bus = Bus::connect("test", &settings).await.unwrap();
    let mut topology = topology(&settings);
    topology.apply(&bus).await.unwrap();
    topology.consumers.iter_mut().for_each(|consumer| consumer.ack = bus::Ack::Explicit);
    let error = topology.apply(&bus).await.unwrap_err();
    assert!(matches!(&error, BusError::Immutable { field: "ack_policy", .. }), "{error}");
    insta::assert_snapshot!(error, @"consumer ORGWATCH_ACTIVITY/baseline-0: ack_policy is All and cannot be changed to Explicit: delete it, or change the settings back");
}

#[tokio::test]
async fn an_unreachable_server_is_named() {
    let settings = Settings { connect_seconds: 0, ..settings("nats://127.0.0.1:9".to_owned()) };
    let error = Bus::connect("test", &settings).await.unwrap_err();
    assert_eq!(error.to_string(), "nats nats://127.0.0.1:9: cannot connect");
}
