//! Access tokens.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Debug, Default)]
pub(crate) struct Tokens(Mutex<Given>);

#[derive(Debug, Default)]
struct Given {
    valid: HashSet<String>,
    count: u64,
}

impl Tokens {
    /// A new one for the org.
    pub(crate) fn mint(&self, org: &str) -> String {
        let mut given = self.lock();
        given.count += 1;
        let secret = model::id::hash(format!("{org} {}", given.count).as_bytes());
        let token = format!("{}!AQ{secret:016x}.{}", org.get(..15).unwrap_or(org), given.count);
        given.valid.insert(token.clone());
        token
    }

    pub(crate) fn is_valid(&self, token: &str) -> bool {
        self.lock().valid.contains(token)
    }

    pub(crate) fn expire_all(&self) {
        self.lock().valid.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Given> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
