//! The activity that stands for an incident: the operation that the forms describe.

use model::Evidence;
use std::cmp::Reverse;

/// What the forms say of one activity; `None` where it is not known. There is no URI, because activities have none.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Leading<'a> {
    /// What was called: `Query`.
    pub(crate) operation: Option<&'a str>,
    /// Objects that were accessed.
    pub(crate) objects: Vec<&'a str>,
    /// Rows that it processed.
    pub(crate) rows: Option<u64>,
    /// Where it came from: an address, or the text that Salesforce wrote in its place.
    pub(crate) address: Option<&'a str>,
    /// The user agent as sent.
    pub(crate) user_agent: Option<&'a str>,
    /// Key of its session.
    pub(crate) session_key: Option<&'a str>,
    /// Key of its login.
    pub(crate) login_key: Option<&'a str>,
    /// Id of its transaction.
    pub(crate) request_id: Option<&'a str>,
    /// Id of its connected app.
    pub(crate) app: Option<&'a str>,
}

impl<'a> Leading<'a> {
    /// Takes the activity with the most rows, then with the most bytes, then the earliest. All fields are of one activity,
    /// so that what is said together belongs together; without evidence nothing is known.
    pub(crate) fn of(evidence: &'a [Evidence]) -> Self {
        let weight = |one: &&Evidence| (Reverse((one.rows, one.rows_returned, one.bytes)), one.at, one.activity_id);
        evidence.iter().min_by_key(weight).map_or_else(Self::default, |one| Self {
            operation: one.operation.as_deref(),
            objects: one.objects.iter().map(|object| object.as_str()).collect(),
            rows: one.rows,
            address: one.address.as_deref(),
            user_agent: one.user_agent.as_deref(),
            session_key: one.session_key.as_deref(),
            login_key: one.login_key.as_deref(),
            request_id: one.request_id.as_deref(),
            app: one.app.as_deref(),
        })
    }
}
