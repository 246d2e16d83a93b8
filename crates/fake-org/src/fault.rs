//! What the org does wrong on request.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// One way to misbehave. Each lasts until [`crate::Control::calm`], or as often as [`Fault::times`] says.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// Tokens given out until now are not taken any more. Happens at once; streams that are open go on.
    TokensExpired,
    /// No tokens are given out.
    LoginRefused,
    /// REST says that the calls of the day are used up.
    LimitExceeded,
    /// REST says 503.
    Unavailable,
    /// Queries time out that ask for a longer time of events.
    QueryTimeout { longest: Duration },
    /// The connection breaks after so many bytes of an answer.
    BodyCut { after: usize },
    /// The connection pauses after every so many bytes of an answer.
    BodySlow { every: usize, pause: Duration },
    /// Further pages are gone.
    LocatorExpired,
    /// Big objects give one page, and call it all.
    OnePage,
    /// Big objects take no `ORDER BY`.
    OrderRefused,
    /// Of every so many stored rows of an object, one becomes visible that much later.
    RowsLate { every: usize, by: Duration },
    /// An object does not exist for this user.
    ObjectMissing,
    /// The user may not read a field.
    FieldHidden { field: String },
    /// Log files appear that much later than they should.
    FilesLate { by: Duration },
    /// Of every so many rows, hourly log files lack one; these come that much later in a file with the next sequence.
    FilesSplit { every: usize, by: Duration },
    /// Replay ids given out until now are another org's. Happens at once.
    ReplayIdsLost,
    /// Nothing comes by streams any more, as by a connection that has died unnoticed.
    StreamsSilent,
    /// Open streams end, and none can be opened.
    StreamsBroken,
    /// Events have another schema: with a field more, and the others in another order.
    SchemaChanged,
    /// A payload that its schema cannot read.
    PayloadBroken,
    /// An event comes twice.
    EventsTwice,
    /// Of every so many events of a topic, one never comes by its stream.
    EventsMissing { every: usize },
    /// A topic does not exist.
    TopicMissing,
    /// The user may not subscribe to a topic.
    TopicForbidden,
}

/// A fault, where and how often.
#[derive(Clone, Debug, PartialEq)]
pub struct Misbehavior {
    pub(crate) fault: Fault,
    pub(crate) on: Option<String>,
    pub(crate) times: Option<usize>,
}

impl Fault {
    /// Only so often: for the next calls, events or streams that it can happen to.
    pub fn times(self, times: usize) -> Misbehavior {
        Misbehavior { times: Some(times), ..self.into() }
    }

    /// Only there: a call as [`crate::Control::requests`] names it, an object by the name of its stream or its store,
    /// or the type of a log file.
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

/// The faults at work.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Vec<Misbehavior>>);

impl Faults {
    pub(crate) fn add(&self, misbehavior: Misbehavior) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(misbehavior);
    }

    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// What the first fault says that `pick` knows and that works on one of `names`. It has then happened once more.
    pub(crate) fn take<T>(&self, names: &[&str], pick: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (place, fault, said) = faults.iter_mut().enumerate().find_map(|(place, fault)| {
            let said = fault.is_on(names).then(|| pick(&fault.fault)).flatten()?;
            Some((place, fault, said))
        })?;
        if let Some(times) = &mut fault.times {
            *times = times.saturating_sub(1);
            if *times == 0 {
                faults.remove(place);
            }
        }
        Some(said)
    }

    /// As [`Faults::take`], but counted as nothing.
    pub(crate) fn see<T>(&self, names: &[&str], pick: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        let faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        faults.iter().filter(|fault| fault.is_on(names)).find_map(|fault| pick(&fault.fault))
    }

    /// Whether `fault` happens now.
    pub(crate) fn strikes(&self, names: &[&str], fault: &Fault) -> bool {
        self.take(names, |at_work| (at_work == fault).then_some(())).is_some()
    }

    /// Whether `fault` is at work.
    pub(crate) fn holds(&self, names: &[&str], fault: &Fault) -> bool {
        self.see(names, |at_work| (at_work == fault).then_some(())).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_where_and_as_often_as_it_says() {
        let faults = Faults::default();
        faults.add(Fault::Unavailable.on("query").times(2));
        assert!(!faults.strikes(&["describe"], &Fault::Unavailable));
        assert!(faults.holds(&["query"], &Fault::Unavailable));
        assert!(faults.strikes(&["query", "ListViewEvent"], &Fault::Unavailable));
        assert!(faults.strikes(&["query"], &Fault::Unavailable));
        assert!(!faults.strikes(&["query"], &Fault::Unavailable));
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
