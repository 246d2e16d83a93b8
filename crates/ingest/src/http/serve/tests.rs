//! Clients on raw connections. Time is paused, and moves on when nothing else can happen.

use super::*;
use crate::testing::{Memory, ORG, id, records, sink};
use crate::{OrgSettings, Settings, Tokens};
use model::OrgId;
use runtime::admin::Health;
use secrecy::SecretString;
use std::net::SocketAddr;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

const TOKEN: &str = "a-token-of-this-org";
const OTHER_TOKEN: &str = "a-token-of-other-org";
const OTHER: &str = "00D000000000002EAA";

struct Server {
    address: SocketAddr,
    push: Arc<Push>,
    memory: Arc<Memory>,
    shutdown: CancellationToken,
    running: JoinHandle<()>,
}

impl Server {
    async fn start(settings: Settings) -> Self {
        let of_token = |token: &str| OrgSettings { tokens: vec![SecretString::from(token)], ..OrgSettings::default() };
        let orgs = [(OrgId::new(ORG), of_token(TOKEN)), (OrgId::new(OTHER), of_token(OTHER_TOKEN))].into();
        let settings = Settings { orgs, ..settings };
        let memory = Arc::new(Memory::default());
        let tokens = Tokens::load(&settings).unwrap();
        let push = Arc::new(Push::new(&settings, tokens, sink(&memory), &Health::default()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, shutdown) = (listener.local_addr().unwrap(), CancellationToken::new());
        let running = tokio::spawn(serve(listener, Arc::clone(&push), shutdown.clone()));
        Self { address, push, memory, shutdown, running }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends the head of a request with a body of this length.
    async fn begin(&self, token: &str, length: usize) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(head(token, length).as_bytes()).await.unwrap();
        stream
    }

    async fn post(&self, token: &str, body: &str) -> String {
        let mut stream = self.begin(token, body.len()).await;
        stream.write_all(body.as_bytes()).await.unwrap();
        answer(&mut stream).await
    }

    /// Waits until this many connections are open.
    async fn has_open(&self, connections: u32) {
        while self.push.connections.count() != connections {
            tokio::task::yield_now().await;
        }
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.running.await.unwrap();
    }
}

fn head(token: &str, length: usize) -> String {
    format!(
        "POST /v1/events HTTP/1.1\r\nhost: ingest\r\nauthorization: Bearer {token}\r\ncontent-length: {length}\r\n\r\n"
    )
}

/// Returns a whole response; an empty text if the connection was closed without one.
async fn answer(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&answer).into_owned();
        let length =
            text.split("content-length: ").nth(1).and_then(|rest| rest.split('\r').next()?.parse::<usize>().ok());
        if let (Some(length), Some((_, body))) = (length, text.split_once("\r\n\r\n"))
            && body.len() >= length
        {
            return text;
        }
        match stream.read(&mut buffer).await {
            Ok(count) if count > 0 => answer.extend_from_slice(&buffer[..count]),
            _ => return text,
        }
    }
}

#[track_caller]
fn check(answer: &str, status: u16, error: &str) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    assert!(answer.ends_with(&format!(r#"{{"error":"{error}"}}"#)), "{answer}");
    assert!(answer.contains("retry-after: 1\r\n"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn silent_and_trickling_heads_are_closed() {
    let server = Server::start(Settings::default()).await;
    let started = Instant::now();
    let mut silent = server.connect().await;
    let mut slow = server.connect().await;
    let trickle = async {
        for byte in head(TOKEN, 0).bytes() {
            if slow.write_all(&[byte]).await.is_err() {
                return;
            }
            sleep(Duration::from_secs(1)).await;
        }
    };
    let (closed, ()) = tokio::join!(answer(&mut silent), trickle);
    assert_eq!(closed, "");
    assert_eq!(answer(&mut slow).await, "");
    assert!(started.elapsed() < Duration::from_secs(13), "{:?}", started.elapsed());
    server.has_open(0).await;
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_body_ends_with_the_reason_and_frees_its_place() {
    let server = Server::start(Settings::default()).await;
    let started = Instant::now();
    let mut stream = server.begin(TOKEN, 1_000_000).await;
    let (mut reader, mut writer) = stream.split();
    let mut refusal = vec![0; 4096];
    let trickle = async {
        loop {
            // Fails once the server has closed.
            drop(writer.write_all(b"{}\n").await);
            sleep(Duration::from_millis(100)).await;
        }
    };
    let count = tokio::select! {
        count = reader.read(&mut refusal) => count.unwrap(),
        () = trickle => unreachable!(),
    };
    check(&String::from_utf8_lossy(&refusal[..count]), 408, "the body arrives at less than 16384 bytes per second");
    assert!(started.elapsed() < Duration::from_secs(7), "{:?}", started.elapsed());
    assert!(server.post(TOKEN, &records([1])).await.starts_with("HTTP/1.1 202 "));
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_ends_is_late() {
    let server = Server::start(Settings { min_body_bytes_per_second: 0, ..Settings::default() }).await;
    let mut stream = server.begin(TOKEN, 1_000).await;
    check(&answer(&mut stream).await, 408, "the body did not arrive within 60 s");
    server.stop().await;
}

#[tokio::test]
async fn slow_bodies_of_one_org_leave_places_to_others() {
    let server = Server::start(Settings { max_requests: 4, max_requests_per_org: 2, ..Settings::default() }).await;
    let slow = [server.begin(TOKEN, 1_000).await, server.begin(TOKEN, 1_000).await];
    while server.push.places.count() < 2 {
        tokio::task::yield_now().await;
    }
    let refused = server.post(TOKEN, &records([1])).await;
    check(&refused, 429, "2 pushes of this org are being processed, the most it may have at a time");
    assert!(server.post(OTHER_TOKEN, &records([2])).await.starts_with("HTTP/1.1 202 "));
    assert_eq!(server.memory.texts(), [id(2)]);
    drop(slow);
    while server.push.places.count() > 0 {
        tokio::task::yield_now().await;
    }
    assert!(server.post(TOKEN, &records([1])).await.starts_with("HTTP/1.1 202 "));
    server.stop().await;
}

#[tokio::test]
async fn connections_without_a_token_are_fewer() {
    let limits = Settings {
        max_unauthenticated_per_address: 2,
        max_connections_per_address: 4,
        max_connections: 5,
        ..Settings::default()
    };
    let server = Server::start(limits).await;
    let silent = [server.connect().await, server.connect().await];
    server.has_open(2).await;
    let expected = "2 connections from this address have sent no valid token yet, the most it may have";
    check(&answer(&mut server.connect().await).await, 429, expected);
    // Also if it has sent something already.
    check(&server.post(TOKEN, &records([1])).await, 429, expected);
    drop(silent);
    server.has_open(0).await;

    let mut with_token = Vec::new();
    for number in 0..4 {
        let mut stream = server.begin(TOKEN, 1_000).await;
        stream.write_all(b"{").await.unwrap();
        with_token.push(stream);
        while server.push.places.count() <= number {
            tokio::task::yield_now().await;
        }
    }
    let expected = "there are 4 connections from this address, the most it may have";
    check(&answer(&mut server.connect().await).await, 429, expected);
    drop(with_token);
    server.has_open(0).await;
    server.stop().await;
}

#[tokio::test]
async fn all_connections_are_limited() {
    let server = Server::start(Settings { max_connections: 1, ..Settings::default() }).await;
    let one = server.connect().await;
    server.has_open(1).await;
    check(&answer(&mut server.connect().await).await, 503, "the server has 1 connections, the most it may have");
    drop(one);
    server.has_open(0).await;
    assert!(server.post(TOKEN, &records([1])).await.starts_with("HTTP/1.1 202 "));
    server.stop().await;
}

#[tokio::test]
async fn a_wrong_token_ends_the_connection() {
    let server = Server::start(Settings::default()).await;
    let mut stream = server.begin("nobody-has-this-token", 1_000).await;
    let refused = answer(&mut stream).await;
    assert!(refused.starts_with("HTTP/1.1 401 ") && refused.contains("connection: close"), "{refused}");
    assert_eq!(answer(&mut stream).await, "");
    server.stop().await;
}

#[tokio::test]
async fn a_connection_without_a_token_ends_with_its_first_answer() {
    let server = Server::start(Settings::default()).await;
    for (request, status) in [("GET / ", 404), ("GET /v1/events ", 405), ("POST /v1/events?what ", 401)] {
        let mut stream = server.connect().await;
        let head = format!("{request}HTTP/1.1\r\nhost: ingest\r\ncontent-length: 0\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let refused = answer(&mut stream).await;
        assert!(refused.starts_with(&format!("HTTP/1.1 {status} ")), "{refused}");
        assert!(refused.contains("connection: close\r\n"), "{refused}");
        assert_eq!(answer(&mut stream).await, "");
    }
    server.has_open(0).await;

    // Once a valid token has arrived, other requests do not end the connection.
    let mut stream = server.connect().await;
    let body = records([1]);
    stream.write_all((head(TOKEN, body.len()) + &body).as_bytes()).await.unwrap();
    assert!(answer(&mut stream).await.starts_with("HTTP/1.1 202 "));
    stream.write_all(b"GET / HTTP/1.1\r\nhost: ingest\r\n\r\n").await.unwrap();
    let missing = answer(&mut stream).await;
    assert!(missing.starts_with("HTTP/1.1 404 ") && !missing.contains("connection: close"), "{missing}");
    server.stop().await;
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let server = Server::start(Settings::default()).await;
    let mut stream = server.connect().await;
    for number in [1, 2] {
        let body = records([number]);
        stream.write_all((head(TOKEN, body.len()) + &body).as_bytes()).await.unwrap();
        assert!(answer(&mut stream).await.starts_with("HTTP/1.1 202 "));
    }
    assert_eq!(server.memory.texts(), [id(1), id(2)]);
    server.stop().await;
}
