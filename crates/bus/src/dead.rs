//! What no handler could use, kept with the reason until somebody replays or drops it.

use crate::delivery::Received;
use crate::error::Cause;
use crate::publisher::store;
use crate::{Bus, BusError, Stream, subject, trace};
use async_nats::HeaderMap;
use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::message::{PublishMessage, StreamMessage};
use async_nats::jetstream::stream::{RawMessageErrorKind, Stream as NatsStream};
use bytes::Bytes;
use model::id;

/// A message that was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Place in the dead stream, by which it is replayed or dropped.
    pub sequence: u64,
    /// Who could not use it: `ingest`, `baseline`, `detector-<group>`, `correlator`, `notifier`.
    pub stage: String,
    /// Where it was published first, and its place in that stream; 0 if it has none. Empty of what has an origin.
    pub subject: String,
    pub stream_sequence: u64,
    /// Of a record that a source could not read, which was never in a stream: the source, and the place in it.
    pub origin: Option<String>,
    pub reason: String,
    /// When it was set aside, in milliseconds since 1970.
    pub at_ms: i64,
    pub payload: Bytes,
    /// The payload was too large to be kept whole and cannot be replayed; this is how large it was.
    pub truncated_from: Option<usize>,
}

#[derive(Clone, Debug)]
pub struct Filter {
    pub stage: Option<String>,
    /// From this place in the dead stream on.
    pub from: u64,
    /// Letters, at most.
    pub limit: usize,
}

const STAGE: &str = "orgwatch-stage";
const SUBJECT: &str = "orgwatch-subject";
const ORIGIN: &str = "orgwatch-origin";
const STREAM_SEQUENCE: &str = "orgwatch-stream-sequence";
const REASON: &str = "orgwatch-reason";
const TRUNCATED_FROM: &str = "orgwatch-truncated-from";
/// On a message that was replayed: its place in the dead stream.
const REPLAYED: &str = "orgwatch-replayed";
const TRACEPARENT: &str = "traceparent";

/// Bytes of a reason that are kept.
const REASON_BYTES: usize = 1024;
/// Bytes kept free below the server's limit for the headers of a letter.
const HEADER_BYTES: usize = 4096;

impl Default for Filter {
    fn default() -> Self {
        Self { stage: None, from: 1, limit: 100 }
    }
}

/// The letters, oldest first.
pub async fn list(bus: &Bus, filter: &Filter) -> Result<Vec<DeadLetter>, BusError> {
    let stream = stream(bus).await?;
    let prefix = &bus.settings.prefix;
    let subject = match &filter.stage {
        Some(stage) => subject::dead(prefix, stage),
        None => Stream::Dead.subjects(prefix),
    };
    let mut letters = Vec::new();
    let mut from = filter.from.max(1);
    while letters.len() < filter.limit {
        let message = match stream.get_first_raw_message_by_subject(&subject, from).await {
            Ok(message) => message,
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => break,
            Err(error) => return Err(api(bus, "read it", error.into())),
        };
        from = message.sequence.saturating_add(1);
        letters.push(letter(message));
    }
    Ok(letters)
}

/// # Errors
/// [`BusError::NoSuchLetter`].
pub async fn get(bus: &Bus, sequence: u64) -> Result<DeadLetter, BusError> {
    raw(bus, sequence).await.map(letter)
}

/// Publishes the letter again where it came from, then drops it. All consumers of that subject see it again, which
/// changes nothing for those that already could use it. Doing it twice at once publishes once.
///
/// # Errors
/// [`BusError::NoSuchLetter`]; [`BusError::NeverInStream`] and [`BusError::Truncated`] of what stays where it is.
pub async fn replay(bus: &Bus, sequence: u64) -> Result<(), BusError> {
    let message = raw(bus, sequence).await?;
    let traceparent = text(&message.headers, TRACEPARENT);
    let letter = letter(message);
    if letter.origin.is_some() {
        return Err(BusError::NeverInStream(sequence));
    }
    if letter.truncated_from.is_some() {
        return Err(BusError::Truncated(sequence));
    }
    let mut headers = HeaderMap::new();
    headers.insert(NATS_MESSAGE_ID, format!("replay-{sequence}-{}", letter.at_ms));
    headers.insert(REPLAYED, sequence.to_string());
    if !traceparent.is_empty() {
        headers.insert(TRACEPARENT, traceparent);
    }
    let publish = PublishMessage::build().headers(headers).payload(letter.payload);
    let failed = |error: Cause| BusError::api(letter.subject.clone(), "replay to it")(error);
    let acknowledged = bus.context.send_publish(letter.subject.clone(), publish).await;
    acknowledged.map_err(|error| failed(error.into()))?.await.map_err(|error| failed(error.into()))?;
    drop(bus, sequence).await
}

/// Forgets the letter.
pub async fn drop(bus: &Bus, sequence: u64) -> Result<(), BusError> {
    // Deleting what is not there is an error of many kinds, so ask first.
    raw(bus, sequence).await?;
    let deleted = stream(bus).await?.delete_message(sequence).await;
    deleted.map(|_| ()).map_err(|error| api(bus, "delete from it", error.into()))
}

/// Sets aside what is no message of a stream, or no longer: `subject` is where a replay publishes the `payload`. Tries
/// until the server has acknowledged. The same twice makes two letters.
pub async fn put(bus: &Bus, stage: &str, subject: &str, traceparent: &str, payload: impl Into<Bytes>, reason: &str) {
    let id = format!("dead-{stage}-{}", bus.client.new_inbox());
    let met = Met::Stream { subject, sequence: 0 };
    keep(bus, Letter { stage, met, reason, traceparent, payload: payload.into(), id }).await;
}

/// Sets aside a record that a source could not read: `origin` says the source, and the place in it. Tries until the
/// server has acknowledged. The same twice within a short time makes one letter.
pub async fn put_record(bus: &Bus, stage: &str, origin: &str, payload: impl Into<Bytes>, reason: &str) {
    let (payload, traceparent) = (payload.into(), trace::current());
    let id = format!("dead-{stage}-{:016x}-{:016x}", id::hash(origin.as_bytes()), id::hash(&payload));
    let met = Met::Consumer { origin };
    keep(bus, Letter { stage, met, reason, traceparent: &traceparent, payload, id }).await;
}

/// Stores a message with the reason why `stage` could not use it. Tries until the server has acknowledged.
pub(crate) async fn bury(bus: &Bus, stage: &str, received: &Received, reason: &str) {
    let (message, sequence) = (&received.message, received.sequence);
    let traceparent = message.headers.as_ref().map(|headers| text(headers, TRACEPARENT)).unwrap_or_default();
    let (subject, payload) = (message.subject.as_str(), message.payload.clone());
    let id = format!("dead-{stage}-{subject}-{sequence}");
    let met = Met::Stream { subject, sequence };
    keep(bus, Letter { stage, met, reason, traceparent: &traceparent, payload, id }).await;
}

/// A letter to be.
struct Letter<'a> {
    stage: &'a str,
    met: Met<'a>,
    reason: &'a str,
    traceparent: &'a str,
    payload: Bytes,
    /// The same for the same letter.
    id: String,
}

/// Where it was met.
enum Met<'a> {
    Stream { subject: &'a str, sequence: u64 },
    Consumer { origin: &'a str },
}

async fn keep(bus: &Bus, letter: Letter<'_>) {
    let Letter { stage, met, reason, traceparent, payload, id } = letter;
    let kept = payload.len().min(bus.client.max_payload().saturating_sub(HEADER_BYTES));
    let mut headers = HeaderMap::new();
    headers.insert(STAGE, line(stage));
    match met {
        Met::Stream { subject, sequence } => {
            headers.insert(SUBJECT, subject);
            headers.insert(STREAM_SEQUENCE, sequence.to_string());
        }
        Met::Consumer { origin } => headers.insert(ORIGIN, line(origin)),
    }
    headers.insert(REASON, line(reason));
    headers.insert(NATS_MESSAGE_ID, id);
    if kept < payload.len() {
        headers.insert(TRUNCATED_FROM, payload.len().to_string());
    }
    if trace::is_whole(traceparent) {
        headers.insert(TRACEPARENT, traceparent);
    }
    let publish = PublishMessage::build().headers(headers).payload(payload.slice(..kept));
    store(bus, &subject::dead(&bus.settings.prefix, stage), publish).await;
    bus.meter.dead(stage);
    match met {
        Met::Stream { subject, sequence } => {
            tracing::error!(%stage, %subject, sequence, %reason, "a message was set aside in the dead stream");
        }
        Met::Consumer { origin } => {
            tracing::error!(%stage, %origin, %reason, "a record was set aside in the dead stream");
        }
    }
}

/// Why a message that cannot be decoded is dead.
pub(crate) fn undecodable(error: &model::WireError) -> String {
    format!("undecodable: {error}")
}

async fn stream(bus: &Bus) -> Result<NatsStream<()>, BusError> {
    let stream = bus.context.get_stream_no_info(Stream::Dead.name(&bus.settings.prefix)).await;
    stream.map_err(|error| api(bus, "ask for it", error.into()))
}

async fn raw(bus: &Bus, sequence: u64) -> Result<StreamMessage, BusError> {
    let message = stream(bus).await?.get_raw_message(sequence).await;
    message.map_err(|error| match error.kind() {
        RawMessageErrorKind::NoMessageFound => BusError::NoSuchLetter(sequence),
        _ => api(bus, "read it", error.into()),
    })
}

fn letter(message: StreamMessage) -> DeadLetter {
    let headers = &message.headers;
    DeadLetter {
        sequence: message.sequence,
        stage: text(headers, STAGE),
        subject: text(headers, SUBJECT),
        stream_sequence: text(headers, STREAM_SEQUENCE).parse().unwrap_or_default(),
        origin: headers.get(ORIGIN).map(ToString::to_string),
        reason: text(headers, REASON),
        at_ms: i64::try_from(message.time.unix_timestamp_nanos() / 1_000_000).unwrap_or_default(),
        truncated_from: text(headers, TRUNCATED_FROM).parse().ok(),
        payload: message.payload,
    }
}

/// Empty if there is none.
fn text(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).map(ToString::to_string).unwrap_or_default()
}

/// As it can stand in a header: one line, not too long.
fn line(text: &str) -> String {
    let mut line: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    while line.len() > REASON_BYTES {
        line.pop();
    }
    line
}

fn api(bus: &Bus, action: &'static str, error: Cause) -> BusError {
    BusError::api(format!("stream {}", Stream::Dead.name(&bus.settings.prefix)), action)(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_line_of_bounded_length() {
        assert_eq!(line("a\r\nb\tc"), "a  b c");
        assert_eq!(line(&"é".repeat(2000)).len(), REASON_BYTES);
    }
}
