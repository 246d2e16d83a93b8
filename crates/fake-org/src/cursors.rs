//! Results of which further pages can be asked for.

use crate::query::Answer;
use crate::value;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// So many are kept; the oldest is forgotten first.
const KEPT: usize = 64;

#[derive(Debug, Default)]
pub(crate) struct Cursors(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    cursors: VecDeque<(String, Arc<Answer>)>,
    count: u64,
}

impl Cursors {
    /// Keeps a result, and says under what id.
    pub(crate) fn keep(&self, answer: Arc<Answer>) -> String {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.count += 1;
        let id: String = value::id("01g", &kept.count.to_string()).chars().take(15).collect();
        kept.cursors.push_back((id.clone(), answer));
        if kept.cursors.len() > KEPT {
            kept.cursors.pop_front();
        }
        id
    }

    pub(crate) fn get(&self, id: &str) -> Option<Arc<Answer>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.cursors.iter().find(|(known, _)| known == id).map(|(_, answer)| Arc::clone(answer))
    }
}
