//! How many events Salesforce may still send on a stream.

/// The most that it sends without being asked again.
pub(crate) const MOST: usize = 100;

/// A fresh one says that [`MOST`] were asked for.
#[derive(Debug)]
pub(crate) struct Credit {
    outstanding: usize,
    /// Nothing has come and nothing was asked for since the last answer.
    is_quiet: bool,
}

impl Credit {
    pub(crate) fn new() -> Self {
        Self { outstanding: MOST, is_quiet: false }
    }

    /// How many to ask for after an answer with `received` events that says that `pending` are still to come.
    ///
    /// What is pending leaves out what we have asked for meanwhile, so our own count decides: it never asks for too
    /// much. Only when all is quiet is theirs the true one; if it has got lower than ours, nobody would ask again.
    pub(crate) fn after(&mut self, received: usize, pending: usize) -> Option<usize> {
        self.outstanding = self.outstanding.saturating_sub(received);
        if received == 0 && self.is_quiet {
            self.outstanding = self.outstanding.min(pending);
        }
        let more = MOST - self.outstanding;
        let is_asking = more >= MOST / 2;
        self.is_quiet = received == 0 && !is_asking;
        if !is_asking {
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
    fn more_is_asked_for_when_half_has_come() {
        let mut credit = Credit::new();
        assert_eq!(credit.after(49, 51), None);
        assert_eq!(credit.after(1, 50), Some(50));
        assert_eq!(credit.after(100, 0), Some(100));
    }

    #[test]
    fn what_was_lost_is_asked_for_again_when_all_is_quiet() {
        let mut credit = Credit::new();
        assert_eq!(credit.after(0, 0), None, "the request may still be under way");
        assert_eq!(credit.after(0, 0), Some(100));
        assert_eq!(credit.after(0, 100), None);
        assert_eq!(credit.after(0, 100), None);
    }

    proptest! {
        /// A server that sends some at a time, while requests are under way for some time.
        #[test]
        fn never_too_much_and_never_stuck(steps in proptest::collection::vec((1usize..=100, 0usize..3), 1..60)) {
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
