//! What to ask a Salesforce org for next, and what its answers mean.
//!
//! Pure: time is an argument, and nothing here sends a request. Moments of the process are given as the time elapsed
//! since some fixed start, and only differences of them matter. The crate `salesforce-source` sends the requests, keeps
//! positions and publishes.
//!
//! | module | what it decides |
//! |---|---|
//! | [`catalog`] | which kinds of events are read, and their names on each channel |
//! | [`plan`], [`leads`] | what an org offers, which channel leads for each kind, and which channel fills gaps |
//! | [`delivered`] | which channel counts where several have delivered a kind, as files may |
//! | [`reorder`] | in which order the events of several streams are published |
//! | [`sweep`], [`drain`] | which windows of stored events are read next, and by which queries |
//! | [`log_file`], [`log_position`], [`missing`], [`columns`] | which log files are read, which never came, and how their columns change |
//! | [`step`] | how much time one query of a log object covers |
//! | [`coverage`] | which kinds of events are currently seen, and since when not |
//! | [`aside`] | how many unreadable records are kept as dead letters |

pub mod aside;
pub mod catalog;
pub mod columns;
pub mod coverage;
pub mod delivered;
pub mod drain;
pub mod leads;
pub mod log_file;
pub mod log_position;
pub mod missing;
pub mod plan;
pub mod reorder;
pub mod step;
pub mod sweep;

use model::{Channel, Kind, Timestamp};

/// A stretch of time in which the leading channel of a kind has missed events, and that is not filled yet; both ends
/// are included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The kind of the events.
    pub kind: Kind,
    /// The first moment.
    pub from: Timestamp,
    /// The last moment.
    pub to: Timestamp,
    /// Why the events were missed, for an operator.
    pub reason: String,
}

/// Returns the kind with this name; `None` if there is none.
pub fn kind_named(name: &str) -> Option<Kind> {
    Kind::ALL.iter().copied().find(|kind| kind.as_str() == name)
}

/// The name under which what a channel delivers is counted and recorded: the label `source` of metrics, and the column
/// `source` of `orgwatch.source_states` and `orgwatch.source_gaps`. Permanent.
pub fn source_name(channel: Channel) -> &'static str {
    match channel {
        Channel::Stream => "stream",
        Channel::Stored | Channel::SecurityCenter | Channel::Setup => "stored",
        Channel::LogFile => "log_files",
        Channel::LogObject => "log_objects",
    }
}

/// Returns the channel of a [`source_name`]; `None` if it names none.
pub fn channel_of_source(name: &str) -> Option<Channel> {
    const CHANNELS: [Channel; 4] = [Channel::Stream, Channel::Stored, Channel::LogFile, Channel::LogObject];
    CHANNELS.into_iter().find(|channel| source_name(*channel) == name)
}
