//! Decodes the body of one request into activities.

use ::files::unpack::{self, Capped, HTTP_WINDOW, is_beyond_cap};
use model::{Activity, OrgId, Timestamp};
use salesforce::{Chunks, Context, Occurrences};
use std::io::{self, Read};

pub use ::files::unpack::Packing;

/// The records of one body, in order.
#[derive(Debug, Default)]
pub struct Decoded {
    /// The activities.
    pub activities: Vec<Activity>,
    /// The records that were set aside.
    pub rejects: Vec<Rejected>,
    /// How many events are of kinds that orgwatch does not watch.
    pub ignored: u64,
}

/// A record that was set aside.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Rejected {
    /// The line of the decompressed body on which the record starts, from 1. `null` if the record could be read, but
    /// names another org: the reason then has the event's id.
    pub line: Option<u64>,
    /// Why it was set aside.
    pub reason: String,
}

/// Why a body is refused as a whole.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// It has more bytes than the limit.
    #[error("more than {0} bytes when unpacked")]
    TooLarge(u64),
    /// Its first bytes are of no known format.
    #[error("neither JSON nor CSV of events")]
    UnknownFormat,
    /// Decompression failed.
    #[error("line {line}: cannot be unpacked any further")]
    Broken {
        /// The line of the decompressed body, from 1.
        line: u64,
        /// The error of the decoder.
        source: io::Error,
    },
}

/// Reads the records of `body`, all of which must belong to `org`: a record that names another org is set aside.
///
/// The content decides on the format. At most `max_bytes` are unpacked. `now` is when the body was received.
///
/// # Errors
/// If the body is too large, of no known format, or truncated. Unreadable records are in [`Decoded::rejects`].
pub fn decode(
    body: &[u8],
    packing: Packing,
    org: &OrgId,
    max_bytes: u64,
    now: Timestamp,
) -> Result<Decoded, DecodeError> {
    let failed = |line, source| {
        if is_beyond_cap(&source) { DecodeError::TooLarge(max_bytes) } else { DecodeError::Broken { line, source } }
    };
    let unpacked = unpack::unpacked(body, packing, HTTP_WINDOW).map_err(|source| failed(1, source))?;
    let mut unpacked = Capped::new(unpacked, max_bytes);
    let mut head = Vec::new();
    unpacked.by_ref().take(HEAD).read_to_end(&mut head).map_err(|source| failed(1, source))?;
    let format = salesforce::detect(&head).ok_or(DecodeError::UnknownFormat)?;

    let context = Context { org: Some(org.clone()) };
    let mut chunks = Chunks::new(head.chain(unpacked), format);
    let mut occurrences = Occurrences::new();
    let mut decoded = Decoded::default();
    while let Some(chunk) = chunks.next_chunk().map_err(|error| failed(error.line, error.source))? {
        let parsed = salesforce::parse(&chunk, &context);
        chunks.recycle(chunk);
        decoded.ignored += parsed.ignored;
        let rejected =
            |reject: salesforce::Reject| Rejected { line: Some(reject.line), reason: reject.reason.to_string() };
        decoded.rejects.extend(parsed.rejects.into_iter().map(rejected));
        for mut activity in parsed.activities {
            occurrences.number(&mut activity);
            if let Some(reason) = refusal(&activity, org) {
                decoded.rejects.push(Rejected { line: None, reason });
                continue;
            }
            activity.received_at = Some(now);
            decoded.activities.push(activity);
        }
    }
    Ok(decoded)
}

/// How many bytes are read to detect the format. A choice.
const HEAD: u64 = 256 * 1024;

fn refusal(activity: &Activity, org: &OrgId) -> Option<String> {
    let named: String = activity.org_id.as_str().chars().take(18).collect();
    (activity.org_id != *org).then(|| format!("event {}: its org {named} is not the org of this token", activity.id))
}

#[cfg(test)]
mod tests;
