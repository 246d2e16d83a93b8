//! Changes, destinations and an HTTP server for tests.

use crate::destination::{Destination, Target};
use crate::message::{Frame, Message};
use model::time::{HOUR, MINUTE};
use model::{
    Change, ChangeKind, Finding, Incident, OrgId, Points, Receipt, RiskModel, Severity, Term, TermKind, Text,
    Timestamp, UserClass, UserId, Uuid,
};
use risk::notify::Filter;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub(crate) const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Without links; what is older than a day is a catch-up.
pub(crate) const FRAME: Frame = Frame { console_url: None, runbook_url: None, catch_up_after: 24 * HOUR };

/// A minute after the last event of [`change`], and a day later.
pub(crate) const NOW: Timestamp = Timestamp(1_772_471_592_000 + MINUTE);
pub(crate) const LATER: Timestamp = Timestamp(NOW.0 + 24 * HOUR);

/// With links to a console and to runbooks.
pub(crate) fn console() -> Frame {
    let console_url = Some("https://console.example.com/".to_owned());
    Frame { console_url, runbook_url: Some("https://docs.example.com/detectors/".to_owned()), ..FRAME }
}

/// The message of a change without a trace, delivered [`NOW`].
pub(crate) fn message(change: Change) -> Message {
    Message::of_change(change, Text::default(), &FRAME, NOW)
}

/// The digest of changes, delivered [`NOW`].
pub(crate) fn digest(changes: &[Change]) -> Message {
    Message::of_digest(changes, &FRAME, NOW).unwrap()
}

/// A destination with the defaults.
pub(crate) fn destination(name: &str) -> Destination {
    let kinds = crate::settings::DEFAULT_KINDS.to_vec();
    Destination {
        name: name.to_owned(),
        target: Target::Stdout,
        filter: Filter { min_severity: Severity::High, kinds },
        rate_per_minute: 30,
        timeout: Duration::from_secs(10),
        max_attempts: 8,
    }
}

/// A change of incident 1.
pub(crate) fn change(revision: u64, kind: ChangeKind, risk: f64) -> Change {
    change_of(1, revision, kind, risk)
}

pub(crate) fn change_of(id: u128, revision: u64, kind: ChangeKind, risk: f64) -> Change {
    let risk_score = Points::from_f64(risk);
    let findings = vec![
        finding("row_spike", 9.8, "4,151 rows, usually 99"),
        finding("view_burst", 8.0, "11 list views in 58 seconds"),
        finding("new_access", 7.0, "first access to Case"),
    ];
    let points = [5_000, 3_000].into_iter().map(Points).chain([Points(risk_score.0 - 8_000)]);
    let terms = findings.iter().zip(points).map(|(finding, points)| term(finding, points)).collect();
    let receipt = Receipt { model: RiskModel::NoisyOr, config_hash: "hash".into(), risk_score, terms };
    let incident = Incident {
        incident_id: Uuid::from_u128(id),
        revision,
        org_id: OrgId::new("00Dhn0000018hrcMAU"),
        user_id: UserId::new("005hn00000EmmaMAAU"),
        username: Some("emma.martin@example.com".into()),
        user_class: UserClass::Normal,
        severity: risk_score.severity(),
        risk_score,
        first_event_at: Timestamp(1_772_461_912_867),
        last_event_at: Timestamp(1_772_471_592_000),
        findings,
        receipt,
        disposition: None,
    };
    Change::new(incident, kind)
}

fn finding(detector: &str, score: f64, summary: &str) -> Finding {
    Finding {
        finding_id: model::id::derive(&[detector]),
        revision: 1,
        org_id: OrgId::new("00Dhn0000018hrcMAU"),
        user_id: UserId::new("005hn00000EmmaMAAU"),
        username: Some("emma.martin@example.com".into()),
        user_class: UserClass::Normal,
        detector: detector.into(),
        severity: Severity::of_score(score),
        score,
        anomaly_score: score / 10.0,
        confidence: 0.8,
        surprise: score,
        observed_at: Timestamp(1_772_461_912_867),
        revised_at: Timestamp(1_772_471_592_000),
        summary: summary.to_owned(),
        features: Vec::new(),
        measures: Vec::new(),
        event_ids: vec![model::id::derive(&["event", detector])],
        objects: vec!["Case".into(), "Contact".into()],
        surface: None,
        withdrawn: false,
        config_hash: "hash".into(),
        addresses: addresses(detector),
        resource_id: None,
        resource_name: None,
        client: None,
        app: None,
        precision: None,
        evidence: Vec::new(),
    }
}

/// One that all findings share, and one of the detector.
fn addresses(detector: &str) -> Vec<Text> {
    let other = if detector == "row_spike" { "198.51.100.4" } else { "2001:db8::7" };
    vec![other.into(), "203.0.113.7".into()]
}

fn term(finding: &Finding, points: Points) -> Term {
    Term {
        kind: TermKind::Finding,
        name: finding.detector.clone(),
        finding_id: Some(finding.finding_id),
        score: finding.score,
        weight: 1.0,
        decay: 1.0,
        damping: 1.0,
        multiplier: 1.0,
        points,
        reason: String::new(),
    }
}

/// An HTTP server that gives every request the same response, or none if it is empty.
pub(crate) struct Server {
    pub(crate) address: std::net::SocketAddr,
    requests: tokio::sync::Mutex<tokio::sync::mpsc::UnboundedReceiver<Request>>,
    task: tokio::task::JoinHandle<()>,
}

pub(crate) struct Request {
    /// The request line and the headers.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Server {
    pub(crate) async fn start(response: &str) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, requests) = tokio::sync::mpsc::unbounded_channel();
        let response = response.to_owned();
        let task = tokio::spawn(async move {
            let mut open = Vec::new();
            loop {
                let mut stream = listener.accept().await.unwrap().0;
                sender.send(Request::read(&mut stream).await).unwrap_or_default();
                if response.is_empty() {
                    open.push(stream);
                } else {
                    stream.write_all(response.as_bytes()).await.unwrap();
                }
            }
        });
        Self { address, requests: tokio::sync::Mutex::new(requests), task }
    }

    /// Waits for the next request.
    pub(crate) async fn request(&self) -> Request {
        self.requests.lock().await.recv().await.unwrap()
    }

    /// The number of requests that [`Server::request`] has not returned.
    pub(crate) fn requests(&self) -> usize {
        self.requests.try_lock().unwrap().len()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Request {
    async fn read(stream: &mut tokio::net::TcpStream) -> Self {
        let mut bytes = Vec::new();
        loop {
            let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
            if let Some(end) = end {
                let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
                let mut request = Self { head, body: bytes[end + 4..].to_vec() };
                let length: usize = request.header("content-length").parse().unwrap();
                while request.body.len() < length {
                    assert_ne!(stream.read_buf(&mut request.body).await.unwrap(), 0);
                }
                return request;
            }
            assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0);
        }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let fields = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut values = fields.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
        values.next().unwrap_or_else(|| panic!("no {name} in {}", self.head))
    }
}
