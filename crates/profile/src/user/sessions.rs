//! The sessions of an account: their networks and clients, and who works in them as the account.

use crate::state::exact;
use model::{Text, Timestamp, Uuid};
use serde::{Deserialize, Serialize};

/// The account's latest sessions.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Sessions {
    recent: Vec<Session>,
}

/// One session, as last used.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Session {
    /// Hash of the session key; 0 if unknown.
    session: u64,
    /// Hash of the login key; 0 if unknown.
    login: u64,
    /// Event time of the latest use.
    #[serde(with = "exact")]
    pub(crate) last: Timestamp,
    /// Hash and name of the network it was last used from.
    pub(crate) network: Option<(u64, Text)>,
    /// Hash and name of the client it was last used with.
    pub(crate) client: Option<(u64, Text)>,
    /// The administrator who works in it as the account, by LoginAs.
    pub(crate) delegate: Option<Text>,
}

/// Today's work of one administrator in sessions opened by LoginAs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Delegation {
    pub(crate) delegate: Text,
    pub(crate) rows: f64,
    pub(crate) exports: u32,
    pub(crate) requests: u32,
    pub(crate) evidence: Vec<Uuid>,
}

impl Sessions {
    /// Sessions remembered at once, the least recently used dropped. A choice that bounds a profile; people have few
    /// sessions at a time, and an integration's do not move.
    const CAPACITY: usize = 6;

    /// Returns the session with either key, opened if there is none; `None` without any key. A session with both keys
    /// is never taken for another session of the same login.
    pub(crate) fn of(&mut self, session: u64, login: u64, at: Timestamp) -> Option<&mut Session> {
        if session == 0 && login == 0 {
            return None;
        }
        let matches = |known: &Session| {
            (session != 0 && known.session == session)
                || (login != 0 && known.login == login && (session == 0 || known.session == 0))
        };
        let index = match self.recent.iter().position(matches) {
            Some(index) => index,
            None => self.open(Session { session, login, last: at, network: None, client: None, delegate: None }),
        };
        let found = self.recent.get_mut(index)?;
        found.session = if session == 0 { found.session } else { session };
        found.login = if login == 0 { found.login } else { login };
        Some(found)
    }

    /// Returns the administrator who works in the session with either key.
    pub(crate) fn delegate(&self, session: u64, login: u64) -> Option<&Text> {
        let matches =
            |known: &&Session| (session != 0 && known.session == session) || (login != 0 && known.login == login);
        self.recent.iter().filter(matches).find_map(|known| known.delegate.as_ref())
    }

    /// Whether an administrator works in any of the sessions: a quick check, because few accounts ever have one.
    pub(crate) fn has_delegates(&self) -> bool {
        self.recent.iter().any(|known| known.delegate.is_some())
    }

    /// Returns the bytes held on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.recent.capacity() * size_of::<Session>()
    }

    /// Adds a session, in place of the least recently used if there is no room. Returns its index.
    fn open(&mut self, session: Session) -> usize {
        if self.recent.len() < Self::CAPACITY {
            self.recent.reserve_exact(1);
            self.recent.push(session);
            return self.recent.len() - 1;
        }
        let oldest = self.recent.iter().enumerate().min_by_key(|(_, known)| known.last).map_or(0, |(index, _)| index);
        if let Some(slot) = self.recent.get_mut(oldest) {
            *slot = session;
        }
        oldest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_found_by_either_key() {
        let mut sessions = Sessions::default();
        sessions.of(0, 5, Timestamp(0)).unwrap().delegate = Some("admin".into());
        assert_eq!(sessions.of(7, 5, Timestamp(1)).unwrap().delegate.as_deref(), Some("admin"));
        assert_eq!(sessions.delegate(7, 0).map(Text::as_str), Some("admin"));
        assert!(sessions.of(8, 0, Timestamp(2)).unwrap().delegate.is_none());
        assert!(sessions.of(0, 0, Timestamp(2)).is_none());
    }

    #[test]
    fn one_login_may_have_many_sessions() {
        let mut sessions = Sessions::default();
        sessions.of(1, 5, Timestamp(0)).unwrap().network = Some((9, "a".into()));
        assert!(sessions.of(2, 5, Timestamp(0)).unwrap().network.is_none());
    }

    #[test]
    fn the_least_recently_used_session_is_dropped() {
        let mut sessions = Sessions::default();
        for key in 1..=7 {
            sessions.of(key, 0, Timestamp(key as i64)).unwrap().client = Some((key, "c".into()));
        }
        assert!(sessions.of(1, 0, Timestamp(20)).unwrap().client.is_none());
        assert!(sessions.of(7, 0, Timestamp(20)).unwrap().client.is_some());
    }
}
