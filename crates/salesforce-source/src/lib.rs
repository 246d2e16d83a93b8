#![doc = include_str!("../README.md")]

mod common;
mod context;
pub mod doctor;
mod logs;
mod org;
mod plan;
mod settings;
mod source;
mod stored;
mod streams;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod watch;

pub use common::Purpose;
pub use org::BackfillError;
pub use plan::stored_objects;
pub use salesforce::reading::catalog::kind_of_stored;
pub use settings::{ConnectedOrg, Files, SalesforceSettings, Start, Stored};
pub use source::{Opened, SalesforceSource, Setup, check};
pub use stored::Backfilled;

use ingest::Sink;
use model::{OrgId, Timestamp};
use store::Store;

/// A backfill of one configured org.
#[derive(Clone, Copy, Debug)]
pub struct Backfill<'a> {
    /// The org's name in the configuration.
    pub name: &'a str,
    /// The first moment.
    pub from: Timestamp,
    /// The last moment.
    pub to: Timestamp,
    /// Whether the activities raise findings.
    pub purpose: Purpose,
}

impl Backfill<'_> {
    /// Reads the org's stored events, and continues where an interrupted backfill of the same range stopped.
    ///
    /// # Errors
    /// If the org is not configured or cannot be reached, or activities cannot be published.
    pub async fn run(
        self,
        settings: &SalesforceSettings,
        store: &Store,
        sink: &Sink,
    ) -> Result<(OrgId, Backfilled), BackfillError> {
        let Self { name, from, to, purpose } = self;
        let setup = source::org_setup(settings, store, name, sink).ok_or_else(|| {
            let names: Vec<&str> = settings.orgs.keys().map(String::as_str).collect();
            BackfillError::NoOrg { name: name.to_owned(), known: names.join(", ") }
        })?;
        let setup = setup.map_err(BackfillError::Settings)?;
        org::backfill(&setup, from, to, purpose).await
    }
}
