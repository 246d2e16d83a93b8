//! Faults: what the org does wrong on request.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// One way to misbehave. Each lasts until [`crate::Control::calm`], or for as many occasions as [`Fault::times`] says.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// All tokens issued so far expire, at once. Open streams continue.
    TokensExpired,
    /// Logins are refused.
    LoginRefused,
    /// REST answers that the API calls of the day are used up.
    LimitExceeded,
    /// REST answers 503, and the Pub/Sub API `UNAVAILABLE`.
    Unavailable,
    /// Queries over a longer window of event time time out.
    QueryTimeout {
        /// The longest window that is answered.
        longest: Duration,
    },
    /// The connection breaks within a body.
    BodyCut {
        /// After so many bytes.
        after: usize,
    },
    /// The connection pauses within a body.
    BodySlow {
        /// After every so many bytes.
        every: usize,
        /// For so long.
        pause: Duration,
    },
    /// Cursors of queries have expired.
    LocatorExpired,
    /// Queries of big objects return one page, as if it were the whole result.
    OnePage,
    /// Queries of big objects with `ORDER BY` are refused.
    OrderRefused,
    /// Some stored rows become visible late.
    RowsLate {
        /// One of every so many rows of an object.
        every: usize,
        /// By so much.
        by: Duration,
    },
    /// An object does not exist for this user.
    ObjectMissing,
    /// The user may not read a field.
    FieldHidden {
        /// The field's name.
        field: String,
    },
    /// Log files appear late.
    FilesLate {
        /// By so much.
        by: Duration,
    },
    /// Hourly log files lack some rows, which appear in a second file with the next sequence.
    FilesSplit {
        /// One of every so many rows.
        every: usize,
        /// How much later the second file appears.
        by: Duration,
    },
    /// All replay ids issued so far become invalid, at once, as after a move of the org.
    ReplayIdsLost,
    /// Streams send nothing, as on a connection that died unnoticed.
    StreamsSilent,
    /// Open streams end with an error, and opening one fails.
    StreamsBroken,
    /// Events have a schema with an additional field and the others in another order.
    SchemaChanged,
    /// A payload is truncated, so that it does not match its schema.
    PayloadBroken,
    /// An event is sent twice.
    EventsTwice,
    /// Some events are never streamed.
    EventsMissing {
        /// One of every so many events of a topic.
        every: usize,
    },
    /// A topic does not exist.
    TopicMissing,
    /// The user may not subscribe to a topic.
    TopicForbidden,
}

/// A fault, with what it is limited to.
#[derive(Clone, Debug, PartialEq)]
pub struct Misbehavior {
    pub(crate) fault: Fault,
    pub(crate) on: Option<String>,
    pub(crate) times: Option<usize>,
}

impl Fault {
    /// Limits the fault to the next `times` calls, events or streams that it applies to.
    pub fn times(self, times: usize) -> Misbehavior {
        Misbehavior { times: Some(times), ..self.into() }
    }

    /// Limits the fault to one name: a call as [`crate::Control::requests`] names it, an object by its streamed or its
    /// stored name, or the type of a log file.
    pub fn on(self, name: &str) -> Misbehavior {
        Misbehavior { on: Some(name.to_owned()), ..self.into() }
    }
}

impl Misbehavior {
    /// See [`Fault::times`].
    pub fn times(self, times: usize) -> Self {
        Self { times: Some(times), ..self }
    }

    /// See [`Fault::on`].
    pub fn on(self, name: &str) -> Self {
        Self { on: Some(name.to_owned()), ..self }
    }

    fn is_on(&self, names: &[&str]) -> bool {
        self.on.as_deref().is_none_or(|on| names.iter().any(|name| name.eq_ignore_ascii_case(on)))
    }
}

impl From<Fault> for Misbehavior {
    fn from(fault: Fault) -> Self {
        Self { fault, on: None, times: None }
    }
}

/// The active faults.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Vec<Misbehavior>>);

impl Faults {
    pub(crate) fn add(&self, misbehavior: Misbehavior) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(misbehavior);
    }

    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Returns the result of `pick` for the first fault that applies to one of `names` and for which it is `Some`.
    /// Counts as one occurrence of the fault.
    pub(crate) fn take<T>(&self, names: &[&str], pick: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (index, fault, said) = faults.iter_mut().enumerate().find_map(|(index, fault)| {
            let said = fault.is_on(names).then(|| pick(&fault.fault)).flatten()?;
            Some((index, fault, said))
        })?;
        if let Some(times) = &mut fault.times {
            *times = times.saturating_sub(1);
            if *times == 0 {
                faults.remove(index);
            }
        }
        Some(said)
    }

    /// As [`Faults::take`], but without counting an occurrence.
    pub(crate) fn peek<T>(&self, names: &[&str], pick: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        let faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        faults.iter().filter(|fault| fault.is_on(names)).find_map(|fault| pick(&fault.fault))
    }

    /// Whether `fault` occurs now. If so, counts as one occurrence.
    pub(crate) fn occurs(&self, names: &[&str], fault: &Fault) -> bool {
        self.take(names, |at_work| (at_work == fault).then_some(())).is_some()
    }

    /// Whether `fault` is active, without counting an occurrence.
    pub(crate) fn is_active(&self, names: &[&str], fault: &Fault) -> bool {
        self.peek(names, |at_work| (at_work == fault).then_some(())).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_limited_by_name_and_number() {
        let faults = Faults::default();
        faults.add(Fault::Unavailable.on("query").times(2));
        assert!(!faults.occurs(&["describe"], &Fault::Unavailable));
        assert!(faults.is_active(&["query"], &Fault::Unavailable));
        assert!(faults.occurs(&["query", "ListViewEvent"], &Fault::Unavailable));
        assert!(faults.occurs(&["query"], &Fault::Unavailable));
        assert!(!faults.occurs(&["query"], &Fault::Unavailable));
    }

    #[test]
    fn a_fault_lasts_until_calm() {
        let faults = Faults::default();
        faults.add(Fault::QueryTimeout { longest: Duration::from_secs(1) }.into());
        let longest = |fault: &Fault| match fault {
            Fault::QueryTimeout { longest } => Some(*longest),
            _ => None,
        };
        assert_eq!(faults.take(&[], longest), Some(Duration::from_secs(1)));
        assert_eq!(faults.take(&[], longest), Some(Duration::from_secs(1)));
        faults.clear();
        assert_eq!(faults.take(&[], longest), None);
    }
}
