//! Requests of the last minute, with each page load counted once.

use crate::state::exact;
use model::time::MINUTE;
use model::{Text, Timestamp, Uuid};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// The requests of the last minute.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Recent {
    requests: VecDeque<Request>,
}

/// A request for a list view or a report.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Request {
    #[serde(with = "exact")]
    pub(crate) at: Timestamp,
    pub(crate) id: Uuid,
    pub(crate) object: Option<Text>,
    /// Whether the account used this view or report on an earlier day, or several others know it.
    pub(crate) is_known: bool,
}

/// The number of requests of the last minute.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Window {
    pub(crate) requests: u32,
    /// Requests, with each page load counted once.
    pub(crate) effective: u32,
    /// Milliseconds from the first request to the last.
    pub(crate) span: i64,
}

impl Recent {
    /// Milliseconds that the window spans. A choice, after the founding article's burst of eleven views in 58 seconds.
    const WINDOW: i64 = MINUTE;
    /// Requests kept at most, which bounds memory. A choice: more than twice as many as any burst needs to have the
    /// full score.
    const CAPACITY: usize = 128;
    /// Milliseconds within which one page asks for its parts; later requests are of another page. A choice: the
    /// founding article's page load takes 14 ms, slow networks take longer.
    const PAGE_LOAD: i64 = 1_000;

    /// Adds a request and counts those of the last minute. A request that comes late by more than that is dropped.
    ///
    /// A page load asks for views that the account knows, all at once, and counts as one request. Requests for a new
    /// view count each.
    pub(crate) fn add(&mut self, request: Request) -> Window {
        let now = request.at;
        let place = self.requests.iter().rposition(|earlier| earlier.at <= now).map_or(0, |last| last + 1);
        self.requests.insert(place, request);
        let latest = self.requests.back().map_or(now, |request| request.at);
        while self.requests.len() > Self::CAPACITY
            || self.requests.front().is_some_and(|first| latest.since(first.at) >= Self::WINDOW)
        {
            self.requests.pop_front();
        }
        let mut effective = 0;
        let mut page: Option<Timestamp> = None;
        for request in &self.requests {
            if !request.is_known {
                effective += 1;
            } else if page.is_none_or(|start| request.at.since(start) > Self::PAGE_LOAD) {
                page = Some(request.at);
                effective += 1;
            }
        }
        let first = self.requests.front().map_or(now, |request| request.at);
        Window { requests: self.requests.len() as u32, effective, span: latest.since(first) }
    }

    /// Returns the requests of the window, oldest first.
    pub(crate) fn requests(&self) -> impl Iterator<Item = &Request> {
        self.requests.iter()
    }

    /// Returns the bytes held on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.requests.capacity() * size_of::<Request>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn window(requests: &[(i64, bool)]) -> Window {
        let mut recent = Recent::default();
        let add = |&(at, is_known): &(i64, bool)| {
            recent.add(Request { at: Timestamp(at), id: Uuid::nil(), object: None, is_known })
        };
        requests.iter().map(add).last().unwrap()
    }

    #[test]
    fn a_page_load_counts_once() {
        // The founding article's ordinary morning: eleven list views within 14 ms.
        let morning: Vec<(i64, bool)> = [0, 1, 1, 2, 3, 3, 4, 5, 7, 8, 14].map(|at| (at, true)).to_vec();
        assert_eq!(window(&morning), Window { requests: 11, effective: 1, span: 14 });
    }

    #[test]
    fn every_request_for_a_new_view_counts() {
        let burst: Vec<(i64, bool)> = [0, 0, 5, 8, 8, 142, 167, 233, 233, 1_095, 58_100].map(|at| (at, false)).to_vec();
        assert_eq!(window(&burst), Window { requests: 11, effective: 11, span: 58_100 });
    }

    #[test]
    fn a_script_over_known_views_is_a_burst() {
        let scraping: Vec<(i64, bool)> = (0..40).map(|i| (i * 1_200, true)).collect();
        assert_eq!(window(&scraping).effective, 40);
    }

    #[test]
    fn a_late_request_joins_no_later_minute() {
        let mut late: Vec<(i64, bool)> = (0..8).map(|i| (7_200_000 + i, false)).collect();
        late.push((60_000, false));
        assert_eq!(window(&late), Window { requests: 8, effective: 8, span: 7 });
    }

    proptest! {
        #[test]
        fn effective_requests_are_at_most_all_requests(mut times in prop::collection::vec((0i64..200_000, any::<bool>()), 1..300)) {
            times.sort_unstable();
            let window = window(&times);
            prop_assert!(window.effective >= 1 && window.effective <= window.requests);
            prop_assert!(window.span < Recent::WINDOW);
        }
    }
}
