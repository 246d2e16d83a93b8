//! Reads every source and publishes activities.
//!
//! A [`Source`] gives activities to the [`Sink`], which stamps their partition and puts them on the activity stream.
//! Three are here: [`PushSource`] serves `POST /v1/events`, [`FileSource`] reads files once, and [`SalesforceSource`]
//! reads orgs by every channel that they have. None holds any state of behavior; a position in a source moves only past
//! what JetStream has acknowledged.
//!
//! | instrument | labels | what |
//! |---|---|---|
//! | `orgwatch.ingest.records` | `source` (`push`, `files`, `stream`, `stored`, `log_files`, `log_objects`), `outcome` (`accepted`, `rejected`, `ignored`, `outside`) | what became of records; none is dropped without being counted |
//! | `orgwatch.ingest.received` | `source` | bytes read, packed |
//! | `orgwatch.latency.source` | `source`, all but `files` | seconds from an event to its arrival |
//! | `orgwatch.source.lag` | `org`, `source`, `kind` | seconds since the leading source of a kind was last heard |
//! | `orgwatch.source.blind` | `org`, `source`, `kind` | 1 while a kind of events is not seen |
//! | `orgwatch.log_files.columns` | `event_type`, `change` | columns of log files that are new, or gone |
//! | `http.server.request.duration` | `http.response.status_code` | seconds until a request was answered |

mod aside;
pub mod decode;
mod files;
pub mod http;
mod idle;
mod meter;
mod orgs;
mod push;
mod run;
mod settings;
mod sink;
mod source;
#[cfg(test)]
mod testing;
mod tokens;

pub use self::files::FileSource;
pub use aside::Unread;
pub use orgs::{
    Backfill, BackfillError, Backfilled, ConnectedOrg, Files, Purpose, SalesforceSettings, SalesforceSource, Start,
    Stored, doctor, kind_of_stored, stored_objects,
};
pub use push::PushSource;
pub use run::{IngestError, Service};
pub use settings::{FileSettings, OrgSettings, Settings};
pub use sink::{Outlet, ReadsPast, Sink, Ticket};
pub use source::{Coverage, Positions, Source, SourceError};
pub use tokens::Tokens;
