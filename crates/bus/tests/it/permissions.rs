use crate::support::{PATIENCE, Probe, eventually, item, publish, publisher, settings, topology};
use bus::permissions::{Service, render};
use bus::{Auth, Bucket, Bus, BusError, Consumer, Failure, Settings, SharedSettings, cursor, dead, shared, subject};
use futures::StreamExt;
use nkeys::KeyPair;
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider, data::AggregatedMetrics};
use servers::{Nats, NatsOptions};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// A server that accepts the services' keys. The folder holds their seeds.
struct Guarded {
    nats: Nats,
    seeds: TempDir,
}

impl Guarded {
    async fn start() -> Self {
        let seeds = TempDir::new().unwrap();
        let users = Service::ALL.map(|service| {
            let key = KeyPair::new_user();
            std::fs::write(seeds.path().join(service.name()), key.seed().unwrap()).unwrap();
            (key.public_key(), service.permissions("orgwatch"))
        });
        let extra_config = render(users.iter().map(|(key, permissions)| (key.as_str(), permissions)));
        let nats = Nats::start_with(NatsOptions { extra_config, ..NatsOptions::default() }).await.unwrap();
        Self { nats, seeds }
    }

    fn settings(&self, service: Service) -> Settings {
        let auth = Auth { nkey_seed_file: Some(self.seeds.path().join(service.name())), ..Auth::default() };
        Settings { auth, ..settings(self.nats.url()) }
    }

    async fn connect(&self, service: Service) -> Bus {
        Bus::connect(service.name(), &self.settings(service)).await.unwrap()
    }
}

#[tokio::test]
async fn each_service_can_do_its_work() {
    let nats = Guarded::start().await;
    let operator = nats.connect(Service::Operator).await;
    let topology = topology(&nats.settings(Service::Operator));
    topology.apply(&operator).await.unwrap();

    let ingest = nats.connect(Service::Ingest).await;
    publish(&ingest, &subject::activity("orgwatch", 1), [1, 2]).await;

    // One of two is poison, so that each stage has a dead letter to write.
    let probe = || {
        Probe::new(|deliveries| {
            let poison = deliveries.iter().find(|delivery| delivery.sequence == 2 && !delivery.items.is_empty());
            poison.map_or(Ok(()), |_| Err(Failure::Poison { sequence: 2, reason: "bad".to_owned() }))
        })
    };
    let letters = async |count: usize| {
        eventually("dead", async || dead::list(&operator, &dead::Filter::default()).await.unwrap().len() == count)
            .await;
    };
    let baseline = nats.connect(Service::Baseline).await;
    let ((mut handler, mut handled), shutdown) = (probe(), CancellationToken::new());
    let working = async {
        handled.next().await;
        publish(&baseline, &subject::observation("orgwatch", "report", 1), [3, 4]).await;
        letters(1).await;
        shutdown.cancel();
    };
    tokio::join!(cursor(&baseline, 1, 0, &mut handler, shutdown.clone()), working).0.unwrap();

    let steps = [
        (Service::Detector, Consumer::detector("all"), Some(subject::finding("orgwatch", 0))),
        (Service::Correlator, Consumer::correlator(), Some(subject::incident("orgwatch", "00D000000000001"))),
        (Service::Notifier, Consumer::notifier(), None),
    ];
    let mut services = vec![operator.clone(), ingest, baseline];
    for (index, (service, consumer, publishes)) in steps.into_iter().enumerate() {
        let bus = nats.connect(service).await;
        let ((mut handler, mut handled), shutdown) = (probe(), CancellationToken::new());
        let working = async {
            handled.next().await;
            if let Some(subject) = publishes {
                publish(&bus, &subject, [5, 6]).await;
            }
            if service == Service::Correlator {
                // A decision of a person.
                publish(&bus, &subject::activity("orgwatch", 0), [7]).await;
            }
            letters(index + 2).await;
            shutdown.cancel();
        };
        let reading = shared(&bus, &consumer, &mut handler, SharedSettings::default(), shutdown.clone());
        tokio::join!(reading, working).0.unwrap();
        services.push(bus);
    }

    let operator = nats.connect(Service::Operator).await;
    Bucket::open(&operator).await.unwrap().put("detect", "x".into()).await.unwrap();
    let console = nats.connect(Service::Console).await;
    assert_eq!(dead::list(&console, &dead::Filter::default()).await.unwrap().len(), 4);
    // One of each stream: activity, observation, finding, incident.
    for sequence in 1..=4 {
        dead::replay(&console, sequence).await.unwrap();
    }
    letters(0).await;
    // It sees how far each stage is, and can pull nothing.
    let stages = console.detector_consumers().await.unwrap();
    assert_eq!(stages, [Consumer::detector("all")]);
    let stages =
        [Consumer::baseline(0), Consumer::baseline(1), stages[0].clone(), Consumer::correlator(), Consumer::notifier()];
    let backlogs = console.backlogs(&stages).await;
    // The letters that were published again: one of each stream.
    let waiting: Vec<Option<u64>> = backlogs.iter().map(|backlog| backlog.map(|backlog| backlog.pending)).collect();
    assert_eq!(waiting, [Some(1), Some(1), Some(1), Some(1), Some(1)], "{backlogs:?}");
    services.push(console);
    dead::put_record(&services[1], "ingest", "00D000000000001/stored/LoginEvent 1", "{}", "no time").await;
    letters(1).await;
    for bus in &services {
        let mut watch = Bucket::open(bus).await.unwrap().watch("detect").unwrap();
        let value = tokio::time::timeout(PATIENCE, watch.next()).await.unwrap();
        assert_eq!(value.unwrap(), "x");
        assert_eq!(bus.denied(), 0, "{:?}", bus.settings().auth);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denied_publish_is_counted() {
    let exporter = InMemoryMetricExporter::default();
    let provider = SdkMeterProvider::builder().with_reader(PeriodicReader::builder(exporter.clone()).build()).build();
    opentelemetry::global::set_meter_provider(provider.clone());
    let nats = Guarded::start().await;
    let notifier = nats.connect(Service::Notifier).await;
    let ticket = publisher(&notifier).send(subject::finding("orgwatch", 0), vec![item(1)]).await.unwrap();
    eventually("denied", async || notifier.denied() > 0).await;
    drop(ticket);
    tokio::task::spawn_blocking(move || provider.force_flush()).await.unwrap().unwrap();
    let metrics = exporter.get_finished_metrics().unwrap();
    let metrics = metrics.iter().flat_map(|metrics| metrics.scope_metrics()).flat_map(|scope| scope.metrics());
    let denied = metrics.filter(|metric| metric.name() == "orgwatch.nats.denied");
    assert!(denied.filter(|metric| matches!(metric.data(), AggregatedMetrics::U64(_))).count() > 0);
}

#[tokio::test]
async fn a_key_that_the_server_does_not_know_is_refused_at_once() {
    let nats = Guarded::start().await;
    let settings = nats.settings(Service::Ingest);
    std::fs::write(nats.seeds.path().join("ingest"), KeyPair::new_user().seed().unwrap()).unwrap();
    let error = Bus::connect("ingest", &settings).await.unwrap_err();
    assert!(matches!(error, BusError::Connect { .. }), "{error}");
}
