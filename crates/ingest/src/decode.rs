//! The bytes of one request as activities.

use ::files::unpack::{self, Capped, HTTP_WINDOW, is_beyond_cap};
use model::{Activity, OrgId, Timestamp};
use salesforce::{Chunks, Context, Occurrences};
use std::io::{self, Read};

pub use ::files::unpack::Packing;

/// What one body held, in its order.
#[derive(Debug, Default)]
pub struct Decoded {
    pub activities: Vec<Activity>,
    pub rejects: Vec<Rejected>,
    /// Events of kinds that are not watched.
    pub ignored: u64,
}

/// A record that was set aside.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Rejected {
    /// Line of the unpacked body on which the record starts, from 1. `null` where only its content is at fault, which
    /// the reason then names by the event's id.
    pub line: Option<u64>,
    pub reason: String,
}

/// Why nothing of a body is used.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    #[error("more than {0} bytes when unpacked")]
    TooLarge(u64),
    #[error("neither JSON nor CSV of events")]
    UnknownFormat,
    #[error("line {line}: cannot be unpacked any further")]
    Broken { line: u64, source: io::Error },
}

/// Reads `body`, whose records all belong to `org`: one that names another org is set aside.
///
/// The format is told by the content. At most `most_bytes` are unpacked. `now` is when the body was received.
///
/// # Errors
/// If the body is too large, of no format, or breaks off; records that cannot be read are in [`Decoded::rejects`].
pub fn decode(
    body: &[u8],
    packing: Packing,
    org: &OrgId,
    most_bytes: u64,
    now: Timestamp,
) -> Result<Decoded, DecodeError> {
    let failed = |line, source| {
        if is_beyond_cap(&source) { DecodeError::TooLarge(most_bytes) } else { DecodeError::Broken { line, source } }
    };
    let unpacked = unpack::unpacked(body, packing, HTTP_WINDOW).map_err(|source| failed(1, source))?;
    let mut unpacked = Capped::new(unpacked, most_bytes);
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

/// How much is looked at to tell the format.
const HEAD: u64 = 256 * 1024;

fn refusal(activity: &Activity, org: &OrgId) -> Option<String> {
    let named: String = activity.org_id.as_str().chars().take(18).collect();
    (activity.org_id != *org).then(|| format!("event {}: org {named} is not the one of this token", activity.id))
}

#[cfg(test)]
mod tests;
