//! Tokens.

use model::OrgId;

/// Whom a token belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub org_id: OrgId,
    /// Where the org's REST interface is.
    pub instance_url: String,
}
