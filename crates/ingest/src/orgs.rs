//! Salesforce itself, all the ways it delivers.
//!
//! | module | what |
//! |---|---|
//! | `source` | this replica's share of the configured orgs |
//! | `org` | one org: connects, discovers, reads until something fails, and begins anew |
//! | `catalog` | the kinds of events, and their names by channel |
//! | `plan`, `leads` | what the org offers, and which channel leads for which kind |
//! | `streams`, `reorder` | Pub/Sub, merged in order |
//! | `stored` | SOQL: polling, gaps, backfill |
//! | `logfiles` | event log files and objects |
//! | `context` | users, their roles, who may administer; networks |
//! | `watch` | what was seen and what was not |
//! | `doctor` | what stands between an org and its events |

pub(crate) mod catalog;
pub(crate) mod common;
pub(crate) mod context;
pub mod doctor;
pub(crate) mod leads;
pub(crate) mod logfiles;
pub(crate) mod org;
pub(crate) mod plan;
pub(crate) mod reorder;
pub(crate) mod settings;
pub(crate) mod source;
pub(crate) mod stored;
pub(crate) mod streams;
#[cfg(test)]
mod tests;
pub(crate) mod watch;

pub use catalog::kind_of_stored;
pub use common::Purpose;
pub use org::BackfillError;
pub use plan::stored_objects;
pub use settings::{ConnectedOrg, Files, SalesforceSettings, Start, Stored};
pub use source::SalesforceSource;
pub use stored::Backfilled;

use crate::Sink;
use model::{OrgId, Timestamp};
use store::Store;

/// A backfill of one configured org.
#[derive(Clone, Copy, Debug)]
pub struct Backfill<'a> {
    /// As the configuration names the org.
    pub name: &'a str,
    pub from: Timestamp,
    pub to: Timestamp,
    pub purpose: Purpose,
}

impl Backfill<'_> {
    /// Reads the org's stored events. Goes on where it was left.
    ///
    /// # Errors
    /// If the org is unknown, cannot be reached, or activities cannot be published.
    pub async fn run(
        self,
        settings: &SalesforceSettings,
        store: &Store,
        sink: &Sink,
    ) -> Result<(OrgId, Backfilled), BackfillError> {
        let Self { name, from, to, purpose } = self;
        let setting = source::setting(settings, store, name, sink).ok_or_else(|| {
            let names: Vec<&str> = settings.orgs.keys().map(String::as_str).collect();
            BackfillError::NoOrg { name: name.to_owned(), known: names.join(", ") }
        })?;
        let setting = setting.map_err(BackfillError::Settings)?;
        org::backfill(&setting, from, to, purpose).await
    }
}
