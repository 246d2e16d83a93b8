//! Test doubles of this crate, beside those of [`ingest::testing`].

use crate::watch::Findings;
use bus::PublishError;
use futures::future::{BoxFuture, ready};
use ingest::Ticket;
use model::{Finding, Item};
use std::sync::Mutex;

/// Records the findings that are sent.
#[derive(Default)]
pub(crate) struct SentFindings(pub(crate) Mutex<Vec<Finding>>);

impl Findings for SentFindings {
    fn send(&self, finding: Item<Finding>) -> BoxFuture<'_, Result<Ticket, PublishError>> {
        self.0.lock().unwrap().push(finding.value);
        Box::pin(ready(Ok(Box::pin(ready(Ok(()))) as Ticket)))
    }
}
