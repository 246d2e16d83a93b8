//! Dead letters: messages and records that could not be processed, kept with the reason until an operator replays or
//! drops them.

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

/// A message or record of the dead stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Sequence in the dead stream, by which it is replayed or dropped.
    pub sequence: u64,
    /// The stage that could not process it: `ingest`, `baseline`, `detector-<group>`, `correlator`, `notifier`.
    pub stage: String,
    /// The subject it was published to; empty for a record, which has an `origin`.
    pub subject: String,
    /// Its sequence in that stream; 0 if it has none.
    pub stream_sequence: u64,
    /// The source of a record that could not be read, and the position there. Such a record was never in a stream.
    pub origin: Option<String>,
    /// Why it could not be processed, in one line of up to 1024 bytes.
    pub reason: String,
    /// When it was stored, in milliseconds since 1970.
    pub at_ms: i64,
    /// The message or record as it was received.
    pub payload: Bytes,
    /// The size of a payload that was too large to be kept whole. Such a letter cannot be replayed.
    pub truncated_from: Option<usize>,
}

/// Which letters [`list`] returns.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Only those of this stage.
    pub stage: Option<String>,
    /// Only those from this sequence of the dead stream on.
    pub from: u64,
    /// The largest number of letters.
    pub limit: usize,
}

const STAGE: &str = "orgwatch-stage";
const SUBJECT: &str = "orgwatch-subject";
const ORIGIN: &str = "orgwatch-origin";
const STREAM_SEQUENCE: &str = "orgwatch-stream-sequence";
const REASON: &str = "orgwatch-reason";
const TRUNCATED_FROM: &str = "orgwatch-truncated-from";
/// Header of a replayed message: its sequence in the dead stream.
const REPLAYED: &str = "orgwatch-replayed";
const TRACEPARENT: &str = "traceparent";

/// The longest reason that is kept, in bytes.
const REASON_BYTES: usize = 1024;
/// Bytes below the server's limit of a message that are reserved for the headers of a letter.
const HEADER_BYTES: usize = 4096;

impl Default for Filter {
    fn default() -> Self {
        Self { stage: None, from: 1, limit: 100 }
    }
}

/// Returns letters, oldest first.
///
/// # Errors
/// If the server does not answer.
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

/// Returns one letter.
///
/// # Errors
/// [`BusError::NoSuchLetter`]; if the server does not answer.
pub async fn get(bus: &Bus, sequence: u64) -> Result<DeadLetter, BusError> {
    raw(bus, sequence).await.map(letter)
}

/// Publishes a letter to its subject again, then drops it, and returns it.
///
/// All consumers of that subject receive it again, which changes nothing for those that have processed it. Two replays
/// at the same time publish it once.
///
/// # Errors
/// [`BusError::NoSuchLetter`]. [`BusError::NeverInStream`] and [`BusError::Truncated`], after which the letter is kept.
pub async fn replay(bus: &Bus, sequence: u64) -> Result<DeadLetter, BusError> {
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
    let publish = PublishMessage::build().headers(headers).payload(letter.payload.clone());
    let failed = |error: Cause| BusError::api(letter.subject.clone(), "replay to it")(error);
    let acknowledged = bus.context.send_publish(letter.subject.clone(), publish).await;
    acknowledged.map_err(|error| failed(error.into()))?.await.map_err(|error| failed(error.into()))?;
    drop(bus, sequence).await?;
    Ok(letter)
}

/// Deletes a letter.
///
/// # Errors
/// [`BusError::NoSuchLetter`]; if the server does not answer.
pub async fn drop(bus: &Bus, sequence: u64) -> Result<(), BusError> {
    // Deleting a missing message fails with many kinds of errors, so look first.
    raw(bus, sequence).await?;
    let deleted = stream(bus).await?.delete_message(sequence).await;
    deleted.map(|_| ()).map_err(|error| api(bus, "delete from it", error.into()))
}

/// Stores a payload that is not a message of a stream, or no longer. A replay publishes it to `subject`. Retries until
/// the server has acknowledged. Two calls make two letters.
pub async fn put(bus: &Bus, stage: &str, subject: &str, traceparent: &str, payload: impl Into<Bytes>, reason: &str) {
    let id = format!("dead-{stage}-{}", bus.client.new_inbox());
    let came_from = CameFrom::Stream { subject, sequence: 0 };
    keep(bus, Letter { stage, came_from, reason, traceparent, payload: payload.into(), id }).await;
}

/// Stores a record that a source could not read. `origin` names the source and the position there. Retries until the
/// server has acknowledged. The same record stored again within the duplicate window makes no second letter.
pub async fn put_record(bus: &Bus, stage: &str, origin: &str, payload: impl Into<Bytes>, reason: &str) {
    let (payload, traceparent) = (payload.into(), trace::current());
    let id = format!("dead-{stage}-{:016x}-{:016x}", id::hash(origin.as_bytes()), id::hash(&payload));
    let came_from = CameFrom::Source { origin };
    keep(bus, Letter { stage, came_from, reason, traceparent: &traceparent, payload, id }).await;
}

/// Stores a message with the reason why `stage` could not process it. Retries until the server has acknowledged.
pub(crate) async fn set_aside(bus: &Bus, stage: &str, received: &Received, reason: &str) {
    let (message, sequence) = (&received.message, received.sequence);
    let traceparent = message.headers.as_ref().map(|headers| text(headers, TRACEPARENT)).unwrap_or_default();
    let (subject, payload) = (message.subject.as_str(), message.payload.clone());
    let id = format!("dead-{stage}-{subject}-{sequence}");
    let came_from = CameFrom::Stream { subject, sequence };
    keep(bus, Letter { stage, came_from, reason, traceparent: &traceparent, payload, id }).await;
}

/// A letter to store.
struct Letter<'a> {
    stage: &'a str,
    came_from: CameFrom<'a>,
    reason: &'a str,
    traceparent: &'a str,
    payload: Bytes,
    /// Equal for equal letters, so that the server drops a duplicate.
    id: String,
}

enum CameFrom<'a> {
    Stream { subject: &'a str, sequence: u64 },
    Source { origin: &'a str },
}

/// Stores a letter, counts it and logs it.
async fn keep(bus: &Bus, letter: Letter<'_>) {
    let Letter { stage, came_from, reason, traceparent, payload, id } = letter;
    let kept = payload.len().min(bus.client.max_payload().saturating_sub(HEADER_BYTES));
    let mut headers = HeaderMap::new();
    headers.insert(STAGE, line(stage));
    match came_from {
        CameFrom::Stream { subject, sequence } => {
            headers.insert(SUBJECT, subject);
            headers.insert(STREAM_SEQUENCE, sequence.to_string());
        }
        CameFrom::Source { origin } => headers.insert(ORIGIN, line(origin)),
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
    match came_from {
        CameFrom::Stream { subject, sequence } => {
            tracing::error!(%stage, %subject, sequence, %reason, "a message was set aside in the dead stream");
        }
        CameFrom::Source { origin } => {
            tracing::error!(%stage, %origin, %reason, "a record was set aside in the dead stream");
        }
    }
}

/// Returns the reason of a message that cannot be decoded.
pub(crate) fn undecodable(error: &model::WireError) -> String {
    format!("undecodable: {error}")
}

async fn stream(bus: &Bus) -> Result<NatsStream<()>, BusError> {
    let stream = bus.context.get_stream_no_info(Stream::Dead.name(&bus.settings.prefix)).await;
    stream.map_err(|error| api(bus, "look it up", error.into()))
}

async fn raw(bus: &Bus, sequence: u64) -> Result<StreamMessage, BusError> {
    if sequence == 0 {
        // The server counts from 1, and refuses 0 as malformed.
        return Err(BusError::NoSuchLetter(0));
    }
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

/// Returns a header's value; empty if there is none.
fn text(headers: &HeaderMap, name: &str) -> String {
    headers.get(name).map(ToString::to_string).unwrap_or_default()
}

/// Returns the text as a header can hold it: in one line of at most [`REASON_BYTES`].
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
