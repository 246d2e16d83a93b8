//! The memory that hostile pushes take: in a process of its own, with the allocator of orgwatchd.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use bus::PublishError;
use futures::future::{BoxFuture, join_all, ready};
use ingest::http::Push;
use ingest::{OrgSettings, Outlet, PushSource, Settings, Sink, Source, Ticket, Tokens, Unread};
use mimalloc::MiMalloc;
use model::partition::Partitions;
use model::{Entry, Item, OrgId};
use runtime::admin::Health;
use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const ORGS: [(&str, &str); 2] =
    [("00D000000000001EAA", "a-token-of-this-org"), ("00D000000000002EAA", "a-token-of-other-org")];

/// Acknowledges everything, and keeps nothing.
struct Discarding;

impl Outlet for Discarding {
    fn try_send(&self, _: u16, _: Vec<Item<Entry>>) -> Result<Ticket, PublishError> {
        Ok(Box::pin(ready(Ok(()))))
    }

    fn send(&self, partition: u16, items: Vec<Item<Entry>>) -> BoxFuture<'_, Result<Ticket, PublishError>> {
        Box::pin(ready(self.try_send(partition, items)))
    }

    fn set_aside<'a>(&'a self, _: &'a Unread) -> BoxFuture<'a, ()> {
        Box::pin(ready(()))
    }
}

/// Growth that is allowed, below the 256 MiB of the whole process: the publisher may hold 32 MiB, and connections 16
/// MiB more.
const MOST_MIB: u64 = 160;
const MIB: usize = 1 << 20;
/// Unpacked bytes of a body of many records, which are slow without optimization; they took 38 bytes of memory each.
const MANY: usize = 2 * MIB;
/// Unpacked bytes of a body of few records.
const FEW: usize = 12 * MIB;

/// Returns the start and then the part, again and again, as gzip.
fn gzip(start: &str, part: &str, bytes: usize) -> Vec<u8> {
    let member = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let size = part.len().max(MIB / part.len() * part.len());
    let repeated = member(&part.repeat(size / part.len()));
    [member(start), repeated.repeat(bytes / size)].concat()
}

/// A hostile body, and what its answer must say.
struct Hostile {
    name: &'static str,
    body: Vec<u8>,
    status: u16,
    /// A part of the answer's body, which only its records can cause.
    says: String,
}

/// Returns a zip of so many members of one byte, and of members that hold a zip in memory.
fn zip(members: usize, nested: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut archive = rawzip::ZipArchiveWriter::new(&mut bytes);
    for number in 0..members {
        let (mut entry, config) = archive.new_file(format!("{number}").as_str()).start().unwrap();
        let mut writer = config.wrap(&mut entry);
        writer.write_all(if nested.is_empty() { b"x" } else { nested }).unwrap();
        let (_, descriptor) = writer.finish().unwrap();
        entry.finish(descriptor).unwrap();
    }
    archive.finish().unwrap();
    bytes
}

/// Returns all hostile bodies.
fn bodies() -> Vec<Hostile> {
    let event = |kind: &str, more: &str| {
        format!(r#"{{"attributes":{{"type":"{kind}"}},"EventDate":"2026-03-02T00:00:00Z","UserId":"a",{more}}}"#) + "\n"
    };
    let long_text = event("ListViewEvent", &format!(r#""Unknown":"{}""#, r"\n".repeat(3 * MIB / 2)));
    let features =
        format!(r#""SecurityEventData":[{}{{"featureName":1}}]"#, r#"{"featureName":1},"#.repeat(3 * MIB / 18));
    let features = event("ApiAnomalyEventStore", &features);
    let columns = ",".repeat(3 * MIB / 2);
    let small = r#"{\"EventDate\":1772442000000,\"UserId\":\"a\",\"SourceIp\":\"b\"},"#;
    let within = format!("{{\"type\":\"LogoutEvent\",\"message\":\"[{}{{}}]\"}}\n", small.repeat(45_000));
    let many_columns = format!("Login,2026-03-02T00:00:00Z,a{columns}\n");
    let header = "EVENT_TYPE,TIMESTAMP_DERIVED,USER_ID\n";
    let many_names = format!("{}{columns}\n", header.trim_end());
    let many_values = many_columns.replace('\n', "x\n");
    let row = "Login,2026-03-02T00:00:00Z,a\n";
    let distinct: String = (1..=MANY / 32).map(|user| format!("Login,2026-03-02T00:00:00Z,{user}\n")).collect();
    let rejected = |count: usize| format!(r#""rejected_total":{count}}}"#);
    let accepted = |count: usize| format!(r#""accepted":{count},"#);
    // How often a part stands in `MANY` bytes.
    let times = |part: &str| MIB / part.len() * (MANY / MIB);
    let reason =
        |line: u32, reason: &str| format!(r#""rejected":[{{"line":{line},"reason":"{reason}"}}],"rejected_total":1"#);
    let ends_early =
        |what: &str| format!(r#""reason":"not a JSON object: EOF while parsing a {what} at line 1 column 31457"#);
    let too_long = "longer than 4 MiB";
    let hostile = |name, body, status, says| Hostile { name, body, status, says };
    vec![
        hostile("lines of empty objects", gzip("", "{}\n", MANY), 400, rejected(times("{}\n"))),
        hostile("an array of empty objects", gzip("[", "{},", MANY), 400, rejected(times("{},"))),
        hostile("an array of numbers", gzip("[{},", "1,", MANY), 400, rejected(1 + times("1,"))),
        hostile("the smallest rows", gzip(header, row, MANY), 202, accepted(times(row))),
        hostile("distinct rows", gzip(header, &distinct, distinct.len()), 202, accepted(MANY / 32)),
        hostile("nested arrays", gzip(r#"{"a":"#, "[", 3 * MIB), 400, ends_early("list")),
        hostile("nested objects", gzip("", r#"{"a":"#, 3 * MIB), 400, ends_early("value")),
        hostile("endless nested arrays", gzip(r#"{"a":"#, "[", FEW), 400, reason(1, too_long)),
        hostile("endless nested objects", gzip("", r#"{"a":"#, FEW), 400, reason(1, too_long)),
        hostile("an endless header of commas", gzip("EVENT_TYPE", ",", FEW), 400, reason(1, too_long)),
        hostile("an endless row of commas", gzip("EVENT_TYPE,USER_ID\n", ",", FEW), 400, reason(2, too_long)),
        hostile("millions of columns", gzip(&many_names, &many_columns, FEW), 202, accepted(FEW / many_columns.len())),
        hostile("rows of millions", gzip(header, &many_values, FEW), 400, rejected(FEW / many_values.len())),
        hostile("a zip of very many members", zip(120_000, b""), 400, rejected(10_001)),
        hostile("large zips in a zip", zip(2, &zip(50_000, b"")), 400, rejected(20_002)),
        hostile("long texts", gzip("", &long_text, FEW), 202, accepted(FEW / long_text.len())),
        hostile("records within a text", gzip("", &within, FEW), 202, accepted(FEW / within.len() * 10_000)),
        hostile("many features", gzip("", &features, FEW), 202, accepted(FEW / features.len())),
    ]
}

/// Returns the value of a line of `/proc/self/status` in MiB.
fn status_mib(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() >> 10
}

async fn post(address: SocketAddr, token: &str, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /v1/events HTTP/1.1\r\nhost: ingest\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A refused body is not read to its end.
    let (mut reader, mut writer) = stream.split();
    let (_, read) = tokio::join!(writer.write_all(body), reader.read_to_end(&mut answer));
    drop(read);
    String::from_utf8(answer).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_pushes_take_bounded_memory() {
    let of_token = |token: &str| OrgSettings { tokens: vec![token.into()], ..OrgSettings::default() };
    let orgs = ORGS.map(|(org, token)| (OrgId::new(org), of_token(token))).into();
    // Decoding is slow without optimization and while other tests run, and no matter of memory.
    let settings: Settings = Settings { orgs, acknowledge_seconds: 120, ..Settings::default() };
    let sink = Sink::new(Arc::new(Discarding), Partitions::new(4, BTreeMap::new()));
    let push = Push::new(&settings, Tokens::load(&settings).unwrap(), sink.clone(), &Health::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, shutdown) = (listener.local_addr().unwrap(), CancellationToken::new());
    let stop = shutdown.clone();
    let running = tokio::spawn(async move { PushSource::new(push, listener).run(&sink, stop).await });
    let [(_, token), (_, other_token)] = ORGS;

    let bodies = bodies();
    let plain = format!(r#"{{"a":"{}"#, "x".repeat(16 * MIB - 8)).into_bytes();
    let good =
        br#"{"attributes":{"type":"ListViewEvent"},"EventDate":"2026-03-02T00:00:00Z","UserId":"a","RowsProcessed":1}"#;
    assert!(post(address, token, good).await.starts_with("HTTP/1.1 202 "));
    let before = status_mib("VmRSS:");
    let check = |name: &str| {
        let growth = status_mib("VmHWM:").saturating_sub(before);
        println!("{growth} MiB: {name}");
        assert!(growth < MOST_MIB, "{name}: {growth} MiB");
    };
    // Sets the peak to what is in use.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    for Hostile { name, body, status, says } in &bodies {
        let answers = join_all([token, token, other_token].map(|token| post(address, token, body))).await;
        for answer in answers {
            let is_expected = answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains(says);
            assert!(is_expected, "{name}: not {status} with {says}: {answer}");
        }
        check(name);
    }
    // Every place at once.
    let all = (0..16).map(|number| post(address, if number % 2 == 0 { token } else { other_token }, &plain));
    let answers = join_all(all).await;
    // Half of the places are of one org. A body that is longer than a record has no event, once its turn to be decoded comes.
    let said: Vec<&str> = answers.iter().filter_map(|answer| answer.split(' ').nth(1)).collect();
    assert!(said.len() == 16 && said.contains(&"400"), "{answers:?}");
    check("bodies as large as allowed");
    assert!(post(address, token, good).await.starts_with("HTTP/1.1 202 "));
    shutdown.cancel();
    running.await.unwrap().unwrap();
}
