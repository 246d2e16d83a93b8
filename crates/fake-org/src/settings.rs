//! How the org behaves while nothing is wrong.

use model::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

/// Worth nothing: the key whose signatures [`Settings::default`] takes, for tests to log in by JWT bearer.
pub const PRIVATE_KEY: &str = include_str!("../keys/private.pem");
const PUBLIC_KEY: &str = include_str!("../keys/public.pem");

#[derive(Clone, Debug)]
pub struct Settings {
    /// Consumer key of the app.
    pub client_id: String,
    /// For client credentials.
    pub client_secret: String,
    /// Whom JWT bearer may log in as.
    pub username: String,
    /// The RSA key that JWTs are signed with: PEM (`PUBLIC KEY`), or DER of PKCS #1.
    pub public_key: Vec<u8>,
    /// The org's clock begins here, or with the first event if that is later. What is before has happened already.
    pub start: Timestamp,
    pub speed: Speed,
    pub order: Order,
    /// Custom channels such as `Orgwatch__chn`, with the streamed objects that are their members: all where none is
    /// named. A real org lets ten be on one.
    pub channels: BTreeMap<String, Vec<String>>,
    /// No event is streamed before so many topics have been subscribed to.
    pub topics_awaited: usize,
    /// How far back streams can be replayed.
    pub history: Duration,
    /// After how long without events a stream says that it is alive. In real time, as is `idle`.
    pub keepalive: Duration,
    /// After how long at the least a stream is closed whose client asks for nothing more.
    pub idle: Duration,
    /// The most records on a page of a query's result.
    pub page: usize,
    /// How long after its event a stored row becomes visible.
    pub visible_after: Duration,
    /// How long after the end of its hour an hourly log file is there.
    pub hourly_after: Duration,
    /// How long after the end of its day a daily one.
    pub daily_after: Duration,
    /// How long log files are kept.
    pub files_kept: Duration,
    /// Whether log files are compressed for clients that accept it.
    pub gzip: bool,
    /// REST calls of the day: how many have been made by others, and how many there are.
    pub calls_used: u64,
    pub calls_max: u64,
}

/// How fast the org's time passes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// All is streamed as fast as it is taken; the time is that of the latest event that all subscribers have, and the
    /// script's end when all is sent.
    Instant,
    /// So many times as fast as real time.
    Factor(f64),
    /// Only when [`crate::Control::advance_to`] says so.
    Manual,
}

/// In which order events of several topics are streamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As in the script: each waits until all earlier ones of subscribed topics are handed over.
    Script,
    /// In order within each topic; none waits for another.
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
            order: Order::Script,
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

/// In milliseconds, as the org's clock counts.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
