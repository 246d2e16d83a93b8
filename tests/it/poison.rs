//! Messages that cannot be processed go to the dead stream with the reason, hostile ones do no harm, and all other
//! messages are processed as without them.

use crate::kit::{Fleet, backtest, export, orgs};
use async_nats::jetstream::Context;
use bus::{dead, subject};
use model::{
    Activity, Batch, Change, ChangeKind, Channel, Command, Control, Entry, Family, Feature, Finding, Incident, Item,
    Kind, Observation, OrgId, Points, Receipt, RiskModel, Severity, SourceIp, Timestamp, UserClass, UserId, Uuid,
};
use orgwatchd::{Config, Node, idle};
use rand::SeedableRng;
use rand::distr::{Alphanumeric, SampleString};
use rand_chacha::ChaCha8Rng;
use servers::{Nats, Postgres};
use settings::Settings as Rules;
use std::path::Path;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const SERVICES: [&str; 6] = ["ingest", "baseline-1", "baseline-2", "detector", "correlator", "notifier"];
const PARTITIONS: u16 = 2;
/// A separate org, of which the outcome is not compared.
const HOSTILE: &str = "00Dhn0000HOSTILEAA";
const PREFIX: &str = "orgwatch";
/// The largest message that the server accepts, in bytes.
const LARGEST: usize = 1 << 20;

/// The reason for times outside of the calendar.
const NO_TIME: Option<&str> = Some("is not a time of the years 1 to 9999");

/// A message, and the reason of its dead letter; `None` if it is accepted without harm.
struct Poison {
    subject: String,
    payload: Vec<u8>,
    reason: Option<&'static str>,
}

fn poisons() -> Vec<Poison> {
    let mut poisons = Vec::new();
    let mut on = |subjects: &[String], hostile: Vec<(Vec<u8>, Option<&'static str>)>| {
        for subject in subjects {
            poisons.extend(hostile.iter().cloned().map(|(payload, reason)| Poison {
                subject: subject.clone(),
                payload,
                reason,
            }));
        }
    };
    let activities = (0..PARTITIONS).map(|partition| subject::activity(PREFIX, partition)).collect::<Vec<_>>();
    on(&activities, activity_messages());
    let observation = |family: &Family| subject::observation(PREFIX, family.as_str(), 1);
    on(&Family::ALL.iter().map(observation).collect::<Vec<_>>(), observation_messages());
    on(&[subject::finding(PREFIX, 1)], finding_messages());
    on(&[subject::incident(PREFIX, HOSTILE)], change_messages());
    poisons
}

/// Returns invalid messages for any type. An empty item lacks the field `missing`.
fn bad_payloads(other: Vec<u8>, missing: &'static str) -> Vec<(Vec<u8>, Option<&'static str>)> {
    const UNDECODABLE: Option<&str> = Some("undecodable: not a protobuf message of this type");
    let nothing = [0x0a, 0x00].to_vec();
    vec![
        (vec![0xff; 100], UNDECODABLE),
        (vec![0xff; LARGEST], UNDECODABLE),
        (b"{\"UserId\":\"005\"}".to_vec(), UNDECODABLE),
        (other, UNDECODABLE),
        (nothing, Some(missing)),
        (Vec::new(), None),
    ]
}

fn activity_messages() -> Vec<(Vec<u8>, Option<&'static str>)> {
    let mut messages =
        bad_payloads(Finding::encode_batch(&[Item::new(finding())]), "undecodable: field activity: missing");
    let control = |org: &str, command: Command| Entry::Control(Control { org_id: OrgId::new(org), command });
    let unknown = "00Dhn000000NONEEAA";
    let nul = Activity { user_id: UserId::new("005\0hn00000"), username: Some("a\0b".into()), ..activity() };
    let entries = [
        control(unknown, Command::End),
        control(unknown, Command::Watermark(activity().event_time)),
        activity().into(),
        nul.into(),
        control(HOSTILE, Command::End),
    ];
    messages.extend(entries.map(|entry| (Entry::encode_batch(&[traced(entry)]), None)));
    let timeless = [i64::MIN, i64::MAX].map(Timestamp).into_iter().flat_map(|time| {
        [control(HOSTILE, Command::Watermark(time)), Activity { event_time: time, ..activity() }.into()]
    });
    messages.extend(timeless.map(|entry| (Entry::encode_batch(&[traced(entry)]), NO_TIME)));
    messages
}

fn observation_messages() -> Vec<(Vec<u8>, Option<&'static str>)> {
    let other = Change::encode_batch(&[Item::new(change())]);
    let mut messages = bad_payloads(other, "undecodable: field observation: missing");
    let at = |at: i64| Observation { at: Timestamp(at), day: Timestamp(at), revision: u64::MAX, ..observation() };
    let observations = [
        (observation(), None),
        (Observation { revision: u64::MAX, ..observation() }, None),
        (at(i64::MIN), NO_TIME),
        (at(i64::MAX), NO_TIME),
    ];
    messages.extend(observations.map(|(value, reason)| (Observation::encode_batch(&[traced(value)]), reason)));
    messages
}

fn finding_messages() -> Vec<(Vec<u8>, Option<&'static str>)> {
    let other = Entry::encode_batch(&[Item::new(activity().into())]);
    let mut messages = bad_payloads(other, "undecodable: field finding: missing");
    messages.push((vec![0x0a, 0x02, 0x0a, 0x00], Some("undecodable: field finding_id: not a uuid of 16 bytes")));
    let whole = finding();
    let cases = [
        (whole.clone(), None),
        (Finding { user_id: UserId::new("005\0hn00000"), finding_id: Uuid::from_u128(2), ..whole.clone() }, None),
        (at(i64::MIN, whole.clone()), NO_TIME),
        (at(i64::MAX, whole.clone()), NO_TIME),
        (Finding { score: f64::NAN, ..whole.clone() }, Some("field score: not a finite number")),
        (Finding { surprise: f64::INFINITY, ..whole.clone() }, Some("field surprise: not a finite number")),
        (Finding { revision: u64::MAX, ..whole.clone() }, Some("does not fit the database")),
        (Finding { user_id: UserId::new(&long_id()), ..whole }, Some("where ids have 255 at most")),
    ];
    messages.extend(cases.map(|(value, reason)| (Finding::encode_batch(&[traced(value)]), reason)));
    messages
}

fn at(at: i64, finding: Finding) -> Finding {
    let finding_id = Uuid::from_u128(u128::from(at.cast_unsigned()));
    Finding { observed_at: Timestamp(at), revised_at: Timestamp(at), finding_id, ..finding }
}

fn change_messages() -> Vec<(Vec<u8>, Option<&'static str>)> {
    let other = Observation::encode_batch(&[Item::new(observation())]);
    let mut messages = bad_payloads(other, "undecodable: field incident: missing");
    let changed = |incident: Incident| Change { incident, ..change() };
    let whole = change().incident;
    let extreme = Incident { first_event_at: Timestamp(i64::MIN), last_event_at: Timestamp(i64::MAX), ..whole.clone() };
    let changes = [
        (change(), None),
        (changed(extreme), NO_TIME),
        (changed(Incident { revision: u64::MAX, ..whole }), Some("does not fit the database")),
    ];
    messages.extend(changes.map(|(value, reason)| (Change::encode_batch(&[traced(value)]), reason)));
    messages
}

/// Returns an item with a trace context that no tracer writes.
fn traced<T>(value: T) -> Item<T> {
    Item { traceparent: "00-\0\r\nfoo: bar".into(), received_at: Some(Timestamp(0)), ..Item::new(value) }
}

/// 100 kB with zero bytes among them.
fn long() -> String {
    "a\0é\u{202e}\r\n'; --".repeat(8_000)
}

/// 100 kB that do not compress.
fn long_id() -> String {
    Alphanumeric.sample_string(&mut ChaCha8Rng::seed_from_u64(1), 100_000)
}

fn activity() -> Activity {
    let time = Timestamp::parse("2026-01-20T10:00:00Z").unwrap();
    let (org, user) = (OrgId::new(HOSTILE), UserId::new("005"));
    Activity {
        username: Some(long().into()),
        operation: Some("\0".into()),
        objects: ["\0".into()].into_iter().collect(),
        resource_name: Some(long().into()),
        rows: Some(u64::MAX),
        bytes: Some(u64::MAX),
        source_ip: Some(SourceIp::Other("\0".into())),
        user_agent: Some(long().into()),
        session_key: Some("\0".into()),
        ..Activity::new(Uuid::from_u128(1), org, user, time, Channel::Stream, Kind::ReportExport)
    }
}

fn observation() -> Observation {
    let Activity { org_id, user_id, username, event_time, .. } = activity();
    Observation {
        org_id,
        user_id,
        username,
        user_class: UserClass::Normal,
        at: event_time,
        day: event_time,
        revision: 1,
        activity: Some(Box::new(activity())),
        features: vec![Feature::Native],
        blind: Vec::new(),
        calibrations: Vec::new(),
        precisions: Vec::new(),
        settings: Default::default(),
    }
}

fn finding() -> Finding {
    let Observation { org_id, user_id, at, .. } = observation();
    Finding {
        finding_id: Uuid::from_u128(1),
        revision: 1,
        org_id,
        user_id,
        username: Some("a\0b".into()),
        user_class: UserClass::Normal,
        detector: "row_spike\0".into(),
        severity: Severity::Critical,
        score: 1e300,
        anomaly_score: -1.0,
        confidence: f64::MAX,
        surprise: f64::MIN,
        observed_at: at,
        revised_at: at,
        summary: long(),
        features: Vec::new(),
        measures: Vec::new(),
        event_ids: Vec::new(),
        objects: Vec::new(),
        surface: None,
        withdrawn: false,
        config_hash: "\0".into(),
        addresses: Vec::new(),
        resource_id: None,
        resource_name: None,
        client: None,
        app: None,
        precision: None,
        evidence: Vec::new(),
    }
}

fn change() -> Change {
    let Finding { org_id, user_id, username, user_class, severity, observed_at, .. } = finding();
    let receipt =
        Receipt { model: RiskModel::Sum, config_hash: "\0".into(), risk_score: Points(i32::MAX), terms: Vec::new() };
    let incident = Incident {
        incident_id: Uuid::from_u128(1),
        revision: 1,
        org_id,
        user_id,
        username,
        user_class,
        severity,
        risk_score: Points(i32::MAX),
        first_event_at: observed_at,
        last_event_at: observed_at,
        findings: Vec::new(),
        receipt,
        disposition: None,
    };
    Change::new(incident, ChangeKind::Opened)
}

async fn publish(context: &Context, poisons: &[Poison]) {
    for Poison { subject, payload, .. } in poisons {
        context.publish(subject.clone(), payload.clone().into()).await.unwrap().await.unwrap();
    }
}

/// Publishes poison first, and again after every `APART` messages in the stream of activities.
async fn rounds(context: &Context, poisons: &[Poison], rounds: u64) {
    const APART: u64 = 40;
    publish(context, poisons).await;
    let stream = context.get_stream("ORGWATCH_ACTIVITY").await.unwrap();
    let own = poisons.iter().filter(|poison| poison.subject.contains(".activity.")).count() as u64;
    for round in 1..rounds {
        while stream.get_info().await.unwrap().state.last_sequence < round * (own + APART) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        publish(context, poisons).await;
    }
}

async fn letters(node: &Node) -> Vec<dead::DeadLetter> {
    dead::list(&node.bus, &dead::Filter { limit: 10_000, ..dead::Filter::default() }).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_ends_in_the_dead_stream_and_changes_no_outcome() {
    const ROUNDS: u64 = 3;
    let folder = tempfile::tempdir().unwrap();
    let input = orgs(folder.path(), 3, 24);
    let (nats, postgres) = (Nats::start().await.unwrap(), Postgres::start().await.unwrap());
    let learn_until = Timestamp::parse("2026-01-17").unwrap();
    let text = format!(
        r#"
        nats.servers = ["{}"]
        postgres.url = "{}"
        detector.learn_until = "{learn_until}"
        baseline = {{ checkpoint_ms = 200, balance_ms = 200 }}
        ingest.files = {{ paths = ["{}"], watch = true, end = true }}
        notifier.destinations.file = {{ kind = "file", path = "{}" }}
        partitions.count = {PARTITIONS}
        "#,
        nats.url(),
        postgres.url(),
        input.display(),
        folder.path().join("notifications").display(),
    );
    let config = folder.path().join("orgwatchd.toml");
    std::fs::write(&config, text).unwrap();
    let rules = Rules::parse(&format!("[partitions]\ncount = {PARTITIONS}\n"), Path::new("test")).unwrap();
    let expected = backtest(&input, rules, learn_until);

    let group = detector::Group::all();
    let node = Node::connect(Config::load(Some(&config)).unwrap(), "test", &[group.declaration()]).await.unwrap();
    let context = async_nats::jetstream::new(async_nats::connect(nats.url()).await.unwrap());
    let mut fleet = Fleet::new(config.clone(), folder.path().to_owned());
    let (poisons, shutdown) = (poisons(), CancellationToken::new());
    let poisoning = async {
        rounds(&context, &poisons, ROUNDS).await;
        idle::wait(&node, &group, &shutdown).await.unwrap();
    };
    SERVICES.iter().for_each(|service| fleet.start(service));
    let ended = tokio::time::timeout(Duration::from_secs(120), poisoning).await;
    let logs = || SERVICES.map(|name| format!("{name}: {}", fleet.log(name))).join("\n");
    assert!(ended.is_ok(), "not idle after two minutes\n{}", logs());

    let mut letters = letters(&node).await;
    for Poison { subject, payload, reason } in &poisons {
        let Some(reason) = reason else { continue };
        for round in 0..ROUNDS {
            let matches = |letter: &dead::DeadLetter| {
                letter.subject == *subject
                    && letter.reason.contains(reason)
                    && payload.starts_with(&letter.payload)
                    && letter.truncated_from.unwrap_or(letter.payload.len()) == payload.len()
            };
            let index = letters.iter().position(matches);
            let index = index.unwrap_or_else(|| panic!("{subject}: {reason}: no letter of round {round}\n{}", logs()));
            letters.remove(index);
        }
    }
    let left: Vec<_> = letters.iter().map(|letter| (&letter.stage, &letter.subject, &letter.reason)).collect();
    assert!(left.is_empty(), "{left:?}");

    // Stopping would fail for a service that has crashed.
    fleet.stop().await;
    let mut outcome = export(&config).await;
    let is_not_hostile = |line: &String| !line.contains(HOSTILE);
    outcome.findings.retain(is_not_hostile);
    outcome.incidents.retain(is_not_hostile);
    outcome.assert_equals(&expected);
}
