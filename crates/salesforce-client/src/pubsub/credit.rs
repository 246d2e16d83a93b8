//! Flow control of a subscription: how many events Salesforce may still send.

/// The most events that may be requested and not received yet: the limit of `num_requested` in the Pub/Sub API.
pub(crate) const MOST: usize = 100;

/// The number of requested events that have not been received.
#[derive(Debug)]
pub(crate) struct Credit {
    outstanding: usize,
    /// Whether the last answer had no events and no request was due after it.
    is_quiet: bool,
}

impl Credit {
    /// Starts after a first request for [`MOST`] events.
    pub(crate) fn new() -> Self {
        Self { outstanding: MOST, is_quiet: false }
    }

    /// Returns how many events to request after an answer with `received` events that reports `pending` as still to be
    /// sent; `None` if no request is due.
    ///
    /// `pending` does not include requests that are under way, so the client's own count decides, which never requests
    /// too many. After two answers without events no request is under way, and the lower number holds: if Salesforce
    /// counts fewer, a request was lost and must be repeated.
    pub(crate) fn after(&mut self, received: usize, pending: usize) -> Option<usize> {
        self.outstanding = self.outstanding.saturating_sub(received);
        if received == 0 && self.is_quiet {
            self.outstanding = self.outstanding.min(pending);
        }
        let more = MOST - self.outstanding;
        // A choice: requesting in halves keeps events flowing with one request for 50 events.
        let is_due = more >= MOST / 2;
        self.is_quiet = received == 0 && !is_due;
        if !is_due {
            return None;
        }
        self.outstanding = MOST;
        Some(more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    #[test]
    fn more_events_are_requested_when_half_have_arrived() {
        let mut credit = Credit::new();
        assert_eq!(credit.after(49, 51), None);
        assert_eq!(credit.after(1, 50), Some(50));
        assert_eq!(credit.after(100, 0), Some(100));
    }

    #[test]
    fn a_lost_request_is_repeated_when_the_stream_is_quiet() {
        let mut credit = Credit::new();
        assert_eq!(credit.after(0, 0), None, "the request may still be under way");
        assert_eq!(credit.after(0, 0), Some(100));
        assert_eq!(credit.after(0, 100), None);
        assert_eq!(credit.after(0, 100), None);
    }

    proptest! {
        /// Models a server that sends some events at a time, while requests arrive late.
        #[test]
        fn it_never_requests_too_many_and_never_gets_stuck(steps in proptest::collection::vec((1usize..=100, 0usize..3), 1..60)) {
            let mut credit = Credit::new();
            let mut may_send = MOST;
            let mut under_way = VecDeque::new();
            for (wish, arriving) in steps {
                for _ in 0..arriving {
                    may_send += under_way.pop_front().unwrap_or(0);
                }
                if may_send == 0 {
                    may_send += under_way.drain(..).sum::<usize>();
                }
                prop_assert!(may_send > 0);
                let sent = wish.min(may_send);
                may_send -= sent;
                under_way.extend(credit.after(sent, may_send));
                prop_assert!(may_send + under_way.iter().sum::<usize>() <= MOST);
            }
        }
    }
}
