//! What the accounts of an org did on a day.

use serde::Serialize;
use store::PeerDay;
use utoipa::ToSchema;

/// What accounts of one class read through a surface on a day.
#[derive(Serialize, ToSchema)]
#[schema(as = PeerDay)]
pub(crate) struct PeerBody {
    /// normal, power, admin, integration or guest; null: all accounts of the org.
    pub(crate) user_class: Option<String>,
    /// The surface.
    pub(crate) surface: String,
    /// How many accounts used it.
    #[schema(minimum = 0)]
    pub(crate) accounts: u64,
    /// The median of their rows.
    #[schema(minimum = 0)]
    pub(crate) median_rows: f64,
    /// The rows that one account in 20 exceeded.
    #[schema(minimum = 0)]
    pub(crate) high_rows: f64,
}

impl From<PeerDay> for PeerBody {
    fn from(day: PeerDay) -> Self {
        let PeerDay { user_class, surface, accounts, median_rows, high_rows } = day;
        Self { user_class, surface, accounts, median_rows, high_rows }
    }
}
