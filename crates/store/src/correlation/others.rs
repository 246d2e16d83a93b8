//! What counts of the incidents that a correlation has not read.

use crate::error::{Result, StoreError};
use model::{OrgId, Points, Timestamp, UserClass, UserId};
use uuid::Uuid;

/// What counts of a user's incidents besides those that were read.
#[derive(Clone, Debug, PartialEq)]
pub struct OtherIncidents {
    /// The user.
    pub user: (OrgId, UserId),
    /// The number of all open and acknowledged incidents, as last written by [`crate::Correlation::put_risk`].
    pub counted: u32,
    /// The highest risk score among the others that are open or acknowledged.
    pub risk_score: Option<Points>,
    /// The one of the others with the latest event.
    pub latest: Option<LatestIncident>,
}

/// The incident of a user with the latest event.
#[derive(Clone, Debug, PartialEq)]
pub struct LatestIncident {
    /// Its id.
    pub incident_id: Uuid,
    /// Its latest event.
    pub last_event_at: Timestamp,
    /// The user's name.
    pub username: Option<String>,
    /// The user's class.
    pub user_class: UserClass,
}

pub(super) struct OtherRow {
    pub(super) org_id: String,
    pub(super) user_id: String,
    pub(super) incidents: i32,
    pub(super) risk_score: Option<i32>,
    pub(super) incident_id: Option<Uuid>,
    pub(super) last_event_at: Option<i64>,
    pub(super) username: Option<String>,
    pub(super) user_class: Option<String>,
}

impl TryFrom<OtherRow> for OtherIncidents {
    type Error = StoreError;

    fn try_from(row: OtherRow) -> Result<Self> {
        let latest = match (row.incident_id, row.last_event_at, row.user_class) {
            (Some(incident_id), Some(at), Some(class)) => {
                let found = UserClass::ALL.iter().copied().find(|known| known.as_str() == class);
                let unknown = || StoreError::UnknownWord { field: "class of a user", value: class.clone() };
                let user_class = found.ok_or_else(unknown)?;
                let last_event_at = Timestamp(at);
                Some(LatestIncident { incident_id, last_event_at, username: row.username, user_class })
            }
            _ => None,
        };
        Ok(Self {
            user: (OrgId::new(&row.org_id), UserId::new(&row.user_id)),
            counted: row.incidents.unsigned_abs(),
            risk_score: row.risk_score.map(Points),
            latest,
        })
    }
}
