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
    /// Looks an incident up in the list that the page names, from the list's page on.
    pub(super) async fn of(asker: &Asker, item: &IncidentItem) -> Result<Self, Failed> {
        let named = Fields::of(asker.query.get("list").unwrap_or_default());
        let fields = list_fields(&named);
        let list = if named.is_empty() { "/".to_owned() } else { format!("/?{fields}") };
        let (listed, cursor) = part(asker, &fields, LOOKED_AT).await?;
        let place = listed.iter().position(|other| other.incident_id == item.incident_id);
        // What has left the list, by a decision, is followed by the first that is left.
        let is_whole = cursor.is_none();
        let next = place.map_or(is_whole.then_some(0), |place| place.checked_add(1)).and_then(|next| listed.get(next));
        let next = match (next, place, cursor) {
            (None, Some(_), Some(cursor)) => {
                let rest = fields.with("cursor", &cursor);
                part(asker, &rest, 1).await?.0.first().map(|first| path(first, &rest))
            }
            (next, ..) => next.map(|next| path(next, &fields)),
        };
        let previous = place.and_then(|place| place.checked_sub(1)).and_then(|previous| listed.get(previous));
        // Of a later page nobody has counted what stands before it.
        let counted = place.filter(|_| !fields.has("cursor"));
        Ok(Self {
            list,
            place: counted.map(|place| (place + 1, listed.len())),
            previous: previous.map(|previous| path(previous, &fields)),
            next,
        })
    }
}

/// Returns the first incidents of a list from its page on, and the cursor of those after them.
async fn part(asker: &Asker, list: &Fields, most: usize) -> Result<(Vec<IncidentItem>, Option<String>), Failed> {
    let asked = list.with("limit", &most.to_string()).query()?;
    let page = incidents::list(asker.state(), asker.visitor().await?, Ok(asked)).await?.0;
    Ok((page.items, page.next_cursor))
}

/// Returns the path of an incident within a list.
fn path(item: &IncidentItem, list: &Fields) -> String {
    format!("{}?{}", links::incident(&item.incident_id), Fields::default().with("list", &list.to_string()))
}
