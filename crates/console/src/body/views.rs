//! Lists of incidents that people keep under a name.

use serde::{Deserialize, Serialize};
use store::KeptView;
use utoipa::ToSchema;

/// A list of incidents that is kept under a name.
#[derive(Serialize, ToSchema)]
#[schema(as = View)]
pub(crate) struct ViewBody {
    /// Its name.
    pub(crate) name: String,
    /// Its filters and order, as the query of `listIncidents`.
    pub(crate) query: String,
}

/// What a view lists.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ViewQuery {
    /// Filters and order, as the query of `listIncidents`, at most 2,000 bytes.
    #[schema(max_length = 2000, example = "status=open&severity=critical")]
    pub(crate) query: String,
}

impl From<KeptView> for ViewBody {
    fn from(KeptView { name, query }: KeptView) -> Self {
        Self { name, query }
    }
}
