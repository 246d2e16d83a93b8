//! What a page says of the records in its array: members that stand before it, and behind it in a short page.

use super::scan::{Pages, Scan, Scanner};
use crate::envelope::Hints;

/// Longest page of which the members behind its array count, in bytes. A choice: it is looked at twice.
const SHORT: usize = 256 << 10;

/// Returns what holds for the records of a page that starts with `bytes`; `None` if bytes to come decide. Its array begins
/// before `length`, within `depth` objects. With `is_deep`, as only damaged files are, the members behind do not count.
pub(super) fn hints(
    outer: &Hints,
    bytes: &[u8],
    (length, depth): (usize, usize),
    is_deep: bool,
    has_ended: bool,
) -> Option<Hints> {
    let window = bytes.get(..SHORT).unwrap_or(bytes);
    let behind = match Scanner::new(Pages::Closed).scan(if is_deep { b"" } else { window }) {
        Scan::End(end) => bytes.get(length.saturating_sub(1)..end).and_then(behind),
        Scan::Page { .. } | Scan::Open if is_deep || has_ended || window.len() == SHORT => None,
        Scan::Page { .. } | Scan::Open => return None,
    };
    let before = bytes.get(..length).unwrap_or_default();
    let page = match behind {
        Some(behind) => [before, behind].concat(),
        None => [before, b"]", "}".repeat(depth).as_bytes()].concat(),
    };
    Some(std::str::from_utf8(&page).map_or_else(|_| outer.clone(), |page| outer.of_page(page, length - 1)))
}

/// Returns what stands behind the records of an array at the start of `bytes`, from its closing bracket on.
fn behind(bytes: &[u8]) -> Option<&[u8]> {
    match Scanner::new(Pages::Closed).scan(bytes) {
        Scan::End(end) => bytes.get(end.checked_sub(1)?..).filter(|behind| behind.starts_with(b"]")),
        Scan::Page { .. } | Scan::Open => None,
    }
}
