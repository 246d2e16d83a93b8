//! Dead letters.

use super::time;
use crate::letter;
use bus::dead::DeadLetter;
use model::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A message or record that could not be processed.
#[derive(Serialize, ToSchema)]
#[schema(as = DeadLetter)]
pub(crate) struct LetterBody {
    /// Its number, by which it is read, replayed or dropped.
    #[schema(minimum = 1)]
    pub(crate) sequence: u64,
    /// The stage that could not process it.
    pub(crate) stage: String,
    /// The subject that it was published to; empty for a record of a source.
    pub(crate) subject: String,
    /// Its number in that stream; 0 for a record of a source.
    #[schema(minimum = 0)]
    pub(crate) stream_sequence: u64,
    /// The org, the source and the position of a record that could not be read; null for a message.
    pub(crate) origin: Option<String>,
    /// Why it could not be processed.
    pub(crate) reason: String,
    /// When it was set aside.
    #[schema(format = DateTime)]
    pub(crate) at: String,
    /// Its size.
    #[schema(minimum = 0)]
    pub(crate) bytes: usize,
    /// The size of what was too large to be kept whole; null if it is whole. Such a letter cannot be replayed.
    #[schema(minimum = 0)]
    pub(crate) truncated_from: Option<usize>,
}

/// A dead letter with what it says.
#[derive(Serialize, ToSchema)]
#[schema(as = DeadLetterContent)]
pub(crate) struct ContentBody {
    /// The letter.
    pub(crate) letter: LetterBody,
    /// The items of a message, decoded; the text of a record; or why it cannot be decoded.
    #[schema(value_type = Object)]
    pub(crate) content: Value,
}

/// A dead letter that was published again.
#[derive(Serialize, ToSchema)]
#[schema(as = ReplayedLetter)]
pub(crate) struct ReplayedBody {
    /// The number that it had.
    #[schema(minimum = 1)]
    pub(crate) sequence: u64,
    /// The stage that could not process it.
    pub(crate) stage: String,
    /// The subject that it was published to again.
    pub(crate) subject: String,
}

impl From<DeadLetter> for ReplayedBody {
    fn from(letter: DeadLetter) -> Self {
        Self { sequence: letter.sequence, stage: letter.stage, subject: letter.subject }
    }
}

impl From<&DeadLetter> for LetterBody {
    fn from(letter: &DeadLetter) -> Self {
        Self {
            sequence: letter.sequence,
            stage: letter.stage.clone(),
            subject: letter.subject.clone(),
            stream_sequence: letter.stream_sequence,
            origin: letter.origin.clone(),
            reason: letter.reason.clone(),
            at: time(Timestamp(letter.at_ms)),
            bytes: letter.payload.len(),
            truncated_from: letter.truncated_from,
        }
    }
}

impl From<&DeadLetter> for ContentBody {
    fn from(dead: &DeadLetter) -> Self {
        Self { letter: LetterBody::from(dead), content: letter::content(dead) }
    }
}
