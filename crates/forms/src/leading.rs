//! The activity that stands for a finding: the operation that the forms describe.

use model::Finding;

/// What the forms say of the activity behind a finding; `None` where nothing is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Leading<'a> {
    /// What was called: `Query`.
    pub(crate) operation: Option<&'a str>,
    /// Objects that were accessed.
    pub(crate) objects: Vec<&'a str>,
    /// The page or the endpoint that was requested.
    pub(crate) uri: Option<&'a str>,
    /// Rows that the activity processed.
    pub(crate) rows: Option<f64>,
    /// Address from which it came.
    pub(crate) address: Option<&'a str>,
    /// The user agent as Salesforce has it.
    pub(crate) user_agent: Option<&'a str>,
    /// Key of its session.
    pub(crate) session_key: Option<&'a str>,
    /// Key of its login.
    pub(crate) login_key: Option<&'a str>,
    /// Id of its transaction.
    pub(crate) request_id: Option<&'a str>,
    /// Its connected app.
    pub(crate) app: Option<&'a str>,
}

impl<'a> Leading<'a> {
    /// Reads the activity from a finding.
    pub(crate) fn of(finding: &'a Finding) -> Self {
        Self {
            objects: finding.objects.iter().map(|object| object.as_str()).collect(),
            address: finding.addresses.first().map(|address| address.as_str()),
            app: finding.app.as_deref(),
            ..Self::default()
        }
    }
}
