//! Access tokens.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Debug, Default)]
pub(crate) struct Tokens(Mutex<Issued>);

#[derive(Debug, Default)]
struct Issued {
    valid: HashSet<String>,
    count: u64,
}

impl Tokens {
    /// Issues a new token.
    pub(crate) fn mint(&self, org: &str) -> String {
        let mut issued = self.lock();
        issued.count += 1;
        let secret = model::id::hash(format!("{org} {}", issued.count).as_bytes());
        let token = format!("{}!AQ{secret:016x}.{}", org.get(..15).unwrap_or(org), issued.count);
        issued.valid.insert(token.clone());
        token
    }

    pub(crate) fn is_valid(&self, token: &str) -> bool {
        self.lock().valid.contains(token)
    }

    pub(crate) fn expire_all(&self) {
        self.lock().valid.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Issued> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
