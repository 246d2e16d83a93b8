//! How the org behaves without faults.

use model::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// The private key that matches the public key of [`Settings::default`], with which tests log in by JWT bearer. It is
/// used nowhere else.
pub const PRIVATE_KEY: &str = include_str!("../keys/private.pem");
const PUBLIC_KEY: &str = include_str!("../keys/public.pem");

/// The settings of an org.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Consumer key of the app.
    pub client_id: String,
    /// Consumer secret of the app, for client credentials.
    pub client_secret: String,
    /// The user that JWT bearer may log in as.
    pub username: String,
    /// The RSA public key that verifies JWTs: PEM (`PUBLIC KEY`), or DER in PKCS #1.
    pub public_key: Vec<u8>,
    /// The time at which the clock starts, or the time of the first event if that is later. Events up to then have
    /// happened at the start.
    pub start: Timestamp,
    /// How fast the clock runs.
    pub speed: Speed,
    /// In which order events of several topics are streamed.
    pub stream_order: StreamOrder,
    /// Custom channels, such as `Orgwatch__chn`, with the streamed objects that are their members; an empty list means
    /// all objects. A real org allows ten members in a channel.
    pub channels: BTreeMap<String, Vec<String>>,
    /// How many topics must be subscribed to before any event is streamed.
    pub topics_awaited: usize,
    /// How far back streams can be replayed. The default is Salesforce's retention, 72 h.
    pub history: Duration,
    /// After how long without events a stream sends a keepalive. In real time, as is `idle`. The default, 60 s, is what
    /// Salesforce does in practice (pub-sub-api, pull request 31); documented are at most 270 s.
    pub keepalive: Duration,
    /// After how long, at least, a stream is closed if its client has received all that it requested and requests
    /// nothing more. The default, 70 s, is from a comment in Salesforce's Java sample.
    pub idle: Duration,
    /// The most records on a page of a query's result. The default is Salesforce's, 2,000.
    pub page: usize,
    /// How long after its event a stored row becomes visible.
    pub visible_after: Duration,
    /// How long after the end of its hour an hourly log file appears. The default is Salesforce's earliest, 3 h.
    pub hourly_after: Duration,
    /// How long after the end of its day a daily log file appears.
    pub daily_after: Duration,
    /// How long log files are kept. The default is Salesforce's documented retention, 30 days.
    pub files_kept: Duration,
    /// Whether log files are compressed for clients that accept gzip.
    pub gzip: bool,
    /// How many REST calls of the day other clients have made.
    pub calls_used: u64,
    /// How many REST calls a day has.
    pub calls_max: u64,
}

/// How fast the org's clock runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// Events are streamed as fast as clients request them. The time is that of the latest event that all subscribers
    /// have received, and the script's end when everything was sent.
    Instant,
    /// So many times as fast as real time.
    Factor(f64),
    /// Stands still except for [`crate::Control::advance_to`].
    Manual,
}

/// In which order events of several topics are streamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamOrder {
    /// In the script's order: an event is sent after all earlier events of subscribed topics.
    Script,
    /// In order within each topic; topics do not wait for each other.
    Topic,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            client_id: "fake-consumer-key".to_owned(),
            client_secret: "fake-consumer-secret".to_owned(),
            username: "watcher@fake.example".to_owned(),
            public_key: PUBLIC_KEY.as_bytes().to_vec(),
            start: Timestamp::default(),
            speed: Speed::Instant,
            stream_order: StreamOrder::Script,
            channels: BTreeMap::new(),
            topics_awaited: 0,
            history: Duration::from_secs(72 * 3_600),
            keepalive: Duration::from_secs(60),
            idle: Duration::from_secs(70),
            page: 2_000,
            visible_after: Duration::ZERO,
            hourly_after: Duration::from_secs(3 * 3_600),
            daily_after: Duration::from_secs(3 * 3_600),
            files_kept: Duration::from_secs(30 * 86_400),
            gzip: true,
            calls_used: 0,
            calls_max: 100_000,
        }
    }
}

/// Converts a duration to milliseconds, the unit of [`Timestamp`].
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
