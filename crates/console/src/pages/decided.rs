//! What a browser has just decided: pages offer to take it back for a while.
//!
//! It is in a cookie, which no link can set, unlike a query.

use crate::access::cookie;
use crate::body::Recorded;
use crate::routes::sign_in::ATTRIBUTES;
use axum::http::HeaderMap;

const COOKIE: &str = "__Host-orgwatch-decided";
/// Seconds for which pages offer it. A choice: as long as people notice a slip.
const OFFERED: u32 = 60;
/// The most decisions that a cookie has: it may have 4 kB.
const MOST: usize = 100;

/// The decisions that a browser has just recorded.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Decided {
    /// Their ids; empty if there are none, or too many for a cookie.
    pub(super) ids: Vec<String>,
    /// Whether they are not applied yet.
    pub(super) is_waiting: bool,
}

impl Decided {
    /// Makes it of what was recorded.
    pub(super) fn of(recorded: &Recorded) -> Self {
        let ids = recorded.decisions.iter().map(|decision| decision.decision_id.clone());
        Self { ids: ids.take(MOST + 1).collect(), is_waiting: !recorded.applied }
    }

    /// Reads it from the headers of a request.
    pub(super) fn read(headers: &HeaderMap) -> Self {
        let text = cookie(headers, COOKIE).unwrap_or_default();
        let (waiting, ids) = text.split_once('.').unwrap_or_default();
        let is_id = |id: &&str| id.len() == 36 && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        Self { ids: ids.split('.').filter(is_id).map(str::to_owned).collect(), is_waiting: waiting == "waiting" }
    }

    /// Returns the header that makes a browser keep it.
    pub(super) fn header(&self) -> String {
        if self.ids.is_empty() || self.ids.len() > MOST {
            return format!("{COOKIE}=; {ATTRIBUTES}; Max-Age=0");
        }
        let waiting = if self.is_waiting { "waiting" } else { "applied" };
        format!("{COOKIE}={waiting}.{}; {ATTRIBUTES}; Max-Age={OFFERED}", self.ids.join("."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_decided_is_read_as_it_was_written() {
        let id = "3b5d0f2e-6a48-4c8e-9d0e-0f0d6b3c1a11".to_owned();
        let decided = Decided { ids: vec![id.clone(), id.clone()], is_waiting: true };
        let header = decided.header();
        let pair = header.split(';').next().unwrap();
        let headers = [(axum::http::header::COOKIE, pair.parse().unwrap())].into_iter().collect();
        assert_eq!(Decided::read(&headers), decided);
        assert_eq!(Decided::read(&HeaderMap::new()), Decided::default());
        let many = Decided { ids: vec![id; MOST + 1], is_waiting: false };
        assert!(many.header().contains("Max-Age=0"));
    }
}
