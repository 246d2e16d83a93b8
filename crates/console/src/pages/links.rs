//! Paths of pages, each value escaped.

use form_urlencoded::byte_serialize;

/// Returns a segment of a path.
fn segment(text: &str) -> String {
    // In a path a plus is a plus.
    byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

/// Returns the path of an incident.
pub(super) fn incident(incident_id: &str) -> String {
    format!("/incidents/{}", segment(incident_id))
}

/// Returns the path of an account.
pub(super) fn account(org: &str, user: &str) -> String {
    format!("/accounts/{}/{}", segment(org), segment(user))
}

/// Returns the path of a detector in an org.
pub(super) fn detector(org: &str, name: &str) -> String {
    format!("/detectors/{}/{}", segment(org), segment(name))
}

/// Returns the path of an object in an org.
pub(super) fn object(org: &str, name: &str) -> String {
    format!("/objects/{}/{}", segment(org), segment(name))
}

/// Returns the path of a report, list view, file or page in an org.
pub(super) fn resource(org: &str, id: &str) -> String {
    format!("/resources/{}/{}", segment(org), segment(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cannot_leave_their_segment() {
        assert_eq!(account("00D1", "a b/../c?d"), "/accounts/00D1/a%20b%2F..%2Fc%3Fd");
    }
}
