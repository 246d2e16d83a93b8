//! Cursors: query results with further pages.

use crate::query::Answer;
use crate::value;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// The most cursors that are kept; the oldest is dropped first. A choice, well above what tests need.
const MAX_CURSORS: usize = 64;

#[derive(Debug, Default)]
pub(crate) struct Cursors(Mutex<Recent>);

#[derive(Debug, Default)]
struct Recent {
    cursors: VecDeque<(String, Arc<Answer>)>,
    count: u64,
}

impl Cursors {
    /// Keeps a result, and returns the id of its cursor.
    pub(crate) fn keep(&self, answer: Arc<Answer>) -> String {
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recent.count += 1;
        let id: String = value::id("01g", &recent.count.to_string()).chars().take(15).collect();
        recent.cursors.push_back((id.clone(), answer));
        if recent.cursors.len() > MAX_CURSORS {
            recent.cursors.pop_front();
        }
        id
    }

    pub(crate) fn get(&self, id: &str) -> Option<Arc<Answer>> {
        let recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recent.cursors.iter().find(|(known, _)| known == id).map(|(_, answer)| Arc::clone(answer))
    }
}
