use crate::support::{Probe, item, publisher, server, settings, topology};
use bus::{Bus, Consumer, Settings, SharedSettings, cursor, shared, subject};
use futures::future::try_join_all;
use servers::{Nats, NatsCluster, Proxy};
use std::collections::BTreeSet;
use tokio_util::sync::CancellationToken;

const ROUNDS: i64 = 4;
const PER_ROUND: i64 = 100;

/// Publishes to both loops and calls `disturb` after each round. Checks that the cursor receives every message once and
/// in order, and the shared reader every message at least once.
async fn nothing_is_lost(bus: &Bus, mut disturb: impl AsyncFnMut()) {
    let shutdown = CancellationToken::new();
    let ((mut cursors, mut in_order), (mut shareds, mut in_any_order)) = (Probe::accepting(), Probe::accepting());
    let consumer = Consumer::correlator();
    let one = cursor(bus, 0, 0, &mut cursors, shutdown.clone());
    let two = shared(bus, &consumer, &mut shareds, SharedSettings::default(), shutdown.clone());
    let publishing = async {
        let publisher = publisher(bus);
        let subjects = [subject::activity("orgwatch", 0), subject::finding("orgwatch", 0)];
        let mut tickets = Vec::new();
        for round in 0..ROUNDS {
            for number in round * PER_ROUND..(round + 1) * PER_ROUND {
                for subject in &subjects {
                    tickets.push(publisher.send(subject.clone(), vec![item(number)]).await.unwrap());
                }
                tokio::task::yield_now().await;
            }
            disturb().await;
        }
        try_join_all(tickets).await.unwrap();
        let all: Vec<i64> = (0..ROUNDS * PER_ROUND).collect();
        assert_eq!(in_order.numbers(all.len()).await, all);
        let mut seen = BTreeSet::new();
        while seen.len() < all.len() {
            seen.extend(in_any_order.next().await.numbers);
        }
        shutdown.cancel();
        assert_eq!(in_order.rest(), []);
    };
    let (one, two, ()) = tokio::join!(one, two, publishing);
    one.unwrap();
    two.unwrap();
}

#[tokio::test]
async fn a_server_that_restarts_loses_nothing() {
    let (mut nats, bus) = server().await;
    nothing_is_lost(&bus, async || nats.restart().await.unwrap()).await;
}

#[tokio::test]
async fn a_connection_that_breaks_loses_nothing() {
    let nats = Nats::start().await.unwrap();
    let proxy = Proxy::start(nats.address()).await.unwrap();
    let settings = settings(format!("nats://{}", proxy.address()));
    let bus = Bus::connect("test", &settings).await.unwrap();
    topology(&settings).apply(&bus).await.unwrap();
    nothing_is_lost(&bus, async || proxy.cut_now().await).await;
}

#[tokio::test]
async fn a_cluster_without_a_majority_waits_and_loses_nothing() {
    let mut cluster = NatsCluster::start().await.unwrap();
    let settings = Settings { servers: cluster.urls().into(), replicas: 3, ..settings(String::new()) };
    let bus = Bus::connect("test", &settings).await.unwrap();
    topology(&settings).apply(&bus).await.unwrap();
    let mut rounds = 0;
    nothing_is_lost(&bus, async || {
        rounds += 1;
        if rounds == ROUNDS / 2 {
            let [first, second, _] = cluster.servers_mut();
            tokio::join!(first.kill(), second.kill());
            let (one, two) = tokio::join!(first.restart(), second.restart());
            one.and(two).unwrap();
        }
    })
    .await;
}
