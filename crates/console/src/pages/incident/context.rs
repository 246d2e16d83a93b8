//! Where an incident stands in the list that it was opened from.

use crate::body::IncidentItem;
use crate::page::MOST;
use crate::pages::queue::list_fields;
use crate::pages::{Asker, Failed, Fields, links};
use crate::routes::incidents;

/// The most incidents of a list that are looked at: as many as the API answers at once.
pub(super) const LOOKED_AT: usize = MOST as usize;

/// The neighbors of an incident in a list.
pub(super) struct Context {
    /// The list.
    pub(super) list: String,
    /// Its place, from 1 on, and how many are listed.
    pub(super) place: Option<(usize, usize)>,
    pub(super) previous: Option<String>,
    pub(super) next: Option<String>,
}

impl Context {
    /// Looks an incident up among the first of the list that the page names.
    pub(super) async fn of(asker: &Asker, item: &IncidentItem) -> Result<Self, Failed> {
        let named = Fields::of(asker.query.get("list").unwrap_or_default());
        let fields = list_fields(&named).without("cursor");
        let list = if named.is_empty() { "/".to_owned() } else { format!("/?{fields}") };
        let asked = fields.with("limit", &LOOKED_AT.to_string()).query()?;
        let listed = incidents::list(asker.state(), asker.visitor().await?, Ok(asked)).await?.0.items;
        let path = |other: &IncidentItem| {
            format!("{}?{}", links::incident(&other.incident_id), Fields::default().with("list", &fields.to_string()))
        };
        let place = listed.iter().position(|other| other.incident_id == item.incident_id);
        // What has left the list, by a decision, is followed by the first that is left.
        let is_whole = listed.len() < LOOKED_AT;
        let next = place.map_or(is_whole.then_some(0), |place| place.checked_add(1)).and_then(|next| listed.get(next));
        let previous = place.and_then(|place| place.checked_sub(1)).and_then(|previous| listed.get(previous));
        Ok(Self {
            list,
            place: place.map(|place| (place + 1, listed.len())),
            previous: previous.map(path),
            next: next.map(path),
        })
    }
}
