//! What Salesforce's events leave out: the user's class and role, the network's country and owner.

use model::Activity;

/// Fills what is missing from what was read of users, and of addresses.
#[derive(Debug, Default)]
pub(crate) struct Context {}

impl Context {
    /// Fills fields that are absent; changes none that is there.
    pub(crate) fn enrich(&self, _activity: &mut Activity) {}
}
