//! Pushes, and the entries of the stream.

pub(crate) use crate::stream::{ORG, nats, partitions};

use crate::stream::{PATIENCE, reading};
use bus::Bus;
use model::{Command, Entry, Item, OrgId};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) const TOKEN: &str = "a-token-of-this-org";

pub(crate) fn settings() -> ingest::Settings {
    let org = ingest::OrgSettings { tokens: vec![TOKEN.into()], ..ingest::OrgSettings::default() };
    ingest::Settings { orgs: BTreeMap::from([(OrgId::new(ORG), org)]), ..ingest::Settings::default() }
}

/// Returns one stored event on each line; its number is its minute.
pub(crate) fn records(numbers: impl IntoIterator<Item = u32>) -> String {
    let record = |number: u32| {
        let (id, user) = (id(number), number % 40);
        let time = format!("2026-03-02T{:02}:{:02}:00.000Z", number / 60, number % 60);
        format!(
            "{{\"attributes\":{{\"type\":\"ListViewEvent\"}},\"EventIdentifier\":\"{id}\",\"EventDate\":\"{time}\",\
             \"UserId\":\"user{user}\",\"RowsProcessed\":{number}}}\n"
        )
    };
    numbers.into_iter().map(record).collect()
}

pub(crate) fn id(number: u32) -> String {
    format!("7d0c2b1e-4f6a-4c1e-9a70-{number:012}")
}

/// Returns the ids of the numbers, by partition.
pub(crate) fn by_partition(numbers: impl IntoIterator<Item = u32>) -> BTreeMap<u16, Vec<String>> {
    let mut expected: BTreeMap<u16, Vec<String>> = BTreeMap::new();
    for number in numbers {
        let user = model::UserId::new(&format!("user{}", number % 40));
        let partition = partitions().of_activity(&OrgId::new(ORG), &user);
        expected.entry(partition).or_default().push(id(number));
    }
    expected
}

/// Returns the first `count` entries of the stream, by partition, in order.
pub(crate) async fn entries(bus: &Bus, count: usize) -> BTreeMap<u16, Vec<Item<Entry>>> {
    let mut entries: BTreeMap<u16, Vec<Item<Entry>>> = BTreeMap::new();
    let mut rest = reading(bus, async |received| {
        for _ in 0..count {
            let (partition, item) = received.recv().await.unwrap();
            entries.entry(partition).or_default().push(item);
        }
    })
    .await;
    assert!(rest.try_recv().is_err(), "the stream has more entries");
    entries
}

/// Returns the id of each activity, or a text for a control record, by partition.
pub(crate) async fn texts(bus: &Bus, count: usize) -> BTreeMap<u16, Vec<String>> {
    let texts = |items: Vec<Item<Entry>>| items.iter().map(|item| text(&item.value)).collect();
    entries(bus, count).await.into_iter().map(|(partition, items)| (partition, texts(items))).collect()
}

fn text(entry: &Entry) -> String {
    match entry {
        Entry::Activity(activity) | Entry::Backfill(activity) => activity.id.to_string(),
        Entry::Control(control) => match &control.command {
            Command::End => "end".to_owned(),
            Command::Watermark(time) => time.to_string(),
            Command::Blind { kind } | Command::Sighted { kind } => kind.to_string(),
            Command::Decide(decision) => decision.ruling.kind().to_owned(),
        },
    }
}

/// Posts a body and returns the whole response. Waits until the server listens.
pub(crate) async fn post(address: SocketAddr, body: &str) -> String {
    post_traced(address, "0af7651916cd43dd8448eb211c80319c", body).await
}

pub(crate) async fn post_traced(address: SocketAddr, trace: &str, body: &str) -> String {
    let connected = async {
        loop {
            if let Ok(stream) = TcpStream::connect(address).await {
                break stream;
            }
            tokio::task::yield_now().await;
        }
    };
    let mut stream = tokio::time::timeout(PATIENCE, connected).await.unwrap();
    let head = format!(
        "POST /v1/events HTTP/1.1\r\nHost: ingest\r\nConnection: close\r\nAuthorization: Bearer {TOKEN}\r\n\
         traceparent: 00-{trace}-b7ad6b7169203331-01\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}
