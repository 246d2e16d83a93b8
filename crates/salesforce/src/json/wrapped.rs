//! Reads records that are not as Salesforce writes them.

use crate::client::Clients;
use crate::envelope::{self, Found, Hints, Member, Opened, Resolved};
use crate::normalize::{self, Normalized};
use crate::reject::{self, Reject, RejectReason};
use crate::{Context, Parsed};

/// Reads all records in `bytes`, within a page that gives `hints`. If there are none, the bytes are set aside for the
/// `fault` that a plain reading found.
pub(super) fn read(
    bytes: &[u8],
    line: u64,
    hints: &Hints,
    fault: Option<RejectReason>,
    clients: &mut Clients,
    context: &Context,
    parsed: &mut Parsed,
) {
    let text = String::from_utf8_lossy(bytes);
    let opened = envelope::open(&text, context.types, hints, &mut |found| {
        add(&found, line, || reject::excerpt(bytes), clients, context, parsed)
    });
    set_aside(opened, fault, line, || reject::excerpt(bytes), parsed);
}

/// Sets aside what could not be read: a part, or all if there are no records.
fn set_aside(
    opened: Opened,
    fault: Option<RejectReason>,
    line: u64,
    excerpt: impl FnOnce() -> String,
    parsed: &mut Parsed,
) {
    let reason = match fault {
        _ if opened.records > 0 => opened.fault,
        // The plain reading found a record, or saw the whole text.
        None | Some(RejectReason::NoEventType) => opened.fault.or(Some(RejectReason::NoEventType)),
        Some(fault) => Some(fault),
    };
    if let Some(reason) = reason {
        parsed.rejects.push(Reject { line, reason, excerpt: excerpt() });
    }
}

/// Reads all records in a row, like [`read`].
pub(crate) fn read_row(
    members: Vec<Member<'_>>,
    excerpt: &dyn Fn() -> String,
    line: u64,
    fault: Option<RejectReason>,
    clients: &mut Clients,
    context: &Context,
    parsed: &mut Parsed,
) {
    let opened =
        envelope::open_row(members, context.types, &mut |found| add(&found, line, excerpt, clients, context, parsed));
    set_aside(opened, fault, line, excerpt, parsed);
}

/// Normalizes a record that was found.
fn add(
    found: &Found<'_, '_>,
    line: u64,
    excerpt: impl FnOnce() -> String,
    clients: &mut Clients,
    context: &Context,
    parsed: &mut Parsed,
) {
    let Resolved { record, suggested } = Resolved::of(found, context.types);
    let content = || envelope::fingerprint(found.members);
    let result = normalize::normalize(&record, clients, context, &suggested, content);
    debug_assert!(!matches!(result, Ok(Normalized::Mixed)), "a resolved record is plain");
    parsed.add(result, &record, line, excerpt);
}
